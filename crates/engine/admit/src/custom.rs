//! Custom resources: a [`Definition`] says what its objects are; they are pruned, get their defaults and are held
//! against it.
//!
//! A definition is itself [prepared](prepare_definition) and [held against rules](validate_definition), gets its names
//! [accepted](accept), and is then read once into [`Type`]s. [`prune()`], [`default`](fn@default) and [`validate()`] then go over an object in this
//! order, as the API server does. What is wrong is said in its words.
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
mod validate;
mod versions;

pub use admission::{prepare_definition, validate_definition};
pub use defaults::default;
pub use definition::{Column, Definition, Names, Scale, Type, Version};
pub use names::accept;
pub use prune::prune;
pub use validate::{validate, validate_after};
