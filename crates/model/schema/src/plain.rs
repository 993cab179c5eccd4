//! The form in which structured merges are specified: `types: [{name, scalar | list | map}]`.

use serde_json::{Map as Json, Value};

use crate::{
    build::Builder,
    openapi::is_unset,
    types::{Atom, Field, List, Map, PatchStrategy, Scalar, Schema, TypeRef},
};

/// Why a document is not a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A member is missing or has the wrong type.
    #[error("{0} is missing or malformed")]
    Malformed(&'static str),
    /// A scalar of an unknown type.
    #[error("no such scalar: \"{0}\"")]
    Scalar(String),
    /// Types are nested too deep.
    #[error("types are nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// A type that is used is not defined.
    #[error("type \"{0}\" is not defined")]
    Undefined(String),
}

/// Reads a schema.
///
/// # Errors
/// The document is not a schema, or uses a type that it does not define.
pub fn read(document: &Value) -> Result<Schema, Error> {
    let mut builder = Builder::default();
    let types = document
        .get("types")
        .and_then(Value::as_array)
        .ok_or(Error::Malformed("types"))?;
    for ty in types {
        let ty = ty.as_object().ok_or(Error::Malformed("types"))?;
        let name = ty
            .get("name")
            .and_then(Value::as_str)
            .ok_or(Error::Malformed("name"))?;
        let atom = atom(&mut builder, ty, 0)?;
        builder.define(name, atom);
    }
    if let Some(name) = builder.undefined().next() {
        return Err(Error::Undefined(name.to_owned()));
    }
    Ok(builder.finish())
}

fn atom(builder: &mut Builder, ty: &Json<String, Value>, depth: usize) -> Result<Atom, Error> {
    if depth > DEPTH_MAX {
        return Err(Error::TooDeep);
    }
    let scalar = ty
        .get("scalar")
        .and_then(Value::as_str)
        .map(scalar)
        .transpose()?;
    let list = ty
        .get("list")
        .map(|ty| list(builder, ty, depth))
        .transpose()?;
    let map = ty
        .get("map")
        .map(|ty| map(builder, ty, depth))
        .transpose()?;
    Ok(Atom {
        scalar,
        list,
        map,
        ..Atom::default()
    })
}

fn scalar(name: &str) -> Result<Scalar, Error> {
    Ok(match name {
        "numeric" | "number" => Scalar::Numeric,
        "string" => Scalar::String,
        "boolean" => Scalar::Boolean,
        "untyped" => Scalar::Untyped,
        other => return Err(Error::Scalar(other.to_owned())),
    })
}

fn list(builder: &mut Builder, ty: &Value, depth: usize) -> Result<List, Error> {
    let element = reference(builder, ty.get("elementType"), depth)?.unwrap_or(TypeRef::ANY);
    let keys = ty
        .get("keys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    Ok(List {
        element,
        atomic: relationship(ty) != Some("associative"),
        keys: keys.map(Into::into).collect(),
    })
}

fn map(builder: &mut Builder, ty: &Value, depth: usize) -> Result<Map, Error> {
    let declared = ty
        .get("fields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut fields = declared
        .map(|entry| field(builder, entry, depth))
        .collect::<Result<Vec<_>, _>>()?;
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    let element = reference(builder, ty.get("elementType"), depth)?;
    Ok(Map {
        fields: fields.into(),
        element,
        atomic: relationship(ty) == Some("atomic"),
        preserve_unknown: false,
    })
}

fn field(builder: &mut Builder, entry: &Value, depth: usize) -> Result<Field, Error> {
    let name = entry
        .get("name")
        .and_then(Value::as_str)
        .ok_or(Error::Malformed("name of a field"))?;
    let ty = reference(builder, entry.get("type"), depth)?.unwrap_or(TypeRef::ANY);
    let default = entry
        .get("default")
        .filter(|default| !default.is_null())
        .cloned();
    let assumed = default.as_ref().is_some_and(is_unset);
    Ok(Field {
        name: name.into(),
        ty,
        default,
        assumed,
        required: false,
        patch: PatchStrategy::default(),
    })
}

fn reference(
    builder: &mut Builder,
    ty: Option<&Value>,
    depth: usize,
) -> Result<Option<TypeRef>, Error> {
    let Some(ty) = ty.and_then(Value::as_object).filter(|ty| !ty.is_empty()) else {
        return Ok(None);
    };
    let used = if let Some(name) = ty.get("namedType").and_then(Value::as_str) {
        builder.declare(name)
    } else {
        let atom = atom(builder, ty, depth + 1)?;
        builder.inline(atom)
    };
    let atomic = ty
        .get("elementRelationship")
        .and_then(Value::as_str)
        .map(|word| word == "atomic");
    Ok(Some(used.with_atomic(atomic)))
}

fn relationship(ty: &Value) -> Option<&str> {
    ty.get("elementRelationship").and_then(Value::as_str)
}

/// Deepest nesting of types that is read.
const DEPTH_MAX: usize = 64;
