//! What came of applying a set: changes, drift, and what is still to be waited for.

use std::fmt;

use lode_object::{GroupVersionKind, Id};

use crate::error::Error;
use crate::patch::Operations;

/// What was done to an object; the words are Flux's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It did not exist.
    Created,
    /// It existed and was changed.
    Configured,
    /// It was removed.
    Deleted,
    /// It would have been removed, but wants to stay.
    Skipped,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which object.
    pub id: Id,
    /// What was done.
    pub action: Action,
}

/// A live object that had left what Git says although Git did not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Which object.
    pub id: Id,
    /// Which fields differed; empty when the object was gone.
    pub fields: Vec<String>,
    /// Who changed it: field manager and time, or `unknown` (a deletion carries none).
    pub who: String,
    /// Whether it was brought back; otherwise the object asked to be left as it is.
    pub corrected: bool,
    /// How many changes bring it back, where it is brought back by a patch.
    pub operations: Option<Operations>,
}

/// What came of applying a set.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was written, in order.
    pub changes: Vec<Change>,
    /// Live edits that were met.
    pub drifts: Vec<Drift>,
    /// Objects of an early stage that must be ready before the rest is applied: come again when they are.
    pub waiting: Vec<(Id, GroupVersionKind)>,
    /// The resource versions our writes made: what a cache says of an older one is of before.
    pub versions: Vec<(Id, u64)>,
    /// Why it ended before its end.
    pub error: Option<Error>,
}

impl Outcome {
    /// Returns whether every object is as desired.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.error.is_none() && self.waiting.is_empty()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.action {
            Action::Created => "created",
            Action::Configured => "configured",
            Action::Deleted => "deleted",
            Action::Skipped => "skipped",
        };
        write!(f, "{} {word}", self.id)
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            fields,
            who,
            corrected,
            ..
        } = self;
        let end = if *corrected {
            "brought back"
        } else {
            "left as it is"
        };
        if fields.is_empty() {
            return write!(f, "{id} deleted by {who}, {end}");
        }
        let (shown, rest) = fields.split_at(fields.len().min(FIELDS_SHOWN));
        write!(f, "{id} {}", shown.join(", "))?;
        if !rest.is_empty() {
            write!(f, " and {} more", rest.len())?;
        }
        write!(f, " changed by {who}, {end}")
    }
}

/// How many fields a sentence names.
const FIELDS_SHOWN: usize = 5;

/// Lists changes, one a line, as events tell them.
#[must_use]
pub fn change_log(changes: &[Change]) -> String {
    changes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_says_what_and_who() {
        let id = Id {
            namespace: "ns".into(),
            name: "web".into(),
            group: "apps".into(),
            kind: "Deployment".into(),
        };
        let drift = |fields: &[&str], corrected| {
            let fields = fields.iter().map(ToString::to_string).collect();
            Drift {
                id: id.clone(),
                fields,
                who: "kubectl-scale at 12:00".into(),
                corrected,
                operations: None,
            }
            .to_string()
        };
        assert_eq!(
            drift(&[".spec.replicas"], true),
            "Deployment/ns/web .spec.replicas changed by kubectl-scale at 12:00, brought back"
        );
        assert_eq!(
            drift(&[], false),
            "Deployment/ns/web deleted by kubectl-scale at 12:00, left as it is"
        );
        assert!(drift(&["a", "b", "c", "d", "e", "f", "g"], true).contains("e and 2 more"));
    }
}
