//! Our functions: replacements for library functions without bounds, and for operators with other
//! semantics.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use kube_cel::{
    KubeCelExt,
    cel::{
        Context, ExecutionError, FunctionContext, Value,
        common::ast::{CallExpr, Expr, IdedExpr},
        extractors::{Arguments, This},
        objects::{Key, Map, OptionalValue, ResolveResult},
    },
};

use crate::bounds::BUILT_BYTES_MAX;
use crate::keys::map_key;
use crate::{loops, numbers, texts, times, typed::ITEM_KEY, types};

/// Every function an expression may call.
pub(crate) static FUNCTIONS: LazyLock<Context<'static>> = LazyLock::new(|| {
    let mut context = Context::default().with_all();
    context.add_function("replace", replace);
    context.add_function("join", join);
    context.add_function("dyn", |value: Value| Ok::<_, ExecutionError>(value));
    context.add_function("bool", |Arguments(args): Arguments| to_bool(&args));
    context.add_function(EQUAL, |Arguments(args): Arguments| compared(&args, true));
    context.add_function(DIFFERENT, |Arguments(args): Arguments| {
        compared(&args, false)
    });
    context.add_function(NEGATIVE, |Arguments(args): Arguments| negative(&args));
    context.add_function(MEMBER, member);
    context.add_function(OPTIONAL_FIELD, optional_field);
    context.add_function("string", times::string);
    context.add_function("lists.range", range);
    context.add_function("sum", sum);
    context.add_function("format.named", |of: &FunctionContext, name: Arc<String>| {
        named_format(of, &name)
    });
    context.add_function(OPTIONAL_ENTRY, optional_entry);
    numbers::register(&mut context);
    texts::register(&mut context);
    times::register(&mut context);
    loops::register(&mut context);
    types::register(&mut context);
    context
});

/// Equality, where numbers of different types are equal if they are the same number.
pub(crate) const EQUAL: &str = "@equal";
/// Its opposite.
pub(crate) const DIFFERENT: &str = "@different";
/// Negation; the library's overflows for the smallest integer.
pub(crate) const NEGATIVE: &str = "@negative";
/// `in`, with the same equality.
pub(crate) const MEMBER: &str = "@member";
/// A field that may be absent.
pub(crate) const OPTIONAL_FIELD: &str = "@optional_field";

/// An entry of a list or map that may be absent.
pub(crate) const OPTIONAL_ENTRY: &str = "@optional_entry";

fn replace(This(text): This<Arc<String>>, Arguments(args): Arguments) -> ResolveResult {
    let (from, to, count) = match args.as_slice() {
        [Value::String(from), Value::String(to)] => (from, to, usize::MAX),
        [Value::String(from), Value::String(to), Value::Int(count)] => {
            (from, to, usize::try_from(*count).unwrap_or(usize::MAX))
        }
        _ => return Err(refused("replace", "takes two texts and a count")),
    };
    let places = text.matches(from.as_str()).count().min(count);
    if places.saturating_mul(to.len()).saturating_add(text.len()) > BUILT_BYTES_MAX {
        return Err(refused("replace", "builds too long a text"));
    }
    Ok(Value::String(Arc::new(text.replacen(
        from.as_str(),
        to,
        places,
    ))))
}

fn join(This(list): This<Arc<Vec<Value>>>, Arguments(args): Arguments) -> ResolveResult {
    let between = match args.as_slice() {
        [] => "",
        [Value::String(between)] => between.as_str(),
        _ => return Err(refused("join", "takes one text")),
    };
    let mut joined = String::new();
    for (place, item) in list.iter().enumerate() {
        let Value::String(text) = item else {
            return Err(refused("join", "joins texts only"));
        };
        joined.push_str(if place == 0 { "" } else { between });
        joined.push_str(text);
        if joined.len() > BUILT_BYTES_MAX {
            return Err(refused("join", "builds too long a text"));
        }
    }
    Ok(Value::String(Arc::new(joined)))
}

fn to_bool(args: &[Value]) -> ResolveResult {
    let truth = match args {
        [Value::Bool(truth)] => Some(*truth),
        [Value::String(text)] => match text.as_str() {
            "true" | "True" | "TRUE" | "t" | "1" => Some(true),
            "false" | "False" | "FALSE" | "f" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    };
    truth
        .map(Value::Bool)
        .ok_or_else(|| refused("bool", "takes a text that says true or false"))
}

fn compared(args: &[Value], equal: bool) -> ResolveResult {
    match args {
        [Value::List(a), Value::List(b)] => Ok(Value::Bool(same_items(a, b) == equal)),
        [a, b] => Ok(Value::Bool((a == b) == equal)),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

/// Returns whether lists are equal; the order of items with keys is ignored.
fn same_items(a: &[Value], b: &[Value]) -> bool {
    if a.len() != b.len() || a.first().is_none_or(|item| item_key(item).is_none()) {
        return a == b;
    }
    match (by_key(a), by_key(b)) {
        (Some(a), Some(b)) if a.len() == b.len() => {
            a.iter().all(|(key, item)| b.get(key) == Some(item))
        }
        _ => a == b,
    }
}

fn by_key(items: &[Value]) -> Option<HashMap<&str, &Value>> {
    items.iter().map(item_key).collect()
}

fn item_key(item: &Value) -> Option<(&str, &Value)> {
    let Value::Map(map) = item else { return None };
    match map.get(&Key::from(ITEM_KEY)) {
        Some(Value::String(key)) => Some((key, item)),
        _ => None,
    }
}

fn sum(This(list): This<Arc<Vec<Value>>>) -> ResolveResult {
    let mut items = list.iter().cloned();
    let first = items.next().unwrap_or(Value::Int(0));
    if !matches!(
        first,
        Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Duration(_)
    ) {
        return Err(ExecutionError::NoSuchOverload);
    }
    items.try_fold(first, |sum, item| sum + item)
}

fn negative(args: &[Value]) -> ResolveResult {
    match args {
        [Value::Int(int)] => int
            .checked_neg()
            .map(Value::Int)
            .ok_or(ExecutionError::Overflow("-", Value::Null, Value::Null)),
        [Value::Float(float)] => Ok(Value::Float(-float)),
        [Value::Duration(span)] => Ok(Value::Duration(-*span)),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

fn member(Arguments(args): Arguments) -> ResolveResult {
    match args.as_slice() {
        [item, Value::List(items)] => Ok(Value::Bool(items.iter().any(|found| found == item))),
        [item, Value::Map(map)] => Ok(Value::Bool(
            map_key(item).is_some_and(|key| map.get(&key).is_some()),
        )),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

fn optional_field(Arguments(args): Arguments) -> ResolveResult {
    let [of, field @ Value::String(_)] = args.as_slice() else {
        return Err(ExecutionError::NoSuchOverload);
    };
    perhaps(of, |of| match of {
        Value::Map(map) => Ok(map_key(field).and_then(|key| map.get(&key).cloned())),
        _ => Err(ExecutionError::NoSuchOverload),
    })
}

fn optional_entry(Arguments(args): Arguments) -> ResolveResult {
    let [of, place] = args.as_slice() else {
        return Err(ExecutionError::NoSuchOverload);
    };
    perhaps(of, |of| match (of, map_key(place)) {
        (Value::Map(map), key) => Ok(key.and_then(|key| entry(map, &key))),
        (Value::List(items), Some(Key::Int(at))) => Ok(usize::try_from(at)
            .ok()
            .and_then(|at| items.get(at).cloned())),
        (Value::List(items), Some(Key::Uint(at))) => Ok(items.get(at as usize).cloned()),
        _ => Err(ExecutionError::NoSuchOverload),
    })
}

/// Returns an entry; integers are the same key whatever their type.
fn entry(map: &Map, key: &Key) -> Option<Value> {
    let other = match key {
        Key::Int(int) => u64::try_from(*int).ok().map(Key::Uint),
        Key::Uint(uint) => i64::try_from(*uint).ok().map(Key::Int),
        _ => None,
    };
    map.get(key).or_else(|| map.get(&other?)).cloned()
}

/// Accesses a value, or the content of an optional one.
fn perhaps(
    of: &Value,
    look: impl FnOnce(&Value) -> Result<Option<Value>, ExecutionError>,
) -> ResolveResult {
    let found = match of {
        Value::Opaque(opaque) => {
            let optional = opaque
                .downcast_ref::<OptionalValue>()
                .ok_or(ExecutionError::NoSuchOverload)?;
            optional.value().map(look).transpose()?.flatten()
        }
        other => look(other)?,
    };
    Ok(optional(found))
}

fn optional(value: Option<Value>) -> Value {
    Value::Opaque(Arc::new(
        value.map_or_else(OptionalValue::none, OptionalValue::of),
    ))
}

fn range(count: i64) -> ResolveResult {
    if count > RANGE_MAX {
        return Err(refused("lists.range", "makes too long a list"));
    }
    Ok(Value::List(Arc::new((0..count).map(Value::Int).collect())))
}

/// Returns a format by its name, if it exists.
fn named_format(of: &FunctionContext, name: &str) -> ResolveResult {
    let call = CallExpr {
        func_name: name.to_string(),
        target: Some(Box::new(IdedExpr {
            id: 0,
            expr: Expr::Ident("format".to_owned()),
        })),
        args: Vec::new(),
    };
    let known = FORMATS.contains(&name);
    let found = known
        .then(|| {
            Value::resolve(
                &IdedExpr {
                    id: 0,
                    expr: Expr::Call(call),
                },
                of.ptx,
            )
        })
        .transpose()?;
    Ok(optional(found))
}

fn refused(function: &str, message: &str) -> ExecutionError {
    ExecutionError::function_error(function, message)
}

/// Longest list created from nothing.
pub(crate) const RANGE_MAX: i64 = 1000;
/// The named formats.
const FORMATS: [&str; 13] = [
    "byte",
    "date",
    "datetime",
    "dns1035Label",
    "dns1035LabelPrefix",
    "dns1123Label",
    "dns1123LabelPrefix",
    "dns1123Subdomain",
    "dns1123SubdomainPrefix",
    "labelValue",
    "qualifiedName",
    "uri",
    "uuid",
];
