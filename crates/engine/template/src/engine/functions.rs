//! Functions that Helm itself adds for the running template.

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::value::{GoString, Map, Value};

/// The functions of the engine; `include` and `tpl` are steps of the code.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new(
        "include",
        "func(string, interface {}) (string, error)",
        include,
    ),
    TemplateFunction::new("tpl", "func(string, interface {}) (string, error)", tpl),
    TemplateFunction::new(
        "required",
        "func(string, interface {}) (interface {}, error)",
        required,
    ),
    TemplateFunction::new("fail", "func(string) (string, error)", fail),
    TemplateFunction::new(
        "lookup",
        "func(string, string, string, string) (map[string]interface {}, error)",
        lookup,
    ),
    TemplateFunction::new("getHostByName", "func(string) string", get_host_by_name),
];

pub(crate) fn include(_: &mut Context<'_>, _: &[Value]) -> Result<Value, TemplateError> {
    Err(TemplateError::new("include needs a running template"))
}

pub(crate) fn tpl(_: &mut Context<'_>, _: &[Value]) -> Result<Value, TemplateError> {
    Err(TemplateError::new("tpl needs a running template"))
}

fn required(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let value = args.get(1).cloned().unwrap_or_default();
    let is_missing = match &value {
        Value::Nil => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    if !is_missing {
        return Ok(value);
    }
    if context.environment().is_lint {
        return Ok(Value::text(""));
    }
    Err(TemplateError::stop(text(args, 0).to_string()))
}

fn fail(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    if context.environment().is_lint {
        return Ok(Value::text(""));
    }
    Err(TemplateError::stop(text(args, 0).to_string()))
}

fn lookup(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let environment = context.environment();
    let Some(cluster) = environment.cluster.filter(|_| !environment.is_lint) else {
        return Ok(Map::new().into());
    };
    let [api_version, kind, namespace, name] =
        [0, 1, 2, 3].map(|index| text(args, index).to_string());
    let found = cluster.lookup(&api_version, &kind, &namespace, &name);
    match found.map_err(TemplateError::new)? {
        Some(object) => {
            context.nodes(size(&object))?;
            Ok(Value::from_object(&object))
        }
        None => Ok(Map::new().into()),
    }
}

/// Counts the values of an object.
fn size(json: &lode_object::Value) -> usize {
    match json {
        lode_object::Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        lode_object::Value::Object(map) => 1 + map.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "all functions have one type")]
fn get_host_by_name(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let resolve = context.environment().resolve_host;
    let host = resolve.map(|resolve| resolve(&text(args, 0).to_string()));
    Ok(Value::text(host.unwrap_or_default()))
}

fn text(args: &[Value], index: usize) -> GoString {
    let text = args.get(index).and_then(Value::as_text);
    text.cloned().unwrap_or_default()
}
