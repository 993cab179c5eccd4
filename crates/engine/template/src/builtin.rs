//! Go's own functions of templates.

mod compare;
mod escape;
mod index;
mod prepare;

use prepare::prepare;

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::print;
use crate::value::{GoKind, GoType, Value};

/// All functions that text/template defines itself.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new(
        "and",
        "func(reflect.Value, ...reflect.Value) reflect.Value",
        step_only,
    ),
    TemplateFunction::new(
        "call",
        "func(reflect.Value, ...reflect.Value) reflect.Value",
        step_only,
    ),
    TemplateFunction::new(
        "eq",
        "func(reflect.Value, ...reflect.Value) (bool, error)",
        compare::eq,
    ),
    TemplateFunction::new(
        "ge",
        "func(reflect.Value, reflect.Value) (bool, error)",
        compare::ge,
    ),
    TemplateFunction::new(
        "gt",
        "func(reflect.Value, reflect.Value) (bool, error)",
        compare::gt,
    ),
    TemplateFunction::new("html", "func(...interface {}) string", escape::html),
    TemplateFunction::new(
        "index",
        "func(reflect.Value, ...reflect.Value) (reflect.Value, error)",
        index::index,
    ),
    TemplateFunction::new("js", "func(...interface {}) string", escape::js),
    TemplateFunction::new(
        "le",
        "func(reflect.Value, reflect.Value) (bool, error)",
        compare::le,
    ),
    TemplateFunction::new("len", "func(reflect.Value) (int, error)", index::len),
    TemplateFunction::new(
        "lt",
        "func(reflect.Value, reflect.Value) (bool, error)",
        compare::lt,
    ),
    TemplateFunction::new(
        "ne",
        "func(reflect.Value, reflect.Value) (bool, error)",
        compare::ne,
    ),
    TemplateFunction::new("not", "func(reflect.Value) bool", not),
    TemplateFunction::new(
        "or",
        "func(reflect.Value, ...reflect.Value) reflect.Value",
        step_only,
    ),
    TemplateFunction::new("print", "func(...interface {}) string", print_values),
    TemplateFunction::new("printf", "func(string, ...interface {}) string", printf),
    TemplateFunction::new("println", "func(...interface {}) string", println),
    TemplateFunction::new(
        "slice",
        "func(reflect.Value, ...reflect.Value) (reflect.Value, error)",
        index::slice,
    ),
    TemplateFunction::new("urlquery", "func(...interface {}) string", escape::urlquery),
];

/// `and`, `or` and `call` are steps of the code, not calls.
fn step_only(_: &mut Context<'_>, _: &[Value]) -> Result<Value, TemplateError> {
    Err(TemplateError::new("unreachable"))
}

#[expect(clippy::unnecessary_wraps, reason = "all functions have one type")]
fn not(_: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    Ok(Value::Bool(!args.first().is_some_and(Value::is_true)))
}

fn print_values(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    print::print(context, args).map(Value::text)
}

fn println(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    print::println(context, args).map(Value::text)
}

fn printf(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
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
) -> Result<Value, TemplateError> {
    let Value::Object(object) = function else {
        if function.is_nil() {
            return Err(TemplateError::new("call of nil"));
        }
        let of = function.type_name();
        return Err(TemplateError::new(format!(
            "non-function {name} of type {of}"
        )));
    };
    if object.kind() == GoKind::Interface {
        return Err(TemplateError::new("call of nil"));
    }
    let Some(signature) = object.method("").filter(|_| object.kind() == GoKind::Func) else {
        let of = object.type_name();
        return Err(TemplateError::new(format!(
            "non-function {name} of type {of}"
        )));
    };
    signature.check_results(name)?;

    let (required, given) = (signature.required(), args.len());
    if signature.is_variadic() && given < required {
        let message =
            format!("wrong number of args for {name}: got {given} want at least {required}");
        return Err(TemplateError::new(message));
    }
    if !signature.is_variadic() && given != required {
        let message = format!("wrong number of args for {name}: got {given} want {required}");
        return Err(TemplateError::new(message));
    }
    let mut prepared = Vec::with_capacity(given);
    for (index, value) in args.iter().enumerate() {
        let of = signature
            .parameter(index)
            .map_or(&GoType::Any, |parameter| &parameter.of);
        let value = prepare(value, of);
        prepared.push(value.map_err(|error| TemplateError::new(format!("arg {index}: {error}")))?);
    }
    object.call("", context, &prepared)
}
