//! What templates learn about the release.

/// What templates learn about the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseInfo<'r> {
    /// Name of the release.
    pub name: &'r str,
    /// Namespace of the release.
    pub namespace: &'r str,
    /// Number of the revision, from 1.
    pub revision: i64,
    /// Whether there is an earlier revision.
    pub is_upgrade: bool,
}
