//! Maps with text keys. `set` and `unset` change the map that they get.
//!
//! Go ranges over maps in random order; here keys and values come in the order of the keys.

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, any, from, listed, map, text, to_text};
use crate::value::{GoString, GoType, List, Map, Value};

const SELECT: &str = "func(map[string]interface {}, ...string) map[string]interface {}";

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new(
        "dict",
        "func(...interface {}) map[string]interface {}",
        dict,
    ),
    TemplateFunction::new(
        "get",
        "func(map[string]interface {}, string) interface {}",
        |_, args| Ok(map(args, 0).get(text(args, 1)).unwrap_or_else(|| "".into())),
    ),
    TemplateFunction::new(
        "set",
        "func(map[string]interface {}, string, interface {}) map[string]interface {}",
        |context, args| {
            let map = map(args, 0);
            context.set(&map, text(args, 1).clone(), any(args, 2).clone())?;
            Ok(map.into())
        },
    ),
    TemplateFunction::new(
        "unset",
        "func(map[string]interface {}, string) map[string]interface {}",
        |context, args| {
            let map = map(args, 0);
            context.steps(1 + map.len() / 64)?;
            map.remove(text(args, 1))?;
            Ok(map.into())
        },
    ),
    TemplateFunction::new(
        "hasKey",
        "func(map[string]interface {}, string) bool",
        |_, args| Ok(map(args, 0).contains_key(text(args, 1)).into()),
    ),
    TemplateFunction::new(
        "pluck",
        "func(string, ...map[string]interface {}) []interface {}",
        |context, args| {
            let maps = (1..args.len()).map(|at| map(args, at));
            let found = maps.filter_map(|map| map.get(text(args, 0)));
            listed(context, found.collect())
        },
    ),
    TemplateFunction::new("keys", "func(...map[string]interface {}) []string", keys),
    TemplateFunction::new(
        "values",
        "func(map[string]interface {}) []interface {}",
        |context, args| {
            let values = map(args, 0)
                .read(|entries| entries.iter().map(|(_, value)| value.clone()).collect());
            listed(context, values)
        },
    ),
    TemplateFunction::new("pick", SELECT, pick),
    TemplateFunction::new("omit", SELECT, omit),
    TemplateFunction::new("dig", "func(...interface {}) (interface {}, error)", dig),
];

/// Returns a map of keys and values in turn; a last key without value gets the empty text.
fn dict(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    context.nodes(args.len())?;
    let mut entries = Vec::with_capacity(args.len().div_ceil(2));
    for pair in args.chunks(2) {
        let key = match any(pair, 0) {
            Value::String(text) => text.clone(),
            value => GoString::from(&*to_text(context, value)?),
        };
        let value = pair.get(1).cloned().unwrap_or_else(|| "".into());
        entries.push((key, value));
    }
    Ok(Map::from_entries(entries).into())
}

fn keys(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let mut all = Vec::new();
    for at in 0..args.len() {
        let map = map(args, at);
        context.nodes(map.len())?;
        map.read(|entries| {
            all.extend(entries.iter().map(|(key, _)| Value::String(key.clone())));
        });
    }
    Ok(List::typed(GoType::String, all).into())
}

fn pick(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let map = map(args, 0);
    context.nodes(args.len())?;
    let keys = from(args, 1).iter().filter_map(Value::as_text);
    let entries = keys.filter_map(|key| Some((key.clone(), map.get(key)?)));
    Ok(Map::from_entries(entries.collect()).into())
}

fn omit(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let map = map(args, 0);
    context.nodes(map.len())?;
    context.steps(map.len().saturating_mul(args.len()))?;
    let left_out = |key: &GoString| {
        from(args, 1)
            .iter()
            .any(|other| other.as_text() == Some(key))
    };
    let entries = map.read(|entries| {
        let kept = entries.iter().filter(|(key, _)| !left_out(key));
        kept.cloned().collect()
    });
    Ok(Map::from_entries(entries).into())
}

/// Follows keys through maps in maps; the last but one argument is the default.
fn dig(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let [keys @ .., default, root] = args else {
        return Err(TemplateError::new("dig needs at least three arguments"));
    };
    if keys.is_empty() {
        return Err(TemplateError::new("dig needs at least three arguments"));
    }
    context.steps(keys.len())?;

    // Go converts the root and all keys before it looks anything up.
    expected(root, "map[string]interface {}")?;
    for key in keys {
        expected(key, "string")?;
    }
    let mut at = root.clone();
    for key in keys {
        let map = expected(&at, "map[string]interface {}")?.as_map();
        let key = key.as_text().cloned().unwrap_or_default();
        match map.and_then(|map| map.get(key)) {
            Some(value) => at = value,
            None => return Ok(default.clone()),
        }
    }
    Ok(at)
}

/// Returns a value that has a type, and fails as Go's type assertion otherwise.
fn expected<'v>(value: &'v Value, name: &str) -> Result<&'v Value, TemplateError> {
    let found = match value {
        Value::Nil => "nil".into(),
        value => value.type_name(),
    };
    if found == name {
        return Ok(value);
    }
    Err(TemplateError::new(format!(
        "interface conversion: interface {{}} is {found}, not {name}"
    )))
}
