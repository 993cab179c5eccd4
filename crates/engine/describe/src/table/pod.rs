//! Cells of pods.

use jiff::Timestamp;
use lode_object::json::{at, list, text};
use serde_json::{Value, json};

use super::cell::{Cells, NONE, number};
use crate::age;

pub(super) const CELLS: Cells = &[
    ("pod_ready", |pod, _| {
        let summary = Summary::of(pod);
        format!("{}/{}", summary.ready, summary.total).into()
    }),
    ("pod_status", |pod, _| Summary::of(pod).reason.into()),
    ("pod_restarts", |pod, now| {
        Summary::of(pod).restarts.shown(now).into()
    }),
    ("pod_ip", |pod, _| {
        match list(pod, "/status/podIPs")
            .first()
            .map(|first| text(first, "/ip"))
        {
            None | Some("") => NONE.into(),
            Some(ip) => ip.into(),
        }
    }),
    ("pod_gates", |pod, _| gates(pod).into()),
];

/// Returns the conditions in the row of a pod that has ended; null for everything else.
pub(super) fn conditions(object: &Value) -> Value {
    let is_pod = object["kind"] == "Pod" && object["apiVersion"] == "v1";
    let (phase, message) = match text(object, "/status/phase") {
        phase @ "Succeeded" if is_pod => (phase, "The pod has completed successfully."),
        phase @ "Failed" if is_pod => (phase, "The pod failed."),
        _ => return Value::Null,
    };
    json!([{"type": "Completed", "status": "True", "reason": phase, "message": message}])
}

/// The summary of a pod's containers.
struct Summary {
    ready: usize,
    total: usize,
    reason: String,
    restarts: Restarts,
}

/// How often containers restarted, and when the last one did.
#[derive(Default, Clone)]
struct Restarts {
    count: i64,
    last: Option<String>,
}

impl Summary {
    fn of(pod: &Value) -> Self {
        let sidecars = list(pod, "/spec/initContainers")
            .iter()
            .filter(|container| is_sidecar(container))
            .count();
        let mut summary = Self {
            ready: 0,
            total: list(pod, "/spec/containers").len() + sidecars,
            reason: phase(pod).to_owned(),
            restarts: Restarts::default(),
        };
        let of_sidecars = summary.initialize(pod);
        let (initializing, of_sidecars) = of_sidecars;
        if !initializing || condition(pod, "Initialized") == Some("True") {
            summary.restarts = of_sidecars;
            summary.run(pod);
        }

        if !at(pod, "/metadata/deletionTimestamp").is_null() {
            if text(pod, "/status/reason") == "NodeLost" {
                "Unknown".clone_into(&mut summary.reason);
            } else if !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
                "Terminating".clone_into(&mut summary.reason);
            }
        }
        summary
    }

    /// Examines the init containers; returns whether one is still running, and the restarts of
    /// sidecars.
    fn initialize(&mut self, pod: &Value) -> (bool, Restarts) {
        let init = list(pod, "/spec/initContainers");
        let mut of_sidecars = Restarts::default();

        for (place, status) in list(pod, "/status/initContainerStatuses")
            .iter()
            .enumerate()
        {
            let sidecar = init
                .iter()
                .any(|container| container["name"] == status["name"] && is_sidecar(container));
            self.restarts.add(status);
            if sidecar {
                of_sidecars.add(status);
            }
            let terminated = at(status, "/state/terminated");
            if !terminated.is_null() && number(terminated, "/exitCode") == 0 {
                continue;
            }
            if sidecar && status["started"] == true {
                self.ready += usize::from(status["ready"] == true);
                continue;
            }
            let waiting = text(status, "/state/waiting/reason");
            self.reason = if !terminated.is_null() {
                format!("Init:{}", end_reason(terminated))
            } else if !matches!(waiting, "" | "PodInitializing") {
                format!("Init:{waiting}")
            } else {
                format!("Init:{place}/{}", init.len())
            };
            return (true, of_sidecars);
        }
        (false, of_sidecars)
    }

    /// Examines the containers, the first one last: its reason counts.
    fn run(&mut self, pod: &Value) {
        let (mut running, mut error) = (false, None);
        for status in list(pod, "/status/containerStatuses").iter().rev() {
            self.restarts.add(status);
            let terminated = at(status, "/state/terminated");
            let waiting = text(status, "/state/waiting/reason");
            if !waiting.is_empty() {
                waiting.clone_into(&mut self.reason);
            } else if !terminated.is_null() {
                self.reason = end_reason(terminated);
                if number(terminated, "/exitCode") != 0 {
                    error = Some(self.reason.clone());
                }
            } else if status["ready"] == true && !at(status, "/state/running").is_null() {
                running = true;
                self.ready += 1;
            }
        }

        if self.reason != "Completed" {
            return;
        }

        match error {
            _ if running && condition(pod, "Ready") == Some("True") => {
                "Running".clone_into(&mut self.reason);
            }
            Some(error) => self.reason = error,
            None if running => "NotReady".clone_into(&mut self.reason),
            None => {}
        }
    }
}

impl Restarts {
    fn add(&mut self, status: &Value) {
        self.count += number(status, "/restartCount");
        let ended = at(status, "/lastState/terminated/finishedAt").as_str();
        // Times of one format sort by their text.
        if let Some(ended) =
            ended.filter(|ended| self.last.as_deref().is_none_or(|last| last < *ended))
        {
            self.last = Some(ended.to_owned());
        }
    }

    fn shown(&self, now: Timestamp) -> String {
        match &self.last {
            Some(last) if self.count != 0 => {
                format!("{} ({} ago)", self.count, age::since(Some(last), now))
            }
            _ => self.count.to_string(),
        }
    }
}

fn phase(pod: &Value) -> &str {
    let gated =
        |condition: &&Value| condition["type"] == "PodScheduled" && condition["reason"] == GATED;
    if list(pod, "/status/conditions")
        .iter()
        .any(|condition| gated(&condition))
    {
        return GATED;
    }
    match text(pod, "/status/reason") {
        "" => text(pod, "/status/phase"),
        reason => reason,
    }
}

fn end_reason(terminated: &Value) -> String {
    match (text(terminated, "/reason"), number(terminated, "/signal")) {
        ("", 0) => format!("ExitCode:{}", number(terminated, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn gates(pod: &Value) -> String {
    let gates = list(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let open = gates
        .iter()
        .filter(|gate| condition(pod, text(gate, "/conditionType")) == Some("True"))
        .count();
    format!("{open}/{}", gates.len())
}

/// Returns the status of the first condition of a type.
fn condition<'p>(pod: &'p Value, kind: &str) -> Option<&'p str> {
    let found = list(pod, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == kind);
    found.map(|condition| text(condition, "/status"))
}

fn is_sidecar(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

const GATED: &str = "SchedulingGated";
