//! [`Plan`]: what is to be done about one object, as data.

use jiff::Timestamp;
use serde_json::Value;

use crate::store::key::Key;

/// A kind that takes part, in the order in which objects are looked at: what is counted before what counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
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

/// Where an object is.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) key: Key,
}

/// What is to be done about one object.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// In this order.
    pub(super) actions: Vec<Action>,
    /// What its status is to be. It is not written where something else was done that makes for another look.
    pub(super) status: Option<Value>,
    /// Annotations that are written with the status.
    pub(super) annotations: Vec<(String, Value)>,
    /// When to look again though nothing changes.
    pub(super) again: Option<Timestamp>,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Create(Kind, Value),
    /// Changes an object as a merge patch does.
    Patch(Kind, Key, Value),
    /// Deletes the object if it has this uid still; without grace if so said.
    Delete {
        place: Place,
        uid: String,
        now: bool,
    },
    /// Puts the pod that is looked at on a node.
    Bind(String),
}

impl Kind {
    /// All of them, with group, version and plural.
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
    /// Returns a plan that leaves all but the status alone.
    pub(super) fn status(status: Value) -> Self {
        Self {
            status: Some(status),
            ..Self::default()
        }
    }
}
