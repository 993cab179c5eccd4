//! Where a value is set: keys and indices, which may follow each other.

use serde_json::{Map, Value};

use super::error::{INDEX_MAX, NAME_LEVEL_MAX, SetError, SetStop};
use super::parser::{Parser, SetFlag};
use crate::json;

impl Parser<'_> {
    /// Parses a key and its value, and sets it.
    pub(super) fn key(
        &mut self,
        into: &mut Map<String, Value>,
        level: usize,
    ) -> Result<(), SetStop> {
        self.meter.nodes(1)?;
        let stops: &[char] = match self.form {
            SetFlag::Literal => &['=', '[', '.'],
            _ => &['=', '[', ',', '.'],
        };
        let (key, stop) = self.text.until(stops, self.is_literal());
        self.meter.bytes(key.len() as u64)?;
        match stop {
            None if key.is_empty() => Err(SetStop::End),
            None => Err(SetError::NoValue(key).into()),
            Some('[') => self.list(key, into, level),
            Some('.') => self.table(key, into, level),
            Some(',') => Err(SetError::NoValueBeforeComma(key).into()),
            Some(_) => {
                let value = self.value(&key);
                if let Ok(value) = value {
                    set(into, key, value);
                    return Ok(());
                }
                // The end of the line is an empty text here.
                if let Err(SetStop::End) = value {
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
    ) -> Result<(), SetStop> {
        if level >= NAME_LEVEL_MAX {
            return Err(SetError::TooDeep.into());
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
            Ok(()) if is_empty => Err(SetError::EmptyMap(key).into()),
            parsed => parsed,
        }
    }

    /// Parses an index and what follows it.
    fn list(
        &mut self,
        key: String,
        into: &mut Map<String, Value>,
        level: usize,
    ) -> Result<(), SetStop> {
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

    // === Indices ===

    /// Parses an index, after its `[`.
    fn index(&mut self) -> Result<i64, SetStop> {
        let (text, stop) = self.text.until(&[']'], self.is_literal());
        stop.ok_or(SetStop::End)?;
        text.parse().map_err(|_| SetError::Index(text).into())
    }

    /// Parses what follows an index, and sets the item.
    fn item(
        &mut self,
        list: &mut Vec<Value>,
        index: i64,
        level: usize,
        depth: usize,
    ) -> Result<(), SetStop> {
        if index < 0 {
            return Err(SetError::NegativeIndex(index).into());
        }
        if depth >= NAME_LEVEL_MAX {
            return Err(SetError::TooManyIndices.into());
        }
        let (text, stop) = self.text.until(&['[', '.', '='], self.is_literal());
        if !text.is_empty() {
            return Err(SetError::AfterIndex(text).into());
        }
        match stop.ok_or(SetStop::End)? {
            '[' => self.inner_list(list, index, level, depth),
            '.' => self.inner_table(list, index, level),
            _ => {
                let value = match self.value(&index.to_string()) {
                    Err(SetStop::End) => Value::String(String::new()),
                    value => value?,
                };
                self.set_item(list, index, value)
            }
        }
    }

    fn inner_list(
        &mut self,
        list: &mut Vec<Value>,
        index: i64,
        level: usize,
        depth: usize,
    ) -> Result<(), SetStop> {
        let next = self.index()?;
        let mut inner = match found(list, index).map(Value::take) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(inner)) => inner,
            Some(other) => return Err(mismatch(index.to_string(), &other, "a list")),
        };
        let parsed = self.item(&mut inner, next, level, depth + 1);
        match parsed {
            Ok(()) => self.set_item(list, index, Value::Array(inner)),
            Err(stop) => {
                if let Some(item) = found(list, index) {
                    *item = Value::Array(inner);
                }
                Err(stop)
            }
        }
    }

    fn inner_table(
        &mut self,
        list: &mut Vec<Value>,
        index: i64,
        level: usize,
    ) -> Result<(), SetStop> {
        let mut inner = match found(list, index).map(Value::take) {
            Some(Value::Object(inner)) => inner,
            _ => Map::new(),
        };
        let parsed = self.key(&mut inner, level);
        match parsed {
            Ok(()) => self.set_item(list, index, Value::Object(inner)),
            Err(stop) => {
                // An item that was not there is set by a complete line only.
                if let Some(item) = found(list, index) {
                    *item = Value::Object(inner);
                }
                Err(stop)
            }
        }
    }

    fn set_item(&mut self, list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), SetStop> {
        let at = usize::try_from(index).ok().filter(|at| *at <= INDEX_MAX);
        let at = at.ok_or(SetError::LargeIndex(index))?;
        if list.len() <= at {
            self.meter.nodes((at + 1 - list.len()) as u64)?;
            list.resize(at + 1, Value::Null);
        }
        if let Some(item) = list.get_mut(at) {
            *item = value;
        }
        Ok(())
    }
}

/// Sets a key; an empty one is ignored.
fn set(into: &mut Map<String, Value>, key: String, value: Value) {
    if !key.is_empty() {
        into.insert(key, value);
    }
}

fn found(list: &mut [Value], index: i64) -> Option<&mut Value> {
    list.get_mut(usize::try_from(index).ok()?)
}

fn mismatch(key: String, found: &Value, want: &'static str) -> SetStop {
    let found = json::kind(found);
    SetError::Mismatch { key, found, want }.into()
}
