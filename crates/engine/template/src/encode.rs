//! Values as JSON, YAML and TOML, and back: what Go's libraries write, to the byte.

pub(crate) mod json;
pub(crate) mod json_read;
pub(crate) mod toml;
pub(crate) mod toml_read;
mod toml_scan;
pub(crate) mod yaml;
mod yaml_fault;
