//! Go's own functions of templates.

mod compare;
mod escape;
mod index;

pub(crate) use compare::unsigned;

use crate::context::Context;
use crate::error::Error;
use crate::function::Entry;
use crate::print;
use crate::value::{IntegerKind, Kind, Object, Type, Value};

/// All functions that text/template defines itself.
pub(crate) const TABLE: &[Entry] = &[
    Entry::new(
        "and",
        "func(reflect.Value, ...reflect.Value) reflect.Value",
        step_only,
    ),
    Entry::new(
        "call",
        "func(reflect.Value, ...reflect.Value) reflect.Value",
        step_only,
    ),
    Entry::new(
        "eq",
        "func(reflect.Value, ...reflect.Value) (bool, error)",
        compare::eq,
    ),
    Entry::new(
        "ge",
        "func(reflect.Value, reflect.Value) (bool, error)",
        compare::ge,
    ),
    Entry::new(
        "gt",
        "func(reflect.Value, reflect.Value) (bool, error)",
        compare::gt,
    ),
    Entry::new("html", "func(...interface {}) string", escape::html),
    Entry::new(
        "index",
        "func(reflect.Value, ...reflect.Value) (reflect.Value, error)",
        index::index,
    ),
    Entry::new("js", "func(...interface {}) string", escape::js),
    Entry::new(
        "le",
        "func(reflect.Value, reflect.Value) (bool, error)",
        compare::le,
    ),
    Entry::new("len", "func(reflect.Value) (int, error)", index::len),
    Entry::new(
        "lt",
        "func(reflect.Value, reflect.Value) (bool, error)",
        compare::lt,
    ),
    Entry::new(
        "ne",
        "func(reflect.Value, reflect.Value) (bool, error)",
        compare::ne,
    ),
    Entry::new("not", "func(reflect.Value) bool", not),
    Entry::new(
        "or",
        "func(reflect.Value, ...reflect.Value) reflect.Value",
        step_only,
    ),
    Entry::new("print", "func(...interface {}) string", print_values),
    Entry::new("printf", "func(string, ...interface {}) string", printf),
    Entry::new("println", "func(...interface {}) string", println),
    Entry::new(
        "slice",
        "func(reflect.Value, ...reflect.Value) (reflect.Value, error)",
        index::slice,
    ),
    Entry::new("urlquery", "func(...interface {}) string", escape::urlquery),
];

/// `and`, `or` and `call` are steps of the code, not calls.
fn step_only(_: &mut Context<'_>, _: &[Value]) -> Result<Value, Error> {
    Err(Error::new("unreachable"))
}

#[expect(clippy::unnecessary_wraps, reason = "all functions have one type")]
fn not(_: &mut Context<'_>, args: &[Value]) -> Result<Value, Error> {
    Ok(Value::Bool(!args.first().is_some_and(Value::is_true)))
}

fn print_values(context: &mut Context<'_>, args: &[Value]) -> Result<Value, Error> {
    print::print(context, args).map(Value::text)
}

fn println(context: &mut Context<'_>, args: &[Value]) -> Result<Value, Error> {
    print::println(context, args).map(Value::text)
}

fn printf(context: &mut Context<'_>, args: &[Value]) -> Result<Value, Error> {
    let (format, args) = args.split_first().unwrap_or((&Value::Nil, &[]));
    let format = format.as_text().cloned().unwrap_or_default();
    print::printf(context, &format, args).map(Value::text)
}

/// Calls a function value.
pub(crate) fn call(
    context: &mut Context<'_>,
    name: &str,
    function: &Value,
    args: &[Value],
) -> Result<Value, Error> {
    let Value::Object(object) = function else {
        if function.is_nil() {
            return Err(Error::new("call of nil"));
        }
        let of = function.type_name();
        return Err(Error::new(format!("non-function {name} of type {of}")));
    };
    if object.kind() == Kind::Interface {
        return Err(Error::new("call of nil"));
    }
    let Some(signature) = object.method("").filter(|_| object.kind() == Kind::Func) else {
        let of = object.type_name();
        return Err(Error::new(format!("non-function {name} of type {of}")));
    };
    signature.check_results(name)?;

    let (required, given) = (signature.required(), args.len());
    if signature.is_variadic() && given < required {
        let message =
            format!("wrong number of args for {name}: got {given} want at least {required}");
        return Err(Error::new(message));
    }
    if !signature.is_variadic() && given != required {
        let message = format!("wrong number of args for {name}: got {given} want {required}");
        return Err(Error::new(message));
    }
    let mut prepared = Vec::with_capacity(given);
    for (index, value) in args.iter().enumerate() {
        let of = signature
            .parameter(index)
            .map_or(&Type::Any, |parameter| &parameter.of);
        let value = prepare(value, of);
        prepared.push(value.map_err(|error| Error::new(format!("arg {index}: {error}")))?);
    }
    object.call("", context, &prepared)
}

/// Makes a value fit a type that is known only now; integers are converted.
pub(crate) fn prepare(value: &Value, of: &Type) -> Result<Value, Error> {
    let is_nil = value.is_nil() || value.kind() == Kind::Interface;
    if is_nil {
        if of.can_be_nil() {
            return Ok(of.zero());
        }
        return Err(Error::new(format!("value is nil; should be of type {of}")));
    }
    if value.fits(of) {
        return Ok(value.clone());
    }
    if let (Type::Integer(kind), Some(integer)) = (of, value.as_integer()) {
        return Ok(Value::integer(*kind, kind.wrap(integer.bits)));
    }
    let found = value.type_name();
    Err(Error::new(format!(
        "value has type {found}; should be {of}"
    )))
}

/// Follows pointers to what they point to; nothing if one of them is nil.
pub(crate) fn indirect(value: &Value) -> Option<Value> {
    let mut value = value.clone();
    for _ in 0..POINTERS_MAX {
        let Value::Object(object) = &value else {
            break;
        };
        if matches!(object.kind(), Kind::Pointer | Kind::Interface) && object.is_nil() {
            return None;
        }
        match object.target() {
            Some(target) => value = target,
            None => break,
        }
    }
    Some(value)
}

/// How many pointers in a row are followed.
const POINTERS_MAX: usize = 16;

/// Returns the built-in value of a defined type.
pub(crate) fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) => underlying(&**object).unwrap_or_else(|| value.clone()),
        value => value.clone(),
    }
}

fn underlying(object: &dyn Object) -> Option<Value> {
    object.underlying()
}

/// The number of an index; `limit` is the largest one allowed.
pub(crate) fn index_number(index: &Value, limit: usize) -> Result<usize, Error> {
    let Some(integer) = index.as_integer() else {
        if index.is_nil() || index.kind() == Kind::Interface {
            return Err(Error::new("cannot index slice/array with nil"));
        }
        let of = index.type_name();
        return Err(Error::new(format!(
            "cannot index slice/array with type {of}"
        )));
    };
    let number = usize::try_from(integer.bits).ok();
    number
        .filter(|number| *number <= limit)
        .ok_or_else(|| Error::new(format!("index out of range: {}", integer.bits)))
}

/// A byte as Go's `uint8`.
pub(crate) fn byte(byte: u8) -> Value {
    Value::integer(IntegerKind::Uint8, i64::from(byte))
}
