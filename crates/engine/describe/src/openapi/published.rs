//! [`Published`]: what a document is made of.

use lode_schema::ApiResource;
use serde_json::Value;

/// A published resource of a group and version.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    /// How it is served.
    pub resource: &'a ApiResource,
    /// The schema of a custom resource in this version (`openAPIV3Schema`); none for a built-in
    /// one.
    pub schema: Option<&'a Value>,
}
