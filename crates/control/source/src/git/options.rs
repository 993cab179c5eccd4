//! What applies to all Git repositories.

use std::path::PathBuf;

use lode_net::Egress;

/// What applies to all Git repositories.
#[derive(Debug, Clone)]
pub struct GitOptions {
    /// Folder for the objects that Git has fetched; it can be lost at any time.
    pub cache_dir: PathBuf,
    /// How large a repository may be.
    pub limits: lode_git::FetchLimits,
    /// Where connections to repositories and proxies may lead.
    pub egress: Egress,
}

impl Default for GitOptions {
    fn default() -> Self {
        Self {
            cache_dir: PathBuf::from("git"),
            limits: lode_git::FetchLimits::default(),
            egress: Egress::default(),
        }
    }
}
