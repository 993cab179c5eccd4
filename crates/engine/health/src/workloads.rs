//! Rules of the kinds that manage several Pods: Deployment, `StatefulSet`, `DaemonSet`,
//! `ReplicaSet`.
//!
//! Each is a list of comparisons; the first that fails is the result.

use lode_object::json::{int, text};
use serde_json::Value;

use crate::{
    conditions::Conditions,
    detail::with_count,
    fields::{count, missing_generation},
    status::Health,
};

pub(crate) fn deployment(object: &Value) -> Result<Health, Health> {
    // Without a deadline the controller writes no Progressing condition; the largest 32-bit number
    // means none.
    let no_deadline = i64::from(i32::MAX);
    let mut progressing =
        int(object, "/spec/progressDeadlineSeconds").is_none_or(|deadline| deadline == no_deadline);
    let mut available = false;
    let conditions = Conditions::of(object)?;
    for condition in conditions.iter() {
        match condition.kind {
            "Progressing" if condition.reason == "ProgressDeadlineExceeded" => {
                return Ok(Health::failed(
                    "ProgressDeadlineExceeded",
                    "Progress deadline exceeded",
                ));
            }
            "Progressing" => {
                progressing |= condition.is_true() && condition.reason == "NewReplicaSetAvailable";
            }
            "Available" => available |= condition.is_true(),
            _ => {}
        }
    }
    let Counts { wanted, have } = Counts::of(object);
    let [updated, ready, ready_long] = counts(
        object,
        ["updatedReplicas", "readyReplicas", "availableReplicas"],
    );
    let health = less("Replicas", have, wanted, "LessReplicas")
        .or_else(|| less("Updated", updated, wanted, "LessUpdated"))
        .or_else(|| extra(have, wanted))
        .or_else(|| less("Available", ready_long, updated, "LessAvailable"))
        .or_else(|| less("Ready", ready, wanted, "LessReady"))
        .or_else(|| {
            (!progressing)
                .then(|| Health::progress("ReplicaSetNotAvailable", "ReplicaSet not Available"))
        })
        .or_else(|| {
            (!available)
                .then(|| Health::progress("DeploymentNotAvailable", "Deployment not Available"))
        })
        .unwrap_or_else(|| Health::current(format!("Deployment is available. Replicas: {have}")));
    Ok(with_count(health, ready, wanted, Some(conditions)))
}

pub(crate) fn stateful_set(object: &Value) -> Health {
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Health::current("StatefulSet is using the ondelete update strategy");
    }

    let Counts { wanted, have } = Counts::of(object);
    let [ready, current, updated] = counts(
        object,
        ["readyReplicas", "currentReplicas", "updatedReplicas"],
    );
    let unready = less("Replicas", have, wanted, "LessReplicas")
        .or_else(|| less("Ready", ready, wanted, "LessReady"))
        .or_else(|| extra(have, wanted));
    if let Some(unready) = unready {
        return with_count(unready, ready, wanted, None);
    }
    if let Some(partition) =
        int(object, "/spec/updateStrategy/rollingUpdate/partition").filter(|at| *at != -1)
    {
        return less("updated", updated, wanted - partition, "PartitionRollout").unwrap_or_else(
            || Health::current(format!("Partition rollout complete. updated: {updated}")),
        );
    }
    if let Some(behind) = less("current", current, wanted, "LessCurrent") {
        return behind;
    }
    if text(object, "/status/currentRevision") != text(object, "/status/updateRevision") {
        return Health::progress(
            "RevisionMismatch",
            "Waiting for updated revision to match current",
        );
    }

    Health::current(format!(
        "All replicas scheduled as expected. Replicas: {have}"
    ))
}

pub(crate) fn daemon_set(object: &Value) -> Health {
    if let Some(missing) = missing_generation(object) {
        return missing;
    }
    let Some(wanted) = int(object, "/status/desiredNumberScheduled").filter(|wanted| *wanted != -1)
    else {
        return Health::progress("NoDesiredNumber", "Missing .status.desiredNumberScheduled");
    };

    let [current, updated, available, ready] = counts(
        object,
        [
            "currentNumberScheduled",
            "updatedNumberScheduled",
            "numberAvailable",
            "numberReady",
        ],
    );
    let health = less("Current", current, wanted, "LessCurrent")
        .or_else(|| less("Updated", updated, wanted, "LessUpdated"))
        .or_else(|| less("Available", available, wanted, "LessAvailable"))
        .or_else(|| less("Ready", ready, wanted, "LessReady"))
        .unwrap_or_else(|| {
            Health::current(format!(
                "All replicas scheduled as expected. Replicas: {wanted}"
            ))
        });
    with_count(health, ready, wanted, None)
}

pub(crate) fn replica_set(object: &Value) -> Result<Health, Health> {
    let conditions = Conditions::of(object)?;
    let Counts { wanted, have } = Counts::of(object);
    let [labelled, available, ready] = counts(
        object,
        ["fullyLabeledReplicas", "availableReplicas", "readyReplicas"],
    );
    if conditions.has("ReplicaFailure", "True") {
        let failing = Health::progress("ReplicaFailure", "Replica Failure condition. Check Pods");
        return Ok(with_count(failing, ready, wanted, Some(conditions)));
    }

    let health = less("Labelled", labelled, wanted, "LessLabelled")
        .or_else(|| less("Available", available, wanted, "LessAvailable"))
        .or_else(|| less("Ready", ready, wanted, "LessReady"))
        .or_else(|| extra(have, wanted))
        .unwrap_or_else(|| Health::current(format!("ReplicaSet is available. Replicas: {have}")));
    Ok(with_count(health, ready, wanted, None))
}

/// Desired and actual numbers of Pods.
struct Counts {
    wanted: i64,
    have: i64,
}

impl Counts {
    fn of(object: &Value) -> Self {
        Self {
            wanted: int(object, "/spec/replicas").unwrap_or(1),
            have: count(object, "/status/replicas"),
        }
    }
}

fn counts<const N: usize>(object: &Value, fields: [&str; N]) -> [i64; N] {
    fields.map(|field| {
        object
            .get("status")
            .and_then(|status| status.get(field)?.as_i64())
            .unwrap_or(0)
    })
}

/// Returns "in progress" if there are too few.
fn less(what: &str, have: i64, wanted: i64, reason: &'static str) -> Option<Health> {
    (have < wanted).then(|| Health::progress(reason, format!("{what}: {have}/{wanted}")))
}

/// Returns "in progress" if there are too many.
fn extra(have: i64, wanted: i64) -> Option<Health> {
    (have > wanted).then(|| {
        Health::progress(
            "ExtraPods",
            format!("Pending termination: {}", have - wanted),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Status, compute};

    #[test]
    fn a_missed_deadline_is_a_failure() {
        let health = compute(
            &json!({"apiVersion": "apps/v1", "kind": "Deployment", "status": {"conditions": [
                {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}}),
            0,
        );
        assert_eq!(
            (health.status, &*health.message),
            (Status::Failed, "Progress deadline exceeded")
        );
    }

    #[test]
    fn a_partition_counts_only_what_it_lets_through() {
        let set = |partition: i64, updated: i64| {
            let object = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
                "spec": {"replicas": 4, "updateStrategy": {"rollingUpdate": {"partition": partition}}},
                "status": {"replicas": 4, "readyReplicas": 4, "updatedReplicas": updated, "currentRevision": "a", "updateRevision": "b"}});
            compute(&object, 0)
        };
        assert_eq!(set(3, 1).message, "Partition rollout complete. updated: 1");
        assert_eq!(set(1, 1).reason, "PartitionRollout");
    }

    #[test]
    fn a_revision_under_way_is_progress() {
        let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "status": {"replicas": 1, "readyReplicas": 1,
            "currentReplicas": 1, "currentRevision": "a", "updateRevision": "b"}});
        assert_eq!(compute(&set, 0).reason, "RevisionMismatch");
    }
}
