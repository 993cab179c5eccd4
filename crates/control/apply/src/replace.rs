//! Deleting an object and creating it again, where a field that can never change differs (`force`).
//!
//! ```text
//! refused ── immutable? ── allowed? ── dry-run create passes? ── delete ── create ─┬─ done
//!    └─ no: the refusal stands ────────────────────────────────┘                   └─ refused: put the old one back
//! ```
//!
//! Nothing is deleted that is not known to come back: the server must have named an immutable field that differs, and
//! it must accept the new object as a dry-run under its own name. "Already exists" is the pass: a server validates and
//! admits a new object before it looks for one of the same name (kube-apiserver 1.36, `Store.create`). It is done once
//! per revision and object.

use std::time::Duration;

use lode_cluster::{Error as ClusterError, Status};
use lode_merge::{Flags, Observed};
use lode_object::{GroupVersionKind, Map, Value, meta};
use tokio::time::{Instant, sleep};

use crate::applier::Applier;
use crate::desired::Desired;
use crate::error::{Fault, Trouble};
use crate::live::LiveObject;
use crate::outcome::Action;
use crate::told::told;
use crate::work::{
    Hands, Looked, StepOutcome, Task, Unwritten, Way, Written, WrittenObject, fault,
};

/// How long an object may take to go before it is created again.
const GONE_TIMEOUT: Duration = Duration::from_mins(1);
const GONE_POLL_MIN: Duration = Duration::from_millis(50);
const GONE_POLL_MAX: Duration = Duration::from_secs(2);

/// Kinds that hold what no new object of the same name brings back: data, or all objects of a namespace or kind.
const IRREPLACEABLE: [(&str, &str); 4] = [
    ("", "Namespace"),
    ("", "PersistentVolume"),
    ("", "PersistentVolumeClaim"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
];

/// Whether an object may be deleted and created again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Nobody asked for it.
    No,
    /// The Kustomization asks for it, but its `force` is not about kinds that hold what cannot be brought back.
    Irreplaceable,
    /// It may.
    Yes,
}

/// Returns whether an object may be deleted and created again: by its own annotation, in Git or on the live object, or
/// by the `force` of its Kustomization.
#[must_use]
pub fn force(desired: &Desired, live: Flags, kustomization: bool) -> Force {
    let is_irreplaceable =
        |gvk: &GroupVersionKind| IRREPLACEABLE.contains(&(&*gvk.group, &*gvk.kind));
    match () {
        () if desired.how.force || live.contains(Flags::FORCE_ENABLED) => Force::Yes,
        () if !kustomization => Force::No,
        () if is_irreplaceable(&desired.gvk) => Force::Irreplaceable,
        () => Force::Yes,
    }
}

/// Returns the fields that the server refused to change since they never can, and that do differ.
#[must_use]
pub fn immutable_differences(refusal: &ClusterError, desired: &Value, live: &Value) -> Vec<String> {
    let fields = refusal
        .status()
        .map(Status::immutable_fields)
        .unwrap_or_default();
    let differing = fields
        .into_iter()
        .filter(|field| differs(field, desired, live));
    differing
        .map(|field| {
            if field.is_empty() {
                "a field".to_owned()
            } else {
                field.to_owned()
            }
        })
        .collect()
}

/// Compares what lies at a field, or at the deepest part of its path that both objects have. The server has compared
/// the field with its defaults, so that an unequal value here is a difference there.
fn differs(field: &str, desired: &Value, live: &Value) -> bool {
    let (mut desired, mut live, mut is_root) = (desired, live, true);
    for part in field.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        let (Some(wanted), Some(found)) = (child(desired, part), child(live, part)) else {
            break;
        };
        (desired, live, is_root) = (wanted, found, false);
    }
    if is_root {
        !lode_merge::content_equal(desired, live)
    } else {
        desired != live
    }
}

fn child<'v>(value: &'v Value, part: &str) -> Option<&'v Value> {
    match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        value => value.get(part),
    }
}

/// Decides what a refused change comes to: a replacement that is sure to succeed, or the refusal. The object may have
/// changed meanwhile, and be something else to do.
pub(crate) async fn refused_change(
    task: Box<Task>,
    hands: Hands<'_>,
    refusal: ClusterError,
    step: &'static str,
) -> Result<StepOutcome, Box<Fault>> {
    if refusal
        .status()
        .is_none_or(|status| status.immutable_fields().is_empty())
    {
        return Err(fault(&task.desired, step, refusal));
    }

    let live = match task.live(hands.applier).await {
        Ok(live) => live,
        Err(cause) => return Err(fault(&task.desired, step, cause)),
    };
    match task.found(hands, live) {
        StepOutcome::Write(Looked {
            task,
            way: Way::Update(live),
            accepted,
        }) => {
            if let Err(trouble) = check_replacement(&task, &live, hands, refusal).await {
                return Err(fault(&task.desired, step, trouble));
            }
            Ok(StepOutcome::Write(Looked {
                task,
                way: Way::Replace(live),
                accepted,
            }))
        }
        other => Ok(other),
    }
}

/// Checks that an object may be replaced, and that it is sure to come back.
async fn check_replacement(
    task: &Task,
    live: &LiveObject,
    hands: Hands<'_>,
    refusal: ClusterError,
) -> Result<(), Trouble> {
    let desired = &task.desired;
    let Some(value) = &live.value else {
        return Err(refusal.into());
    };
    if immutable_differences(&refusal, &desired.value(), value).is_empty() {
        return Err(refusal.into());
    }
    match force(desired, live.seen.flags, hands.force) {
        Force::Yes => {}
        Force::No => return Err(refusal.into()),
        Force::Irreplaceable => return Err(Trouble::new(refusal, irreplaceable(desired))),
    }
    // One that is on its way out already is not deleted once more.
    if task.replaced_before && !live.seen.deleting {
        return Err(Trouble::new(refusal, REPLACED_BEFORE.to_owned()));
    }
    check_creation(task, value, hands.applier, refusal).await
}

/// Has the server try the creation, under the object's own name.
async fn check_creation(
    task: &Task,
    live: &Value,
    applier: &Applier,
    refusal: ClusterError,
) -> Result<(), Trouble> {
    let desired = &task.desired;
    let new = without_held(desired.value(), live);

    let target = applier.target(desired, true);
    match applier
        .client
        .create_as(&task.known.resource, target, &new)
        .await
    {
        Err(error) if !error.is_already_exists() => {
            let why = told(&desired.secrecy, &desired.id, &error);
            let note = format!("not deleted, since it could not be created again: {why}");
            Err(Trouble::new(refusal, note))
        }
        _ => Ok(()),
    }
}

/// Deletes an object and creates it again; what cannot be created is put back as it was.
pub(crate) async fn replace(
    task: Box<Task>,
    live: Box<LiveObject>,
    applier: &Applier,
) -> Result<Written, Unwritten> {
    let was_deleted = !live.seen.deleting;
    if was_deleted && let Err(error) = delete(&task, &live, applier).await {
        return Err(fault(&task.desired, "apply", error).into());
    }

    let trouble = match create_when_gone(&task, applier).await {
        Ok(after) => {
            return Ok(Written::Done(Box::new(WrittenObject {
                task,
                before: Some(live),
                action: Some(Action::Created),
                after,
                was_deleted,
            })));
        }
        Err(cause) if was_deleted => put_back(&task, &live, applier, cause).await,
        Err(cause) => cause.into(),
    };
    let deleted = was_deleted.then(|| (task.desired.id.clone(), task.desired.digest));
    let fault = fault(&task.desired, "apply", trouble);
    Err(Unwritten { fault, deleted })
}

/// Deletes the very object that was looked at; one that is gone is no error.
async fn delete(task: &Task, live: &LiveObject, applier: &Applier) -> Result<(), ClusterError> {
    let id = &task.desired.id;
    let deleted = applier
        .client
        .delete(
            &task.known.resource,
            &id.namespace,
            &id.name,
            &live.seen.uid,
        )
        .await;
    match deleted {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

async fn create_when_gone(task: &Task, applier: &Applier) -> Result<Observed, ClusterError> {
    let until = Instant::now() + GONE_TIMEOUT;
    let mut wait = GONE_POLL_MIN;
    loop {
        let target = applier.target(&task.desired, false);
        let body = task.desired.create_body();
        match applier
            .client
            .apply_unread(&task.known.resource, target, body)
            .await
        {
            Ok(answer) => return task.known.kind.put(&answer),
            // It is there still, or the server has to be asked again.
            Err(error) if may_pass(task, &error) && Instant::now() < until => {
                sleep(wait).await;
                wait = (wait * 2).min(GONE_POLL_MAX);
            }
            Err(error) => return Err(error),
        }
    }
}

fn may_pass(task: &Task, error: &ClusterError) -> bool {
    task.says_it_exists(error) || error.is_passing()
}

/// Creates the object as it was before it was deleted, and says so.
async fn put_back(
    task: &Task,
    live: &LiveObject,
    applier: &Applier,
    cause: ClusterError,
) -> Trouble {
    let Some(old) = live.value.as_ref().and_then(as_new) else {
        return cause.into();
    };
    let desired = &task.desired;
    let target = applier.target(desired, false);
    let put = applier
        .client
        .create_as(&task.known.resource, target, &old)
        .await;

    let note = match put {
        Ok(_) => "it was deleted to be created again, and has been put back as it was".to_owned(),
        Err(error) if error.is_already_exists() => {
            "it was deleted to be created again, and is there still or again".to_owned()
        }
        Err(error) => {
            let why = told(&desired.secrecy, &desired.id, &error);
            format!(
                "it was deleted to be created again, and could not be put back as it was: {why}"
            )
        }
    };
    Trouble::new(cause, note)
}

const REPLACED_BEFORE: &str = "it was deleted and created again once for this revision, and is not once more: \
    delete it yourself, or commit a change";

fn irreplaceable(desired: &Desired) -> String {
    let (kind, key) = (&desired.gvk.kind, meta::FORCE);
    format!(
        "the `force` of a Kustomization never deletes a {kind}: annotate it with {key}: enabled if it may go"
    )
}

/// Leaves out addresses and ports that the live Service holds itself: they are free once it is gone, but a dry-run
/// finds them taken.
fn without_held(mut new: Value, live: &Value) -> Value {
    if live.get("kind").and_then(Value::as_str) != Some("Service") {
        return new;
    }
    let old = live.get("spec").unwrap_or(&Value::Null);
    let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) else {
        return new;
    };
    let held = |map: &mut Map<String, Value>, field: &str, held: &dyn Fn(&Value) -> bool| {
        if map.get(field).is_some_and(held) {
            map.remove(field);
        }
    };
    let addresses =
        |value: &Value| value.as_str() != Some("None") && old.get("clusterIP") == Some(value);
    held(spec, "clusterIP", &addresses);
    held(spec, "clusterIPs", &|value| {
        value.pointer("/0").is_some_and(addresses)
    });
    held(spec, "healthCheckNodePort", &|value| {
        old.get("healthCheckNodePort") == Some(value)
    });

    let node_ports = |spec: &Value| -> Vec<Value> {
        let ports = spec
            .get("ports")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        ports
            .filter_map(|port| port.get("nodePort").cloned())
            .collect()
    };
    let taken = node_ports(old);
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(port) = port.as_object_mut() {
            held(port, "nodePort", &|value| taken.contains(value));
        }
    }
    new
}

/// Returns a live object in the form that creates it: without what only a live one has.
fn as_new(live: &Value) -> Option<Value> {
    let mut new = live.clone();
    let object = new.as_object_mut()?;
    object.remove("status");
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    for field in OF_THE_LIVING {
        metadata.remove(field);
    }
    // A Job's selector and the labels that go with it are made from its uid.
    let is_job = live.get("kind").and_then(Value::as_str) == Some("Job");
    if is_job
        && live
            .pointer("/spec/manualSelector")
            .and_then(Value::as_bool)
            != Some(true)
    {
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("selector");
        }
        let labels = object
            .get_mut("spec")
            .and_then(|spec| spec.pointer_mut("/template/metadata/labels"));
        if let Some(labels) = labels.and_then(Value::as_object_mut) {
            labels.retain(|key, _| !JOB_LABELS.contains(&key.as_str()));
        }
    }
    Some(new)
}

/// Fields of `metadata` that the server fills in.
const OF_THE_LIVING: [&str; 7] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];
const JOB_LABELS: [&str; 4] = [
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
];

#[cfg(test)]
mod tests {
    use lode_object::{NamespacedName, Object};
    use serde_json::json;

    use super::*;
    use crate::desired::Common;

    fn desired(value: Value) -> Desired {
        Desired::new(
            Object::parse(value).unwrap(),
            "",
            &NamespacedName::new("a", "b"),
            &Common::default(),
        )
        .unwrap()
    }

    fn refusal(field: &str, message: &str) -> ClusterError {
        let status = json!({"code": 422, "reason": "Invalid", "message": message,
            "details": {"causes": [{"field": field, "message": message}]}});
        ClusterError::Refused(Box::new(serde_json::from_value(status).unwrap()))
    }

    #[test]
    fn what_holds_data_needs_the_object_s_own_word() {
        let kinds = [
            ("v1", "PersistentVolumeClaim"),
            ("v1", "PersistentVolume"),
            ("v1", "Namespace"),
        ];
        let crd = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        for (api, kind) in kinds.into_iter().chain([crd]) {
            let plain = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "a"}});
            assert_eq!(
                force(&desired(plain.clone()), Flags::default(), true),
                Force::Irreplaceable,
                "{kind}"
            );
            assert_eq!(
                force(&desired(plain.clone()), Flags::FORCE_ENABLED, false),
                Force::Yes,
                "{kind}"
            );
            let mut own = plain;
            own["metadata"]["annotations"] = json!({meta::FORCE: "Enabled"});
            assert_eq!(
                force(&desired(own), Flags::default(), false),
                Force::Yes,
                "{kind}"
            );
        }
        let service =
            desired(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}));
        assert_eq!(force(&service, Flags::default(), true), Force::Yes);
        assert_eq!(force(&service, Flags::default(), false), Force::No);
        let other = desired(
            json!({"apiVersion": "x.example.com/v1", "kind": "Namespace", "metadata": {"name": "a"}}),
        );
        assert_eq!(
            force(&other, Flags::default(), true),
            Force::Yes,
            "another group's kind"
        );
    }

    #[test]
    fn a_field_counts_only_where_it_differs() {
        let wanted =
            json!({"spec": {"selector": {"a": "1"}, "clusterIP": "None", "ports": [{"port": 1}]}});
        let live = json!({"spec": {"selector": {"a": "1"}, "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
            "ports": [{"port": 1}]}});
        let found = |field: &str| {
            immutable_differences(
                &refusal(field, "Invalid value: field is immutable"),
                &wanted,
                &live,
            )
        };
        assert_eq!(
            found("spec.clusterIPs[0]"),
            ["spec.clusterIPs[0]"],
            "the deepest part both have is the spec"
        );
        assert_eq!(found("spec.clusterIP"), ["spec.clusterIP"]);
        assert_eq!(found("spec.selector"), [""; 0]);
        assert_eq!(found("spec.ports[0].port"), [""; 0]);
        assert_eq!(found(""), ["a field"]);
        let port = refusal(
            "spec.ports[0].port",
            "Invalid value: 80000: must be between 1 and 65535",
        );
        assert_eq!(immutable_differences(&port, &wanted, &live), [""; 0]);
    }

    #[test]
    fn a_trial_leaves_out_what_the_live_service_holds_itself() {
        let live = json!({"kind": "Service", "spec": {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
            "ports": [{"port": 80, "nodePort": 30080}]}});
        let new = json!({"kind": "Service", "spec": {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
            "ports": [{"port": 80, "nodePort": 30080}, {"port": 81, "nodePort": 30081}]}});
        let ports = json!([{"port": 80}, {"port": 81, "nodePort": 30081}]);
        assert_eq!(
            without_held(new, &live),
            json!({"kind": "Service", "spec": {"ports": ports}})
        );
        let headless =
            json!({"kind": "Service", "spec": {"clusterIP": "None", "clusterIPs": ["None"]}});
        assert_eq!(
            without_held(headless.clone(), &headless),
            headless,
            "None is no address"
        );
    }

    #[test]
    fn a_job_is_put_back_without_what_comes_from_its_uid() {
        let live = json!({"kind": "Job", "metadata": {"name": "a", "uid": "u", "resourceVersion": "1",
            "managedFields": [{"manager": "x"}], "labels": {"team": "a"}},
            "spec": {"selector": {"matchLabels": {"controller-uid": "u"}},
                "template": {"metadata": {"labels": {"controller-uid": "u", "job-name": "a", "app": "x"}}}},
            "status": {"active": 1}});
        let new = json!({"kind": "Job", "metadata": {"name": "a", "managedFields": [{"manager": "x"}],
            "labels": {"team": "a"}}, "spec": {"template": {"metadata": {"labels": {"app": "x"}}}}});
        assert_eq!(as_new(&live), Some(new));
    }
}
