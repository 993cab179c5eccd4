//! Texts: regular expressions (RE2), and texts made from values.

use std::sync::{Arc, LazyLock};

use kube_cel::{
    KubeCelExt,
    cel::{
        Context, ExecutionError, Value,
        extractors::{Arguments, This},
        objects::ResolveResult,
        parser::{Expression, Parser},
    },
};

use crate::{bounds::BUILT_BYTES_MAX, pattern};

/// Registers the functions.
pub(crate) fn register(context: &mut Context<'_>) {
    context.add_function(
        "matches",
        |This(text): This<Arc<String>>, pattern: Arc<String>| {
            Ok::<_, ExecutionError>(regex(&pattern)?.is_match(&text))
        },
    );
    context.add_function(
        "find",
        |This(text): This<Arc<String>>, pattern: Arc<String>| {
            let found = regex(&pattern)?
                .find(&text)
                .map(|found| found.as_str().to_owned());
            Ok::<_, ExecutionError>(Value::String(Arc::new(found.unwrap_or_default())))
        },
    );
    context.add_function("findAll", find_all);
    context.add_function("format", format);
}

fn regex(pattern: &str) -> Result<Arc<regex::Regex>, ExecutionError> {
    pattern::cached(pattern).map_err(|error| ExecutionError::function_error("matches", error))
}

fn find_all(This(text): This<Arc<String>>, Arguments(args): Arguments) -> ResolveResult {
    let (pattern, most) = match args.as_slice() {
        [Value::String(pattern)] => (pattern, usize::MAX),
        [Value::String(pattern), Value::Int(most)] => {
            (pattern, usize::try_from(*most).unwrap_or(usize::MAX))
        }
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    let regex = regex(pattern)?;
    let found = regex
        .find_iter(&text)
        .take(most)
        .map(|found| Value::String(Arc::new(found.as_str().to_owned())));
    Ok(Value::List(Arc::new(found.collect())))
}

/// Formats values into a text, as the library does; a result that would be too long is refused
/// before.
fn format(This(text): This<Arc<String>>, args: Value) -> ResolveResult {
    let wide = text.split("%.").skip(1).any(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits > PRECISION_DIGITS_MAX
    });
    if wide || size(&args).saturating_add(text.len()) > BUILT_BYTES_MAX {
        return Err(ExecutionError::function_error(
            "format",
            "builds too long a text",
        ));
    }
    let Some(call) = &*FORMAT_CALL else {
        return Err(ExecutionError::NoSuchOverload);
    };
    let mut scope = LIBRARY.new_inner_scope();
    scope.add_variable_from_value("text", Value::String(text));
    scope.add_variable_from_value("args", args);
    Value::resolve(call, &scope)
}

/// Returns the approximate length of a value as text.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len() * 4,
        Value::List(items) => items
            .iter()
            .map(size)
            .fold(SHORT_BYTES, usize::saturating_add),
        Value::Map(map) => {
            let entry = |value: &Value| size(value).saturating_add(SHORT_BYTES);
            map.map
                .values()
                .map(entry)
                .fold(SHORT_BYTES, usize::saturating_add)
        }
        _ => SHORT_BYTES,
    }
}

/// The library's own functions.
static LIBRARY: LazyLock<Context<'static>> = LazyLock::new(|| Context::default().with_all());
static FORMAT_CALL: LazyLock<Option<Expression>> =
    LazyLock::new(|| Parser::new().parse("text.format(args)").ok());

/// Most digits of the precision in a format.
const PRECISION_DIGITS_MAX: usize = 2;
/// More than the length of any number; a `double` in full has 309 digits.
const SHORT_BYTES: usize = 320;
