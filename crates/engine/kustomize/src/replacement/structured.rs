//! YAML or JSON inside a text: taken apart, and put together again in the form it had.
//!
//! Input: a scalar's text. Output: its first document as a node; and the text of a changed node, JSON again where it
//! was JSON (keys sorted, indented where it was), else YAML.

use std::fmt::Write as _;

use lode_yaml::{Dialect, Node, Nodes, Options, Origins};
use serde_json::{Number, Value};

/// Reads a text's first document; nothing where there is none or it is no YAML.
pub(super) fn read(text: &str) -> Option<Node> {
    Nodes::new(text.as_bytes(), Dialect::V3, Origins::default()).next()?.ok()
}

/// Writes a document in the form its text had before; nothing where JSON cannot say it.
pub(super) fn write(root: &Node, before: &str) -> Option<String> {
    if !before.trim_start().starts_with(['{', '[']) {
        return Some(yaml(root).trim().to_owned());
    }
    let value = root.to_value(Dialect::V3).ok()?;
    let is_indented = before.contains('\n') && before.contains("  ");
    let mut out = String::new();
    json(&mut out, &value, is_indented.then_some(0));
    Some(out)
}

/// Returns a value as YAML shows it, without what surrounds it.
pub(super) fn shown(node: &Node) -> String {
    yaml(node).trim().to_owned()
}

fn yaml(node: &Node) -> String {
    lode_yaml::write_v3(node, Options::default())
}

/// Appends a value as Go's encoder writes it; `level` is that of the value where lines are indented.
fn json(out: &mut String, value: &Value, level: Option<usize>) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                separate(out, at, level);
                json(out, item, level.map(|level| level + 1));
            }
            end(out, level);
            out.push(']');
        }
        Value::Object(map) if !map.is_empty() => {
            out.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                separate(out, at, level);
                string(out, key);
                out.push_str(if level.is_some() { ": " } else { ":" });
                json(out, value, level.map(|level| level + 1));
            }
            end(out, level);
            out.push('}');
        }
        Value::String(text) => string(out, text),
        Value::Number(value) => number(out, value),
        other => out.push_str(&other.to_string()),
    }
}

fn separate(out: &mut String, at: usize, level: Option<usize>) {
    if at > 0 {
        out.push(',');
    }
    end(out, level.map(|level| level + 1));
}

fn end(out: &mut String, level: Option<usize>) {
    if let Some(level) = level {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    }
}

/// Go escapes what could end a script in a page.
fn string(out: &mut String, text: &str) {
    for c in Value::from(text).to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

/// Go shows floats without an exponent from 1e-6 up to 1e21.
fn number(out: &mut String, number: &Number) {
    let float = number.as_f64().filter(|_| number.is_f64());
    let _ = match float {
        None => write!(out, "{number}"),
        Some(float) if float == 0.0 || (1e-6..1e21).contains(&float.abs()) => write!(out, "{float}"),
        Some(float) if float.abs() < 1.0 => write!(out, "{float:e}"),
        Some(float) => write!(out, "{}", format!("{float:e}").replace('e', "e+")),
    };
}
