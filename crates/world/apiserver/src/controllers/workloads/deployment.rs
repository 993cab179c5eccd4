//! Deployments: one `ReplicaSet` per template; pods move from the old ones to the latest.

use jiff::{SignedDuration, Timestamp};
use lode_object::json::{int, text};
use serde_json::{Value, json};

use super::condition::{self, Condition};
use super::object::{counts, deletion, hash, is_going, key, reference};
use super::plan::{Action, Plan, WorkloadKind};
use super::rollout::{Bounds, Set};
use super::scene::Seen;

/// Computes what to do about a deployment.
pub(super) fn plan(seen: &Seen) -> Plan {
    let deployment = &seen.object;
    let hash = hash(&deployment["spec"]["template"]);
    let mut old: Vec<&Value> = seen.children.iter().filter(|set| !is_going(set)).collect();
    old.sort_by_key(|set| (revision(set), text(set, "/metadata/name")));
    let at = old.iter().position(|set| text(set, HASH_PATH) == hash);
    let new = at.map(|at| old.remove(at));
    if is_going(deployment) {
        return Plan::default();
    }
    let paused = deployment["spec"]["paused"] == true;
    let last = old
        .iter()
        .map(|set| revision(set))
        .max()
        .unwrap_or_default();
    let bounds = Bounds::of(deployment);
    let mut plan = Plan::default();
    match new {
        None if paused => {}
        None => plan.actions.push(Action::Create(
            WorkloadKind::ReplicaSet,
            set(deployment, &hash, last.saturating_add(1), bounds, &old),
        )),
        Some(new) => {
            // Returning to an earlier template makes it the latest.
            let revision = revision(new).max(last.saturating_add(1));
            plan.actions.extend(resized(
                new,
                bounds.new_wanted(sizes(new), &all_sizes(&old)),
                revision,
                bounds,
            ));
            let wanted = bounds.old_wanted(sizes(new), &all_sizes(&old));
            let old_resized = old
                .iter()
                .zip(wanted)
                .filter(|(set, wanted)| sizes(set).wanted != *wanted);
            plan.actions.extend(
                old_resized
                    .filter_map(|(set, wanted)| resized(set, wanted, self::revision(set), bounds)),
            );
            plan.annotations = vec![(REVISION.to_owned(), revision.to_string().into())];
        }
    }
    let status = DeploymentStatus {
        deployment,
        bounds,
        new,
        old: &old,
        paused,
        now: seen.now,
    };
    if status.is_complete() {
        plan.actions.extend(forgotten(deployment, &old));
    }
    plan.again = status.deadline();
    plan.status = Some(status.value());
    plan
}

/// Returns the set for a template.
fn set(deployment: &Value, hash: &str, revision: i64, bounds: Bounds, old: &[&Value]) -> Value {
    let spec = &deployment["spec"];
    let mut template = spec["template"].clone();
    template["metadata"]["labels"][HASH] = hash.into();
    let mut selector = spec["selector"].clone();
    selector["matchLabels"][HASH] = hash.into();
    let mut annotations = deployment
        .pointer("/metadata/annotations")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    annotations
        .retain(|key, _| key != LAST_APPLIED && !key.starts_with("deployment.kubernetes.io/"));
    annotations.extend(sizes_told(revision, bounds));
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", text(deployment, "/metadata/name")),
            "namespace": deployment["metadata"]["namespace"], "labels": template["metadata"]["labels"],
            "annotations": annotations, "ownerReferences": [reference(deployment)],
        },
        "spec": {"replicas": bounds.new_wanted(Set::default(), &all_sizes(old)), "selector": selector, "template": template},
    });
    if let Some(seconds) = spec.get("minReadySeconds") {
        set["spec"]["minReadySeconds"] = seconds.clone();
    }
    set
}

fn sizes_told(revision: i64, bounds: Bounds) -> [(String, Value); 3] {
    let told = |key: &str, number: i64| (key.to_owned(), number.to_string().into());
    [
        told(REVISION, revision),
        told("deployment.kubernetes.io/desired-replicas", bounds.replicas),
        told(
            "deployment.kubernetes.io/max-replicas",
            bounds.replicas + bounds.surge,
        ),
    ]
}

/// Returns the change of a set's size or revision, if one is needed.
fn resized(set: &Value, wanted: i64, revision: i64, bounds: Bounds) -> Option<Action> {
    let told = sizes_told(revision, bounds);
    let is_told = told
        .iter()
        .all(|(key, value)| set["metadata"]["annotations"].get(key) == Some(value));
    if sizes(set).wanted == wanted && is_told {
        return None;
    }
    let annotations: serde_json::Map<String, Value> = told.into_iter().collect();
    let patch = json!({"spec": {"replicas": wanted}, "metadata": {"annotations": annotations}});
    Some(Action::Patch(WorkloadKind::ReplicaSet, key(set), patch))
}

/// Returns the deletions of old sets beyond the history limit.
fn forgotten(deployment: &Value, old: &[&Value]) -> Vec<Action> {
    let kept = int(deployment, "/spec/revisionHistoryLimit").unwrap_or(HISTORY);
    let empty: Vec<&&Value> = old
        .iter()
        .filter(|set| sizes(set).wanted == 0 && sizes(set).have == 0)
        .collect();
    let beyond = empty
        .len()
        .saturating_sub(usize::try_from(kept).unwrap_or_default());
    empty
        .into_iter()
        .take(beyond)
        .map(|set| deletion(WorkloadKind::ReplicaSet, set))
        .collect()
}

/// Computes the status of a deployment.
struct DeploymentStatus<'s> {
    deployment: &'s Value,
    bounds: Bounds,
    new: Option<&'s Value>,
    old: &'s [&'s Value],
    paused: bool,
    now: Timestamp,
}

impl DeploymentStatus<'_> {
    fn sum(&self, field: &str) -> i64 {
        self.new
            .iter()
            .chain(self.old)
            .map(|set| status(set, field))
            .sum()
    }

    fn updated(&self) -> i64 {
        self.new.map_or(0, |set| status(set, "replicas"))
    }

    fn is_complete(&self) -> bool {
        let wanted = self.bounds.replicas;
        self.new.is_some()
            && [
                self.updated(),
                self.sum("replicas"),
                self.sum("availableReplicas"),
            ] == [wanted; 3]
    }

    fn value(&self) -> Value {
        let (all, available) = (self.sum("replicas"), self.sum("availableReplicas"));
        let mut status = counts(&[
            (
                "observedGeneration",
                int(self.deployment, "/metadata/generation").unwrap_or_default(),
            ),
            ("replicas", all),
            ("updatedReplicas", self.updated()),
            ("readyReplicas", self.sum("readyReplicas")),
            ("availableReplicas", available),
            (
                "unavailableReplicas",
                (all.max(self.bounds.replicas) - available).max(0),
            ),
        ]);
        let mut conditions = condition::of(self.deployment);
        let enough = available >= self.bounds.replicas - self.bounds.missing;
        let (status_word, reason, message) = if enough {
            (
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            (
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        let available = Condition {
            ty: "Available",
            status: status_word,
            reason,
            message,
        };
        condition::set(&mut conditions, &available, STAMP, self.now);
        self.progress(&mut conditions);
        status["conditions"] = conditions.into();
        status
    }

    fn progress(&self, conditions: &mut Vec<Value>) {
        if self.seconds().is_none() {
            conditions.retain(|condition| text(condition, "/type") != PROGRESSING);
            return;
        }
        let name = self.new.map_or("", |set| text(set, "/metadata/name"));
        let (status, reason, message) = if self.paused {
            (
                "Unknown",
                "DeploymentPaused",
                "Deployment is paused".to_owned(),
            )
        } else if self.is_complete() {
            (
                "True",
                "NewReplicaSetAvailable",
                format!("ReplicaSet \"{name}\" has successfully progressed."),
            )
        } else if self.is_late() {
            (
                "False",
                "ProgressDeadlineExceeded",
                format!("ReplicaSet \"{name}\" has timed out progressing."),
            )
        } else {
            (
                "True",
                "ReplicaSetUpdated",
                format!("ReplicaSet \"{name}\" is progressing."),
            )
        };
        // The completion of another set is reported again.
        let before = conditions
            .iter()
            .find(|condition| text(condition, "/type") == PROGRESSING);
        if before.is_some_and(|before| {
            text(before, "/reason") == reason && text(before, "/message") != message
        }) {
            conditions.retain(|condition| text(condition, "/type") != PROGRESSING);
        }
        condition::set(
            conditions,
            &Condition {
                ty: PROGRESSING,
                status,
                reason,
                message: &message,
            },
            STAMP,
            self.now,
        );
    }

    /// Returns the progress deadline; none if there is none.
    fn seconds(&self) -> Option<i64> {
        int(self.deployment, "/spec/progressDeadlineSeconds")
            .filter(|seconds| *seconds != i64::from(i32::MAX))
    }

    /// Returns the last Progressing condition of the new set.
    fn said(&self) -> Option<Value> {
        let name = self.new.map_or("", |set| text(set, "/metadata/name"));
        let mut conditions = condition::of(self.deployment).into_iter();
        let said = conditions.find(|condition| text(condition, "/type") == PROGRESSING)?;
        // Otherwise it is about another set.
        (!name.is_empty() && text(&said, "/message").contains(name)).then_some(said)
    }

    /// Returns since when a rollout has made no progress, as far as was reported.
    fn still_since(&self) -> Option<Timestamp> {
        let said = self
            .said()
            .filter(|said| text(said, "/reason") == "ReplicaSetUpdated")?;
        text(&said, "/lastUpdateTime").parse().ok()
    }

    fn is_late(&self) -> bool {
        // Once reported it stays, however long ago that was.
        let was = self
            .said()
            .is_some_and(|said| text(&said, "/reason") == "ProgressDeadlineExceeded");
        let late = self.still_since().zip(self.seconds());
        was || late
            .is_some_and(|(since, seconds)| self.now.duration_since(since).as_secs() >= seconds)
    }

    /// Returns when a stuck rollout exceeds its deadline.
    fn deadline(&self) -> Option<Timestamp> {
        if self.paused || self.is_complete() || self.is_late() {
            return None;
        }
        let since = self.still_since().unwrap_or(self.now);
        since
            .checked_add(SignedDuration::from_secs(self.seconds()?))
            .ok()
    }
}

fn sizes(set: &Value) -> Set {
    let wanted = int(set, "/spec/replicas").unwrap_or(1);
    Set {
        wanted,
        have: status(set, "replicas"),
        available: status(set, "availableReplicas").min(wanted),
    }
}

fn all_sizes(sets: &[&Value]) -> Vec<Set> {
    sets.iter().map(|set| sizes(set)).collect()
}

fn status(set: &Value, field: &str) -> i64 {
    set["status"]
        .get(field)
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

fn revision(set: &Value) -> i64 {
    set["metadata"]["annotations"]
        .get(REVISION)
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

const REVISION: &str = "deployment.kubernetes.io/revision";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const HASH: &str = "pod-template-hash";
const HASH_PATH: &str = "/metadata/labels/pod-template-hash";
const PROGRESSING: &str = "Progressing";
const STAMP: &str = "lastUpdateTime";
/// Default number of old sets kept.
const HISTORY: i64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(spec: &Value, sets: Vec<Value>) -> Seen {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "progressDeadlineSeconds": 600, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": "a"}]}}},
            "metadata": {"name": "web", "namespace": "shop", "uid": "u", "generation": 3}});
        json_patch::merge(&mut object["spec"], spec);
        Seen {
            object,
            children: sets,
            ..Seen::default()
        }
    }

    #[test]
    fn a_revision_that_somebody_made_up_overflows_nothing() {
        let last = i64::MAX.to_string();
        let old = json!({"metadata": {"name": "web-1", "annotations": {REVISION: last}}, "spec": {"replicas": 2,
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": "b"}]}}}});
        let made = created(&plan(&seen(&json!({}), vec![old])));
        assert_eq!(made["metadata"]["annotations"][REVISION], *last);
    }

    fn created(plan: &Plan) -> Value {
        let Some(Action::Create(WorkloadKind::ReplicaSet, set)) = plan.actions.first() else {
            panic!("{plan:?}")
        };
        set.clone()
    }

    fn ready(mut set: Value) -> Value {
        let replicas = set["spec"]["replicas"].clone();
        set["status"] =
            json!({"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas});
        set
    }

    fn reason(plan: &Plan, ty: &str) -> String {
        let status = json!({"status": plan.status});
        let said = condition::of(&status)
            .into_iter()
            .find(|condition| text(condition, "/type") == ty);
        said.map(|said| text(&said, "/reason").to_owned())
            .unwrap_or_default()
    }

    #[test]
    fn a_new_deployment_makes_a_set_and_is_complete_with_its_pods() {
        let set = created(&plan(&seen(&json!({}), vec![])));
        assert_eq!(
            (
                &set["spec"]["replicas"],
                &set["metadata"]["annotations"][REVISION]
            ),
            (&json!(2), &json!("1"))
        );
        assert_eq!(
            set["spec"]["selector"]["matchLabels"][HASH],
            set["metadata"]["labels"][HASH]
        );
        let waiting = plan(&seen(&json!({}), vec![set.clone()]));
        assert_eq!(
            (reason(&waiting, "Available"), reason(&waiting, PROGRESSING)),
            (
                "MinimumReplicasUnavailable".into(),
                "ReplicaSetUpdated".into()
            )
        );
        assert_eq!(waiting.again, Some(Timestamp::from_second(600).unwrap()));
        let done = plan(&seen(&json!({}), vec![ready(set)]));
        assert_eq!(
            (reason(&done, "Available"), reason(&done, PROGRESSING)),
            (
                "MinimumReplicasAvailable".into(),
                "NewReplicaSetAvailable".into()
            )
        );
        assert!(done.actions.is_empty(), "{done:?}");
        let status = done.status.unwrap();
        assert_eq!(
            (
                &status["updatedReplicas"],
                status.get("unavailableReplicas")
            ),
            (&json!(2), None)
        );
    }

    #[test]
    fn another_template_makes_another_set_and_going_back_makes_the_first_the_latest() {
        let first = ready(created(&plan(&seen(&json!({}), vec![]))));
        let other = json!({"template": {"spec": {"containers": [{"image": "b"}]}}});
        let second = created(&plan(&seen(&other, vec![first.clone()])));
        assert_eq!(second["metadata"]["annotations"][REVISION], "2");
        let back = plan(&seen(&json!({}), vec![first, second]));
        assert_eq!(back.annotations, [(REVISION.to_owned(), json!("3"))]);
    }

    #[test]
    fn a_paused_deployment_makes_no_set() {
        assert_eq!(plan(&seen(&json!({"paused": true}), vec![])).actions, []);
    }

    #[test]
    fn without_replicas_a_deployment_is_complete_at_once() {
        let set = created(&plan(&seen(&json!({"replicas": 0}), vec![])));
        let done = plan(&seen(&json!({"replicas": 0}), vec![set]));
        assert_eq!(reason(&done, PROGRESSING), "NewReplicaSetAvailable");
    }

    #[test]
    fn a_rollout_that_stands_still_is_late_and_stays_so() {
        let set = created(&plan(&seen(&json!({}), vec![])));
        let mut late = seen(&json!({}), vec![set]);
        late.object["status"] = plan(&late).status.unwrap();
        late.now = Timestamp::from_second(601).unwrap();
        for _ in 0..2 {
            let planned = plan(&late);
            assert_eq!(reason(&planned, PROGRESSING), "ProgressDeadlineExceeded");
            late.object["status"] = planned.status.unwrap();
        }
    }

    #[test]
    fn old_sets_beyond_the_history_are_forgotten() {
        let old = |revision: i64| json!({"metadata": {"name": format!("web-{revision}"), "annotations": {REVISION: revision.to_string()}}, "spec": {"replicas": 0}});
        let spec = json!({"revisionHistoryLimit": 1});
        let set = ready(created(&plan(&seen(&spec, vec![old(1), old(2)]))));
        let planned = plan(&seen(&spec, vec![old(1), old(2), set]));
        assert_eq!(
            planned.actions,
            [deletion(WorkloadKind::ReplicaSet, &old(1))]
        );
    }
}
