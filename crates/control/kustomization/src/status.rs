//! How the outcome of a reconcile is reported: conditions, revisions, inventory, history.
//!
//! Pure: a [`Draft`] and the outcome in, the new status out.

use std::time::Duration;

use lode_api::conditions::{DRIFTED, HEALTHY, State as Is, Verdict};
use lode_api::kustomization::{KustomizationStatus, Spec};
use lode_api::reasons;
use lode_api::shared::{HistorySnapshot, Inventory, InventoryEntry};
use lode_deliver::DeliveryState;
use lode_runtime::{Draft, Failure};
use lode_stdx::duration;

use crate::facts::Known;

/// How many outcomes the history holds.
const HISTORY_MAX: usize = 5;

/// An outcome as the history tells it.
pub(crate) struct Outcome<'a> {
    pub(crate) revision: &'a str,
    /// The revision that the artifact was made from, if its maker says so.
    pub(crate) origin: Option<&'a str>,
    /// SHA-256 of the text that was built.
    pub(crate) digest: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) took: Duration,
}

/// Returns the status after a revision was applied and found healthy.
pub(crate) fn succeeded(
    draft: Draft<'_, Spec>,
    outcome: &Outcome<'_>,
    inventory: Vec<InventoryEntry>,
    took_to_be_healthy: Option<Duration>,
    state: &DeliveryState,
) -> KustomizationStatus {
    let revision = outcome.revision;
    let mut draft = with_inventory(draft, inventory);
    draft.status.last_attempted_revision = Some(revision.into());
    draft.status.last_applied_revision = Some(revision.into());
    draft.status.last_applied_origin_revision = outcome.origin.map(Into::into);
    let text = format!("Applied revision: {revision}");
    let mut draft = draft.succeeded(outcome.reason, &text);
    match took_to_be_healthy {
        None => draft.delete(HEALTHY),
        // How long it took this time is no news while it stays healthy.
        Some(_) if draft.status.conditions.is(HEALTHY, Is::True) => {}
        Some(took) => {
            let text = format!("Health check passed in {}", duration::format(took));
            draft.set(&Verdict::yes(HEALTHY, reasons::SUCCEEDED, &text));
        }
    }
    with_history(drifted(draft, state).handled(), outcome).status
}

/// Returns the status after an attempt failed.
pub(crate) fn failed(
    draft: Draft<'_, Spec>,
    failure: &Failure,
    known: &Known,
    took: Duration,
) -> KustomizationStatus {
    let mut draft = draft.failed(failure, &known.doing).handled();
    if let Some(revision) = &known.attempted {
        draft.status.last_attempted_revision = Some(revision.as_str().into());
    }
    if let Some(inventory) = &known.inventory {
        draft = with_inventory_of_failure(draft, inventory.clone());
    }

    if failure.reason == reasons::HEALTH_CHECK_FAILED {
        let text = failure.message.split_once(": ");
        let text = text.map_or(&*failure.message, |(_, text)| text);
        draft.set(&Verdict::no(HEALTHY, reasons::HEALTH_CHECK_FAILED, text));
    }
    if let Some(digest) = &known.built {
        let revision = known.attempted.as_deref().unwrap_or_default();
        draft = with_history(
            draft,
            &Outcome {
                revision,
                origin: known.origin.as_deref(),
                digest,
                reason: failure.reason,
                took,
            },
        );
    }
    draft.status
}

/// Says what is applied now. An empty list says that nothing is; none says that nothing was ever applied.
pub(crate) fn with_inventory(
    mut draft: Draft<'_, Spec>,
    entries: Vec<InventoryEntry>,
) -> Draft<'_, Spec> {
    draft.status.inventory = Some(Inventory { entries });
    draft
}

/// Says what is in the cluster after a failure: a first one that wrote nothing leaves no inventory, as in Flux.
fn with_inventory_of_failure(
    draft: Draft<'_, Spec>,
    entries: Vec<InventoryEntry>,
) -> Draft<'_, Spec> {
    let is_first = draft.status.inventory.is_none();
    if is_first && entries.is_empty() {
        draft
    } else {
        with_inventory(draft, entries)
    }
}

/// Says which live edits are not undone: told and left, or fought over.
pub(crate) fn drifted<'a>(mut draft: Draft<'a, Spec>, state: &DeliveryState) -> Draft<'a, Spec> {
    let contested = state.contested();
    if !contested.is_empty() {
        let ids = contested
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let text =
            format!("changed back again and again, the wait before each revert doubles: {ids}");
        draft.set(&Verdict::yes(DRIFTED, reasons::CONTESTED, &text));
    } else if state.drifts_left().is_empty() {
        draft.delete(DRIFTED);
    } else {
        let text = state
            .drifts_left()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n");
        draft.set(&Verdict::yes(DRIFTED, "DriftDetected", &text));
    }
    draft
}

/// Puts an outcome at the head of the history; equal digest and reason count together.
fn with_history<'a>(mut draft: Draft<'a, Spec>, outcome: &Outcome<'_>) -> Draft<'a, Spec> {
    let digest = format!("sha256:{}", outcome.digest);
    let history = &mut draft.status.history;
    let known = history.iter().position(|entry| {
        *entry.digest == *digest && &*entry.last_reconciled_status == outcome.reason
    });
    let fresh = || HistorySnapshot {
        digest: digest.into(),
        first_reconciled: draft.now.into(),
        last_reconciled_status: outcome.reason.into(),
        ..HistorySnapshot::default()
    };

    let mut entry = known.map_or_else(fresh, |at| history.remove(at));
    entry.last_reconciled = draft.now.into();
    entry.last_reconciled_duration = duration::format(duration::rounded(outcome.took)).into();
    entry.total_reconciliations += 1;
    entry.metadata = [("revision".into(), outcome.revision.into())].into();
    if let Some(origin) = outcome.origin {
        entry
            .metadata
            .insert("originRevision".into(), origin.into());
    }
    history.insert(0, entry);
    history.truncate(HISTORY_MAX);
    draft
}

/// Returns whether two statuses say the same but for how often and how long: such a difference is not worth a write.
pub(crate) fn says_the_same(a: &KustomizationStatus, b: &KustomizationStatus) -> bool {
    let plain = |status: &KustomizationStatus| {
        let mut status = status.clone();
        for entry in &mut status.history {
            entry.last_reconciled = "".into();
            entry.last_reconciled_duration = "".into();
            entry.total_reconciliations = 0;
        }
        status
    };
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use lode_api::Kustomization;
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-01-02T03:04:05Z";

    fn ended<'a>(
        draft: Draft<'a, Spec>,
        digest: &str,
        revision: &str,
        reason: &str,
    ) -> Draft<'a, Spec> {
        let took = Duration::from_secs(1);
        with_history(
            draft,
            &Outcome {
                revision,
                origin: None,
                digest,
                reason,
                took,
            },
        )
    }

    #[test]
    fn equal_outcomes_count_together_and_move_to_the_front() {
        let object = Kustomization::default();
        let draft = Draft::new(&object, NOW);
        let draft = ended(ended(draft, "a", "r1", "Ok"), "b", "r2", "Ok");
        let status = ended(ended(draft, "a", "r3", "Ok"), "a", "r3", "Failed").status;
        let rows: Vec<_> = status
            .history
            .iter()
            .map(|h| {
                let count = h.total_reconciliations;
                (
                    &*h.digest,
                    &*h.last_reconciled_status,
                    count,
                    &*h.metadata["revision"],
                )
            })
            .collect();
        let one = ("sha256:a", "Failed", 1, "r3");
        assert_eq!(
            rows,
            [
                one,
                ("sha256:a", "Ok", 2, "r3"),
                ("sha256:b", "Ok", 1, "r2")
            ]
        );
    }

    #[test]
    fn the_history_is_bounded() {
        let object = Kustomization::default();
        let mut draft = Draft::new(&object, NOW);
        for digest in 'a'..='z' {
            draft = ended(draft, &digest.to_string(), "r", "Ok");
        }
        assert_eq!(draft.status.history.len(), HISTORY_MAX);
    }

    #[test]
    fn an_empty_inventory_is_written_after_success_and_not_after_a_first_failure() {
        let object = Kustomization::default();
        let empty = with_inventory(Draft::new(&object, NOW), Vec::new()).status;
        let written = serde_json::to_value(&empty).unwrap();
        assert_eq!(written["inventory"], json!({"entries": []}));
        let after_failure = |object: &Kustomization| {
            with_inventory_of_failure(Draft::new(object, NOW), Vec::new())
                .status
                .inventory
        };
        assert_eq!(after_failure(&object), None);
        let applied = Kustomization {
            status: empty,
            ..Kustomization::default()
        };
        assert!(after_failure(&applied).is_some());
    }

    #[test]
    fn a_count_is_no_news() {
        let object = Kustomization::default();
        let one = ended(Draft::new(&object, NOW), "a", "r", "Ok").status;
        let again = Kustomization {
            status: one.clone(),
            ..Kustomization::default()
        };
        let later = Draft::new(&again, "2027-01-01T00:00:00Z");
        assert!(says_the_same(&one, &ended(later, "a", "r", "Ok").status));
        let other = ended(Draft::new(&again, NOW), "b", "r", "Ok").status;
        assert!(!says_the_same(&one, &other));
    }

    #[test]
    fn a_failed_health_check_is_told_without_how_long_it_took() {
        let object = Kustomization::default();
        let text = "health check failed after 3s: timeout waiting for: [Job/ns/a]";
        let failure = Failure::new(reasons::HEALTH_CHECK_FAILED, text);
        let draft = Draft::new(&object, NOW);
        let status = failed(draft, &failure, &Known::default(), Duration::from_secs(3));
        let healthy = status.conditions.get(HEALTHY).unwrap();
        let told = (healthy.status, &*healthy.message);
        assert_eq!(told, (Is::False, "timeout waiting for: [Job/ns/a]"));
    }

    #[test]
    fn success_answers_a_request_and_clears_what_a_failure_said() {
        let asked = json!({"reconcile.fluxcd.io/requestedAt": "1"});
        let object = json!({"metadata": {"name": "a", "generation": 2, "annotations": asked}});
        let mut object = Kustomization::parse(&object).unwrap();
        let failure = Failure::new(reasons::HEALTH_CHECK_FAILED, "no");
        let known = Known::default();
        let draft = Draft::new(&object, NOW);
        object.status = failed(draft, &failure, &known, Duration::ZERO);
        let took = Duration::from_secs(1);
        let outcome = Outcome {
            revision: "r1",
            origin: Some("main@sha1:4d"),
            digest: "d",
            reason: "Succeeded",
            took,
        };
        let (draft, state) = (Draft::new(&object, NOW), DeliveryState::default());
        let status = succeeded(draft, &outcome, Vec::new(), None, &state);
        let conditions = serde_json::to_value(&status.conditions).unwrap();
        assert_eq!(conditions.as_array().unwrap().len(), 1, "{conditions}");
        let origin = "main@sha1:4d";
        assert_eq!(status.last_applied_origin_revision.as_deref(), Some(origin));
        assert_eq!(&*status.history[0].metadata["originRevision"], origin);
        assert_eq!(status.last_handled_reconcile_at.as_deref(), Some("1"));
        assert_eq!(status.observed_generation, Some(2));
    }
}
