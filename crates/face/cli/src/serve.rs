//! `lode serve`: the flags of the operator, named as those of Flux's controllers where they mean
//! the same.
//!
//! Input: the command line, and from the environment only `RUNTIME_NAMESPACE` and `HOSTNAME`, which
//! Flux's manifests set. Output: [`Options`] for the operator.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::builder::RangedU64ValueParser;
use clap::{ArgAction, ValueEnum};
use lode_ambient::Ambient;
use lode_net::Sockets;
use lode_serve::Options;

use crate::egress;
use crate::leader_election::LeaderElectionFlags;
use crate::limits::{BuildLimits, ChartLimits};
use crate::output;
use crate::report::Told;
use crate::session::Access;
use crate::values::{Address, STRICT_SUBSTITUTION, bytes, duration, gate};

/// Highest concurrency of reconciles and calls; a cluster does not answer more.
const CONCURRENT_MAX: u64 = 1000;

/// Default limits of one fetch.
const FETCH: lode_stdx::budget::Limits = lode_git::BUDGET;

/// How the operator runs.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    #[command(flatten)]
    access: Access,
    /// Folder for artifacts, Git objects and records; can be lost without harm
    #[arg(long, value_name = "DIR", default_value = "/data")]
    storage_path: PathBuf,
    /// Address on which artifacts are served
    #[arg(long, value_name = "ADDRESS", value_parser = Address::parse, default_value = ":9090")]
    storage_addr: Address,
    /// Host and port under which others reach the artifacts [default: this host and the port of
    /// --storage-addr]
    #[arg(long, value_name = "HOST")]
    storage_adv_addr: Option<String>,
    /// Address on which metrics are served
    #[arg(long, value_name = "ADDRESS", value_parser = Address::parse, default_value = ":8080")]
    metrics_addr: Address,
    /// Address on which health is served
    #[arg(long, value_name = "ADDRESS", value_parser = Address::parse, default_value = ":9440")]
    health_addr: Address,
    /// Watch all namespaces, or only the one in `RUNTIME_NAMESPACE`
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    watch_all_namespaces: bool,
    #[command(flatten)]
    leader_election: LeaderElectionFlags,
    /// Watch only objects with these labels
    #[arg(
        long,
        value_name = "SELECTOR",
        default_value = "",
        hide_default_value = true
    )]
    watch_label_selector: String,
    /// Concurrent reconciles of each kind
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = count())]
    concurrent: usize,
    /// Concurrent calls of one apply
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = count())]
    concurrent_ssa: usize,
    /// Retry delay shown while a source or dependency is not ready; changes are watched, so nothing
    /// waits for it
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
    requeue_dependency: Duration,
    /// Jitter of intervals, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..100))]
    interval_jitter_percentage: u8,
    /// Shortest delay after a failure
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "750ms")]
    min_retry_delay: Duration,
    /// Longest delay after repeated failures
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "15m")]
    max_retry_delay: Duration,
    /// Number of artifacts kept for each source
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = count())]
    artifact_retention_records: usize,
    /// Time for which every artifact is kept at least
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "60s")]
    artifact_retention_ttl: Duration,
    /// Default `ServiceAccount` for Kustomizations that name none
    #[arg(long, value_name = "NAME")]
    default_service_account: Option<String>,
    /// Refuse references into other namespaces
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, hide_default_value = true)]
    no_cross_namespace_refs: bool,
    /// Refuse bases outside the source; always on, accepted for compatibility with Flux
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set, hide_default_value = true)]
    no_remote_bases: bool,
    #[command(flatten)]
    egress: egress::Flags,
    /// Field manager whose fields the operator takes over; may be repeated
    #[arg(long = "override-manager", value_name = "NAME")]
    override_managers: Vec<String>,
    /// Kinds and single objects that may be watched for the Kustomizations of one namespace
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    watches_per_namespace: usize,
    /// Kinds that are applied in a stage before the rest
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    custom_apply_stage_kinds: Vec<String>,
    /// Feature gates, as Name=true or Name=false: `StrictPostBuildSubstitutions` (default true)
    #[arg(long, value_name = "GATES", value_delimiter = ',', value_parser = gate)]
    feature_gates: Vec<(&'static str, bool)>,
    /// Refuse fields that an object's kind does not have; without this flag they are dropped as in
    /// Flux, and reported
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, hide_default_value = true)]
    strict_fields: bool,
    /// Build the charts that kustomizations name (`helmCharts`), if they are in the source; without
    /// this flag they are refused as in Flux
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, hide_default_value = true)]
    enable_helm_charts: bool,
    /// Memory that all fetches and builds may use together; one namespace may use three quarters of
    /// it [default: half of the cgroup's limit, or of the machine's memory]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    memory_budget: Option<u64>,
    /// Bytes that the files of one fetch may have, including their names
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "512Mi")]
    fetch_bytes_max: u64,
    /// Files, folders and patterns that one fetch may read
    #[arg(long, value_name = "N", default_value_t = FETCH.nodes)]
    fetch_files_max: u64,
    /// Steps that one fetch may take, mostly for ignore patterns
    #[arg(long, value_name = "N", default_value_t = FETCH.steps)]
    fetch_steps_max: u64,
    /// Bytes that the index of a chart repository may have
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "50Mi")]
    helm_index_max_size: u64,
    /// Bytes that a packed chart may have
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "10Mi")]
    helm_chart_max_size: u64,
    /// When writes are preceded by a dry-run
    #[arg(long, value_enum, default_value = "auto")]
    preflight: Preflight,
    #[command(flatten)]
    build_limits: BuildLimits,
    #[command(flatten)]
    chart_limits: ChartLimits,
    /// Lowest log level that is written
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = ["trace", "debug", "info", "warn", "error"])]
    log_level: String,
    /// Log format
    #[arg(long, value_enum, default_value = "json")]
    log_encoding: Encoding,
    /// Address of a notification controller; not implemented yet
    #[arg(long, value_name = "URL")]
    events_addr: Option<String>,
}

/// When writes are preceded by a dry-run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Preflight {
    /// If an apply changes an existing object
    Auto,
    /// Always, as Flux does
    Always,
}

/// Log format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Encoding {
    /// One JSON object per line
    Json,
    /// Text
    Text,
}

/// The environment variables that are read.
#[derive(Debug, Default)]
struct Environment {
    runtime_namespace: Option<String>,
    hostname: Option<String>,
}

/// Refuses flags with which `lode serve` would not start.
pub(crate) fn check(flags: &[String]) -> anyhow::Result<()> {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        _args: Args,
    }
    let line = std::iter::once("lode serve").chain(flags.iter().map(String::as_str));
    match <Line as clap::Parser>::try_parse_from(line) {
        Ok(_) => Ok(()),
        Err(error) => bail!(Told::new(
            format!(
                "flags of the operator: {}",
                error.to_string().lines().next().unwrap_or_default()
            ),
            "`lode serve --help` shows them all"
        )),
    }
}

/// Runs the operator until it is asked to end.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    for warning in args.warnings() {
        output::talk(&format!("warning: {warning}"));
    }
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let environment = Environment {
        runtime_namespace: variable("RUNTIME_NAMESPACE"),
        hostname: variable("HOSTNAME"),
    };
    lode_serve::init_log(&args.log_level, args.log_encoding.into())?;
    lode_serve::run(args.options(&environment, every_interface())?).await
}

impl Args {
    /// Warnings about flags that are accepted but have no effect.
    fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.events_addr.is_some() {
            warnings.push("--events-addr: notifications are not built yet, events are written to the cluster only");
        }
        if !self.no_remote_bases {
            warnings.push("--no-remote-bases=false: remote bases are never built, a source must hold all it needs");
        }
        warnings
    }

    fn options(self, environment: &Environment, any: IpAddr) -> anyhow::Result<Options> {
        if self.min_retry_delay > self.max_retry_delay {
            bail!(Told::new(
                "--min-retry-delay is longer than --max-retry-delay",
                "make it shorter"
            ));
        }

        Ok(Options {
            storage_adv_addr: self.advertised(environment),
            namespace: self.namespace(environment)?,
            leader_election: self
                .leader_election
                .read(environment.runtime_namespace.as_deref())?,
            strict_substitution: self.is_on(STRICT_SUBSTITUTION, true),
            strict_fields: self.strict_fields,
            charts: self.enable_helm_charts,
            ambient: Ambient::default(),
            memory_budget: self
                .memory_budget
                .unwrap_or_else(lode_serve::half_of_memory),
            fetch: lode_stdx::budget::Limits {
                bytes: self.fetch_bytes_max,
                nodes: self.fetch_files_max,
                steps: self.fetch_steps_max,
            },
            helm_index_max: self.helm_index_max_size,
            helm_chart_max: self.helm_chart_max_size,
            build_limits: self.build_limits.limits(),
            chart_limits: self.chart_limits.limits(),
            kubeconfig: self.access.kubeconfig,
            context: self.access.context,
            storage_path: self.storage_path,
            storage_addr: self.storage_addr.with_any(any),
            metrics_addr: self.metrics_addr.with_any(any),
            health_addr: self.health_addr.with_any(any),
            watch_label_selector: self.watch_label_selector,
            concurrent: self.concurrent,
            concurrent_ssa: self.concurrent_ssa,
            requeue_dependency: self.requeue_dependency,
            interval_jitter_percent: self.interval_jitter_percentage,
            retry_delay: (self.min_retry_delay, self.max_retry_delay),
            artifact_retention_records: self.artifact_retention_records,
            artifact_retention_ttl: self.artifact_retention_ttl,
            default_service_account: self.default_service_account.filter(|name| !name.is_empty()),
            sockets: Sockets::default(),
            egress: self.egress.policy(),
            no_cross_namespace_refs: self.no_cross_namespace_refs,
            override_managers: self.override_managers,
            watches_per_namespace: self.watches_per_namespace,
            custom_stage_kinds: self.custom_apply_stage_kinds,
            preflight_always: self.preflight == Preflight::Always,
        })
    }

    fn is_on(&self, gate: &str, default: bool) -> bool {
        self.feature_gates
            .iter()
            .rev()
            .find(|(name, _)| *name == gate)
            .map_or(default, |(_, on)| *on)
    }

    fn namespace(&self, environment: &Environment) -> anyhow::Result<Option<String>> {
        match &environment.runtime_namespace {
            _ if self.watch_all_namespaces => Ok(None),
            Some(namespace) => Ok(Some(namespace.clone())),
            None => bail!(Told::new(
                "--watch-all-namespaces=false requires RUNTIME_NAMESPACE",
                "set RUNTIME_NAMESPACE to the namespace to watch"
            )),
        }
    }

    /// Returns the artifact server's address for others: the flag, else the one host it listens on,
    /// else this machine's host name.
    fn advertised(&self, environment: &Environment) -> String {
        if let Some(given) = self
            .storage_adv_addr
            .as_deref()
            .filter(|given| !given.is_empty())
        {
            return given.to_owned();
        }
        let port = self.storage_addr.port();
        match (self.storage_addr.host(), &environment.hostname) {
            (Some(host), _) => SocketAddr::new(host, port).to_string(),
            (None, Some(name)) => format!("{name}:{port}"),
            (None, None) => format!("localhost:{port}"),
        }
    }
}

impl From<Encoding> for lode_serve::Encoding {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Json => Self::Json,
            Encoding::Text => Self::Text,
        }
    }
}

fn count() -> impl clap::builder::TypedValueParser<Value = usize> {
    use clap::builder::TypedValueParser as _;
    RangedU64ValueParser::<u64>::new()
        .range(1..=CONCURRENT_MAX)
        .map(|count| count as usize)
}

/// Every interface of this machine. An IPv6 socket accepts IPv4 too, but not every machine has
/// IPv6.
fn every_interface() -> IpAddr {
    let has_six = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok();
    if has_six {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn read(line: &[&str]) -> Result<Args, clap::Error> {
        Line::try_parse_from([&["serve"], line].concat()).map(|line| line.args)
    }

    fn options(line: &[&str]) -> Options {
        read(line)
            .unwrap()
            .options(&Environment::default(), ANY)
            .unwrap()
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        // An explicit value, because the default depends on the machine.
        insta::assert_debug_snapshot!(options(&["--memory-budget=1Gi"]), @r#"
        Options {
            kubeconfig: None,
            context: None,
            storage_path: "/data",
            storage_addr: 0.0.0.0:9090,
            storage_adv_addr: "localhost:9090",
            metrics_addr: 0.0.0.0:8080,
            health_addr: 0.0.0.0:9440,
            namespace: None,
            leader_election: Some(
                LeaderElection {
                    namespace: None,
                    timings: Timings {
                        lease_duration: 15s,
                        renew_deadline: 10s,
                        retry_period: 2s,
                    },
                    release_on_cancel: true,
                },
            ),
            watch_label_selector: "",
            concurrent: 16,
            concurrent_ssa: 16,
            requeue_dependency: 30s,
            interval_jitter_percent: 5,
            retry_delay: (
                750ms,
                900s,
            ),
            artifact_retention_records: 2,
            artifact_retention_ttl: 60s,
            default_service_account: None,
            sockets: Sockets,
            egress: Egress(
                Rules {
                    allow: [],
                    deny: [],
                },
            ),
            no_cross_namespace_refs: false,
            override_managers: [],
            watches_per_namespace: 1000,
            custom_stage_kinds: [],
            preflight_always: false,
            strict_substitution: true,
            strict_fields: false,
            charts: false,
            memory_budget: 1073741824,
            ambient: Ambient,
            fetch: Limits {
                bytes: 536870912,
                nodes: 200000,
                steps: 1000000000,
            },
            helm_index_max: 52428800,
            helm_chart_max: 10485760,
            build_limits: Limits {
                bytes: 402653184,
                nodes: 5000000,
                steps: 30000000,
            },
            chart_limits: Limits {
                bytes: 805306368,
                nodes: 5000000,
                steps: 100000000,
            },
        }
        "#);
    }

    #[test]
    fn the_defaults_of_the_operator_are_those_of_the_command_line() {
        let options = options(&[]);
        let default = Options {
            storage_addr: options.storage_addr,
            storage_adv_addr: options.storage_adv_addr.clone(),
            metrics_addr: options.metrics_addr,
            health_addr: options.health_addr,
            leader_election: options.leader_election.clone(),
            ..Options::default()
        };
        assert_eq!(format!("{options:#?}"), format!("{default:#?}"));
    }

    #[test]
    fn flags_are_written_as_for_go_programs() {
        let options = options(&[
            "--watch-all-namespaces",
            "--no-cross-namespace-refs=true",
            "--storage-addr=127.0.0.1:1",
            "--max-retry-delay=1h1m",
            "--override-manager=a",
            "--override-manager",
            "b",
            "--custom-apply-stage-kinds=A,B",
            "--feature-gates=StrictPostBuildSubstitutions=false",
            "--preflight",
            "always",
        ]);
        assert_eq!(options.storage_adv_addr, "127.0.0.1:1");
        assert_eq!(options.override_managers, ["a", "b"]);
        assert_eq!(options.custom_stage_kinds, ["A", "B"]);
        assert!(
            options.no_cross_namespace_refs
                && options.preflight_always
                && !options.strict_substitution
        );
        assert_eq!(options.retry_delay.1, Duration::from_mins(61));
    }

    #[test]
    fn one_namespace_is_that_of_the_environment() {
        let own = Environment {
            runtime_namespace: Some("team".into()),
            hostname: Some("pod-1".into()),
        };
        let options = read(&["--watch-all-namespaces=false"])
            .unwrap()
            .options(&own, ANY)
            .unwrap();
        assert_eq!(options.namespace.as_deref(), Some("team"));
        assert_eq!(options.storage_adv_addr, "pod-1:9090");
        let error = read(&["--watch-all-namespaces=false"])
            .unwrap()
            .options(&Environment::default(), ANY)
            .unwrap_err();
        assert!(error.to_string().contains("RUNTIME_NAMESPACE"), "{error}");
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "--feature-gates=Nope=true",
            "--concurrent=0",
            "--interval-jitter-percentage=100",
            "--storage-addr=9090",
            "--requeue-dependency=soon",
            "--log-level=loud",
        ] {
            assert!(read(&[line]).is_err(), "{line}");
        }
        let error = read(&["--min-retry-delay=1h"])
            .unwrap()
            .options(&Environment::default(), ANY)
            .unwrap_err();
        assert!(error.to_string().contains("longer"), "{error}");
    }

    #[test]
    fn what_is_not_built_is_warned_about() {
        assert!(read(&[]).unwrap().warnings().is_empty());
        assert_eq!(
            read(&["--events-addr=http://x", "--no-remote-bases=false"])
                .unwrap()
                .warnings()
                .len(),
            2
        );
    }

    #[test]
    fn help_shows_every_flag() {
        let help = Line::command().render_help().to_string();
        for flag in [
            "--storage-path",
            "--enable-leader-election",
            "--concurrent-ssa",
            "--artifact-retention-ttl",
            "--default-service-account",
            "--log-encoding",
        ] {
            assert!(help.contains(flag), "{flag}");
        }
    }
}
