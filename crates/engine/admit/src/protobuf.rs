//! Decodes protobuf bodies (`application/vnd.kubernetes.protobuf`), as typed Go clients send them.
//!
//! Input: four magic bytes and an envelope that names the kind and contains the object's message.
//! Output: the JSON that Go would write for the object. Field numbers and types come from
//! [`lode_schema::fields()`]; unknown fields of a message are skipped, as in Go.
//!
//! Left out: writing protobuf. Every client that sends it also accepts JSON.

mod error;
mod special;
mod wire;

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use lode_schema::{
    fields,
    fields::{Field, Fields, Id, Member, Sort, Struct, written},
};
use serde_json::{Map, Value};

pub use self::error::{Error, QuantityError};

use self::error::{DEPTH_MAX, MESSAGES_MAX};
use self::wire::{Payload, Wire, text};

/// The envelope of an object.
#[derive(Debug, Clone)]
pub struct Envelope<'b> {
    /// The object's `apiVersion`, or empty.
    pub api_version: Cow<'b, str>,
    /// The object's `kind`, or empty.
    pub kind: Cow<'b, str>,
    message: &'b [u8],
}

impl<'b> Envelope<'b> {
    /// Parses the envelope.
    ///
    /// # Errors
    /// It is empty, begins differently, or is truncated.
    pub fn open(body: &'b [u8]) -> Result<Self, Error> {
        let rest = match body.strip_prefix(&MAGIC) {
            None if body.is_empty() => return Err(Error::Empty),
            None => return Err(Error::Prefix),
            Some([]) => return Err(Error::EmptyBody),
            Some(rest) => rest,
        };
        let mut envelope = Self {
            api_version: "".into(),
            kind: "".into(),
            message: &[],
        };
        let mut wire = Wire::new(rest);
        while let Some((number, payload)) = wire.next()? {
            match (number, payload) {
                (1, Payload::Bytes(bytes)) => envelope.type_meta(bytes)?,
                (2, Payload::Bytes(bytes)) => envelope.message = bytes,
                _ => {}
            }
        }
        Ok(envelope)
    }

    fn type_meta(&mut self, bytes: &'b [u8]) -> Result<(), Error> {
        let mut wire = Wire::new(bytes);
        while let Some((number, payload)) = wire.next()? {
            match (number, payload) {
                (1, Payload::Bytes(bytes)) => self.api_version = text(bytes),
                (2, Payload::Bytes(bytes)) => self.kind = text(bytes),
                _ => {}
            }
        }
        Ok(())
    }

    /// Decodes the object as the type that the caller has found for its kind, without `apiVersion`
    /// and `kind`.
    ///
    /// # Errors
    /// The message is truncated, has invalid contents, or exceeds a bound.
    pub fn object(&self, ty: Id) -> Result<Value, Error> {
        let mut decoder = Decoder {
            fields: fields(),
            messages: 0,
        };
        decoder.single(
            ty,
            Payload::Bytes(self.message),
            ValueAt { name: "", depth: 0 },
        )
    }
}

/// Position of a value.
#[derive(Clone, Copy)]
struct ValueAt {
    /// The field.
    name: &'static str,
    /// Number of enclosing messages.
    depth: usize,
}

struct Decoder {
    fields: &'static Fields,
    messages: usize,
}

impl Decoder {
    fn structure(
        &mut self,
        structure: &'static Struct,
        bytes: &[u8],
        object: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), Error> {
        self.messages += 1;
        match () {
            () if depth > DEPTH_MAX => return Err(Error::TooDeep),
            () if self.messages > MESSAGES_MAX => return Err(Error::TooMany),
            () => {}
        }
        let mut wire = Wire::new(bytes);
        while let Some((number, payload)) = wire.next()? {
            match structure.member(number) {
                Some(Member::Field(at)) => {
                    self.field(&structure.fields[at], payload, object, depth)?;
                }
                Some(Member::Inline(ty)) => {
                    let Payload::Bytes(bytes) = payload else {
                        return Err(Error::WireType(""));
                    };
                    if let Some(inlined) = self.fields.structure(ty) {
                        self.structure(inlined, bytes, object, depth + 1)?;
                    }
                }
                None => {}
            }
        }
        Ok(())
    }

    fn field(
        &mut self,
        field: &'static Field,
        payload: Payload<'_>,
        object: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), Error> {
        let at = ValueAt {
            name: field.name,
            depth,
        };
        match &self.fields.get(field.ty).sort {
            Sort::List {
                element,
                wrapped: false,
            } => {
                let Value::Array(items) = object
                    .entry(field.name)
                    .or_insert_with(|| Value::Array(Vec::new()))
                else {
                    return Ok(());
                };
                self.item(*element, payload, items, at)
            }
            Sort::Map { value, .. } => {
                let (key, value) = self.entry(*value, payload, at)?;
                if let Value::Object(map) = object
                    .entry(field.name)
                    .or_insert_with(|| Value::Object(Map::new()))
                {
                    map.insert(key, value);
                }
                Ok(())
            }
            _ => {
                let value = self.single(field.ty, payload, at)?;
                if written::is_omitted(self.fields, field, &value) {
                    object.remove(field.name);
                } else {
                    object.insert(field.name.to_owned(), value);
                }
                Ok(())
            }
        }
    }

    fn item(
        &mut self,
        element: Id,
        payload: Payload<'_>,
        items: &mut Vec<Value>,
        at: ValueAt,
    ) -> Result<(), Error> {
        let scalar = matches!(
            self.fields.get(element).sort,
            Sort::Bool | Sort::Int32 | Sort::Int64
        );
        match payload {
            Payload::Bytes(bytes) if scalar => {
                let mut packed = Wire::new(bytes);
                while let Some(number) = packed.packed()? {
                    items.push(self.single(element, Payload::Varint(number), at)?);
                }
            }
            _ => items.push(self.single(element, payload, at)?),
        }
        Ok(())
    }

    fn entry(
        &mut self,
        ty: Id,
        payload: Payload<'_>,
        at: ValueAt,
    ) -> Result<(String, Value), Error> {
        let Payload::Bytes(bytes) = payload else {
            return Err(Error::WireType(at.name));
        };
        let (mut key, mut value) = (String::new(), None);
        let mut wire = Wire::new(bytes);
        while let Some((number, payload)) = wire.next()? {
            match (number, payload) {
                (1, Payload::Bytes(bytes)) => key = text(bytes).into_owned(),
                (2, payload) => value = Some(self.single(ty, payload, at)?),
                _ => {}
            }
        }
        let unset = || match self.fields.get(ty).sort {
            Sort::Bytes => Value::String(String::new()),
            _ => written::zero(self.fields, ty),
        };
        Ok((key, value.unwrap_or_else(unset)))
    }

    /// Returns a single value of a field.
    fn single(&mut self, ty: Id, payload: Payload<'_>, at: ValueAt) -> Result<Value, Error> {
        let found: &'static _ = self.fields.get(ty);
        Ok(match (&found.sort, payload) {
            (Sort::Pointer(to), payload) => self.single(*to, payload, at)?,
            (Sort::Bool, Payload::Varint(number)) => Value::Bool(number != 0),
            (Sort::Int32, Payload::Varint(number)) => Value::from(number as i32),
            (Sort::Int64, Payload::Varint(number)) => Value::from(number as i64),
            (Sort::Float64, Payload::Fixed64(bits)) => float(f64::from_bits(bits)),
            (Sort::String, Payload::Bytes(bytes)) => Value::from(text(bytes)),
            (Sort::Bytes, Payload::Bytes(bytes)) => Value::String(BASE64_STANDARD.encode(bytes)),
            (Sort::List { element, .. }, Payload::Bytes(bytes)) => {
                self.wrapped(*element, bytes, at)?
            }
            (Sort::Struct(structure), Payload::Bytes(bytes)) => {
                let mut object = Map::new();
                self.structure(structure, bytes, &mut object, at.depth + 1)?;
                written::fill(self.fields, structure, &mut object);
                Value::Object(object)
            }
            (Sort::Special(special), Payload::Bytes(bytes)) => {
                special::value(*special, bytes, |schema| {
                    self.nested_schema(schema, at.depth)
                })?
            }
            _ => return Err(Error::WireType(at.name)),
        })
    }

    /// Returns a JSON schema inside a message with its own encoding; null where there are no schemas.
    fn nested_schema(&mut self, bytes: &[u8], depth: usize) -> Result<Value, Error> {
        let Some(ty) = self.fields.named(JSON_SCHEMA) else {
            return Ok(Value::Null);
        };
        let at = ValueAt {
            name: "schema",
            depth: depth + 1,
        };
        self.single(ty, Payload::Bytes(bytes), at)
    }

    /// A list that is itself a message; an empty one is null, because Go cannot distinguish it from
    /// none.
    fn wrapped(&mut self, element: Id, bytes: &[u8], at: ValueAt) -> Result<Value, Error> {
        let mut items = Vec::new();
        let mut wire = Wire::new(bytes);
        while let Some((number, payload)) = wire.next()? {
            if number == 1 {
                self.item(element, payload, &mut items, at)?;
            }
        }
        Ok(if items.is_empty() {
            Value::Null
        } else {
            Value::Array(items)
        })
    }
}

/// A number as Go writes it: without a fraction if it has none.
pub(crate) fn float(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

const MAGIC: [u8; 4] = *b"k8s\0";
const JSON_SCHEMA: &str = "apiextensions/v1.JSONSchemaProps";
