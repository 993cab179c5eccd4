//! A line that is being parsed, and what comes after `=`.

use lode_stdx::budget::Meter;
use serde_json::Value;

use super::error::{SetError, SetStop};
use super::text::SetLine;
use crate::values::read::float_numbers;

/// Reads the file that a value of `--set-file` names. An error says why it cannot be read.
pub type ReadFile<'f> = &'f dyn Fn(&str) -> Result<String, String>;

/// Which flag a line belongs to: how its values are read.
#[derive(Clone, Copy)]
pub(super) enum SetFlag<'f> {
    /// `true`, `false`, `null` and integers have their types, all others are texts.
    Typed,
    /// All are texts.
    Text,
    /// Each names a file.
    File(ReadFile<'f>),
    /// JSON.
    Json,
    /// Texts, to the end of the line.
    Literal,
}

/// A line that is being parsed.
pub(super) struct Parser<'t> {
    pub(super) text: SetLine<'t>,
    pub(super) form: SetFlag<'t>,
    pub(super) meter: Meter<'t>,
}

impl Parser<'_> {
    /// Parses a value, after its `=`.
    pub(super) fn value(&mut self, key: &str) -> Result<Value, SetStop> {
        match self.form {
            SetFlag::Json => return self.json(key),
            SetFlag::Literal => return Ok(self.text.all().into()),
            _ => {}
        }
        self.text.some()?;
        if self.text.take('{') {
            return self.items();
        }
        let (text, _) = self.text.until(&[','], false);
        self.scalar(text)
    }

    fn json(&mut self, key: &str) -> Result<Value, SetStop> {
        if self.text.skip_empty() {
            return Ok(Value::Null);
        }
        let value = self.text.json();
        let mut value = value.ok_or_else(|| SetError::Json(key.to_owned()))?;
        self.text.skip_empty();
        float_numbers(&mut value);
        Ok(value)
    }

    /// Parses the items of a list, after its `{`.
    fn items(&mut self) -> Result<Value, SetStop> {
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.text.until(&[',', '}'], false);
            let stop = stop.ok_or(SetError::OpenList)?;
            items.push(self.scalar(text)?);
            if stop == '}' {
                self.text.take(',');
                return Ok(Value::Array(items));
            }
        }
    }

    fn scalar(&mut self, text: String) -> Result<Value, SetStop> {
        self.meter.nodes(1)?;
        self.meter.bytes(text.len() as u64)?;
        match self.form {
            SetFlag::Typed => Ok(typed(text)),
            SetFlag::File(read) => {
                let content = read(&text).map_err(SetError::File)?;
                self.meter.bytes(content.len() as u64)?;
                Ok(content.into())
            }
            _ => Ok(text.into()),
        }
    }

    pub(super) fn is_literal(&self) -> bool {
        matches!(self.form, SetFlag::Literal)
    }
}

/// Returns the value that a text means in `--set`.
fn typed(text: String) -> Value {
    for (word, value) in [
        ("true", Value::Bool(true)),
        ("false", Value::Bool(false)),
        ("null", Value::Null),
        ("0", Value::from(0)),
    ] {
        if text.eq_ignore_ascii_case(word) {
            return value;
        }
    }
    match text.parse::<i64>() {
        Ok(number) if !text.starts_with('0') => number.into(),
        _ => text.into(),
    }
}
