//! Nodes as they go into JSON, without tags or styles but those a text needs, and as they come back, every number a
//! float.

use lode_yaml::{Content, Dialect, Node, Style, Tag};
use serde_json::Value;

use super::Cause;
use crate::decode::text_key;

/// Gives a value the form it has in JSON.
pub(super) fn normalize(node: &mut Node, dialect: Dialect) -> Result<(), Cause> {
    let line = node.place.line;
    node.extra = None;
    match &mut node.content {
        Content::Scalar(_) => {
            let value = node.to_value(dialect).map_err(|error| Cause::NotJson(error.line))?;
            set_scalar(node, value).ok_or(Cause::NotJson(line))
        }
        Content::Sequence(items) => items.iter_mut().try_for_each(|item| normalize(item, dialect)),
        Content::Mapping(entries) => entries.iter_mut().try_for_each(|entry| {
            if dialect == Dialect::V3 && !entry.key.is_string() {
                return Err(Cause::NotJson(entry.key.place.line));
            }
            if dialect == Dialect::V2 && entry.key.resolved_tag(dialect) != Tag::Str {
                let text = text_key(&entry.key).ok_or(Cause::NotJson(entry.key.place.line))?;
                entry.key = Node::string(text).placed(entry.key.place);
            }
            normalize(&mut entry.value, dialect)
        }),
    }
}

/// Makes every number a float, as reading JSON into Go's `any` does.
pub(super) fn make_floats(node: &mut Node) {
    if let (Tag::Int | Tag::Float, Ok(Value::Number(number))) =
        (node.resolved_tag(Dialect::V3), node.to_value(Dialect::V3))
    {
        let text = number.as_f64().map_or_else(|| number.to_string(), float);
        node.content = Content::Scalar(text.into());
    }
    match &mut node.content {
        Content::Scalar(_) => {}
        Content::Sequence(items) => items.iter_mut().for_each(make_floats),
        Content::Mapping(entries) => entries.iter_mut().for_each(|entry| make_floats(&mut entry.value)),
    }
}

/// Tells whether two values in JSON's form say the same.
pub(super) fn same(a: &Node, b: &Node) -> bool {
    match (&a.content, &b.content) {
        (Content::Scalar(text), Content::Scalar(other)) => text == other && a.is_string() == b.is_string(),
        (Content::Sequence(items), Content::Sequence(others)) => {
            items.len() == others.len() && items.iter().zip(others).all(|(a, b)| same(a, b))
        }
        (Content::Mapping(entries), Content::Mapping(others)) => {
            let holds =
                |key: Option<&str>, value| key.and_then(|key| b.get(key)).is_some_and(|other| same(value, other));
            entries.len() == others.len() && entries.iter().all(|entry| holds(entry.key.text(), &entry.value))
        }
        _ => false,
    }
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

/// Quotes what would be no text without them.
fn text_style(text: &str) -> Style {
    let plain = Node::plain(text);
    let is_text = [Dialect::V2, Dialect::V3].iter().all(|dialect| plain.resolved_tag(*dialect) == Tag::Str);
    match is_text {
        _ if text.contains('\n') => Style::Literal,
        true => Style::Plain,
        false => Style::DoubleQuoted,
    }
}

/// Writes a float as Go does: the fewest digits that say it, with an exponent from a million on.
fn float(number: f64) -> String {
    let shown = format!("{number:e}");
    let Some((digits, exponent)) = shown.split_once('e') else { return shown };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (PLAIN_EXPONENT_MIN..PLAIN_EXPONENT_END).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

const PLAIN_EXPONENT_MIN: i32 = -4;
const PLAIN_EXPONENT_END: i32 = 6;
