//! Rules of single kinds: Pod, Service, claim, Job, definition.

use lode_object::json::{int, is_true, text};
use serde_json::Value;

use crate::{
    conditions::{Condition, Conditions},
    detail,
    fields::count,
    status::Seconds,
    status::{Health, Status},
};

pub(crate) fn service(object: &Value) -> Health {
    if text(object, "/spec/type") == "LoadBalancer" && text(object, "/spec/clusterIP").is_empty() {
        return Health::progress(
            "NoIPAssigned",
            "ClusterIP not set. Service type: LoadBalancer",
        );
    }
    Health::current("Service is ready")
}

pub(crate) fn claim(object: &Value) -> Health {
    match object
        .pointer("/status/phase")
        .and_then(Value::as_str)
        .unwrap_or("unknown")
    {
        "Bound" => Health::current("PVC is Bound"),
        phase => Health::progress("NotBound", format!("PVC is not Bound. phase: {phase}")),
    }
}

/// A Pod that has ended is current, however it ended: it will not change any more.
pub(crate) fn pod(object: &Value, now: Seconds) -> Result<Health, Health> {
    let conditions = Conditions::of(object)?;
    let health = match text(object, "/status/phase") {
        "Succeeded" => Health::current("Pod has completed successfully"),
        "Failed" => Health::current("Pod has completed, but not successfully"),
        "Running" if conditions.has("Ready", "True") => Health::current("Pod is Ready"),
        "Running" => running_pod(object),
        "Pending" => pending_pod(object, conditions, now),
        "" => Health::progress("PodNotObserved", "Pod phase not available"),
        phase => return Err(Health::unknown(format!("unknown phase {phase}"))),
    };
    if health.status == Status::Current {
        return Ok(health);
    }
    Ok(match detail::of_pod(object, conditions) {
        Some(detail) => health.with_detail(&detail),
        None => health,
    })
}

fn running_pod(object: &Value) -> Health {
    let containers = object
        .pointer("/status/containerStatuses")
        .and_then(Value::as_array);
    let looping: Vec<&str> = containers
        .into_iter()
        .flatten()
        .filter(|container| text(container, "/state/waiting/reason") == "CrashLoopBackOff")
        .filter_map(|container| container.get("name")?.as_str())
        .collect();
    if looping.is_empty() {
        return Health::progress("PodRunningNotReady", "Pod is running but is not Ready");
    }
    Health::failed(
        "ContainerCrashLooping",
        format!("Containers in CrashLoop state: {}", looping.join(",")),
    )
}

fn pending_pod(object: &Value, conditions: Conditions<'_>, now: Seconds) -> Health {
    let scheduled = conditions
        .iter()
        .find(|condition| condition.kind == "PodScheduled" && condition.is_false());
    if scheduled.is_none_or(|condition| condition.reason != UNSCHEDULABLE) {
        return Health::progress("PodPending", "Pod is in the Pending phase");
    }
    let created = text(object, "/metadata/creationTimestamp")
        .parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_second);
    let failed = Health::failed(POD_UNSCHEDULABLE, "Pod could not be scheduled");
    match created.map(|created| created.saturating_add(SCHEDULE_SECONDS)) {
        Ok(due) if now < due => {
            Health::progress("PodNotScheduled", "Pod has not been scheduled").turning(due, failed)
        }
        _ => failed,
    }
}

/// A Job by kstatus: current as soon as it runs.
pub(crate) fn job(object: &Value) -> Result<Health, Health> {
    if let Some(ended) = ended_job(object)? {
        return Ok(ended);
    }
    if text(object, "/status/startTime").is_empty() {
        return Ok(Health::progress("JobNotStarted", "Job not started"));
    }
    let [succeeded, active, failed] =
        ["succeeded", "active", "failed"].map(|of| count(object, &format!("/status/{of}")));
    Ok(Health::current(format!(
        "Job in progress. success:{succeeded}, active: {active}, failed: {failed}"
    )))
}

/// A Job as in Flux: waiting for a Job means waiting for its completion.
pub(crate) fn job_to_completion(object: &Value) -> Result<Health, Health> {
    if is_true(object, "/spec/suspend") {
        return Ok(Health::current("Job is suspended"));
    }
    if let Some(ended) = ended_job(object)? {
        return Ok(ended);
    }
    if text(object, "/status/startTime").is_empty() {
        let active = count(object, "/status/active");
        let parallelism = int(object, "/spec/parallelism").unwrap_or(1);
        return Ok(Health::progress(
            "JobNotStarted",
            format!("Job not started. active: {active}/{parallelism}"),
        ));
    }
    Ok(Health::progress("JobInProgress", "Job in progress"))
}

fn ended_job(object: &Value) -> Result<Option<Health>, Health> {
    let parallelism = int(object, "/spec/parallelism").unwrap_or(1);
    let completions = int(object, "/spec/completions").unwrap_or(parallelism);
    let ended = Conditions::of(object)?
        .iter()
        .filter(Condition::is_true)
        .find_map(|c| match c.kind {
            "Complete" => {
                let succeeded = count(object, "/status/succeeded");
                Some(Health::current(format!(
                    "Job Completed. succeeded: {succeeded}/{completions}"
                )))
            }
            "Failed" => {
                let failed = count(object, "/status/failed");
                Some(Health::failed(
                    "JobFailed",
                    format!("Job Failed. failed: {failed}/{completions}"),
                ))
            }
            _ => None,
        });
    Ok(ended)
}

pub(crate) fn definition(object: &Value) -> Result<Health, Health> {
    let decided = Conditions::of(object)?
        .iter()
        .find_map(|condition| match condition.kind {
            "NamesAccepted" if condition.is_false() => Some(condition.health(Status::Failed)),
            "Established" if condition.is_false() && condition.reason != "Installing" => {
                Some(condition.health(Status::Failed))
            }
            "Established" if condition.is_true() => Some(Health::current("CRD is established")),
            _ => None,
        });
    Ok(decided.unwrap_or_else(|| Health::progress("Installing", "Install in progress")))
}

/// Reason of a Pod that was not scheduled in time.
pub(crate) const POD_UNSCHEDULABLE: &str = "PodUnschedulable";
const UNSCHEDULABLE: &str = "Unschedulable";
/// How long scheduling a Pod may take.
const SCHEDULE_SECONDS: i64 = 15;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rules::{compute, kstatus};

    #[test]
    fn a_pod_may_look_for_a_node_for_fifteen_seconds() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": "1970-01-01T00:01:40Z"},
            "status": {"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}});
        assert_eq!(compute(&pod, 114).reason, "PodNotScheduled");
        assert_eq!(compute(&pod, 115).reason, "PodUnschedulable");
    }

    #[test]
    fn a_pod_that_looks_for_a_node_says_when_it_will_have_failed() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": "1970-01-01T00:01:40Z"},
            "status": {"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}});
        let health = compute(&pod, 101);
        assert_eq!(health.next_look(101), Some(115));
        assert_eq!(
            (&*health.at(114).reason, &*health.at(115).reason),
            ("PodNotScheduled", "PodUnschedulable")
        );
        assert_eq!(
            health.at(115),
            &compute(&pod, 115),
            "what it turns into is what a reading at that time finds"
        );
        assert_eq!(health.next_look(115), None);
    }

    #[test]
    fn a_crash_loop_names_its_containers() {
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running", "containerStatuses": [
            {"name": "a", "state": waiting}, {"name": "b", "state": {"running": {}}}, {"name": "c", "state": waiting}]}});
        assert_eq!(
            compute(&pod, 0),
            Health::failed(
                "ContainerCrashLooping",
                "Containers in CrashLoop state: a,c"
            )
            .with_detail("CrashLoopBackOff")
        );
    }

    #[test]
    fn a_job_is_waited_for_to_its_end() {
        let job = |spec: Value, status: Value| json!({"apiVersion": "batch/v1", "kind": "Job", "spec": spec, "status": status});
        let running = job(
            json!({}),
            json!({"startTime": "2026-01-01T00:00:00Z", "active": 1}),
        );
        assert_eq!(compute(&running, 0).reason, "JobInProgress");
        assert_eq!(
            kstatus(&running, 0).message,
            "Job in progress. success:0, active: 1, failed: 0"
        );
        let waiting = job(json!({"parallelism": 3}), json!({}));
        assert_eq!(
            compute(&waiting, 0),
            Health::progress("JobNotStarted", "Job not started. active: 0/3")
        );
        assert_eq!(
            compute(&job(json!({"suspend": true}), json!({})), 0).status,
            Status::Current
        );
        let failed = job(
            json!({"completions": 4}),
            json!({"failed": 1, "conditions": [{"type": "Failed", "status": "True"}]}),
        );
        assert_eq!(
            compute(&failed, 0),
            Health::failed("JobFailed", "Job Failed. failed: 1/4")
        );
    }

    #[test]
    fn a_definition_with_a_taken_name_has_failed() {
        let definition = |conditions: Value| {
            let object = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "status": {"conditions": conditions}});
            compute(&object, 0).status
        };
        assert_eq!(
            definition(json!([{"type": "NamesAccepted", "status": "False"}])),
            Status::Failed
        );
        assert_eq!(
            definition(json!([{"type": "Established", "status": "False", "reason": "Installing"}])),
            Status::InProgress
        );
        assert_eq!(
            definition(json!([{"type": "Established", "status": "False", "reason": "Other"}])),
            Status::Failed
        );
    }
}
