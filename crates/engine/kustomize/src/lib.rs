//! kustomization.yaml to objects, as kustomize 5.8.1 builds them.
#![expect(dead_code, reason = "being built")]

mod entry;
mod field;
mod json_patch;
#[cfg(test)]
mod recorded;
mod replacement;
mod resource;
mod schema;
mod selector;
mod strategic;
mod tables;
mod vars;

pub use entry::Wrong;
pub use replacement::{Cause as ReplacementCause, Error as ReplacementError, Fault as PathFault};
pub use selector::{Invalid, Target};
pub use vars::{Cause as VarCause, Error as VarError};
