//! Values made texts: quoted, joined, sorted.

use std::borrow::Cow;

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, any, text, to_text};
use crate::go::output::Output;
use crate::print::{self, quote};
use crate::value::{GoString, GoType, List, Value};

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("quote", "func(...interface {}) string", quote_all),
    TemplateFunction::new("squote", "func(...interface {}) string", squote),
    TemplateFunction::new("cat", "func(...interface {}) string", cat),
    TemplateFunction::new("toString", "func(interface {}) string", to_string),
    TemplateFunction::new(
        "toStrings",
        "func(interface {}) []string",
        |context, args| Ok(List::typed(GoType::String, texts(context, any(args, 0))?).into()),
    ),
    TemplateFunction::new("join", "func(string, interface {}) string", join),
    TemplateFunction::new("sortAlpha", "func(interface {}) []string", sort_alpha),
];

/// Writes each argument as a Go literal, with spaces between; nil is left out.
fn quote_all(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let mut bytes = Vec::new();
    for value in args.iter().filter(|value| !value.is_nil()) {
        if !bytes.is_empty() {
            bytes.push(b' ');
        }
        let text = to_text(context, value)?;
        // An escaped byte takes up to four.
        context.bytes(4 * text.len() + 2)?;
        quote(&mut bytes, &text);
    }
    Ok(Value::text(bytes))
}

/// Writes each argument between single quotes, without escapes.
fn squote(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    spaced(context, args, b"'")
}

fn cat(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    spaced(context, args, b"")
}

/// Writes each argument as `%v` between marks, with spaces between; nil is left out.
fn spaced(context: &Context<'_>, args: &[Value], mark: &[u8]) -> FunctionResult {
    context.bytes(args.len() * 3)?;
    let mut out = Vec::new();
    for (at, value) in args.iter().filter(|value| !value.is_nil()).enumerate() {
        out.extend_from_slice(if at > 0 { b" " } else { b"" });
        out.extend_from_slice(mark);
        print::value(context, &mut out, value)?;
        out.extend_from_slice(mark);
    }
    Ok(Value::text(out))
}

fn to_string(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    match any(args, 0) {
        Value::String(text) => Ok(Value::String(text.clone())),
        value => Ok(Value::text(&*to_text(context, value)?)),
    }
}

/// Returns the items of a list as texts, without nil; anything else is one text, nil none.
fn texts(context: &Context<'_>, value: &Value) -> Result<Vec<Value>, TemplateError> {
    let as_text = |value: &Value| match value {
        Value::String(text) => Ok(Value::String(text.clone())),
        value => Ok(Value::text(&*to_text(context, value)?)),
    };
    match value {
        Value::Nil => Ok(Vec::new()),
        Value::List(list) => {
            context.nodes(list.len())?;
            let items = list.items().iter().filter(|item| !item.is_nil());
            items.map(as_text).collect()
        }
        Value::Bytes(bytes) => {
            context.nodes(bytes.len())?;
            let numbers = bytes.iter().map(|byte| Value::text(byte.to_string()));
            Ok(numbers.collect())
        }
        value => Ok(vec![as_text(value)?]),
    }
}

fn join(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let (separator, value) = (text(args, 0), any(args, 1));
    let Value::List(list) = value else {
        let texts = texts(context, value)?;
        let parts = texts
            .iter()
            .filter_map(Value::as_text)
            .map(|part| Cow::Borrowed(&**part));
        return joined(context, separator, parts.map(Ok));
    };
    let items = list.items().iter().filter(|item| !item.is_nil());
    joined(context, separator, items.map(|item| to_text(context, item)))
}

fn joined<'p>(
    context: &Context<'_>,
    separator: &[u8],
    parts: impl Iterator<Item = Result<Cow<'p, [u8]>, TemplateError>>,
) -> FunctionResult {
    let mut out = Output::new(context);
    for (at, part) in parts.enumerate() {
        out.push(if at > 0 { separator } else { b"" })?;
        out.push(&part?)?;
    }
    Ok(out.into_value())
}

fn sort_alpha(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let value = any(args, 0);
    let mut items = match value {
        Value::List(_) | Value::Bytes(_) => texts(context, value)?,
        value => vec![Value::text(&*to_text(context, value)?)],
    };
    context.steps(
        items
            .len()
            .saturating_mul(items.len().max(1).ilog2() as usize + 1),
    )?;
    items.sort_by(|a, b| key(a).cmp(key(b)));
    Ok(List::typed(GoType::String, items).into())
}

fn key(value: &Value) -> &[u8] {
    value.as_text().map_or(&[], GoString::as_bytes)
}
