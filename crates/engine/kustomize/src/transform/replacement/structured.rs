//! YAML or JSON inside a text: parsed, and written again in the form it had.
//!
//! Input: a scalar's text. Output: its first document as a node; and the text of a changed node,
//! JSON if it was JSON (keys sorted, indented if it was), otherwise YAML with its comments.
//!
//! Left out: anchors and aliases, which are written out in full, and duplicate keys, which are
//! refused.

use std::fmt::Write as _;

use lode_stdx::budget::{Budget, Exceeded};
use lode_yaml::{Cause, DEPTH_MAX, Dialect, Node, Nodes, Options, Origins};
use serde_json::{Number, Value};

/// Reads a text's first document; `None` if there is none or it is not YAML.
pub(super) fn read(text: &str, budget: &Budget) -> Result<Option<Node>, Exceeded> {
    let nodes = Nodes::new(text.as_bytes(), Dialect::V3, Origins::default()).with_budget(budget);
    match nodes.with_comments().next() {
        Some(Ok(node)) => Ok(Some(node)),
        Some(Err(lode_yaml::Error {
            cause: Cause::Exceeded(exceeded),
            ..
        })) => Err(exceeded),
        Some(Err(_)) | None => Ok(None),
    }
}

/// Writes a document in the form its text had before; `None` if JSON cannot express it.
pub(super) fn write(
    root: &Node,
    before: &str,
    budget: &Budget,
) -> Result<Option<String>, Exceeded> {
    if !before.trim_start().starts_with(['{', '[']) {
        return shown(root, budget).map(Some);
    }
    let is_indented = before.contains('\n') && before.contains("  ");
    let cost = root.cost();
    cost.charge_value(budget)?;
    // Texts are escaped, and each value may be on a separate, deeply indented line.
    let indents = if is_indented {
        cost.nodes * 2 * DEPTH_MAX as u64
    } else {
        0
    };
    budget.bytes(ESCAPED_MAX * cost.bytes + indents)?;

    let Ok(value) = root.to_value(Dialect::V3) else {
        return Ok(None);
    };
    let mut out = String::new();
    json(&mut out, &value, is_indented.then_some(0));
    Ok(Some(out))
}

/// How many times longer a text may become by escaping.
const ESCAPED_MAX: u64 = 6;

/// Returns a value as YAML shows it, without surrounding text.
pub(super) fn shown(node: &Node, budget: &Budget) -> Result<String, Exceeded> {
    let text = lode_yaml::write_v3_within(node, Options::default(), budget)?;
    Ok(text.trim().to_owned())
}

/// Appends a value as Go's encoder writes it; `level` is the value's indentation level, if lines
/// are indented.
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

/// Go escapes characters that could end a script in an HTML page.
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

/// Go writes floats without an exponent from 1e-6 up to 1e21.
fn number(out: &mut String, number: &Number) {
    let float = number.as_f64().filter(|_| number.is_f64());
    let _ = match float {
        None => write!(out, "{number}"),
        Some(float) if float == 0.0 || (1e-6..1e21).contains(&float.abs()) => {
            write!(out, "{float}")
        }
        Some(float) if float.abs() < 1.0 => write!(out, "{float:e}"),
        Some(float) => write!(out, "{}", format!("{float:e}").replace('e', "e+")),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, want: Option<&str>) {
        let budget = Budget::unlimited();
        let node = read(before, &budget).unwrap().unwrap();
        assert_eq!(
            write(&node, before, &budget).unwrap().as_deref(),
            want,
            "{before}"
        );
    }

    #[test]
    fn json_stays_json_with_its_keys_sorted() {
        check(
            r#"{"b": 1, "a": [true, null, {}]}"#,
            Some(r#"{"a":[true,null,{}],"b":1}"#),
        );
        check("[1,\n2]", Some("[1,2]"));
        check(
            "{\n  \"b\": 1,\n  \"a\": [],\n \"c\": [1]}\n",
            Some("{\n  \"a\": [],\n  \"b\": 1,\n  \"c\": [\n    1\n  ]\n}"),
        );
        check("{1: a}", None);
    }

    #[test]
    fn json_is_written_as_go_writes_it() {
        check(
            r#"{"a": "<&>\u2028\u0001\b\f\"\\/é"}"#,
            Some(r#"{"a":"\u003c\u0026\u003e\u2028\u0001\b\f\"\\/é"}"#),
        );
        check(
            "[1.50, 1e3, 1e21, 1e-7, 0.000001, 100000000000000000000, 18446744073709551615]",
            Some("[1.5,1000,1e+21,1e-7,0.000001,100000000000000000000,18446744073709551615]"),
        );
        check("[-0.5, -1e300]", Some("[-0.5,-1e+300]"));
    }

    #[test]
    fn yaml_keeps_order_and_styles() {
        check(
            "b: 'x'\na:\n    - 1\n    - \"2\"\nc: [1, {d: e}]\n",
            Some("b: 'x'\na:\n- 1\n- \"2\"\nc: [1, {d: e}]"),
        );
        check("a: 1\n---\nb: 2\n", Some("a: 1"));
        check("plain", Some("plain"));
    }

    #[test]
    fn what_holds_no_data_is_not_read() {
        for text in ["", "# only this\n", "{"] {
            assert_eq!(read(text, &Budget::unlimited()), Ok(None), "{text}");
        }
    }
}
