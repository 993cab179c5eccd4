//! Reads values from YAML.

use lode_stdx::budget::Budget;
use lode_yaml::Dialect;
use serde_json::{Map, Number, Value};

use super::merge::merge;

/// Why a text is not values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValuesReadError {
    /// Not YAML. The position is that in its document.
    #[error("document {document}: {source}")]
    Yaml {
        /// Number of the document, from 1.
        document: usize,
        /// Position and reason.
        source: lode_yaml::Error,
    },
    /// A `---` line with more than a comment after it.
    #[error("line {line}: only a comment may follow --- on its line")]
    Separator {
        /// Line, from 1.
        line: usize,
    },
    /// A document that is not a table.
    #[error("document {document} is not a table")]
    NotATable {
        /// Number of the document, from 1.
        document: usize,
    },
}

/// Reads values from a text of one or more documents; later ones override earlier ones.
///
/// # Errors
/// A document is not YAML or not a table, or the budget is exceeded.
pub fn read(text: &[u8], budget: &Budget) -> Result<Map<String, Value>, ValuesReadError> {
    let mut values = Map::new();
    for (index, document) in documents(text)?.into_iter().enumerate() {
        let number = index + 1;
        let value = lode_yaml::parse_within(document, Dialect::V2, budget);
        match value.map_err(|source| ValuesReadError::Yaml {
            document: number,
            source,
        })? {
            Value::Object(mut map) => {
                map.values_mut().for_each(float_numbers);
                merge(&mut values, map);
            }
            Value::Null => {}
            _ => return Err(ValuesReadError::NotATable { document: number }),
        }
    }
    Ok(values)
}

/// Splits a text at lines that begin with `---`. The first document may begin with one.
fn documents(text: &[u8]) -> Result<Vec<&[u8]>, ValuesReadError> {
    let mut documents = Vec::new();
    let (mut start, mut end) = (0, 0);
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let line_start = end;
        end += line.len();
        let Some(rest) = line.strip_prefix(b"---") else {
            continue;
        };
        if rest.trim_ascii().first().is_some_and(|byte| *byte != b'#') {
            return Err(ValuesReadError::Separator { line: index + 1 });
        }

        if start < line_start {
            documents.extend(text.get(start..line_start));
            start = end;
        }
    }

    documents.extend(text.get(start..end).filter(|rest| !rest.is_empty()));
    Ok(documents)
}

/// Makes floats of all numbers, as Go's JSON decoder does.
pub(super) fn float_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().and_then(Number::from_f64) {
                *number = float;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(float_numbers),
        Value::Object(map) => map.values_mut().for_each(float_numbers),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Value, ValuesReadError> {
        super::read(text.as_bytes(), &Budget::unlimited()).map(Value::Object)
    }

    #[test]
    fn all_numbers_are_floats() {
        let values = read("a: 1\nb: [2, {c: 0x10}]\nd: 12345678901234567890\ne: yes\n").unwrap();
        let want = json!({"a": 1.0, "b": [2.0, {"c": 16.0}], "d": 12_345_678_901_234_567_000.0_f64, "e": true});
        assert_eq!(values, want);
    }

    #[test]
    fn later_documents_override_earlier_ones() {
        let text = "---\na: {b: 1, c: 2}\n--- # more\na: {b: 3}\n---\n# nothing\n";
        assert_eq!(read(text).unwrap(), json!({"a": {"b": 3.0, "c": 2.0}}));
        assert_eq!(read("").unwrap(), json!({}));
        assert_eq!(read("null").unwrap(), json!({}));
    }

    #[test]
    fn what_is_not_a_table_is_refused() {
        assert_eq!(
            read("a: 1\n---\n- b\n"),
            Err(ValuesReadError::NotATable { document: 2 })
        );
        assert_eq!(
            read("a: 1\n--- b: 2\n"),
            Err(ValuesReadError::Separator { line: 2 })
        );
        assert!(matches!(
            read("a: [\n"),
            Err(ValuesReadError::Yaml { document: 1, .. })
        ));
    }
}
