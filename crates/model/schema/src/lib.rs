//! The structure of Kubernetes objects: types, list keys, defaults.
//!
//! A [`Schema`] is a table of types that refer to each other by number, so that following a
//! reference is an index and not a search. [`builtin()`] has the types of Kubernetes itself,
//! [`resources()`] where they are served, and [`fields()`] how Go reads and writes them. Other
//! types are read from three forms: `OpenAPI` v3 documents ([`openapi`]), the structural schema of
//! a custom resource ([`structural`]), and the form in which structured merges are specified
//! ([`plain`]).
//!
//! ```
//! use lode_schema::{Schema, Shape, plain};
//! use serde_json::json;
//!
//! let schema = plain::read(&json!({"types": [
//!     {"name": "app", "map": {"fields": [{"name": "ports", "type": {"list": {
//!         "elementType": {"scalar": "numeric"}, "elementRelationship": "associative"}}}]}},
//! ]})).unwrap();
//! let app = schema.named("app").unwrap();
//! let Shape::Map(map) = schema.shape(app, &json!({"ports": [80]})) else { panic!() };
//! assert!(map.field("ports").is_some() && map.field("port").is_none());
//! ```
//!
//! Left out: descriptions, patterns and bounds.

mod build;
mod builtin;
pub mod fields;
mod json;
pub mod kinds;
pub mod openapi;
pub mod plain;
mod resources;
pub mod structural;
mod types;

pub use build::Builder;
pub use builtin::{Builtin, builtin, published};
pub use fields::{Fields, fields};
pub use kinds::Kinds;
pub use resources::{ApiResource, Resources, Subresource, resources};
pub use types::{
    Atom, Field, Format, List, ListView, Map, MapView, PatchStrategy, Scalar, Schema, Shape,
    TypeId, TypeRef,
};
