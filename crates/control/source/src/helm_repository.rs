//! `HelmRepository`: the index of a repository of charts. One of type oci only describes a registry.
//!
//! `validate` checks the specification, `fetch` brings the index, `origin` puts them in order.

pub(crate) mod fetch;
mod origin;
mod size;
mod validate;

pub use origin::HelmRepositoryOrigin;
