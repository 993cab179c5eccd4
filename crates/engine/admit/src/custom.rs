//! Custom resources: a [`Definition`] says what its objects are; they are pruned, get their defaults and are held
//! against it.
//!
//! A definition is read once into [`Type`]s. [`prune`], [`default`] and [`validate`] then go over an object in this
//! order, as the API server does. What is wrong is said in its words.
//!
//! Left out: conversion by webhooks, and the metadata that all objects have.

mod check;
mod defaults;
mod definition;
mod format;
mod lists;
mod node;
mod path;
mod prune;
mod scalar;
mod validate;

pub use defaults::default;
pub use definition::{Column, Definition, Names, Scale, Type, Version};
pub use prune::prune;
pub use validate::validate;
