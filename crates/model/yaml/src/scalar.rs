//! The value of a scalar: text, style and tag in, JSON value out.

use base64::Engine as _;
use serde_json::{Number, Value};

use crate::Dialect;
use crate::compose::resolve::{self, Meaning};
use crate::error::Cause;
use crate::node::{Content, Node, Style, Tag};

/// Returns the value of a node's text.
pub(crate) fn value(text: &str, node: &Node, dialect: Dialect) -> Result<Value, Cause> {
    tagged(
        text.to_owned(),
        long_tag(node.tag),
        node.style == Style::Plain,
        dialect,
    )
}

/// Returns the value of a scalar, consuming its text; null for anything else.
pub(crate) fn owned_value(node: Node, dialect: Dialect) -> Result<Value, Cause> {
    let (tag, is_plain) = (long_tag(node.tag), node.style == Style::Plain);
    let Content::Scalar(text) = node.content else {
        return Ok(Value::Null);
    };
    tagged(text.into_string(), tag, is_plain, dialect)
}

fn long_tag(tag: Tag) -> Option<&'static str> {
    match tag {
        Tag::Implied => None,
        Tag::Null => Some("tag:yaml.org,2002:null"),
        Tag::Bool => Some("tag:yaml.org,2002:bool"),
        Tag::Int => Some("tag:yaml.org,2002:int"),
        Tag::Float => Some("tag:yaml.org,2002:float"),
        Tag::Binary => Some("tag:yaml.org,2002:binary"),
        Tag::Timestamp => Some("tag:yaml.org,2002:timestamp"),
        Tag::Str | Tag::Seq | Tag::Map | Tag::Other => Some("tag:yaml.org,2002:str"),
    }
}

/// Returns a key as text.
pub(crate) fn key(node: &Node, dialect: Dialect) -> Result<String, Cause> {
    let text = node.text().ok_or(Cause::KeyNotText)?;
    match value(text, node, dialect)? {
        Value::String(text) => Ok(text),
        Value::Bool(flag) if dialect == Dialect::V2 => Ok(flag.to_string()),
        Value::Number(number) if dialect == Dialect::V2 => Ok(crate::number_text(&number)),
        _ => Err(Cause::KeyNotText),
    }
}

/// Checks that a node's text has a value.
pub(crate) fn check(text: &str, node: &Node, dialect: Dialect) -> Result<(), Cause> {
    if node.tag == Tag::Implied {
        // What is not finite begins with a sign, a digit or a point.
        let is_word = text.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if node.style != Style::Plain || is_word {
            return Ok(());
        }
    }
    value(text, node, dialect).map(drop)
}

/// Checks that a node can be a key.
pub(crate) fn check_key(node: &Node, dialect: Dialect) -> Result<(), Cause> {
    let is_text = |text: &str| {
        // Plain words may mean null, and where keys must be texts also a boolean.
        node.style != Style::Plain
            || dialect == Dialect::V2
                && text.starts_with(|letter: char| letter.is_ascii_alphabetic())
                && !text.starts_with(['n', 'N'])
    };
    if node.tag == Tag::Implied && node.text().is_some_and(is_text) {
        return Ok(());
    }
    key(node, dialect).map(drop)
}

/// Returns the value of a scalar read from a text; `tag` is the written tag, in its long form.
fn tagged(
    text: String,
    tag: Option<&str>,
    is_plain: bool,
    dialect: Dialect,
) -> Result<Value, Cause> {
    let Some(tag) = tag else {
        if !is_plain {
            return Ok(Value::String(text));
        }
        return meaning(resolve::plain(&text, dialect), text, dialect);
    };

    let bad = || Cause::BadTag(tag.replace(CORE, "!!"));
    match tag.strip_prefix(CORE) {
        Some("binary") => {
            let packed = text.replace(['\r', '\n'], "");
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(packed)
                .map_err(|_| bad())?;
            Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        }
        Some(core @ ("int" | "float" | "bool" | "null" | "timestamp")) => {
            let found = resolve::plain(&text, dialect);
            let fits = match core {
                "int" => matches!(found, Meaning::Int(_) | Meaning::Uint(_)),
                "float" => matches!(
                    found,
                    Meaning::Int(_) | Meaning::Uint(_) | Meaning::Float(_)
                ),
                "bool" => matches!(found, Meaning::Bool(_)),
                "null" => found == Meaning::Null,
                _ => matches!(found, Meaning::Time(_)),
            };
            if fits {
                meaning(found, text, dialect)
            } else {
                Err(bad())
            }
        }
        _ => Ok(Value::String(text)),
    }
}

const CORE: &str = "tag:yaml.org,2002:";

fn meaning(meaning: Meaning, text: String, dialect: Dialect) -> Result<Value, Cause> {
    Ok(match meaning {
        Meaning::Null => Value::Null,
        Meaning::Bool(flag) => Value::Bool(flag),
        Meaning::Int(number) => Value::Number(number.into()),
        Meaning::Uint(number) => Value::Number(number.into()),
        Meaning::Float(number) => Value::Number(float(number)?),
        Meaning::Time(time) if dialect == Dialect::V3 => Value::String(time),
        Meaning::Text | Meaning::Time(_) => Value::String(text),
    })
}

/// Go's JSON writes an integer below 1e21 without point or exponent, and reads it back as an
/// integer.
fn float(number: f64) -> Result<Number, Cause> {
    if number.fract() == 0.0 && number.abs() < 1e21 {
        let shown = format!("{}", number + 0.0);
        if let Ok(whole) = shown.parse::<i64>() {
            return Ok(whole.into());
        }
        if let Ok(whole) = shown.parse::<u64>() {
            return Ok(whole.into());
        }
    }
    Number::from_f64(number).ok_or(Cause::NotFinite)
}
