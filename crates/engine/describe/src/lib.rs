//! What an API says of its kinds: which there are, what they are made of, and how objects look in a table.
//!
//! - [`discovery`] groups, versions and resources, in both forms that clients ask for.
//! - [`openapi`] documents of `OpenAPI` v3, one for each group and version.
//! - [`table`] what `kubectl get` shows.
//!
//! Pure: kinds and objects in, JSON out.

mod age;
pub mod discovery;
mod jsonpath;
pub mod openapi;
pub mod table;
