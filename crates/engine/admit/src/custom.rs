//! Custom resources: a [`Definition`] describes objects, which are pruned, defaulted and validated
//! by it.
//!
//! A definition is itself [prepared](prepare_definition) and [validated](validate_definition), its
//! names are [accepted](accept), and it is then parsed once into [`Type`]s. [`prune()`],
//! [`default`](fn@default) and [`validate()`] are applied to an object in this order, as in the API
//! server. Messages are the API server's.
//!
//! Left out: conversion by webhooks, and the metadata that all objects have.

mod admission;
mod check;
mod defaults;
mod definition;
mod field;
mod format;
mod lists;
mod names;
mod node;
mod openapi;
mod path;
mod prune;
mod rule;
mod rules;
mod rules_of;
mod scalar;
mod structural;
mod ty;
mod validate;
mod versions;

pub use admission::{prepare_definition, validate_definition};
pub use defaults::default;
pub use definition::{Definition, Names, Version};
pub use names::accept;
pub use prune::prune;
pub use ty::{Column, Scale, Type};
pub use validate::{validate, validate_after};
