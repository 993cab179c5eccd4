//! What an API publishes about its kinds: discovery, schemas, and tables of objects.
//!
//! - [`discovery`]: groups, versions and resources, in both forms that clients request.
//! - [`openapi`]: `OpenAPI` v3 documents, one per group and version.
//! - [`table`]: what `kubectl get` shows.
//!
//! Pure: kinds and objects in, JSON out.

mod age;
pub mod discovery;
mod jsonpath;
pub mod openapi;
pub mod table;
