//! Disruption budgets: how many pods may be unavailable.

use lode_object::json::int;
use serde_json::{Value, json};

use super::condition::{self, Condition};
use super::object::{count, is_true};
use super::plan::Plan;
use super::replicas::is_alive;
use super::rollout::resolve;
use super::scene::Seen;

/// Computes the status of a budget.
pub(super) fn plan(seen: &Seen) -> Plan {
    let (budget, pods) = (&seen.object, &seen.children);
    let expected = count(pods, is_alive);
    let healthy = count(pods, |pod| is_alive(pod) && is_true(pod, "Ready"));
    let desired = match (
        budget["spec"].get("minAvailable"),
        budget["spec"].get("maxUnavailable"),
    ) {
        (Some(least), _) => resolve(least, expected, true),
        (None, Some(most)) => (expected - resolve(most, expected, true)).max(0),
        (None, None) => 1,
    };
    let allowed = if expected > 0 {
        (healthy - desired).max(0)
    } else {
        0
    };
    let (status, reason) = if allowed > 0 {
        ("True", "SufficientPods")
    } else {
        ("False", "InsufficientPods")
    };
    let mut conditions = condition::of(budget);
    condition::set(
        &mut conditions,
        &Condition {
            ty: "DisruptionAllowed",
            status,
            reason,
            message: "",
        },
        "",
        seen.now,
    );

    let generation = int(budget, "/metadata/generation").map_or(Value::Null, Value::from);
    for condition in &mut conditions {
        condition["observedGeneration"] = generation.clone();
    }

    Plan::status(json!({
        "currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": allowed, "expectedPods": expected,
        "observedGeneration": generation, "conditions": conditions,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_healthy_beyond_what_must_be_may_be_missed() {
        let pod = |ready: &str| json!({"metadata": {}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}});
        let allowed = |spec: &Value, pods: Vec<Value>| {
            let object = json!({"metadata": {"generation": 1}, "spec": spec.clone()});
            plan(&Seen {
                object,
                children: pods,
                ..Seen::default()
            })
            .status
            .unwrap()["disruptionsAllowed"]
                .clone()
        };
        let three = || vec![pod("True"), pod("True"), pod("False")];
        assert_eq!(allowed(&json!({"minAvailable": 1}), three()), 1);
        assert_eq!(allowed(&json!({"minAvailable": "50%"}), three()), 0);
        assert_eq!(allowed(&json!({"maxUnavailable": 2}), three()), 1);
        assert_eq!(allowed(&json!({"minAvailable": 0}), vec![]), 0);
    }
}
