//! Volume claims: each is bound at once, to a volume that exists only by name.

use lode_object::json::text;
use serde_json::{Value, json};

use super::object::{is_going, key};
use super::plan::{Action, Plan, WorkloadKind};
use super::scene::Seen;

/// Computes what to do about a claim.
pub(super) fn plan(seen: &Seen) -> Plan {
    let claim = &seen.object;
    if is_going(claim) {
        return Plan::default();
    }
    if text(claim, "/spec/volumeName").is_empty() {
        let volume = format!("pvc-{}", text(claim, "/metadata/uid"));
        let patch = json!({"spec": {"volumeName": volume}, "metadata": {"annotations": {
            "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}}});
        return Plan {
            actions: vec![Action::Patch(WorkloadKind::Claim, key(claim), patch)],
            ..Plan::default()
        };
    }
    let storage = claim
        .pointer("/spec/resources/requests/storage")
        .cloned()
        .unwrap_or(Value::Null);
    Plan::status(
        json!({"phase": "Bound", "accessModes": claim["spec"]["accessModes"], "capacity": {"storage": storage}}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_gets_a_volume_and_what_it_asks_for() {
        let mut claim = json!({"metadata": {"uid": "u"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
        let first = plan(&Seen {
            object: claim.clone(),
            ..Seen::default()
        });
        let [Action::Patch(WorkloadKind::Claim, _, patch)] = &first.actions[..] else {
            panic!("{first:?}")
        };
        assert_eq!(patch["spec"]["volumeName"], "pvc-u");
        json_patch::merge(&mut claim, patch);
        let status = plan(&Seen {
            object: claim,
            ..Seen::default()
        })
        .status
        .unwrap();
        assert_eq!(
            status,
            json!({"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}})
        );
    }
}
