//! Indices of lists.

use serde_json::{Map, Value};

use super::key::{Parser, mismatch};
use super::{Error, INDEX_MAX, NAME_LEVEL_MAX, Stop};

impl Parser<'_> {
    /// Parses an index, after its `[`.
    pub(super) fn index(&mut self) -> Result<i64, Stop> {
        let (text, stop) = self.text.until(&[']'], self.is_literal());
        stop.ok_or(Stop::End)?;
        text.parse().map_err(|_| Error::Index(text).into())
    }

    /// Parses what follows an index, and sets the item.
    pub(super) fn item(
        &mut self,
        list: &mut Vec<Value>,
        index: i64,
        level: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        if index < 0 {
            return Err(Error::NegativeIndex(index).into());
        }
        if depth >= NAME_LEVEL_MAX {
            return Err(Error::TooManyIndices.into());
        }
        let (text, stop) = self.text.until(&['[', '.', '='], self.is_literal());
        if !text.is_empty() {
            return Err(Error::AfterIndex(text).into());
        }
        match stop.ok_or(Stop::End)? {
            '[' => self.inner_list(list, index, level, depth),
            '.' => self.inner_table(list, index, level),
            _ => {
                let value = match self.value(&index.to_string()) {
                    Err(Stop::End) => Value::String(String::new()),
                    value => value?,
                };
                self.set(list, index, value)
            }
        }
    }

    fn inner_list(
        &mut self,
        list: &mut Vec<Value>,
        index: i64,
        level: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let next = self.index()?;
        let mut inner = match found(list, index).map(Value::take) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(inner)) => inner,
            Some(other) => return Err(mismatch(index.to_string(), &other, "a list")),
        };
        let parsed = self.item(&mut inner, next, level, depth + 1);
        match parsed {
            Ok(()) => self.set(list, index, Value::Array(inner)),
            Err(stop) => {
                if let Some(item) = found(list, index) {
                    *item = Value::Array(inner);
                }
                Err(stop)
            }
        }
    }

    fn inner_table(&mut self, list: &mut Vec<Value>, index: i64, level: usize) -> Result<(), Stop> {
        let mut inner = match found(list, index).map(Value::take) {
            Some(Value::Object(inner)) => inner,
            _ => Map::new(),
        };
        let parsed = self.key(&mut inner, level);
        match parsed {
            Ok(()) => self.set(list, index, Value::Object(inner)),
            Err(stop) => {
                // An item that was not there is set by a complete line only.
                if let Some(item) = found(list, index) {
                    *item = Value::Object(inner);
                }
                Err(stop)
            }
        }
    }

    fn set(&mut self, list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), Stop> {
        let at = usize::try_from(index).ok().filter(|at| *at <= INDEX_MAX);
        let at = at.ok_or(Error::LargeIndex(index))?;
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

fn found(list: &mut [Value], index: i64) -> Option<&mut Value> {
    list.get_mut(usize::try_from(index).ok()?)
}
