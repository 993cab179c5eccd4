//! The rules that all kinds share, and the dispatch to those of single kinds.

use lode_object::json::text;
use serde_json::Value;

use crate::status::Seconds;
use crate::{
    conditions::Conditions,
    kinds,
    status::{Health, Status},
    workloads,
};

/// Returns an object's health as Flux sees it: [`kstatus`], but a Job is current only when it is
/// complete.
///
/// `now` matters for an unscheduled Pod: it has failed 15 seconds after its creation. Until then
/// its health contains that time ([`Health::turns`]).
#[must_use]
pub fn compute(object: &Value, now: Seconds) -> Health {
    if group_kind(object) == ("batch", "Job") {
        return kinds::job_to_completion(object).unwrap_or_else(|fault| fault);
    }
    kstatus(object, now)
}

/// Returns an object's health by the rules of kstatus only, where a Job is current while it runs.
#[must_use]
pub fn kstatus(object: &Value, now: Seconds) -> Health {
    generic(object)
        .and_then(|decided| decided.map_or_else(|| of_kind(object, now), Ok))
        .unwrap_or_else(|fault| fault)
}

/// Decides what is the same for all kinds: deletion, an unobserved generation, and the two standard
/// conditions.
fn generic(object: &Value) -> Result<Option<Health>, Health> {
    if !text(object, "/metadata/deletionTimestamp").is_empty() {
        return Ok(Some(Health::new(
            Status::Terminating,
            "",
            "Resource scheduled for deletion",
        )));
    }
    if let Some(unseen) = unseen_generation(object)? {
        return Ok(Some(unseen));
    }
    let decided = Conditions::of(object)?
        .iter()
        .find_map(|condition| match condition.kind {
            "Reconciling" if condition.is_true() => Some(condition.health(Status::InProgress)),
            "Stalled" if condition.is_true() => Some(condition.health(Status::Failed)),
            _ => None,
        });
    Ok(decided)
}

fn unseen_generation(object: &Value) -> Result<Option<Health>, Health> {
    let read = |pointer: &str| match object.pointer(pointer) {
        None => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| {
            let field = pointer[1..].replace('/', ".");
            Health::unknown(format!("{field} is not an integer"))
        }),
    };
    let Some(generation) = read("/metadata/generation")? else {
        return Ok(None);
    };
    let Some(observed) = read("/status/observedGeneration")? else {
        return Ok(None);
    };

    Ok((generation != observed).then(|| {
        let kind = text(object, "/kind");
        let message = format!(
            "{kind} generation is {generation}, but latest observed generation is {observed}"
        );
        Health::progress("LatestGenerationNotObserved", message)
    }))
}

fn of_kind(object: &Value, now: Seconds) -> Result<Health, Health> {
    match group_kind(object) {
        ("", "ConfigMap" | "Secret") | ("batch", "CronJob") => {
            Ok(Health::current("Resource is always ready"))
        }
        ("", "Service") => Ok(kinds::service(object)),
        ("", "PersistentVolumeClaim") => Ok(kinds::claim(object)),
        ("", "Pod") => kinds::pod(object, now),
        ("policy", "PodDisruptionBudget") => {
            Ok(Health::current("AllowedDisruptions has been computed."))
        }
        ("batch", "Job") => kinds::job(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => kinds::definition(object),
        ("apps" | "extensions", "Deployment") => workloads::deployment(object),
        ("apps", "StatefulSet") => Ok(workloads::stateful_set(object)),
        ("apps" | "extensions", "DaemonSet") => Ok(workloads::daemon_set(object)),
        ("apps" | "extensions", "ReplicaSet") => workloads::replica_set(object),
        _ => other(object),
    }
}

/// Any other kind follows its `Ready` condition, and is current without one.
fn other(object: &Value) -> Result<Health, Health> {
    Ok(match Conditions::of(object)?.find("Ready") {
        Some(ready) if ready.is_true() => Health::current("Resource is Ready"),
        Some(ready) if matches!(ready.status, "False" | "Unknown") => {
            ready.health(Status::InProgress)
        }
        _ => Health::current("Resource is current"),
    })
}

pub(crate) fn group_kind(object: &Value) -> (&str, &str) {
    let group = text(object, "/apiVersion")
        .split_once('/')
        .map_or("", |(group, _)| group);
    (group, text(object, "/kind"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(object: &Value) -> (Status, String) {
        let health = compute(object, 0);
        (health.status, health.message.into_owned())
    }

    #[test]
    fn a_deletion_comes_before_all_else() {
        let object = json!({"kind": "Thing", "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "generation": 2},
            "status": {"observedGeneration": 1}});
        assert_eq!(status(&object).0, Status::Terminating);
    }

    #[test]
    fn the_first_of_the_two_common_conditions_decides() {
        let with =
            |conditions: Value| json!({"kind": "Thing", "status": {"conditions": conditions}});
        let stalled = json!({"type": "Stalled", "status": "True", "reason": "R", "message": "m"});
        let reconciling = json!({"type": "Reconciling", "status": "True", "message": "n"});
        assert_eq!(
            status(&with(json!([stalled, reconciling]))),
            (Status::Failed, "m".into())
        );
        assert_eq!(
            status(&with(json!([reconciling, stalled]))),
            (Status::InProgress, "n".into())
        );
        assert_eq!(
            status(&with(json!([{"type": "Ready", "status": "Unknown"}]))).0,
            Status::InProgress
        );
        assert_eq!(
            status(&with(json!([{"type": "Odd", "status": "False"}]))).0,
            Status::Current
        );
    }

    #[test]
    fn a_status_that_cannot_be_read_is_unknown() {
        for conditions in [json!("odd"), json!([1]), json!([{"type": 1}])] {
            let object = json!({"kind": "Thing", "status": {"conditions": conditions}});
            assert_eq!(status(&object).0, Status::Unknown, "{object}");
        }
        let object = json!({"kind": "Thing", "metadata": {"generation": "1"}});
        assert_eq!(
            status(&object),
            (
                Status::Unknown,
                "metadata.generation is not an integer".into()
            )
        );
        for odd in [json!(null), json!([]), json!("x")] {
            assert_eq!(status(&odd).0, Status::Current);
        }
    }
}
