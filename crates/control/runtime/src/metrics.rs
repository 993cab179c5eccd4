//! [`Metrics`]: the metrics for dashboards.
//!
//! Metrics that dashboards for Flux and controller-runtime already use keep their names and labels;
//! our own start with `lode_`. Values counted elsewhere (requests, queue depths, dropped events,
//! the process) are read when scraped. The data per object is small and is removed with the object
//! ([`Metrics::forget`]).
//!
//! Left out on purpose: conditions as metrics, which kube-state-metrics derives from the objects
//! themselves.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lode_cluster::Client;
use lode_object::NamespacedName;
use lode_stdx::Lock;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets_range};
use prometheus_client::registry::Registry;

use crate::events::Events;
use crate::next::Next;
use crate::process;

/// Buckets of a reconcile's duration, in seconds, each wider than the last by the same factor.
const DURATION_BUCKETS: u16 = 10;
const DURATION_MIN: f64 = 0.01;
const DURATION_MAX: f64 = 1800.0;
/// The possible results of a run, in controller-runtime's words.
const RESULTS: [&str; 3] = ["success", "requeue_after", "error"];

/// All metrics of the process. Cloning is cheap and shares them.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

impl Metrics {
    /// Returns metrics that start at zero.
    #[must_use]
    pub fn new() -> Self {
        let runs = Runs::default();
        let live = Arc::new(Live::default());
        let mut registry = Registry::default();
        runs.register(&mut registry);
        registry.register_collector(Box::new(live.clone()));
        Self {
            shared: Arc::new(Shared {
                registry,
                runs,
                live,
            }),
        }
    }

    /// Adds the depth of a controller's queue.
    pub fn watch_depth(
        &self,
        controller: &'static str,
        depth: impl Fn() -> usize + Send + Sync + 'static,
    ) {
        for result in RESULTS {
            drop(
                self.shared
                    .runs
                    .total
                    .get_or_create(&[("controller", controller), ("result", result)]),
            );
        }
        drop(
            self.shared
                .runs
                .errors
                .get_or_create(&[("controller", controller)]),
        );
        drop(
            self.shared
                .runs
                .held_back
                .get_or_create(&[("controller", controller)]),
        );
        self.shared
            .live
            .depths
            .lock()
            .insert(controller, Box::new(depth));
    }

    /// Adds the number of requests that a client made to the API server at `host`.
    pub fn watch_client(&self, client: &Client, host: &str) {
        self.shared
            .live
            .clients
            .lock()
            .push((client.clone(), host.into()));
    }

    /// Adds the number of dropped events.
    pub fn watch_events(&self, events: &Events) {
        self.shared.live.events.lock().push(events.clone());
    }

    /// Sets whether this replica holds a Lease.
    pub fn set_leader(&self, lease: &str, leads: bool) {
        let label = [("name", lease.to_owned())];
        let gauge = self.shared.runs.leader.get_or_create(&label);
        gauge.set(leads.into());
    }

    /// Counts a worker as busy.
    pub fn run_started(&self, controller: &'static str) {
        self.shared
            .runs
            .active
            .get_or_create(&[("controller", controller)])
            .inc();
    }

    /// Counts a run that ended.
    pub fn run_ended(&self, controller: &'static str, next: Next, took: Duration) {
        let runs = &self.shared.runs;
        let label = [("controller", controller)];
        runs.active.get_or_create(&label).dec();
        runs.time.get_or_create(&label).observe(took.as_secs_f64());
        let result = match next {
            Next::Idle => RESULTS[0],
            Next::After(_) => RESULTS[1],
            Next::Backoff => RESULTS[2],
        };
        runs.total
            .get_or_create(&[("controller", controller), ("result", result)])
            .inc();
        if next == Next::Backoff {
            runs.errors.get_or_create(&label).inc();
        }
    }

    /// Counts a key that was held back because it kept running without a change.
    pub fn held_back(&self, controller: &'static str) {
        self.shared
            .runs
            .held_back
            .get_or_create(&[("controller", controller)])
            .inc();
    }

    /// Records the duration of an object's reconcile.
    pub fn observe(&self, kind: &'static str, name: &NamespacedName, took: Duration) {
        let seconds = took.as_secs_f64();
        let live = &self.shared.live;
        let bucket = live
            .bounds
            .iter()
            .position(|bound| seconds <= *bound)
            .unwrap_or(live.bounds.len());
        live.with(kind, name, |object| {
            object.durations[bucket] = object.durations[bucket].saturating_add(1);
            object.seconds += seconds;
        });
    }

    /// Counts a drift of something that an object owns, with its outcome.
    pub fn drift(&self, kind: &'static str, name: &NamespacedName, outcome: &'static str) {
        self.shared.live.with(kind, name, |object| {
            match object
                .drifts
                .iter_mut()
                .find(|(known, _)| *known == outcome)
            {
                Some((_, count)) => *count += 1,
                None => object.drifts.push((outcome, 1)),
            }
        });
    }

    /// Drops the data of a deleted object.
    pub fn forget(&self, kind: &'static str, name: &NamespacedName) {
        if let Some(objects) = self.shared.live.objects.lock().get_mut(kind) {
            objects.remove(name);
        }
    }

    /// Returns all metrics as `OpenMetrics` text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = text::encode(&mut text, &self.shared.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

struct Shared {
    registry: Registry,
    runs: Runs,
    live: Arc<Live>,
}

type Controller = [(&'static str, &'static str); 1];
type ControllerResult = [(&'static str, &'static str); 2];

/// Values counted by controllers.
struct Runs {
    total: Family<ControllerResult, Counter>,
    errors: Family<Controller, Counter>,
    held_back: Family<Controller, Counter>,
    active: Family<Controller, Gauge>,
    time: Family<Controller, Histogram, fn() -> Histogram>,
    leader: Family<[(&'static str, String); 1], Gauge>,
}

impl Default for Runs {
    fn default() -> Self {
        let time = || {
            Histogram::new(exponential_buckets_range(
                DURATION_MIN,
                DURATION_MAX,
                DURATION_BUCKETS,
            ))
        };
        Self {
            total: Family::default(),
            errors: Family::default(),
            held_back: Family::default(),
            active: Family::default(),
            time: Family::new_with_constructor(time),
            leader: Family::default(),
        }
    }
}

impl Runs {
    fn register(&self, registry: &mut Registry) {
        let name = |what: &str| format!("controller_runtime_{what}");
        registry.register(
            name("reconcile"),
            "Reconciles by controller and result",
            self.total.clone(),
        );
        registry.register(
            name("reconcile_errors"),
            "Failed reconciles by controller",
            self.errors.clone(),
        );
        registry.register(
            "lode_held_back",
            "Runs held back because nothing had changed",
            self.held_back.clone(),
        );
        registry.register(
            name("active_workers"),
            "Active workers by controller",
            self.active.clone(),
        );
        registry.register(
            name("reconcile_time_seconds"),
            "Duration of reconciles by controller",
            self.time.clone(),
        );
        registry.register(
            "leader_election_master_status",
            "Whether this replica holds the Lease: 1 or 0",
            self.leader.clone(),
        );
    }
}

/// Values collected when scraped.
struct Live {
    bounds: Vec<f64>,
    objects: Lock<HashMap<&'static str, HashMap<NamespacedName, Box<ObjectMetrics>>>>,
    depths: Lock<BTreeMap<&'static str, Depth>>,
    clients: Lock<Vec<(Client, Box<str>)>>,
    events: Lock<Vec<Events>>,
}

type Depth = Box<dyn Fn() -> usize + Send + Sync>;

/// The data of one object.
#[derive(Default)]
struct ObjectMetrics {
    /// Runs per bucket; the last is for those above all bounds.
    durations: [u32; DURATION_BUCKETS as usize + 1],
    seconds: f64,
    drifts: Vec<(&'static str, u32)>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            bounds: exponential_buckets_range(DURATION_MIN, DURATION_MAX, DURATION_BUCKETS)
                .collect(),
            objects: Lock::default(),
            depths: Lock::default(),
            clients: Lock::default(),
            events: Lock::default(),
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.encode_durations(&mut encoder)?;
        self.encode_drifts(&mut encoder)?;
        self.encode_depths(&mut encoder)?;
        self.encode_calls(&mut encoder)?;
        let dropped = self.events.lock().iter().map(Events::dropped).sum();
        single(
            &mut encoder,
            ("lode_events_dropped", "Events that were dropped"),
            &count(dropped),
        )?;
        let Some(process) = process::usage() else {
            return Ok(());
        };
        let resident = ConstGauge::new(process.resident_bytes as i64);
        single(
            &mut encoder,
            ("process_resident_memory_bytes", "Resident memory"),
            &resident,
        )?;
        let cpu = ConstCounter::new(process.cpu_seconds);
        single(
            &mut encoder,
            ("process_cpu_seconds", "User and system CPU time"),
            &cpu,
        )
    }
}

impl Live {
    fn with(
        &self,
        kind: &'static str,
        name: &NamespacedName,
        change: impl FnOnce(&mut ObjectMetrics),
    ) {
        let mut objects = self.objects.lock();
        let objects = objects.entry(kind).or_default();
        if !objects.contains_key(name) {
            objects.insert(name.clone(), Box::default());
        }
        if let Some(object) = objects.get_mut(name) {
            change(object);
        }
    }

    fn encode_durations(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let objects = self.objects.lock();
        let rows = objects.iter().flat_map(|(kind, objects)| {
            let ran = objects.iter().filter(|(_, object)| object.seconds > 0.0);
            ran.map(|(name, object)| (object_labels(kind, name), object))
        });
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let kind = prometheus_client::metrics::MetricType::Histogram;
        let help = "Duration of an object's reconciles";
        let mut metric =
            encoder.encode_descriptor("gotk_reconcile_duration_seconds", help, None, kind)?;
        for (labels, object) in rows {
            let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(object.durations.map(u64::from)).collect();
            let all = buckets.iter().map(|(_, count)| count).sum();
            let no_exemplars = None::<
                &HashMap<usize, prometheus_client::metrics::exemplar::Exemplar<Controller, f64>>,
            >;
            metric.encode_family(&labels)?.encode_histogram(
                object.seconds,
                all,
                &buckets,
                no_exemplars,
            )?;
        }
        Ok(())
    }

    fn encode_drifts(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let objects = self.objects.lock();
        let objects = objects
            .iter()
            .flat_map(|(kind, objects)| objects.iter().map(move |(name, it)| (kind, name, it)));
        let rows = objects.flat_map(|(kind, name, object)| {
            object.drifts.iter().map(move |(outcome, drifts)| {
                let [kind, name, namespace] = object_labels(kind, name);
                (
                    [kind, name, namespace, ("outcome", *outcome)],
                    count(u64::from(*drifts)),
                )
            })
        });
        family(
            encoder,
            (
                "lode_drift",
                "Live changes of owned fields, by what was done",
            ),
            rows,
        )
    }

    fn encode_depths(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let depths = self.depths.lock();
        let rows = depths.iter().map(|(controller, depth)| {
            (
                [("name", *controller), ("controller", *controller)],
                ConstGauge::new(depth() as i64),
            )
        });
        family(
            encoder,
            ("workqueue_depth", "Keys waiting for a worker"),
            rows,
        )
    }

    fn encode_calls(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let mut by_verb: BTreeMap<(&str, u16), u64> = BTreeMap::new();
        let mut by_method: BTreeMap<(&str, &str, u16), u64> = BTreeMap::new();
        let clients = self.clients.lock();
        for (client, host) in clients.iter() {
            for ((verb, code), calls) in client.counts() {
                *by_verb.entry((verb, code)).or_default() += calls;
                *by_method.entry((method(verb), host, code)).or_default() += calls;
            }
        }
        let rows = by_verb.iter().map(|((verb, code), calls)| {
            (
                [("verb", (*verb).to_owned()), ("code", code_text(*code))],
                count(*calls),
            )
        });
        family(
            encoder,
            (
                "lode_api_calls",
                "Calls to the Kubernetes API by verb and HTTP code",
            ),
            rows,
        )?;
        let rows = by_method.iter().map(|((method, host, code), calls)| {
            let labels = [
                ("code", code_text(*code)),
                ("method", (*method).to_owned()),
                ("host", (*host).to_owned()),
            ];
            (labels, count(*calls))
        });
        family(
            encoder,
            (
                "rest_client_requests",
                "Calls to the Kubernetes API by HTTP code, method and host",
            ),
            rows,
        )
    }
}

/// Writes a metric without labels.
fn single(
    encoder: &mut DescriptorEncoder,
    (name, help): (&str, &str),
    value: &impl EncodeMetric,
) -> fmt::Result {
    value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)
}

/// Writes all rows of one metric, or nothing if there are none.
fn family<L: EncodeLabelSet, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder,
    (name, help): (&str, &str),
    rows: impl IntoIterator<Item = (L, M)>,
) -> fmt::Result {
    let mut rows = rows.into_iter().peekable();
    let Some((_, first)) = rows.peek() else {
        return Ok(());
    };
    let mut metric = encoder.encode_descriptor(name, help, None, first.metric_type())?;
    for (labels, value) in rows {
        value.encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

fn object_labels<'a>(kind: &'a str, name: &'a NamespacedName) -> [(&'static str, &'a str); 3] {
    [
        ("kind", kind),
        ("name", &name.name),
        ("namespace", &name.namespace),
    ]
}

fn count(number: u64) -> ConstCounter<u64> {
    ConstCounter::new(number)
}

/// Formats a missing status code as client-go does.
fn code_text(code: u16) -> String {
    if code == 0 {
        "<error>".to_owned()
    } else {
        code.to_string()
    }
}

fn method(verb: &str) -> &'static str {
    match verb {
        "create" => "POST",
        "delete" => "DELETE",
        "apply" | "dry-run" | "patch" => "PATCH",
        "update" => "PUT",
        _ => "GET",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> NamespacedName {
        NamespacedName::new("shop", "web")
    }

    #[test]
    fn durations_carry_the_labels_dashboards_use() {
        let metrics = Metrics::new();
        for millis in [5, 200, 4_000_000] {
            metrics.observe("Kustomization", &web(), Duration::from_millis(millis));
        }
        let text = metrics.text();
        let line = |le: &str, n: u32| {
            format!(
                "gotk_reconcile_duration_seconds_bucket{{le=\"{le}\",kind=\"Kustomization\",name=\"web\",namespace=\"shop\"}} {n}"
            )
        };
        assert!(
            text.contains("# TYPE gotk_reconcile_duration_seconds histogram"),
            "{text}"
        );
        assert!(
            text.contains(&line("0.01", 1)) && text.contains(&line("+Inf", 3)),
            "{text}"
        );
        assert!(text.contains(
            "gotk_reconcile_duration_seconds_count{kind=\"Kustomization\",name=\"web\",namespace=\"shop\"} 3"
        ));
        assert_eq!(
            text.matches("gotk_reconcile_duration_seconds_bucket")
                .count(),
            11
        );
        metrics.forget("Kustomization", &web());
        assert!(!metrics.text().contains("gotk_reconcile"));
    }

    #[test]
    fn runs_count_by_controller_and_result() {
        let metrics = Metrics::new();
        metrics.watch_depth("kustomization", || 7);
        assert!(metrics.text().contains(
            "controller_runtime_reconcile_total{controller=\"kustomization\",result=\"error\"} 0"
        ));
        for next in [
            Next::Idle,
            Next::Backoff,
            Next::Backoff,
            Next::After(Duration::ZERO),
        ] {
            metrics.run_started("kustomization");
            metrics.run_ended("kustomization", next, Duration::from_millis(3));
        }
        metrics.run_started("kustomization");
        let text = metrics.text();
        for line in [
            "controller_runtime_reconcile_total{controller=\"kustomization\",result=\"error\"} 2",
            "controller_runtime_reconcile_total{controller=\"kustomization\",result=\"success\"} 1",
            "controller_runtime_reconcile_total{controller=\"kustomization\",result=\"requeue_after\"} 1",
            "controller_runtime_reconcile_errors_total{controller=\"kustomization\"} 2",
            "controller_runtime_active_workers{controller=\"kustomization\"} 1",
            "workqueue_depth{name=\"kustomization\",controller=\"kustomization\"} 7",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn drifts_count_by_outcome() {
        let metrics = Metrics::new();
        metrics.drift("Kustomization", &web(), "corrected");
        metrics.drift("Kustomization", &web(), "corrected");
        metrics.drift("Kustomization", &web(), "warned");
        let text = metrics.text();
        let labels = "kind=\"Kustomization\",name=\"web\",namespace=\"shop\"";
        assert!(
            text.contains(&format!(
                "lode_drift_total{{{labels},outcome=\"corrected\"}} 2"
            )),
            "{text}"
        );
        assert!(
            text.contains(&format!(
                "lode_drift_total{{{labels},outcome=\"warned\"}} 1"
            )),
            "{text}"
        );
        assert!(
            !text.contains("gotk_reconcile"),
            "an object that drifted but never ran has no duration"
        );
    }

    #[test]
    fn label_values_cannot_break_out() {
        let metrics = Metrics::new();
        metrics.drift(
            "Kustomization",
            &NamespacedName::new("shop", "a\"b\\c\nd"),
            "corrected",
        );
        assert!(
            metrics.text().contains(r#"name="a\"b\\c\nd""#),
            "{}",
            metrics.text()
        );
    }

    #[test]
    fn the_process_shows_its_memory_and_time() {
        let text = Metrics::new().text();
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
        assert!(text.contains("process_cpu_seconds_total "), "{text}");
        assert!(text.contains("lode_events_dropped_total 0"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn verbs_become_methods() {
        let methods = [
            "get", "list", "watch", "create", "apply", "dry-run", "patch", "update", "delete",
        ]
        .map(method);
        assert_eq!(
            methods,
            [
                "GET", "GET", "GET", "POST", "PATCH", "PATCH", "PATCH", "PUT", "DELETE"
            ]
        );
        assert_eq!(
            (code_text(0), code_text(409)),
            ("<error>".to_owned(), "409".to_owned())
        );
    }

    #[test]
    fn a_key_that_is_held_back_is_counted() {
        let metrics = Metrics::new();
        metrics.watch_depth("kustomization", || 0);
        let line = |count| format!("lode_held_back_total{{controller=\"kustomization\"}} {count}");
        assert!(
            metrics.text().contains(&line(0)),
            "a counter begins at zero"
        );
        metrics.held_back("kustomization");
        metrics.held_back("kustomization");
        assert!(metrics.text().contains(&line(2)));
    }

    #[test]
    fn who_leads_is_shown_per_lease() {
        let metrics = Metrics::new();
        metrics.set_leader("lode", true);
        metrics.set_leader("other", false);
        let text = metrics.text();
        let line =
            |name, leads| format!("leader_election_master_status{{name=\"{name}\"}} {leads}");
        assert!(
            text.contains(&line("lode", 1)) && text.contains(&line("other", 0)),
            "{text}"
        );
        metrics.set_leader("lode", false);
        assert!(metrics.text().contains(&line("lode", 0)));
    }

    #[test]
    fn an_object_that_goes_takes_its_own_figures_alone() {
        let metrics = Metrics::new();
        let other = NamespacedName::new("shop", "other");
        for (kind, name) in [
            ("Kustomization", &web()),
            ("Kustomization", &other),
            ("GitRepository", &web()),
        ] {
            metrics.observe(kind, name, Duration::from_secs(1));
            metrics.drift(kind, name, "corrected");
        }
        metrics.forget("Kustomization", &web());
        metrics.forget("Bucket", &web());
        let text = metrics.text();
        let drifts: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("lode_drift_total"))
            .collect();
        assert_eq!(drifts.len(), 2, "{drifts:?}");
        assert!(
            drifts
                .iter()
                .all(|line| !line.contains("kind=\"Kustomization\",name=\"web\""))
        );
    }

    #[test]
    fn the_length_of_reconciles_is_added_up() {
        let metrics = Metrics::new();
        for millis in [500, 1500] {
            metrics.observe("Kustomization", &web(), Duration::from_millis(millis));
        }
        let sum = "gotk_reconcile_duration_seconds_sum{kind=\"Kustomization\",name=\"web\",namespace=\"shop\"} 2.0";
        assert!(metrics.text().contains(sum), "{}", metrics.text());
    }

    #[test]
    fn a_depth_is_read_when_it_is_asked_for() {
        let metrics = Metrics::new();
        let depth = Arc::new(std::sync::atomic::AtomicUsize::new(1));
        let shared = depth.clone();
        metrics.watch_depth("kustomization", move || {
            shared.load(std::sync::atomic::Ordering::Relaxed)
        });
        let line = |depth| {
            format!(
                "workqueue_depth{{name=\"kustomization\",controller=\"kustomization\"}} {depth}"
            )
        };
        assert!(metrics.text().contains(&line(1)));
        depth.store(5, std::sync::atomic::Ordering::Relaxed);
        assert!(metrics.text().contains(&line(5)));
    }

    #[test]
    fn what_nobody_counts_has_no_lines() {
        let text = Metrics::default().text();
        for name in [
            "lode_drift",
            "workqueue_depth",
            "rest_client_requests",
            "gotk_reconcile",
        ] {
            assert!(!text.contains(name), "{name}");
        }
    }
}
