//! JSON text as Go's `encoding/json` writes it.
//!
//! Release records are compared and hashed by other programs, so numbers and escapes are Go's:
//! `1` for the float 1, `1e+21` from there on, and `\u003c` for `<`.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::Formatter;

/// Returns a value as Go's JSON text.
///
/// # Errors
/// The value has no JSON form.
pub fn text<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Go);
    value.serialize(&mut serializer)?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// Returns what kind of value this is, as messages about values call it.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// Returns a float as Go's JSON encoder prints it.
pub(crate) fn float(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return value.to_string();
    }

    let shortest = format!("{value:e}");
    match shortest.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => shortest,
    }
}

/// Go's way of writing what JSON leaves open.
struct Go;

impl Formatter for Go {
    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(float(value).as_bytes())
    }

    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_escaped) {
            let (before, after) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;

            let Some(letter) = after.chars().next() else {
                return Ok(());
            };
            write!(writer, "\\u{:04x}", u32::from(letter))?;
            rest = &after[letter.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Characters that Go escapes because HTML or JavaScript would misread them.
fn is_escaped(letter: char) -> bool {
    matches!(letter, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_gos() {
        for (number, want) in [
            (1.0, "1"),
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (1_000_000.0, "1000000"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (0.000_001, "0.000001"),
            (1e-7, "1e-7"),
        ] {
            assert_eq!(float(number), want);
        }
        assert_eq!(text(&json!([1, 1.0, -2])).unwrap(), "[1,1,-2]");
    }

    #[test]
    fn what_html_would_misread_is_escaped() {
        let value = json!({"a<b": "x & y > z\u{2028}\n\u{7f}ü"});
        let want = "{\"a\\u003cb\":\"x \\u0026 y \\u003e z\\u2028\\n\u{7f}ü\"}";
        assert_eq!(text(&value).unwrap(), want);
    }
}
