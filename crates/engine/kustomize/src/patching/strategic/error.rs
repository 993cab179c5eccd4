//! What a patch can get wrong, with the way to it and the line of the patch.

use lode_stdx::budget::Exceeded;
use lode_yaml::{Node, Place};

/// A patch that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {cause}")]
pub(crate) struct Error {
    /// The way through the object, as `/spec/containers`.
    pub(crate) path: String,
    /// Where the patch says so.
    pub(crate) place: Place,
    pub(crate) cause: Cause,
}

/// Why a patch does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cause {
    /// The patch has another kind of value than the object.
    #[error("a {there} stands here, the patch has a {patch}")]
    Kind {
        /// What the object has.
        there: &'static str,
        /// What the patch has.
        patch: &'static str,
    },
    /// `$patch` has no known value.
    #[error("$patch must be delete, replace or merge")]
    Directive,
    /// A list that merges has entries without fields, or a set has entries with them.
    #[error("the list merges by {0}, but not all of its entries are such")]
    Entries(&'static str),
    /// Nothing tells entries of a list of unknown type apart.
    #[error("no field tells the entries of the list apart")]
    NoKey,
    /// The budget does not allow it.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// It is nested too deep.
    #[error("it is nested too deep")]
    TooDeep,
}

impl Error {
    pub(super) fn at(node: &Node, cause: Cause) -> Self {
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

    /// Says where, unless it is known already.
    pub(super) fn placed(mut self, place: Place) -> Self {
        if self.place == Place::default() {
            self.place = place;
        }
        self
    }
}
