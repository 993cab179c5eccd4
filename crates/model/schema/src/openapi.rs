//! `OpenAPI` v3 documents, as the API server publishes them.
//!
//! A reference is also recognised as the only member of an `allOf`; only its last segment names the
//! type. `default: {}`, `""`, `0` and `false` mean that a Go field is not a pointer
//! ([`Field::assumed`]).

use serde_json::Value;

use crate::{
    build::Builder,
    json::{text, texts},
    kinds::Kinds,
    types::{Atom, Field, Format, List, Map, PatchStrategy, Scalar, TypeRef},
};

/// Why a document is not a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A member has the wrong type.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// A keyword has an unknown value.
    #[error("unknown {0} \"{1}\"")]
    Unknown(&'static str, String),
    /// Types are nested too deep.
    #[error("types are nested deeper than {DEPTH_MAX}")]
    TooDeep,
}

/// Reads the types of `components.schemas` and the kinds that use them. Types that are already
/// defined are kept.
///
/// # Errors
/// A type is malformed.
pub fn read(schemas: &Value, builder: &mut Builder, kinds: &mut Kinds) -> Result<(), Error> {
    for (name, schema) in schemas.as_object().ok_or(Error::Malformed("schemas"))? {
        if schema.get("$ref").is_some() {
            continue;
        }
        let ty = builder.declare(name);
        if let Some((version, kind)) = kind_of(schema) {
            kinds.insert(&version, kind, ty);
        }
        if builder.is_defined(name) {
            continue;
        }
        let atom = match name.as_str() {
            QUANTITY => Atom {
                scalar: Some(Scalar::Untyped),
                format: Format::Quantity,
                ..Atom::default()
            },
            RAW_EXTENSION => crate::build::any(),
            _ => SchemaReader {
                builder,
                zero_is_assumed: true,
            }
            .atom(schema, false, 0)?,
        };
        builder.define(name, atom);
    }
    Ok(())
}

/// Returns whether a value is what Go writes for a field that was never set. A map with fields is not, whatever they hold.
#[must_use]
pub fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// Returns `apiVersion` and `kind` of the objects that a type describes; helper types that serve
/// every group have none.
fn kind_of(schema: &Value) -> Option<(String, &str)> {
    let [only] = schema
        .get("x-kubernetes-group-version-kind")?
        .as_array()?
        .as_slice()
    else {
        return None;
    };
    let text = |key: &str| only.get(key).and_then(Value::as_str);
    let (group, version) = (text("group")?, text("version")?);
    let api_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    Some((api_version, text("kind")?))
}

/// Reads one schema into a builder.
pub(crate) struct SchemaReader<'b> {
    pub(crate) builder: &'b mut Builder,
    /// Whether zero values are not defaults of the API.
    pub(crate) zero_is_assumed: bool,
}

impl SchemaReader<'_> {
    pub(crate) fn atom(
        &mut self,
        schema: &Value,
        unknown: bool,
        depth: usize,
    ) -> Result<Atom, Error> {
        if depth > DEPTH_MAX {
            return Err(Error::TooDeep);
        }
        let unknown = unknown || flag(schema, "x-kubernetes-preserve-unknown-fields");
        let format = format(schema);
        let values = values(schema);
        let atom = Atom {
            format,
            values,
            ..Atom::default()
        };
        Ok(match text(schema, "type").unwrap_or_default() {
            // Published with several types; the server treats it as a scalar.
            "" if text(schema, "format") == Some(INT_OR_STRING) => Atom {
                scalar: Some(Scalar::Untyped),
                ..atom
            },
            "" => Atom {
                scalar: Some(Scalar::Untyped),
                list: Some(self.list(schema, unknown, depth)?),
                map: Some(self.map(schema, unknown, depth)?),
                ..atom
            },
            "object" => Atom {
                map: Some(self.map(schema, unknown, depth)?),
                ..atom
            },
            "array" => Atom {
                list: Some(self.list(schema, unknown, depth)?),
                ..atom
            },
            "integer" | "number" => Atom {
                scalar: Some(Scalar::Numeric),
                ..atom
            },
            "boolean" => Atom {
                scalar: Some(Scalar::Boolean),
                ..atom
            },
            "string" => Atom {
                scalar: Some(string(schema)),
                ..atom
            },
            other => return Err(Error::Unknown("type", other.to_owned())),
        })
    }

    fn reference(&mut self, schema: &Value, unknown: bool, depth: usize) -> Result<TypeRef, Error> {
        if let Some(name) = referenced(schema) {
            let atomic = text(schema, "x-kubernetes-map-type")
                .map(map_is_atomic)
                .transpose()?;
            return Ok(self.builder.declare(name).with_atomic(atomic));
        }
        let atom = self.atom(schema, unknown, depth + 1)?;
        Ok(self.builder.inline(atom))
    }

    fn list(&mut self, schema: &Value, unknown: bool, depth: usize) -> Result<List, Error> {
        let element = match schema.get("items") {
            Some(items) => self.reference(items, unknown, depth)?,
            None => TypeRef::ANY,
        };
        let (atomic, keys) = match text(schema, "x-kubernetes-list-type") {
            Some("atomic") => (true, Box::default()),
            Some("set") => (false, Box::default()),
            Some("map") => (false, texts(schema, "x-kubernetes-list-map-keys")),
            Some(other) => return Err(Error::Unknown("list type", other.to_owned())),
            None => {
                let patch = patch(schema);
                (
                    !patch.merge,
                    patch.key.filter(|_| patch.merge).into_iter().collect(),
                )
            }
        };
        Ok(List {
            element,
            atomic,
            keys,
        })
    }

    fn map(&mut self, schema: &Value, unknown: bool, depth: usize) -> Result<Map, Error> {
        let required = texts(schema, "required");
        let mut fields = Vec::new();
        for (name, member) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let ty = self.reference(member, unknown, depth)?;
            let default = member
                .get("default")
                .filter(|default| !default.is_null())
                .cloned();
            let assumed = self.zero_is_assumed && default.as_ref().is_some_and(is_unset);
            let required = required.contains(&Box::from(name.as_str()));
            fields.push(Field {
                name: name.as_str().into(),
                ty,
                default,
                assumed,
                required,
                patch: patch(member),
            });
        }
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        let element = match schema.get("additionalProperties") {
            Some(Value::Bool(allowed)) => allowed.then_some(TypeRef::DEDUCED),
            Some(of) => Some(self.reference(of, unknown, depth)?),
            None => (unknown || fields.is_empty()).then_some(TypeRef::DEDUCED),
        };
        let atomic = text(schema, "x-kubernetes-map-type")
            .map(map_is_atomic)
            .transpose()?
            .unwrap_or(false);
        Ok(Map {
            fields: fields.into(),
            element,
            atomic,
            preserve_unknown: unknown,
        })
    }
}

fn referenced(schema: &Value) -> Option<&str> {
    let direct = text(schema, "$ref");
    let wrapped = || match schema.get("allOf")?.as_array()?.as_slice() {
        [only] => text(only, "$ref"),
        _ => None,
    };
    direct.or_else(wrapped)?.rsplit('/').next()
}

fn string(schema: &Value) -> Scalar {
    match text(schema, "format").unwrap_or_default() {
        "" | "byte" => Scalar::String,
        _ => Scalar::Untyped,
    }
}

fn format(schema: &Value) -> Format {
    if flag(schema, "x-kubernetes-int-or-string") {
        return Format::IntOrString;
    }
    match (
        text(schema, "type").unwrap_or_default(),
        text(schema, "format").unwrap_or_default(),
    ) {
        (_, INT_OR_STRING) => Format::IntOrString,
        ("integer", _) => Format::Integer,
        ("string", "date-time") => Format::Time,
        ("string", "byte") => Format::Bytes,
        _ => Format::None,
    }
}

fn values(schema: &Value) -> Box<[Box<str>]> {
    texts(schema, "enum")
}

fn patch(schema: &Value) -> PatchStrategy {
    let strategy = text(schema, "x-kubernetes-patch-strategy").unwrap_or_default();
    let has = |word: &str| strategy.split(',').any(|part| part == word);
    let key = text(schema, "x-kubernetes-patch-merge-key").map(Into::into);
    PatchStrategy {
        merge: has("merge"),
        replace: has("replace"),
        retain_keys: has("retainKeys"),
        key,
    }
}

fn map_is_atomic(word: &str) -> Result<bool, Error> {
    match word {
        "atomic" => Ok(true),
        "granular" => Ok(false),
        other => Err(Error::Unknown("map type", other.to_owned())),
    }
}

fn flag(schema: &Value, key: &str) -> bool {
    schema.get(key).and_then(Value::as_bool) == Some(true)
}

/// Deepest nesting of types that is read.
const DEPTH_MAX: usize = 64;
const INT_OR_STRING: &str = "int-or-string";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";
