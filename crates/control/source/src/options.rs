//! What holds for all repositories; the names are those of Flux's flags.

use std::path::PathBuf;
use std::time::Duration;

use lode_net::Egress;
use lode_stdx::budget;

/// What holds for all repositories.
#[derive(Debug, Clone)]
pub struct Options {
    /// Host and port of the address under which artifacts are had (`--storage-adv-addr`).
    pub storage_adv_addr: String,
    /// Folder for the objects that Git has fetched; it can be lost at any time.
    pub cache_dir: PathBuf,
    /// Artifacts kept of one repository, the current one among them (`--artifact-retention-records`).
    pub artifact_retention_records: usize,
    /// Artifacts younger than this are kept, too (`--artifact-retention-ttl`).
    pub artifact_retention_ttl: Duration,
    /// How far intervals are spread, in percent (`--interval-jitter-percentage`).
    pub interval_jitter_percent: u8,
    /// Longest sleep while an included repository has no artifact; its coming wakes earlier (`--requeue-dependency`).
    pub requeue_dependency: Duration,
    /// How large a repository may be.
    pub limits: lode_git::Limits,
    /// What one fetch may cost, from reading a commit to the artifact (`--fetch-bytes-max`, `--fetch-files-max`,
    /// `--fetch-steps-max`).
    pub fetch: budget::Limits,
    /// Where connections to repositories and proxies may lead.
    pub egress: Egress,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            storage_adv_addr: "localhost:9090".to_owned(),
            cache_dir: PathBuf::from("git"),
            artifact_retention_records: 2,
            artifact_retention_ttl: Duration::from_mins(1),
            interval_jitter_percent: 5,
            requeue_dependency: Duration::from_secs(30),
            limits: lode_git::Limits::default(),
            fetch: lode_git::BUDGET,
            egress: Egress::default(),
        }
    }
}
