//! [`Plan`]: what to do about one object, as data.

use jiff::Timestamp;
use serde_json::Value;

use crate::store::key::Key;

/// A simulated kind, in the order of processing: counted objects before those that count them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum WorkloadKind {
    #[default]
    Node,
    Claim,
    Pod,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    DaemonSet,
    Job,
    Deployment,
    Budget,
}

/// Location of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WorkloadPlace {
    pub(super) kind: WorkloadKind,
    pub(super) key: Key,
}

/// What to do about one object.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// Actions in this order.
    pub(super) actions: Vec<Action>,
    /// The new status. It is not written if an action triggers another round.
    pub(super) status: Option<Value>,
    /// Annotations written with the status.
    pub(super) annotations: Vec<(String, Value)>,
    /// When to process the object again even without a change.
    pub(super) again: Option<Timestamp>,
}

/// An action.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Create(WorkloadKind, Value),
    /// Merges a patch into an object.
    Patch(WorkloadKind, Key, Value),
    /// Deletes the object if it still has this uid; optionally without a grace period.
    Delete {
        place: WorkloadPlace,
        uid: String,
        now: bool,
    },
    /// Binds the pod being processed to a node.
    Bind(String),
}

impl WorkloadKind {
    /// All kinds, with group, version and plural.
    pub(super) const ALL: [(Self, [&'static str; 3]); 10] = [
        (Self::Node, ["", "v1", "nodes"]),
        (Self::Claim, ["", "v1", "persistentvolumeclaims"]),
        (Self::Pod, ["", "v1", "pods"]),
        (Self::ReplicaSet, ["apps", "v1", "replicasets"]),
        (
            Self::ReplicationController,
            ["", "v1", "replicationcontrollers"],
        ),
        (Self::StatefulSet, ["apps", "v1", "statefulsets"]),
        (Self::DaemonSet, ["apps", "v1", "daemonsets"]),
        (Self::Job, ["batch", "v1", "jobs"]),
        (Self::Deployment, ["apps", "v1", "deployments"]),
        (Self::Budget, ["policy", "v1", "poddisruptionbudgets"]),
    ];

    /// Returns the kind of a resource by its name with group.
    pub(super) fn of(resource: &str) -> Option<Self> {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        Self::ALL
            .iter()
            .find(|(_, [of, _, name])| *of == group && *name == plural)
            .map(|(kind, _)| *kind)
    }
}

impl Plan {
    /// Returns a plan that only sets the status.
    pub(super) fn status(status: Value) -> Self {
        Self {
            status: Some(status),
            ..Self::default()
        }
    }
}
