//! Functions of ours: for library ones whose results have no bound, and for operators it reads in its own way.

use std::sync::{Arc, LazyLock};

use kube_cel::{
    KubeCelExt,
    cel::{
        Context, ExecutionError, Value,
        extractors::{Arguments, This},
        objects::{Key, Map, OptionalValue, ResolveResult},
    },
};

/// Every function an expression may call.
pub(crate) static FUNCTIONS: LazyLock<Context<'static>> = LazyLock::new(|| {
    let mut context = Context::default().with_all();
    context.add_function("replace", replace);
    context.add_function("join", join);
    context.add_function("dyn", |value: Value| Ok::<_, ExecutionError>(value));
    context.add_function("bool", |Arguments(args): Arguments| to_bool(&args));
    context.add_function(EQUAL, |Arguments(args): Arguments| compared(&args, true));
    context.add_function(DIFFERENT, |Arguments(args): Arguments| compared(&args, false));
    context.add_function(NEGATIVE, |Arguments(args): Arguments| negative(&args));
    context.add_function(MEMBER, member);
    context.add_function(OPTIONAL_FIELD, optional_field);
    context
});

/// Equality, where numbers of different types are equal if they are the same number.
pub(crate) const EQUAL: &str = "@equal";
/// Its opposite.
pub(crate) const DIFFERENT: &str = "@different";
/// The sign turned, where the library lets the smallest integer overflow.
pub(crate) const NEGATIVE: &str = "@negative";
/// `in`, by the same equality.
pub(crate) const MEMBER: &str = "@member";
/// A field that may be absent.
pub(crate) const OPTIONAL_FIELD: &str = "@optional_field";

/// The longest text a function of ours builds.
pub(crate) const BUILT_BYTES_MAX: usize = 1 << 20;

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
    Ok(Value::String(Arc::new(text.replacen(from.as_str(), to, places))))
}

fn join(This(list): This<Arc<Vec<Value>>>, Arguments(args): Arguments) -> ResolveResult {
    let between = match args.as_slice() {
        [] => "",
        [Value::String(between)] => between.as_str(),
        _ => return Err(refused("join", "takes one text")),
    };
    let mut joined = String::new();
    for (place, item) in list.iter().enumerate() {
        let Value::String(text) = item else { return Err(refused("join", "joins texts only")) };
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
    truth.map(Value::Bool).ok_or_else(|| refused("bool", "takes a text that says true or false"))
}

fn compared(args: &[Value], equal: bool) -> ResolveResult {
    match args {
        [a, b] => Ok(Value::Bool((a == b) == equal)),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

fn negative(args: &[Value]) -> ResolveResult {
    match args {
        [Value::Int(int)] => {
            int.checked_neg().map(Value::Int).ok_or(ExecutionError::Overflow("-", Value::Null, Value::Null))
        }
        [Value::Float(float)] => Ok(Value::Float(-float)),
        [Value::Duration(span)] => Ok(Value::Duration(-*span)),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

fn member(Arguments(args): Arguments) -> ResolveResult {
    match args.as_slice() {
        [item, Value::List(items)] => Ok(Value::Bool(items.iter().any(|found| found == item))),
        [item, Value::Map(map)] => Ok(Value::Bool(key(item).is_some_and(|key| map.get(&key).is_some()))),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

/// Returns a value as the key of a map; a whole `double` is the integer it equals.
fn key(value: &Value) -> Option<Key> {
    match value {
        Value::Int(int) => Some(Key::Int(*int)),
        Value::UInt(uint) => Some(Key::Uint(*uint)),
        Value::Bool(truth) => Some(Key::Bool(*truth)),
        Value::String(text) => Some(Key::String(Arc::clone(text))),
        Value::Float(float) if float.fract() == 0.0 && float.abs() < EXACT => Some(Key::Int(*float as i64)),
        _ => None,
    }
}

fn optional_field(Arguments(args): Arguments) -> ResolveResult {
    let [of, Value::String(field)] = args.as_slice() else { return Err(ExecutionError::NoSuchOverload) };
    let within = |map: &Map| map.get(&Key::String(Arc::clone(field))).cloned();
    let found = match of {
        Value::Map(map) => within(map),
        Value::Opaque(opaque) => {
            let optional = opaque.downcast_ref::<OptionalValue>().ok_or(ExecutionError::NoSuchOverload)?;
            match optional.value() {
                Some(Value::Map(map)) => within(map),
                Some(_) => return Err(ExecutionError::NoSuchOverload),
                None => None,
            }
        }
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    Ok(Value::Opaque(Arc::new(found.map_or_else(OptionalValue::none, OptionalValue::of))))
}

fn refused(function: &str, message: &str) -> ExecutionError {
    ExecutionError::function_error(function, message)
}

/// Below this every whole float is an exact integer.
const EXACT: f64 = 9_007_199_254_740_992.0;
