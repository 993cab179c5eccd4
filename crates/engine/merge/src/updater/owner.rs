//! Who owns what, and why a write does not come about.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{fields::Operation, set::Set, typed::Errors};

/// Who wrote and how: an applier has one set, an updater one for each version it wrote in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// How it wrote.
    pub operation: Operation,
    /// The API version it wrote in; empty for an applier.
    pub api_version: Cow<'a, str>,
    /// The subresource it wrote to; may be empty.
    pub subresource: Cow<'a, str>,
}

/// The fields a manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned<'a> {
    /// Its fields.
    pub set: Set<'a>,
    /// The API version of these fields.
    pub version: Cow<'a, str>,
}

/// All managers of an object.
pub type Managers<'a> = BTreeMap<Manager<'a>, Owned<'a>>;

/// A field owned by another manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict<'a> {
    /// The owner.
    pub manager: Manager<'a>,
    /// The fields.
    pub fields: Set<'a>,
}

/// Why a write failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error<'a> {
    /// Other managers own fields it would change, and it has no force.
    #[error("fields are owned by others")]
    Conflicts(Vec<Conflict<'a>>),
    /// The applied object cannot be merged.
    #[error("failed to merge config: {0}")]
    Merge(#[source] Errors),
    /// The object cannot be converted to a version in which a manager wrote.
    #[error("failed to convert the object: {0}")]
    Convert(#[source] ConvertError),
}

/// Why an object could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// The version no longer exists: managers that owned fields in it own nothing.
    #[error("no such version")]
    Missing,
    /// The conversion failed.
    #[error("{0}")]
    Failed(String),
}
