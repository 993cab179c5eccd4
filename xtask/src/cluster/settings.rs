//! [`Settings`]: what a cluster is made of, and where it keeps what.

use std::path::{Path, PathBuf};

/// What a cluster is made of.
pub(crate) struct Settings {
    pub(crate) state: PathBuf,
    pub(crate) etcd_port: u16,
    pub(crate) peer_port: u16,
    pub(crate) api_port: u16,
    pub(crate) nodes: u16,
    pub(crate) only_api: bool,
    /// The API server logs who wrote what.
    pub(crate) audited: bool,
}

/// Returns where the audit log of a cluster lies, if it has one.
pub(crate) fn audit_log(state: &Path) -> PathBuf {
    state.join("log/audit.log")
}
