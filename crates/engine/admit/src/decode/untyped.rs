//! [`Untyped`]: JSON as it is, for custom kinds. Only `metadata` has a Go type.

use std::fmt;

use lode_schema::fields::Id;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{
    state::{DecodePath, DecodeState},
    typed::Typed,
};
use crate::protobuf::float;

/// Decodes one value.
pub(super) struct Untyped<'s> {
    pub(super) state: &'s mut DecodeState,
    pub(super) path: DecodePath<'s>,
    /// The type of `metadata`, at the root.
    pub(super) metadata: Option<Id>,
}

impl<'de> DeserializeSeed<'de> for Untyped<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Untyped<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    /// Go keeps integers of 63 bits, and converts larger ones to floats.
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or_else(|_| Value::from(number as f64), Value::from))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let Self { state, path, .. } = self;
        let mut items = Vec::new();
        loop {
            let below = Untyped {
                state: &mut *state,
                path: path.index(items.len()),
                metadata: None,
            };
            match access.next_element_seed(below)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let Self {
            state,
            path,
            metadata,
        } = self;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.contains_key(&key) {
                state.duplicate(&key, &path);
            }
            let below = path.key(&key);
            let value = match metadata.filter(|_| key == "metadata") {
                Some(ty) => access.next_value_seed(Typed::new(state, ty, below))?,
                None => access.next_value_seed(Untyped {
                    state: &mut *state,
                    path: below,
                    metadata: None,
                })?,
            };
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}
