//! [`WantedObjects`]: what an owner wants to be in the cluster.

use lode_apply::Set;

/// What an owner wants to be in the cluster.
pub struct WantedObjects {
    /// Digest of everything the objects are made from: equal inputs need no build.
    pub inputs: String,
    /// The objects; nothing if they are those that were applied last.
    pub built: Option<BuiltObjects>,
}

/// Objects ready to be applied.
pub struct BuiltObjects {
    /// The objects.
    pub set: Set,
    /// Digest of the text they were built as, in hexadecimal digits.
    pub text_digest: String,
}
