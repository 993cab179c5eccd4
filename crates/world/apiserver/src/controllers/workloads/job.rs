//! Jobs: pods that succeed, a number of them at a time, until enough have.

use jiff::{SignedDuration, Timestamp};
use lode_object::json::{int, text};
use lode_stdx::time::rfc3339;
use serde_json::{Value, json};

use super::condition::{self, Condition};
use super::object::{self, count, counts, deletion, is_going, is_true};
use super::plan::{Action, Plan, WorkloadKind};
use super::replicas::is_alive;
use super::scene::Seen;

/// Computes what to do about a job.
pub(super) fn plan(seen: &Seen) -> Plan {
    let job = &seen.object;
    if is_going(job)
        || job["spec"]
            .get("managedBy")
            .is_some_and(|by| by != "kubernetes.io/job-controller")
    {
        return Plan::default();
    }
    if is_true(job, "Complete") || is_true(job, "Failed") {
        return ended(job, seen.now);
    }
    let alive: Vec<&Value> = seen.children.iter().filter(|pod| is_alive(pod)).collect();
    let succeeded = count(&seen.children, |pod| {
        text(pod, "/status/phase") == "Succeeded"
    });
    let parallelism = int(job, "/spec/parallelism").unwrap_or(1);
    let completions = int(job, "/spec/completions");
    // Without `completions` a job is done once one pod has succeeded and none is running.
    let done = completions.map_or(succeeded > 0 && alive.is_empty(), |completions| {
        succeeded >= completions
    });
    let suspended = job["spec"]["suspend"] == true;
    let deadline = deadline(job).filter(|_| !done && !suspended);
    if deadline.is_some_and(|at| at <= seen.now) {
        return overdue(seen, &alive, succeeded);
    }

    let mut plan = Plan::status(status(job, &alive, succeeded, done, suspended, seen.now));
    plan.actions = if done {
        Vec::new()
    } else if suspended {
        alive
            .iter()
            .map(|pod| deletion(WorkloadKind::Pod, pod))
            .collect()
    } else {
        let left = completions.map_or(if succeeded > 0 { 0 } else { parallelism }, |completions| {
            completions - succeeded
        });
        let missing = usize::try_from(parallelism.min(left))
            .unwrap_or_default()
            .saturating_sub(alive.len());
        made(job, &seen.children, missing.min(BURST))
    };
    plan.again = deadline;
    plan
}

/// Returns when a job that has begun may no longer run.
fn deadline(job: &Value) -> Option<Timestamp> {
    let seconds = int(job, "/spec/activeDeadlineSeconds")?;
    let since: Timestamp = text(job, "/status/startTime").parse().ok()?;
    since.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// Fails a job whose time is over, and deletes its pods.
fn overdue(seen: &Seen, alive: &[&Value], succeeded: i64) -> Plan {
    let (job, now) = (&seen.object, seen.now);
    let mut status = status(job, &[], succeeded, false, false, now);
    // Those that are going have failed too.
    let failed = count(&seen.children, |pod| {
        text(pod, "/status/phase") != "Succeeded"
    });
    status["failed"] = failed.into();
    let mut conditions = condition::of(job);
    for ty in ["FailureTarget", "Failed"] {
        let said = Condition {
            ty,
            status: "True",
            reason: "DeadlineExceeded",
            message: "Job was active longer than specified deadline",
        };
        condition::set(&mut conditions, &said, "lastProbeTime", now);
    }
    status["conditions"] = conditions.into();
    let deletions = alive.iter().map(|pod| deletion(WorkloadKind::Pod, pod));
    Plan {
        actions: deletions.collect(),
        ..Plan::status(status)
    }
}

/// Deletes a finished job after its TTL.
fn ended(job: &Value, now: Timestamp) -> Plan {
    let Some(seconds) = int(job, "/spec/ttlSecondsAfterFinished") else {
        return Plan::default();
    };
    let conditions = condition::of(job);
    let mut ends = conditions
        .iter()
        .filter(|said| matches!(text(said, "/type"), "Complete" | "Failed"));
    let end = ends.find_map(|said| text(said, "/lastTransitionTime").parse::<Timestamp>().ok());
    let Some(at) = end.and_then(|end| end.checked_add(SignedDuration::from_secs(seconds)).ok())
    else {
        return Plan::default();
    };
    if at > now {
        return Plan {
            again: Some(at),
            ..Plan::default()
        };
    }
    Plan {
        actions: vec![deletion(WorkloadKind::Job, job)],
        ..Plan::default()
    }
}

fn made(job: &Value, pods: &[Value], missing: usize) -> Vec<Action> {
    let template = &job["spec"]["template"];
    if text(job, "/spec/completionMode") != "Indexed" {
        return vec![Action::Create(WorkloadKind::Pod, object::pod(job, template, &[])); missing];
    }
    let is_taken = |index: &String| {
        let mut taken = pods
            .iter()
            .filter(|pod| !is_going(pod) && text(pod, "/status/phase") != "Failed");
        taken.any(|pod| pod["metadata"]["labels"].get(INDEX) == Some(&Value::from(index.as_str())))
    };
    let free =
        (0..int(job, "/spec/completions").unwrap_or_default()).map(|index| index.to_string());
    let pod = |index: String| {
        let mut pod = object::pod(job, template, &[(INDEX, &index)]);
        pod["metadata"]["generateName"] =
            format!("{}-{index}-", text(job, "/metadata/name")).into();
        pod["metadata"]["annotations"][INDEX] = index.into();
        Action::Create(WorkloadKind::Pod, pod)
    };
    free.filter(|index| !is_taken(index))
        .take(missing)
        .map(pod)
        .collect()
}

fn status(
    job: &Value,
    alive: &[&Value],
    succeeded: i64,
    done: bool,
    suspended: bool,
    now: Timestamp,
) -> Value {
    let mut status = counts(&[
        (
            "active",
            if done {
                0
            } else {
                count(alive.iter().copied(), |_| true)
            },
        ),
        ("succeeded", succeeded),
        ("failed", int(job, "/status/failed").unwrap_or_default()),
    ]);
    status["ready"] = count(alive.iter().copied(), |pod| is_true(pod, "Ready")).into();
    status["terminating"] = 0.into();
    status["uncountedTerminatedPods"] = json!({});
    let time = Value::from(rfc3339(now));
    match job.pointer("/status/startTime") {
        _ if suspended => {}
        Some(since) if since.is_string() => status["startTime"] = since.clone(),
        _ => status["startTime"] = time.clone(),
    }
    let mut conditions = condition::of(job);
    let mut say = |ty: &str, status: &str, reason: &str, message: &str| {
        condition::set(
            &mut conditions,
            &Condition {
                ty,
                status,
                reason,
                message,
            },
            "lastProbeTime",
            now,
        );
    };
    if done {
        status["completionTime"] = time;
        for ty in ["SuccessCriteriaMet", "Complete"] {
            say(
                ty,
                "True",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            );
        }
    } else if suspended {
        say("Suspended", "True", "JobSuspended", "Job suspended");
    } else if is_true(job, "Suspended") {
        say("Suspended", "False", "JobResumed", "Job resumed");
    }
    if !conditions.is_empty() {
        status["conditions"] = conditions.into();
    }
    status
}

const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// Most pods created in one round.
const BURST: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(spec: &Value, pods: Vec<Value>) -> Seen {
        let mut object = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "uid": "u"},
            "spec": {"completions": 2, "parallelism": 1, "template": {"spec": {}}}});
        json_patch::merge(&mut object["spec"], spec);
        Seen {
            object,
            children: pods,
            ..Seen::default()
        }
    }

    fn pod(phase: &str) -> Value {
        json!({"metadata": {"name": "p"}, "status": {"phase": phase}})
    }

    #[test]
    fn pods_are_made_until_enough_have_succeeded() {
        let none = json!({});
        assert_eq!(plan(&seen(&none, vec![])).actions.len(), 1);
        assert_eq!(plan(&seen(&none, vec![pod("Running")])).actions.len(), 0);
        assert_eq!(plan(&seen(&none, vec![pod("Succeeded")])).actions.len(), 1);
        let done = plan(&seen(&none, vec![pod("Succeeded"), pod("Succeeded")]));
        let status = json!({"status": done.status.unwrap()});
        assert!(
            is_true(&status, "Complete")
                && is_true(&status, "SuccessCriteriaMet")
                && done.actions.is_empty()
        );
        assert_eq!(
            (
                &status["status"]["succeeded"],
                status["status"].get("active")
            ),
            (&json!(2), None)
        );
    }

    #[test]
    fn a_job_fails_when_its_time_is_over() {
        let mut seen = seen(&json!({"activeDeadlineSeconds": 5}), vec![pod("Pending")]);
        seen.object["status"] = json!({"startTime": "1970-01-01T00:00:00Z"});
        assert_eq!(plan(&seen).again, Some(Timestamp::from_second(5).unwrap()));
        seen.now = Timestamp::from_second(5).unwrap();
        let failed = plan(&seen);
        assert_eq!(
            failed.actions,
            [deletion(WorkloadKind::Pod, &pod("Pending"))]
        );
        let status = json!({"status": failed.status.unwrap()});
        assert!(is_true(&status, "Failed") && is_true(&status, "FailureTarget"));
        assert_eq!(status["status"]["failed"], 1);
    }

    #[test]
    fn a_suspended_job_has_no_pods_and_has_not_begun() {
        let planned = plan(&seen(&json!({"suspend": true}), vec![pod("Running")]));
        assert_eq!(
            planned.actions,
            [deletion(WorkloadKind::Pod, &pod("Running"))]
        );
        assert_eq!(planned.status.unwrap().get("startTime"), None);
    }

    #[test]
    fn an_indexed_job_makes_each_index_once() {
        let indexed = json!({"completionMode": "Indexed", "parallelism": 2});
        let made = plan(&seen(&indexed, vec![])).actions;
        let [Action::Create(_, first), Action::Create(_, second)] = &made[..] else {
            panic!("{made:?}")
        };
        assert_eq!(
            (
                &first["metadata"]["generateName"],
                &second["metadata"]["labels"][INDEX]
            ),
            (&json!("j-0-"), &json!("1"))
        );
    }

    #[test]
    fn an_ended_job_goes_after_its_time() {
        let mut seen = seen(&json!({"ttlSecondsAfterFinished": 10}), vec![]);
        seen.object["status"] = json!({"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": "1970-01-01T00:00:00Z"}]});
        assert_eq!(plan(&seen).again, Some(Timestamp::from_second(10).unwrap()));
        seen.now = Timestamp::from_second(10).unwrap();
        assert_eq!(
            plan(&seen).actions,
            [deletion(WorkloadKind::Job, &seen.object)]
        );
    }
}
