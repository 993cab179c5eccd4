//! Maps merged into maps, in place, as the library does that sprig uses.
//!
//! Without overwriting, what the target has stays, unless it is empty: `false`, 0 and the empty
//! text count as missing. With overwriting, every value of the source wins, empty ones too. Maps
//! are merged key by key; lists are never. Values of the source are shared, not copied.

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, any, map};
use crate::functions::cost;
use crate::value::{GoKind, GoString, List, Map, NESTING_MAX, Value};

const MERGE: &str = "func(map[string]interface {}, ...map[string]interface {}) interface {}";
const MUST_MERGE: &str =
    "func(map[string]interface {}, ...map[string]interface {}) (interface {}, error)";

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("merge", MERGE, |context, args| merge(context, args, false)),
    TemplateFunction::new("mustMerge", MUST_MERGE, |context, args| {
        merge(context, args, false)
    }),
    TemplateFunction::new("mergeOverwrite", MERGE, |context, args| {
        merge(context, args, true)
    }),
    TemplateFunction::new("mustMergeOverwrite", MUST_MERGE, |context, args| {
        merge(context, args, true)
    }),
    TemplateFunction::new("deepCopy", "func(interface {}) interface {}", deep_copy),
    TemplateFunction::new(
        "mustDeepCopy",
        "func(interface {}) (interface {}, error)",
        deep_copy,
    ),
];

fn merge(context: &mut Context<'_>, args: &[Value], overwrites: bool) -> FunctionResult {
    let mut target = map(args, 0);
    for at in 1..args.len() {
        let source = map(args, at);
        if target.is_nil() && !source.is_nil() {
            target = Map::new();
        }
        merge_into(context, &target, &source, overwrites, NESTING_MAX)?;
    }
    Ok(target.into())
}

fn merge_into(
    context: &mut Context<'_>,
    target: &Map,
    source: &Map,
    overwrites: bool,
    depth: usize,
) -> Result<(), TemplateError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(TemplateError::bound(
            "maps are nested too deeply to be merged",
        ));
    };
    // The nil map inside of a map cannot be replaced from here.
    if target.is_nil() || target.is_same(source) {
        return Ok(());
    }

    context.nodes(source.len())?;
    for (key, value) in source.entries() {
        let old = target.get(&key);
        if let (Some(Value::Map(old)), Value::Map(new)) = (&old, &value) {
            merge_into(context, old, new, overwrites, depth)?;
        }
        if wins(old.as_ref(), &value, overwrites) {
            put(context, target, key, value)?;
        }
    }
    Ok(())
}

/// Returns whether the value of the source takes the place of that of the target.
fn wins(old: Option<&Value>, new: &Value, overwrites: bool) -> bool {
    if new.is_nil() {
        return overwrites;
    }
    match old {
        None => true,
        Some(old) if is_empty(old) => true,
        // These were merged.
        Some(Value::Map(_)) if new.kind() == GoKind::Map => false,
        Some(_) => overwrites,
    }
}

fn put(
    context: &mut Context<'_>,
    target: &Map,
    key: GoString,
    value: Value,
) -> Result<(), TemplateError> {
    let element = target.element();
    if !target.is_of_any() && value.type_of() != *element {
        return Err(TemplateError::new(format!(
            "reflect.Value.SetMapIndex: value of type {} is not assignable to type {element}",
            value.type_name()
        )));
    }
    context.set(target, key, value)
}

/// Returns whether a value counts as missing: all that is false in `if`.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) if object.kind() == GoKind::Pointer => {
            object.target().is_none_or(|target| is_empty(&target))
        }
        value => !value.is_true(),
    }
}

fn deep_copy(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let value = any(args, 0);
    if value.is_nil() {
        return Err(TemplateError::new(
            "reflect: call of reflect.Value.Type on zero Value",
        ));
    }
    let size = cost::of(context, value)?;
    context.nodes(size)?;
    copied(value, NESTING_MAX)
}

/// Returns a value whose maps are new ones. Lists do not change, and are copied for their maps.
fn copied(value: &Value, depth: usize) -> FunctionResult {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(TemplateError::bound(
            "a value is nested too deeply to be copied",
        ));
    };
    match value {
        Value::Map(map) if !map.is_nil() => {
            let entries = map.entries().into_iter();
            let entries = entries.map(|(key, value)| Ok((key, copied(&value, depth)?)));
            let entries = entries.collect::<Result<Vec<_>, TemplateError>>()?;
            Ok(Map::typed(map.element().clone(), entries).into())
        }
        Value::List(list) if !list.is_nil() => {
            let items = list.items().iter().map(|item| copied(item, depth));
            let items = items.collect::<Result<Vec<_>, TemplateError>>()?;
            Ok(List::typed(list.element().clone(), items).into())
        }
        value => Ok(value.clone()),
    }
}
