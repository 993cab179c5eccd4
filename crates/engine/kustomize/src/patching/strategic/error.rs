//! Errors of strategic merge patches, with the path and the line of the patch.

use lode_stdx::budget::Exceeded;
use lode_yaml::{Node, Place};

/// An error in applying a patch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {cause}")]
pub(crate) struct Error {
    /// The path in the object, as `/spec/containers`.
    pub(crate) path: String,
    /// The place in the patch.
    pub(crate) place: Place,
    pub(crate) cause: StrategicCause,
}

/// Why a patch cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StrategicCause {
    /// The patch has another type of value than the object.
    #[error("found a {there}, the patch has a {patch}")]
    Kind {
        /// The type in the object.
        there: &'static str,
        /// The type in the patch.
        patch: &'static str,
    },
    /// `$patch` has an unknown value.
    #[error("$patch must be delete, replace or merge")]
    Directive,
    /// A list that merges has entries without fields, or a set has entries with them.
    #[error("the list merges by {0}, but not all of its entries are such")]
    Entries(&'static str),
    /// Entries of a list of unknown type have no distinguishing key.
    #[error("no field distinguishes the entries of the list")]
    NoKey,
    /// The budget is exceeded.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// It is nested too deeply.
    #[error("it is nested too deep")]
    TooDeep,
}

impl Error {
    pub(super) fn at(node: &Node, cause: StrategicCause) -> Self {
        Self {
            path: String::new(),
            place: node.place,
            cause,
        }
    }

    pub(super) fn under(mut self, field: &str) -> Self {
        self.path.insert_str(0, field);
        self.path.insert(0, '/');
        self
    }

    /// Sets the place, unless it is already known.
    pub(super) fn placed(mut self, place: Place) -> Self {
        if self.place == Place::default() {
            self.place = place;
        }
        self
    }
}
