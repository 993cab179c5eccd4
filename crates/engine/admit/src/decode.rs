//! Decodes request bodies into objects of their kind.
//!
//! Input: a kind, and bytes in JSON, YAML or protobuf, or the result of a patch. Output: the object
//! as Go would write it after reading it, and what a strict reader would reject. A built-in kind is
//! read by its Go types: unknown fields and nulls are removed, quantities and times get their
//! canonical form, and fields that Go always writes are added. Of other kinds only `metadata` has a
//! type; the rest is kept as it is.
//!
//! Left out: defaults, and what a definition says about its kind's fields.

mod base64;
mod client;
mod client_step;
pub(crate) mod quantity;
mod refuse;
mod special;
mod state;
mod syntax;
pub(crate) mod time;
mod typed;
mod untyped;

use std::{borrow::Cow, sync::LazyLock};

use lode_schema::{fields, fields::Id};
use lode_yaml::{Cause, Dialect};
use serde::de::{DeserializeSeed, Deserializer};
use serde_json::{Value, json};

use self::{
    refuse::TypeMeta,
    state::{DecodePath, DecodeState},
    typed::Typed,
    untyped::Untyped,
};
use crate::{field_error::FieldError, kind::Kind, protobuf, status::Status};

pub use self::client::{Kept, kept};
pub use self::client_step::ClientStep;
pub use self::state::DROPPED_MAX;
pub use self::syntax::syntax_error;

/// What to do about unknown and duplicate fields (`fieldValidation`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Nothing.
    Ignore,
    /// Warn about them.
    #[default]
    Warn,
    /// Refuse the object.
    Strict,
}

/// The format of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `application/json`
    Json,
    /// `application/yaml`
    Yaml,
    /// `application/vnd.kubernetes.protobuf`
    Protobuf,
}

/// A decoded object and its warnings.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The object, with `apiVersion` and `kind`.
    pub object: Value,
    /// Unknown and duplicate fields, as warnings.
    pub warnings: Vec<String>,
}

impl Media {
    /// Returns the format of a `Content-Type`; JSON if it is empty, nothing if it is unknown.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "" | "application/json" => Some(Self::Json),
            "application/yaml" => Some(Self::Yaml),
            "application/vnd.kubernetes.protobuf" => Some(Self::Protobuf),
            _ => None,
        }
    }
}

/// Decodes the body of a request that creates or replaces an object.
///
/// # Errors
/// The body is not an object of the kind, or has unknown or duplicate fields and validation is
/// strict; the error is that of a real API server.
pub fn body(
    kind: &Kind,
    media: Media,
    bytes: &[u8],
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    if bytes.len() > BODY_MAX {
        let message = format!("Request entity too large: limit is {BODY_MAX}");
        return Err(Status::bare(413, "RequestEntityTooLarge", message));
    }
    let strict = validation != FieldValidation::Ignore;
    let read = match media {
        Media::Json => from_json(go_type(kind), bytes, strict),
        Media::Yaml => from_yaml(go_type(kind), bytes, strict),
        Media::Protobuf => return from_protobuf(kind, bytes),
    };
    let (object, state) = read.map_err(|why| refuse::unrecognized(kind, &why, bytes))?;
    let found = type_meta(&object, kind).map_err(|why| refuse::unrecognized(kind, &why, bytes))?;
    if !found.is_of(kind) {
        return Err(refuse::other(kind, &found, bytes));
    }
    let warnings = state
        .into_findings()
        .map_err(|why| refuse::unusable(kind, &found, &why))?;
    if validation == FieldValidation::Strict && !warnings.is_empty() {
        return Err(refuse::unusable(kind, &found, &strict_message(&warnings)));
    }
    Ok(Decoded {
        object: named(object, kind),
        warnings,
    })
}

/// Decodes the result of a patch.
///
/// # Errors
/// As for [`body`], but 422, as a real API server answers patches.
pub fn value(kind: &Kind, value: &Value, validation: FieldValidation) -> Result<Decoded, Status> {
    let refused = |why: &str| {
        let error = FieldError::invalid("patch", &Value::from(value.to_string()), why);
        Status::invalid_as("", "", "", &[error])
    };
    let (object, state) = read(go_type(kind), value, validation != FieldValidation::Ignore)
        .map_err(|why| refused(&why))?;
    let found = type_meta(&object, kind).map_err(|why| refused(&why))?;
    if !found.is_of(kind) {
        return Err(refuse::other(kind, &found, b""));
    }
    let warnings = state.into_findings().map_err(|why| refused(&why))?;
    if validation == FieldValidation::Strict && !warnings.is_empty() {
        return Err(refused(&strict_message(&warnings)));
    }
    Ok(Decoded {
        object: named(object, kind),
        warnings,
    })
}

/// Decodes the result of an apply.
///
/// # Errors
/// As for [`body`], but 500 if a value has the wrong type, as a real API server answers an apply:
/// the message contains no value of the object.
pub fn applied(
    kind: &Kind,
    object: &Value,
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    value(kind, object, validation).map_err(|refused| {
        let read = read(go_type(kind), object, false).and_then(|(_, state)| state.into_findings());
        match read {
            Err(why) if !kind.is_custom() => refuse::unconvertible(kind, object, &why),
            _ => refused,
        }
    })
}

/// Decodes the body of a deletion: `DeleteOptions` of any group and version. Without a body the
/// result is null.
///
/// # Errors
/// The body is something else.
pub fn delete_options(media: Media, bytes: &[u8]) -> Result<Value, Status> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let ty = fields().of_kind("v1", DELETE_OPTIONS);
    let read = match (media, ty) {
        (Media::Protobuf, Some(ty)) => {
            let opened = protobuf::Envelope::open(bytes);
            let read =
                opened.and_then(|envelope| Ok((envelope.object(ty)?, envelope.kind.into_owned())));
            read.map_err(|error| error.to_string())
        }
        (Media::Yaml, ty) => from_yaml(ty, bytes, false).and_then(options),
        (_, ty) => from_json(ty, bytes, false).and_then(options),
    };
    let (object, kind) = read.map_err(Status::bad_request)?;
    if !kind.is_empty() && kind != DELETE_OPTIONS {
        return Err(Status::bad_request(
            "decoded object cannot be converted to DeleteOptions",
        ));
    }
    Ok(object)
}

/// Returns the options read, and their kind.
fn options((object, state): (Value, DecodeState)) -> Result<(Value, String), String> {
    state.into_findings()?;
    let kind = object
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    Ok((object, kind))
}

fn strict_message(findings: &[String]) -> String {
    format!("strict decoding error: {}", findings.join(", "))
}

/// An object as read, and the findings; or why it cannot be read at all.
type DecodedObject = Result<(Value, DecodeState), String>;

fn from_json(ty: Option<Id>, bytes: &[u8], strict: bool) -> DecodedObject {
    let text = String::from_utf8_lossy(bytes);
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let read = read(ty, &mut deserializer, strict);
    let ended = read.and_then(|read| {
        deserializer
            .end()
            .map(|()| read)
            .map_err(|error| error.to_string())
    });
    ended.map_err(|why| {
        format!(
            "couldn't get version/kind; json parse error: {}",
            syntax_error(bytes).unwrap_or(why)
        )
    })
}

fn from_yaml(ty: Option<Id>, bytes: &[u8], strict: bool) -> DecodedObject {
    let value = lode_yaml::parse(bytes, Dialect::V2)
        .map_err(|error| format!("yaml: line {}: {}", error.line, error.cause))?;
    let (object, mut state) = read(ty, &value, strict)?;
    if strict && let Some(finding) = duplicate_in_yaml(bytes) {
        state.findings.insert(0, finding);
    }
    Ok((object, state))
}

/// Returns the first duplicate key; reading YAML loses them.
fn duplicate_in_yaml(bytes: &[u8]) -> Option<String> {
    match lode_yaml::parse(bytes, Dialect::V3) {
        Err(lode_yaml::Error {
            line,
            cause: Cause::DuplicateKey(key),
            ..
        }) => Some(format!(
            "yaml: unmarshal errors:\n  line {line}: key {key:?} already set in map"
        )),
        _ => None,
    }
}

fn from_protobuf(kind: &Kind, bytes: &[u8]) -> Result<Decoded, Status> {
    let unrecognized = |why: &str| refuse::unrecognized(kind, why, bytes);
    let envelope =
        protobuf::Envelope::open(bytes).map_err(|error| unrecognized(&error.to_string()))?;
    let found = TypeMeta::of(&envelope.api_version, &envelope.kind, kind)
        .map_err(|why| unrecognized(&why))?;
    if !found.is_of(kind) {
        return Err(refuse::other(kind, &found, bytes));
    }
    let Some(ty) = go_type(kind) else {
        return Err(unrecognized("the kind has no message"));
    };
    let object = envelope
        .object(ty)
        .map_err(|error| refuse::unusable(kind, &found, &error.to_string()))?;
    Ok(Decoded {
        object: named(object, kind),
        warnings: Vec::new(),
    })
}

/// Reads an object of a Go type; without a Go type it is a custom one.
fn read<'de, D: Deserializer<'de>>(ty: Option<Id>, deserializer: D, strict: bool) -> DecodedObject {
    let mut state = DecodeState::new(fields(), strict);
    let read = match ty {
        Some(ty) => Typed::new(&mut state, ty, DecodePath::ROOT).deserialize(deserializer),
        None => Untyped {
            state: &mut state,
            path: DecodePath::ROOT,
            metadata: *OBJECT_META,
        }
        .deserialize(deserializer),
    };
    match read {
        Ok(object @ Value::Object(_)) => Ok((object, state)),
        Ok(Value::Null) if !state.has_error() => Ok((json!({}), state)),
        Ok(other) => Err(not_an_object(&other, state)),
        Err(error) => Err(state
            .into_findings()
            .err()
            .unwrap_or_else(|| error.to_string())),
    }
}

/// Returns the Go type of a kind's objects; custom kinds have none.
fn go_type(kind: &Kind) -> Option<Id> {
    if kind.is_custom() {
        return None;
    }
    fields().of_kind(&kind.gvk.api_version(), &kind.gvk.kind)
}

/// Returns Go's error for the kind of something that is not an object.
fn not_an_object(value: &Value, state: DecodeState) -> String {
    let untyped = match value {
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        _ => "bool",
    };
    let typed = state.into_findings().err();
    let found = typed
        .as_deref()
        .and_then(|error| error.split(' ').nth(3))
        .unwrap_or(untyped);
    format!("json: cannot unmarshal {found} into Go value of type {FIND_KIND}")
}

fn type_meta(object: &Value, kind: &Kind) -> Result<TypeMeta, String> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    TypeMeta::of(text("apiVersion"), text("kind"), kind)
}

/// Returns the object with its `apiVersion` and `kind`.
fn named(mut object: Value, kind: &Kind) -> Value {
    if let Some(map) = object.as_object_mut() {
        for (key, text) in [
            ("apiVersion", Cow::from(kind.gvk.api_version())),
            ("kind", Cow::from(&*kind.gvk.kind)),
        ] {
            if map.get(key).and_then(Value::as_str) != Some(&*text) {
                map.insert(key.to_owned(), Value::String(text.into_owned()));
            }
        }
    }
    object
}

static OBJECT_META: LazyLock<Option<Id>> = LazyLock::new(|| fields().named("meta/v1.ObjectMeta"));

/// Largest body, in bytes.
pub const BODY_MAX: usize = 3 * 1024 * 1024;
const DELETE_OPTIONS: &str = "DeleteOptions";
/// The Go type that Go reads the kind into.
const FIND_KIND: &str = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
