//! Lists. They do not change: every function returns a new one.
//!
//! The `must` variants return the errors with which the plain ones panic, so both fail with the
//! same text.

use std::borrow::Cow;

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, any, from, int, listed, nil_dereference};
use crate::functions::cost;
use crate::numbers::cast::to_int;
use crate::value::{GoType, IntegerKind, List, Value};

const CHANGE: &str = "func(interface {}, interface {}) []interface {}";
const MUST_CHANGE: &str = "func(interface {}, interface {}) ([]interface {}, error)";
const REDUCE: &str = "func(interface {}) []interface {}";
const MUST_REDUCE: &str = "func(interface {}) ([]interface {}, error)";
const ITEM: &str = "func(interface {}) interface {}";
const MUST_ITEM: &str = "func(interface {}) (interface {}, error)";
const MAKE: &str = "func(...interface {}) []interface {}";

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("list", MAKE, list),
    TemplateFunction::new("tuple", MAKE, list),
    TemplateFunction::new("append", CHANGE, push),
    TemplateFunction::new("push", CHANGE, push),
    TemplateFunction::new("mustAppend", MUST_CHANGE, push),
    TemplateFunction::new("mustPush", MUST_CHANGE, push),
    TemplateFunction::new("prepend", CHANGE, prepend),
    TemplateFunction::new("mustPrepend", MUST_CHANGE, prepend),
    TemplateFunction::new("first", ITEM, first),
    TemplateFunction::new("mustFirst", MUST_ITEM, first),
    TemplateFunction::new("last", ITEM, last),
    TemplateFunction::new("mustLast", MUST_ITEM, last),
    TemplateFunction::new("rest", REDUCE, rest),
    TemplateFunction::new("mustRest", MUST_REDUCE, rest),
    TemplateFunction::new("initial", REDUCE, initial),
    TemplateFunction::new("mustInitial", MUST_REDUCE, initial),
    TemplateFunction::new("reverse", REDUCE, reverse),
    TemplateFunction::new("mustReverse", MUST_REDUCE, reverse),
    TemplateFunction::new("compact", REDUCE, compact),
    TemplateFunction::new("mustCompact", MUST_REDUCE, compact),
    TemplateFunction::new("uniq", REDUCE, uniq),
    TemplateFunction::new("mustUniq", MUST_REDUCE, uniq),
    TemplateFunction::new(
        "without",
        "func(interface {}, ...interface {}) []interface {}",
        without,
    ),
    TemplateFunction::new(
        "mustWithout",
        "func(interface {}, ...interface {}) ([]interface {}, error)",
        without,
    ),
    TemplateFunction::new("has", "func(interface {}, interface {}) bool", has),
    TemplateFunction::new(
        "mustHas",
        "func(interface {}, interface {}) (bool, error)",
        has,
    ),
    TemplateFunction::new(
        "slice",
        "func(interface {}, ...interface {}) interface {}",
        slice,
    ),
    TemplateFunction::new(
        "mustSlice",
        "func(interface {}, ...interface {}) (interface {}, error)",
        slice,
    ),
    TemplateFunction::new("concat", "func(...interface {}) interface {}", concat),
    TemplateFunction::new("chunk", "func(int, interface {}) [][]interface {}", chunk),
    TemplateFunction::new(
        "mustChunk",
        "func(int, interface {}) ([][]interface {}, error)",
        chunk,
    ),
];

/// Returns the items of a slice or array.
///
/// # Errors
/// The value is something else; `failure` begins the message.
fn items<'v>(value: &'v Value, failure: &str) -> Result<Cow<'v, [Value]>, TemplateError> {
    match value {
        Value::Nil => Err(nil_dereference()),
        Value::List(list) => Ok(Cow::Borrowed(list.items())),
        Value::Bytes(bytes) => Ok(bytes
            .iter()
            .map(|byte| Value::integer(IntegerKind::Uint8, i64::from(*byte)))
            .collect()),
        Value::Object(object) => match object.underlying() {
            Some(Value::List(list)) => Ok(Cow::Owned(list.items().to_vec())),
            _ => Err(TemplateError::new(format!(
                "{failure} {}",
                value.kind().as_str()
            ))),
        },
        value => Err(TemplateError::new(format!(
            "{failure} {}",
            value.kind().as_str()
        ))),
    }
}

fn list(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    listed(context, args.to_vec())
}

fn push(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let items = items(any(args, 0), "Cannot push on type")?;
    let mut longer = Vec::with_capacity(items.len() + 1);
    longer.extend_from_slice(&items);
    longer.push(any(args, 1).clone());
    listed(context, longer)
}

fn prepend(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let items = items(any(args, 0), "Cannot prepend on type")?;
    let mut longer = Vec::with_capacity(items.len() + 1);
    longer.push(any(args, 1).clone());
    longer.extend_from_slice(&items);
    listed(context, longer)
}

fn first(_: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let items = items(any(args, 0), "Cannot find first on type")?;
    Ok(items.first().cloned().unwrap_or_default())
}

fn last(_: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let items = items(any(args, 0), "Cannot find last on type")?;
    Ok(items.last().cloned().unwrap_or_default())
}

fn rest(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let items = items(any(args, 0), "Cannot find rest on type")?;
    all_or_nil(context, items.split_first().map(|(_, rest)| rest))
}

fn initial(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let items = items(any(args, 0), "Cannot find initial on type")?;
    all_or_nil(context, items.split_last().map(|(_, rest)| rest))
}

fn all_or_nil(context: &Context<'_>, items: Option<&[Value]>) -> FunctionResult {
    match items {
        Some(items) => listed(context, items.to_vec()),
        None => Ok(List::nil(GoType::Any).into()),
    }
}

fn reverse(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let mut items = items(any(args, 0), "Cannot find reverse on type")?.into_owned();
    items.reverse();
    listed(context, items)
}

fn compact(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let items = items(any(args, 0), "Cannot compact on type")?;
    let kept = items.iter().filter(|item| item.is_true()).cloned();
    listed(context, kept.collect())
}

fn uniq(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let items = items(any(args, 0), "Cannot find uniq on type")?;
    let mut kept: Vec<Value> = Vec::new();
    for item in items.iter() {
        let cost = cost::of(context, item)?;
        context.steps(cost.saturating_mul(kept.len()))?;
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    listed(context, kept)
}

fn without(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let items = items(any(args, 0), "Cannot find without on type")?;
    let left_out = from(args, 1);
    let mut cost = 1_usize;
    for value in left_out {
        cost = cost.saturating_add(cost::of(context, value)?);
    }
    context.steps(cost.saturating_mul(items.len()))?;
    let kept = items
        .iter()
        .filter(|item| !left_out.contains(item))
        .cloned();
    listed(context, kept.collect())
}

fn has(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let (needle, haystack) = (any(args, 0), any(args, 1));
    if haystack.is_nil() {
        return Ok(false.into());
    }
    let items = items(haystack, "Cannot find has on type")?;
    let cost = cost::of(context, needle)?;
    context.steps(cost.saturating_mul(items.len()))?;
    Ok(items.contains(needle).into())
}

/// Returns the items between two places, as a list of the same type.
fn slice(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let value = any(args, 0);
    let items = items(value, "list should be type of slice or array but")?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }

    let start = args.get(1).map_or(0, to_int);
    let end = args.get(2).map_or(items.len() as i64, to_int);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let kept = range
        .and_then(|(start, end)| items.get(start..end))
        .ok_or_else(|| TemplateError::new("reflect.Value.Slice: slice index out of bounds"))?;
    context.nodes(kept.len())?;
    let element = match value {
        Value::List(list) => list.element().clone(),
        Value::Bytes(_) => GoType::Integer(IntegerKind::Uint8),
        _ => GoType::Any,
    };
    Ok(List::typed(element, kept.to_vec()).into())
}

fn concat(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let mut all = Vec::new();
    for value in args {
        let items = items(value, "Cannot concat type").map_err(|error| match value {
            Value::Nil => error,
            _ => TemplateError::new(format!("{error} as list")),
        })?;
        context.nodes(items.len())?;
        all.extend_from_slice(&items);
    }
    if all.is_empty() {
        return Ok(List::nil(GoType::Any).into());
    }
    Ok(Value::list(all))
}

/// Cuts a list into lists of `size` items; the last one may be shorter.
fn chunk(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let size = int(args, 0);
    let items = items(any(args, 1), "Cannot chunk type")?;
    let size = match usize::try_from(size) {
        Ok(size) if size > 0 => size,
        // Go computes with floats, so that a few negative sizes work.
        _ if size < -1 && items.len() == 1 => 1,
        _ if size < 0 && (2..=size.unsigned_abs() + 1).contains(&(items.len() as u64)) => {
            return Ok(List::typed(GoType::slice(GoType::Any), Vec::new()).into());
        }
        _ => {
            return Err(TemplateError::new(
                "runtime error: makeslice: len out of range",
            ));
        }
    };
    context.nodes(items.len().saturating_mul(2))?;
    let chunks = items.chunks(size).map(|chunk| Value::list(chunk.to_vec()));
    Ok(List::typed(GoType::slice(GoType::Any), chunks.collect()).into())
}
