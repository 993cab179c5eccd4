//! kustomization.yaml to objects, as kustomize 5.8.1 builds them.
#![expect(dead_code, reason = "being built")]

mod field;
mod json_patch;
mod resource;
mod schema;
mod selector;
mod strategic;
mod tables;

pub use selector::{Invalid, Target};
