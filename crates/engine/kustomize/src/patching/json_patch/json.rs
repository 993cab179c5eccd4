//! Nodes in JSON form, without tags and with only the styles a text needs, and back again, with
//! every number a float.

use lode_stdx::budget::{Exceeded, Meter};
use lode_yaml::{Content, Dialect, Entry, Node, Style, Tag};
use serde_json::Value;

use super::JsonPatchCause;
use crate::config::fieldspec::width;
use crate::input::decode::text_key;

/// Gives a value the form it has in JSON.
pub(super) fn normalize(
    node: &mut Node,
    dialect: Dialect,
    meter: &Meter<'_>,
) -> Result<(), JsonPatchCause> {
    meter.steps(NODE_STEPS + node.text().map_or(0, str::len) as u64 / BYTES_PER_STEP)?;
    let line = node.place.line;
    node.extra = None;
    match &mut node.content {
        // Nearly every scalar: a plain text that every reader takes for a text.
        Content::Scalar(text)
            if node.tag == Tag::Implied && node.style == Style::Plain && is_plain_text(text) =>
        {
            Ok(())
        }
        Content::Scalar(_) => {
            let value = node
                .to_value(dialect)
                .map_err(|error| JsonPatchCause::NotJson(error.line))?;
            set_scalar(node, value).ok_or(JsonPatchCause::NotJson(line))
        }
        Content::Sequence(items) => items
            .iter_mut()
            .try_for_each(|item| normalize(item, dialect, meter)),
        Content::Mapping(entries) => entries.iter_mut().try_for_each(|entry| {
            if dialect == Dialect::V3 && !entry.key.is_string() {
                return Err(JsonPatchCause::NotJson(entry.key.place.line));
            }
            if dialect == Dialect::V2 && entry.key.resolved_tag(dialect) != Tag::Str {
                let text =
                    text_key(&entry.key).ok_or(JsonPatchCause::NotJson(entry.key.place.line))?;
                entry.key = Node::string(text).placed(entry.key.place);
            }
            normalize(&mut entry.value, dialect, meter)
        }),
    }
}

/// Steps for converting one value to JSON form and back.
const NODE_STEPS: u64 = 3;
/// Bytes of a text examined in one step, in either dialect.
const BYTES_PER_STEP: u64 = 16;

/// Turns every number into a float, as reading JSON into Go's `any` does.
pub(super) fn make_floats(node: &mut Node) {
    match &mut node.content {
        Content::Scalar(_) => {
            if matches!(node.resolved_tag(Dialect::V3), Tag::Int | Tag::Float)
                && let Ok(Value::Number(number)) = node.to_value(Dialect::V3)
            {
                let text = number.as_f64().map_or_else(|| number.to_string(), float);
                node.content = Content::Scalar(text.into());
            }
        }
        Content::Sequence(items) => items.iter_mut().for_each(make_floats),
        Content::Mapping(entries) => entries
            .iter_mut()
            .for_each(|entry| make_floats(&mut entry.value)),
    }
}

/// Returns whether two values in JSON form are equal.
pub(super) fn same(a: &Node, b: &Node, meter: &Meter<'_>) -> Result<bool, Exceeded> {
    match (&a.content, &b.content) {
        (Content::Scalar(text), Content::Scalar(other)) => {
            meter.steps(1 + text.len() as u64 / BYTES_PER_STEP)?;
            Ok(text == other && a.is_string() == b.is_string())
        }
        (Content::Sequence(items), Content::Sequence(others)) => {
            let mut pairs = items.iter().zip(others);
            Ok(items.len() == others.len() && all(&mut pairs, |(a, b)| same(a, b, meter))?)
        }
        (Content::Mapping(entries), Content::Mapping(others)) => {
            let holds = |entry: &Entry| {
                meter.steps(1 + width(b))?;
                let other = entry.key.text().and_then(|key| b.get(key));
                other.map_or(Ok(false), |other| same(&entry.value, other, meter))
            };
            Ok(entries.len() == others.len() && all(&mut entries.iter(), holds)?)
        }
        _ => Ok(false),
    }
}

fn all<T>(
    items: &mut impl Iterator<Item = T>,
    mut holds: impl FnMut(T) -> Result<bool, Exceeded>,
) -> Result<bool, Exceeded> {
    for item in items {
        if !holds(item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn set_scalar(node: &mut Node, value: Value) -> Option<()> {
    let (text, style) = match value {
        Value::Null => ("null".to_owned(), Style::Plain),
        Value::Bool(flag) => (flag.to_string(), Style::Plain),
        Value::Number(number) => (number.to_string(), Style::Plain),
        Value::String(text) => {
            let style = text_style(&text);
            (text, style)
        }
        Value::Array(_) | Value::Object(_) => return None,
    };
    (node.tag, node.style, node.content) = (Tag::Implied, style, Content::Scalar(text.into()));
    Some(())
}

/// Quotes a text that would otherwise be read as another type.
fn text_style(text: &str) -> Style {
    match is_plain_text(text) {
        _ if text.contains('\n') => Style::Literal,
        true => Style::Plain,
        false => Style::DoubleQuoted,
    }
}

/// Returns whether a text without quotes is a text in both dialects.
fn is_plain_text(text: &str) -> bool {
    let plain = Node::plain(text);
    [Dialect::V2, Dialect::V3]
        .iter()
        .all(|dialect| plain.resolved_tag(*dialect) == Tag::Str)
}

/// Formats a float as Go does: the fewest digits that identify it, with an exponent from a million
/// on.
fn float(number: f64) -> String {
    let shown = format!("{number:e}");
    let Some((digits, exponent)) = shown.split_once('e') else {
        return shown;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (PLAIN_EXPONENT_MIN..PLAIN_EXPONENT_END).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

const PLAIN_EXPONENT_MIN: i32 = -4;
const PLAIN_EXPONENT_END: i32 = 6;
