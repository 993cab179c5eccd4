//! What applies to all sources of a kind; the names are those of Flux's flags.

use std::time::Duration;

use lode_stdx::budget;

/// What applies to all sources of a kind.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// Host and port of the address where artifacts are served (`--storage-adv-addr`).
    pub storage_adv_addr: String,
    /// Artifacts kept of one source, including the current one (`--artifact-retention-records`).
    pub artifact_retention_records: usize,
    /// Artifacts younger than this are kept as well (`--artifact-retention-ttl`).
    pub artifact_retention_ttl: Duration,
    /// How far intervals are spread, in percent (`--interval-jitter-percentage`).
    pub interval_jitter_percent: u8,
    /// Longest wait for an included source without an artifact, if no change of it wakes us earlier
    /// (`--requeue-dependency`).
    pub requeue_dependency: Duration,
    /// What one fetch may cost, from reading the source to the artifact (`--fetch-bytes-max`, `--fetch-files-max`,
    /// `--fetch-steps-max`).
    pub fetch: budget::Limits,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            storage_adv_addr: "localhost:9090".to_owned(),
            artifact_retention_records: 2,
            artifact_retention_ttl: Duration::from_mins(1),
            interval_jitter_percent: 5,
            requeue_dependency: Duration::from_secs(30),
            fetch: lode_git::BUDGET,
        }
    }
}
