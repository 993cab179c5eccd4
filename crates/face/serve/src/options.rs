//! [`Options`]: everything a person can set, by the names of Flux's flags.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use lode_ambient::Ambient;
use lode_net::Egress;
use lode_runtime::Timings;
use lode_stdx::budget::{self, Limits};

/// Everything a person can set.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub struct Options {
    /// Kubeconfig file; without it `KUBECONFIG`, or the cluster we run in.
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    pub context: Option<String>,
    /// Where artifacts, Git objects and records are kept.
    pub storage_path: PathBuf,
    /// Where artifacts are served.
    pub storage_addr: SocketAddr,
    /// Host and port under which others reach the artifacts.
    pub storage_adv_addr: String,
    /// Where metrics are served.
    pub metrics_addr: SocketAddr,
    /// Where health is served.
    pub health_addr: SocketAddr,
    /// The one namespace to look after; all when absent.
    pub namespace: Option<String>,
    /// How one of several replicas is chosen; absent where there is one only.
    pub leader_election: Option<LeaderElection>,
    /// Only objects with these labels are looked after.
    pub watch_label_selector: String,
    /// How many reconciles of one kind may be under way at once.
    pub concurrent: usize,
    /// How many calls of one apply may be under way at once.
    pub concurrent_ssa: usize,
    /// Wait told where a source or dependency is missing.
    pub requeue_dependency: Duration,
    /// How far intervals are spread, in percent.
    pub interval_jitter_percent: u8,
    /// First and longest wait after failures.
    pub retry_delay: (Duration, Duration),
    /// How many artifacts of a source are kept.
    pub artifact_retention_records: usize,
    /// How long every artifact is kept at least.
    pub artifact_retention_ttl: Duration,
    /// Account used where a Kustomization names none.
    pub default_service_account: Option<String>,
    /// Where connections to sources may lead.
    pub egress: Egress,
    /// Refuses references into other namespaces.
    pub no_cross_namespace_refs: bool,
    /// Field managers whose fields are taken over.
    pub override_managers: Vec<String>,
    /// How many kinds, and selections of their objects, the Kustomizations of one namespace may have watched.
    pub watches_per_namespace: usize,
    /// Kinds with an apply stage of their own.
    pub custom_stage_kinds: Vec<String>,
    /// Whether every write is first dry-run, as Flux does.
    pub preflight_always: bool,
    /// An undefined variable is an error.
    pub strict_substitution: bool,
    /// A field that the type of its object does not have is an error.
    pub strict_fields: bool,
    /// Bytes of memory that all work that computes may need together.
    pub memory_budget: u64,
    /// Times and random numbers.
    pub ambient: Ambient,
    /// What one fetch may cost.
    pub fetch: budget::Limits,
    /// What one build may cost.
    pub build_limits: Limits,
}

impl Default for Options {
    /// What `lode serve` does without flags, but for what it takes from its environment: it listens on free ports of
    /// the loopback interface, and is alone.
    fn default() -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            kubeconfig: None,
            context: None,
            storage_path: PathBuf::from("/data"),
            storage_addr: free,
            storage_adv_addr: free.to_string(),
            metrics_addr: free,
            health_addr: free,
            namespace: None,
            leader_election: None,
            watch_label_selector: String::new(),
            concurrent: 16,
            concurrent_ssa: 16,
            requeue_dependency: Duration::from_secs(30),
            interval_jitter_percent: 5,
            retry_delay: (Duration::from_millis(750), Duration::from_mins(15)),
            artifact_retention_records: 2,
            artifact_retention_ttl: Duration::from_mins(1),
            default_service_account: None,
            egress: Egress::default(),
            no_cross_namespace_refs: false,
            override_managers: Vec::new(),
            watches_per_namespace: 1000,
            custom_stage_kinds: Vec::new(),
            preflight_always: false,
            strict_substitution: true,
            strict_fields: false,
            memory_budget: lode_runtime::half_of_memory(),
            ambient: Ambient::default(),
            fetch: lode_source::SourceOptions::default().fetch,
            build_limits: lode_kustomization::Options::default().build_limits,
        }
    }
}

/// How one of several replicas is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderElection {
    /// Namespace of the Lease; when absent, that of an installation if there is one, else `default`.
    pub namespace: Option<String>,
    /// When the Lease runs out and how often it is renewed.
    pub timings: Timings,
    /// Lets go of the Lease at the end, so that another replica acts at once.
    pub release_on_cancel: bool,
}
