//! [`Supplied`]: the values that a user supplies, from files and command line.

use lode_stdx::budget::Budget;
use serde_json::{Map, Value};

use super::read::{self, float_numbers};
use super::set::{self, ReadFile};
use super::{merge, read as read_values};

/// Values from files and flags, in the order in which Helm applies them: later kinds win over
/// earlier ones, and later ones of a kind over those before.
#[derive(Clone, Copy, Default)]
pub struct Supplied<'s> {
    /// `--values`: name and content of each file.
    pub files: &'s [(&'s str, &'s [u8])],
    /// `--set-json`: an object, or a line.
    pub set_json: &'s [&'s str],
    /// `--set`.
    pub set: &'s [&'s str],
    /// `--set-string`.
    pub set_string: &'s [&'s str],
    /// `--set-file`.
    pub set_file: &'s [&'s str],
    /// `--set-literal`.
    pub set_literal: &'s [&'s str],
}

/// Why supplied values are refused. No text contains a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuppliedError {
    /// A file is not values.
    #[error("failed to parse {name}: {source}")]
    File {
        /// The file.
        name: String,
        /// The reason.
        source: read::ValuesReadError,
    },
    /// A flag is malformed.
    #[error("failed parsing --{flag} data: {source}")]
    Set {
        /// The flag.
        flag: &'static str,
        /// The reason.
        source: set::SetError,
    },
    /// The object of a `--set-json` flag is not JSON.
    #[error("failed parsing --set-json data JSON: line {line}, column {column}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
}

impl Supplied<'_> {
    /// Merges all values. `read_file` reads what `--set-file` names.
    ///
    /// # Errors
    /// A file or flag is malformed, or the budget is exceeded.
    pub fn merge(
        &self,
        read_file: ReadFile<'_>,
        budget: &Budget,
    ) -> Result<Map<String, Value>, SuppliedError> {
        let mut values = Map::new();
        for (name, content) in self.files {
            let file = |source| SuppliedError::File {
                name: (*name).to_owned(),
                source,
            };
            merge(&mut values, read_values(content, budget).map_err(file)?);
        }

        for text in self.set_json {
            set_json(text.trim(), &mut values, budget)?;
        }
        let failed = |flag| move |source| SuppliedError::Set { flag, source };
        for line in self.set {
            set::typed(line, &mut values, budget).map_err(failed("set"))?;
        }
        for line in self.set_string {
            set::texts(line, &mut values, budget).map_err(failed("set-string"))?;
        }
        for line in self.set_file {
            set::files(line, &mut values, read_file, budget).map_err(failed("set-file"))?;
        }
        for line in self.set_literal {
            set::literal(line, &mut values, budget).map_err(failed("set-literal"))?;
        }
        Ok(values)
    }
}

fn set_json(
    text: &str,
    values: &mut Map<String, Value>,
    budget: &Budget,
) -> Result<(), SuppliedError> {
    let failed = |source| SuppliedError::Set {
        flag: "set-json",
        source,
    };
    if !text.starts_with('{') {
        return set::json(text, values, budget).map_err(failed);
    }

    budget
        .bytes(text.len() as u64 * JSON_BYTES_PER_BYTE)
        .map_err(|exceeded| failed(exceeded.into()))?;
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| SuppliedError::Json {
            line: error.line(),
            column: error.column(),
        })?;
    let mut object = Value::Object(object);
    float_numbers(&mut object);
    if let Value::Object(object) = object {
        merge(values, object);
    }
    Ok(())
}

/// Memory that JSON values need for each byte of text, at most.
const JSON_BYTES_PER_BYTE: u64 = 32;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(supplied: &Supplied<'_>) -> Result<Value, SuppliedError> {
        let read = |name: &str| Ok(format!("content of {name}"));
        supplied
            .merge(&read, &Budget::unlimited())
            .map(Value::Object)
    }

    #[test]
    fn flags_win_over_files_in_helms_order() {
        let supplied = Supplied {
            files: &[
                ("a.yaml", b"a: {x: 1, w: 1, z: 1}\n"),
                ("b.yaml", b"a: {w: 2}\nb: 2\n"),
            ],
            set_json: &["{\"a\": {\"z\": 3}}", "b=3"],
            set: &["b=4,c=4"],
            set_string: &["c=5,d=5"],
            set_file: &["d=f,e=f"],
            set_literal: &["e=7,"],
        };
        let want = json!({
            "a": {"x": 1.0, "w": 2.0, "z": 3.0}, "b": 4, "c": "5", "d": "content of f", "e": "7,",
        });
        assert_eq!(merged(&supplied).unwrap(), want);
    }

    #[test]
    fn errors_name_the_file_or_flag() {
        for (supplied, want) in [
            (
                Supplied {
                    files: &[("a.yaml", b"- b\n")],
                    ..Supplied::default()
                },
                "failed to parse a.yaml: document 1 is not a table",
            ),
            (
                Supplied {
                    set: &["a"],
                    ..Supplied::default()
                },
                "failed parsing --set data: key \"a\" has no value",
            ),
            (
                Supplied {
                    set_json: &["{x}"],
                    ..Supplied::default()
                },
                "failed parsing --set-json data JSON: line 1, column 2",
            ),
        ] {
            assert_eq!(merged(&supplied).unwrap_err().to_string(), want);
        }
    }
}
