//! [`Typed`]: decodes JSON as a value of a Go type, into what Go would write for that value.
//!
//! In one pass, unknown fields are dropped, nulls become zero values, and what Go always writes is
//! added. Mismatches are recorded in [`DecodeState`] and decoding continues, because Go does so and
//! because syntax errors take precedence.

use std::fmt;

use lode_schema::{
    fields,
    fields::{Id, Sort, Special, Struct, Type, written},
};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value};

use super::{
    base64,
    special::{self, Scalar},
    state::{DecodePath, DecodeState},
};
use crate::protobuf::float;

/// Decodes one value.
pub(super) struct Typed<'s> {
    pub(super) state: &'s mut DecodeState,
    pub(super) path: DecodePath<'s>,
    ty: Id,
    /// Whether null means an absent value rather than a zero value.
    nullable: bool,
    /// The value of a duplicate field so far: Go decodes the second over the first.
    before: Option<Value>,
}

impl<'s> Typed<'s> {
    pub(super) fn new(state: &'s mut DecodeState, ty: Id, path: DecodePath<'s>) -> Self {
        match state.fields.get(ty).sort {
            Sort::Pointer(to) => Self {
                state,
                path,
                ty: to,
                nullable: true,
                before: None,
            },
            _ => Self {
                state,
                path,
                ty,
                nullable: false,
                before: None,
            },
        }
    }

    fn over(self, before: Option<Value>) -> Self {
        Self { before, ..self }
    }

    fn found(&self) -> &'static Type {
        fields().get(self.ty)
    }

    /// Records that the value has the wrong type.
    fn mismatch(self, found: &str) -> Value {
        self.state.mismatch(found, self.ty, &self.path);
        Value::Null
    }

    fn special(self, special: Special, scalar: Scalar<'_>) -> Value {
        special::value(special, scalar, self.state, &self.path)
    }

    fn number(self, number: Number) -> Value {
        match self.found().sort {
            Sort::Int32
                if number
                    .as_i64()
                    .is_some_and(|number| i32::try_from(number).is_ok()) =>
            {
                Value::Number(number)
            }
            Sort::Int64 if number.as_i64().is_some() => Value::Number(number),
            Sort::Int32 | Sort::Int64
                if self.state.is_client()
                    && let Some(whole) = whole(&number) =>
            {
                self.number(whole.into())
            }
            Sort::Int32 | Sort::Int64 => self.mismatch(&format!("number {number}")),
            Sort::Float64 => number.as_f64().map_or(Value::Null, float),
            Sort::Special(special) => self.special(special, Scalar::Number(&number)),
            _ => self.mismatch("number"),
        }
    }

    fn text(self, text: String) -> Value {
        match self.found().sort {
            Sort::String => Value::String(text),
            Sort::Bytes => match base64::canonical(text) {
                Ok(text) => Value::String(text),
                Err(message) => {
                    self.state.fail(message);
                    Value::Null
                }
            },
            Sort::Special(special) => self.special(special, Scalar::Text(text)),
            _ => self.mismatch("string"),
        }
    }

    fn structure<'de, A: MapAccess<'de>>(
        self,
        structure: &'static Struct,
        mut access: A,
    ) -> Result<Value, A::Error> {
        if !self.state.is_within_bounds(&self.path) {
            return Err(A::Error::custom(""));
        }
        let (
            owner,
            Self {
                state,
                path,
                before,
                ..
            },
        ) = (self.found(), self);
        let is_over = before.is_some();
        let (mut object, mut seen) = (object_of(before), 0_u128);
        while let Some(key) = access.next_key_seed(FieldKey {
            structure,
            strict: state.strict,
        })? {
            let at = match key {
                MatchedKey::Field(at) => at,
                MatchedKey::Unknown(name) => {
                    state.unknown(&name, &path);
                    access.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let field = &structure.fields[at];
            let bit = 1_u128.checked_shl(at as u32).unwrap_or(0);
            let is_twice = seen & bit != 0;
            if is_twice {
                state.duplicate(field.name, &path);
            }
            seen |= bit;
            let before = if is_twice || is_over {
                object.remove(field.name)
            } else {
                None
            };
            let value = Typed::new(state, field.ty, path.field(owner, field)).over(before);
            let Some(value) = access.next_value_seed(Given(value))? else {
                continue;
            };
            if !written::is_omitted(state.fields, field, &value) {
                object.insert(field.name.to_owned(), value);
            }
        }
        if !state.is_client() {
            written::fill(state.fields, structure, &mut object);
        }
        Ok(Value::Object(object))
    }

    fn map<'de, A: MapAccess<'de>>(self, ty: Id, mut access: A) -> Result<Value, A::Error> {
        let Self {
            state,
            path,
            before,
            ..
        } = self;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.contains_key(&key) {
                state.duplicate(&key, &path);
            }
            let value = access.next_value_seed(Typed::new(state, ty, path.key(&key)))?;
            map.insert(key, value);
        }
        let mut whole = object_of(before);
        whole.append(&mut map);
        Ok(Value::Object(whole))
    }

    fn list<'de, A: SeqAccess<'de>>(self, element: Id, mut access: A) -> Result<Value, A::Error> {
        let Self {
            state,
            path,
            before,
            ..
        } = self;
        let mut before = match before {
            Some(Value::Array(items)) => items.into_iter(),
            _ => Vec::new().into_iter(),
        };
        let mut items = Vec::with_capacity(access.size_hint().unwrap_or(0).min(CAPACITY_MAX));
        loop {
            let item = Typed::new(state, element, path.index(items.len())).over(before.next());
            match access.next_element_seed(item)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    /// Decodes within a type with its own decoding, where Go checks neither unknown nor duplicate
    /// fields.
    fn within_special<E>(
        self,
        name: &str,
        read: impl FnOnce(Typed<'_>) -> Result<Value, E>,
    ) -> Result<Value, E> {
        let Some(ty) = self.state.fields.named(name) else {
            return Ok(Value::Null);
        };
        let strict = std::mem::replace(&mut self.state.strict, false);
        let value = read(Typed::new(self.state, ty, self.path));
        self.state.strict = strict;
        value
    }
}

impl<'de> DeserializeSeed<'de> for Typed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.found().sort {
            Sort::Special(Special::RawExtension | Special::FieldsV1 | Special::Json) => {
                serde::Deserialize::deserialize(deserializer)
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Typed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        let is_kept = matches!(
            self.found().sort,
            Sort::Bool | Sort::String | Sort::Int32 | Sort::Int64 | Sort::Float64 | Sort::Struct(_)
        );
        Ok(match self.before {
            _ if self.nullable => Value::Null,
            Some(before) if is_kept => before,
            // An item of a list; null fields are absent.
            _ if self.state.is_client() && matches!(self.found().sort, Sort::Struct(_)) => {
                Value::Object(Map::new())
            }
            _ => written::zero(self.state.fields, self.ty),
        })
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(match self.found().sort {
            Sort::Bool => Value::Bool(truth),
            Sort::Special(special) => self.special(special, Scalar::Bool(truth)),
            _ => self.mismatch("bool"),
        })
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(self.number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(self.number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, |number| self.number(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(self.text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(self.text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        match self.found().sort {
            Sort::List { element, .. } => self.list(element, access),
            Sort::Special(Special::SchemaOrArray) => {
                let value = self.within_special(JSON_SCHEMA, |of| {
                    let element = of.ty;
                    of.list(element, access)
                });
                value.map(null_if_empty)
            }
            Sort::Special(Special::SchemaOrStringArray) => {
                let value = self.within_special(TEXTS, |texts| texts.visit_seq(access));
                value.map(null_if_empty)
            }
            ref sort => {
                while access.next_element::<IgnoredAny>()?.is_some() {}
                Ok(match *sort {
                    Sort::Special(special) => self.special(special, Scalar::Array),
                    _ => self.mismatch("array"),
                })
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        match &self.found().sort {
            Sort::Struct(structure) => self.structure(structure, access),
            Sort::Map { value, .. } => self.map(*value, access),
            Sort::Special(
                Special::SchemaOrBool | Special::SchemaOrArray | Special::SchemaOrStringArray,
            ) => self.within_special(JSON_SCHEMA, |schema| schema.visit_map(access)),
            sort => {
                while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(match sort {
                    Sort::Special(special) => self.special(*special, Scalar::Object),
                    _ => self.mismatch("object"),
                })
            }
        }
    }
}

/// Decodes the value of a field. For a client, null is absent.
struct Given<'s>(Typed<'s>);

impl<'de> DeserializeSeed<'de> for Given<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        if self.0.state.is_client() {
            return deserializer.deserialize_option(self);
        }
        self.0.deserialize(deserializer).map(Some)
    }
}

impl<'de> Visitor<'de> for Given<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_none<E>(self) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

/// Returns the integer that a fraction equals, as Go's converter does.
fn whole(number: &Number) -> Option<i64> {
    let fraction = number.as_f64().filter(|_| number.is_f64())?;
    let fits = fraction.fract().abs() < f64::MIN_POSITIVE && fraction.abs() < WHOLE_MAX;
    fits.then_some(fraction as i64)
}

/// Up to here every integer is exactly representable.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Returns the fields of a value.
fn object_of(before: Option<Value>) -> Map<String, Value> {
    match before {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// Go writes the schema if the list is empty, and there is none.
fn null_if_empty(list: Value) -> Value {
    if list.as_array().is_some_and(Vec::is_empty) {
        Value::Null
    } else {
        list
    }
}

/// Finds the field of a key without allocating the key.
struct FieldKey {
    structure: &'static Struct,
    strict: bool,
}

enum MatchedKey {
    Field(usize),
    Unknown(String),
}

impl<'de> DeserializeSeed<'de> for FieldKey {
    type Value = MatchedKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<MatchedKey, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldKey {
    type Value = MatchedKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<MatchedKey, E> {
        Ok(match self.structure.position(name) {
            Some(at) => MatchedKey::Field(at),
            None if self.strict => MatchedKey::Unknown(name.to_owned()),
            None => MatchedKey::Unknown(String::new()),
        })
    }
}

const JSON_SCHEMA: &str = "apiextensions/v1.JSONSchemaProps";
const TEXTS: &str = "[]string";
/// Most items that are preallocated from a length.
const CAPACITY_MAX: usize = 64;
