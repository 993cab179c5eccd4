//! The targets of changes: fields, kinds and selectors, built in or configured.

pub(crate) mod builtin;
pub(crate) mod configuration;
pub(crate) mod fieldspec;
pub(crate) mod gvk;
pub(crate) mod pattern;
pub(crate) mod selector;
pub(crate) mod tables;
