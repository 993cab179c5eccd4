//! What an object is at first.

use lode_yaml::Node;

/// What an object was at first; its kind may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Born {
    Secret,
    Open,
}

impl Born {
    /// Returns the origin of an object that was read or generated.
    pub(crate) fn of(object: &Node) -> Self {
        if is_secret_kind(object) {
            Self::Secret
        } else {
            Self::Open
        }
    }
}

/// Returns whether an object is a Secret, of any group.
pub(crate) fn is_secret_kind(object: &Node) -> bool {
    object.get("kind").and_then(Node::text) == Some("Secret")
}
