//! [`Options`]: every setting, named as Flux's flags.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use lode_ambient::Ambient;
use lode_helmrelease::HelmReleaseOptions;
use lode_net::{Egress, Sockets};
use lode_runtime::Timings;
use lode_stdx::budget::{self, Limits};

/// Every setting of the operator.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub struct Options {
    /// Kubeconfig file; without it `KUBECONFIG`, or the cluster that the process runs in.
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    pub context: Option<String>,
    /// Folder for artifacts, Git objects and records.
    pub storage_path: PathBuf,
    /// Address on which artifacts are served.
    pub storage_addr: SocketAddr,
    /// Host and port under which others reach the artifacts.
    pub storage_adv_addr: String,
    /// Address on which metrics are served.
    pub metrics_addr: SocketAddr,
    /// Address on which health is served.
    pub health_addr: SocketAddr,
    /// The only namespace to watch; all if absent.
    pub namespace: Option<String>,
    /// How one of several replicas becomes the leader; absent if leader election is disabled.
    pub leader_election: Option<LeaderElection>,
    /// Only objects with these labels are watched.
    pub watch_label_selector: String,
    /// Concurrent reconciles of each kind.
    pub concurrent: usize,
    /// Concurrent calls of one apply.
    pub concurrent_ssa: usize,
    /// Retry delay shown while a source or dependency is not ready (`--requeue-dependency`).
    pub requeue_dependency: Duration,
    /// Jitter of intervals, in percent.
    pub interval_jitter_percent: u8,
    /// Shortest and longest delay after failures.
    pub retry_delay: (Duration, Duration),
    /// Number of artifacts kept for each source.
    pub artifact_retention_records: usize,
    /// Time for which every artifact is kept at least.
    pub artifact_retention_ttl: Duration,
    /// Account of Kustomizations that name none.
    pub default_service_account: Option<String>,
    /// What connections run over, those to sources apart: they take the egress policy's.
    pub sockets: Sockets,
    /// Where connections to sources may lead.
    pub egress: Egress,
    /// Refuses references into other namespaces.
    pub no_cross_namespace_refs: bool,
    /// Field managers whose fields the operator takes over.
    pub override_managers: Vec<String>,
    /// How many kinds, and selections of their objects, may be watched for the Kustomizations of
    /// one namespace.
    pub watches_per_namespace: usize,
    /// Kinds with their own apply stage.
    pub custom_stage_kinds: Vec<String>,
    /// Whether every write is preceded by a dry-run, as in Flux.
    pub preflight_always: bool,
    /// Whether an undefined variable is an error.
    pub strict_substitution: bool,
    /// Whether a field that an object's kind does not have is an error.
    pub strict_fields: bool,
    /// Whether charts that kustomizations name are rendered, if they are in the source.
    pub charts: bool,
    /// Bytes of memory that all fetches and builds may use together.
    pub memory_budget: u64,
    /// Times and random numbers.
    pub ambient: Ambient,
    /// Limits of one fetch.
    pub fetch: budget::Limits,
    /// Most bytes of the index of a chart repository.
    pub helm_index_max: u64,
    /// Most bytes of a packed chart that is fetched.
    pub helm_chart_max: u64,
    /// Limits of one build.
    pub build_limits: Limits,
    /// Limits of loading or rendering one chart.
    pub chart_limits: Limits,
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
            sockets: Sockets::default(),
            egress: Egress::default(),
            no_cross_namespace_refs: false,
            override_managers: Vec::new(),
            watches_per_namespace: 1000,
            custom_stage_kinds: Vec::new(),
            preflight_always: false,
            strict_substitution: true,
            strict_fields: false,
            charts: false,
            memory_budget: lode_runtime::half_of_memory(),
            ambient: Ambient::default(),
            fetch: lode_source::SourceOptions::default().fetch,
            helm_index_max: 50 << 20,
            helm_chart_max: 10 << 20,
            build_limits: lode_kustomization::Options::default().build_limits,
            chart_limits: HelmReleaseOptions::default().chart_limits,
        }
    }
}

/// How one of several replicas becomes the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderElection {
    /// Namespace of the Lease; if absent, that of an existing installation, else `default`.
    pub namespace: Option<String>,
    /// How long the Lease lasts and how often it is renewed.
    pub timings: Timings,
    /// Whether the Lease is released at the end, so that another replica takes over at once.
    pub release_on_cancel: bool,
}
