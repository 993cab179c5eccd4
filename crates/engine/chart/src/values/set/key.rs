//! Keys and their values.

use lode_stdx::budget::Meter;
use serde_json::{Map, Value};

use super::text::Text;
use super::{Error, Form, NAME_LEVEL_MAX, Stop};
use crate::json;
use crate::values::read::float_numbers;

/// A line that is being parsed.
pub(super) struct Parser<'t> {
    pub(super) text: Text<'t>,
    pub(super) form: Form<'t>,
    pub(super) meter: Meter<'t>,
}

impl Parser<'_> {
    /// Parses a key and its value, and sets it.
    pub(super) fn key(&mut self, into: &mut Map<String, Value>, level: usize) -> Result<(), Stop> {
        self.meter.nodes(1)?;
        let stops: &[char] = match self.form {
            Form::Literal => &['=', '[', '.'],
            _ => &['=', '[', ',', '.'],
        };
        let (key, stop) = self.text.until(stops, self.is_literal());
        self.meter.bytes(key.len() as u64)?;
        match stop {
            None if key.is_empty() => Err(Stop::End),
            None => Err(Error::NoValue(key).into()),
            Some('[') => self.list(key, into, level),
            Some('.') => self.table(key, into, level),
            Some(',') => Err(Error::NoValueBeforeComma(key).into()),
            Some(_) => {
                let value = self.value(&key);
                if let Ok(value) = value {
                    set(into, key, value);
                    return Ok(());
                }
                // The end of the line is an empty text here.
                if let Err(Stop::End) = value {
                    set(into, key, Value::String(String::new()));
                }
                value.map(drop)
            }
        }
    }

    /// Parses what is below a key.
    fn table(
        &mut self,
        key: String,
        into: &mut Map<String, Value>,
        level: usize,
    ) -> Result<(), Stop> {
        if level >= NAME_LEVEL_MAX {
            return Err(Error::TooDeep.into());
        }
        let mut inner = match into.remove(&key) {
            None => Map::new(),
            Some(Value::Object(inner)) => inner,
            Some(other) => return Err(mismatch(key, &other, "a table")),
        };

        let parsed = self.key(&mut inner, level + 1);
        let is_empty = inner.is_empty();
        if !is_empty {
            set(into, key.clone(), Value::Object(inner));
        }
        match parsed {
            Ok(()) if is_empty => Err(Error::EmptyMap(key).into()),
            parsed => parsed,
        }
    }

    /// Parses an index and what follows it.
    fn list(
        &mut self,
        key: String,
        into: &mut Map<String, Value>,
        level: usize,
    ) -> Result<(), Stop> {
        let index = self.index()?;
        let mut list = match into.remove(&key) {
            None => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(mismatch(key, &other, "a list")),
        };

        let parsed = self.item(&mut list, index, level, 0);
        set(into, key, Value::Array(list));
        parsed
    }

    /// Parses a value, after its `=`.
    pub(super) fn value(&mut self, key: &str) -> Result<Value, Stop> {
        match self.form {
            Form::Json => return self.json(key),
            Form::Literal => return Ok(self.text.all().into()),
            _ => {}
        }
        self.text.some()?;
        if self.text.take('{') {
            return self.items();
        }
        let (text, _) = self.text.until(&[','], false);
        self.scalar(text)
    }

    fn json(&mut self, key: &str) -> Result<Value, Stop> {
        if self.text.skip_empty() {
            return Ok(Value::Null);
        }
        let value = self.text.json();
        let mut value = value.ok_or_else(|| Error::Json(key.to_owned()))?;
        self.text.skip_empty();
        float_numbers(&mut value);
        Ok(value)
    }

    /// Parses the items of a list, after its `{`.
    fn items(&mut self) -> Result<Value, Stop> {
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.text.until(&[',', '}'], false);
            let stop = stop.ok_or(Error::OpenList)?;
            items.push(self.scalar(text)?);
            if stop == '}' {
                self.text.take(',');
                return Ok(Value::Array(items));
            }
        }
    }

    fn scalar(&mut self, text: String) -> Result<Value, Stop> {
        self.meter.nodes(1)?;
        self.meter.bytes(text.len() as u64)?;
        match self.form {
            Form::Typed => Ok(typed(text)),
            Form::File(read) => {
                let content = read(&text).map_err(Error::File)?;
                self.meter.bytes(content.len() as u64)?;
                Ok(content.into())
            }
            _ => Ok(text.into()),
        }
    }

    pub(super) fn is_literal(&self) -> bool {
        matches!(self.form, Form::Literal)
    }
}

/// Sets a key; an empty one is ignored.
fn set(into: &mut Map<String, Value>, key: String, value: Value) {
    if !key.is_empty() {
        into.insert(key, value);
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

pub(super) fn mismatch(key: String, found: &Value, want: &'static str) -> Stop {
    let found = json::kind(found);
    Error::Mismatch { key, found, want }.into()
}
