//! What can be said of an apply, and what every way of deciding asks.

use serde_json::Value;

use crate::{
    fields::{self, ManagerEntry, Operation},
    set::{Element, Set},
};

/// Whether an apply would change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing would change; this is proven.
    NoOp,
    /// The ownership of fields would change.
    Changed,
    /// It cannot be determined.
    Unknown(Reason),
}

/// Why it cannot be determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The object is being deleted.
    Deleting,
    /// The manager has applied nothing, or more than once in different ways.
    NotApplied,
    /// The manager applied another API version.
    OtherVersion,
    /// The manager's field set cannot be read.
    Unreadable,
    /// The desired object does not match its type.
    Unfit,
    /// A value differs. It may be a different notation, or changed by admission.
    Differs,
    /// It cannot be determined without the type.
    Untyped,
}

/// Returns whether anyone other than the appliers of an object owns something below a path.
pub(super) fn is_shared(live: &Value, path: &[Element<'_>]) -> bool {
    let owns = |entry: ManagerEntry<'_>| {
        let set = Set::from_map(entry.fields).unwrap_or_default();
        path.iter()
            .try_fold(&set, |set, element| set.below(element))
            .is_some()
    };
    fields::entries(live)
        .filter(|entry| entry.operation == Operation::Update)
        .any(owns)
}

/// The field that no applier owns, if the type has it.
pub(super) const STATUS: &str = "status";
