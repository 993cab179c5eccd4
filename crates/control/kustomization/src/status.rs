//! What a reconcile's end is told as: conditions, revisions, inventory, history.
//!
//! Pure: the old status and the outcome in, the new status out. Writing it is the controller's affair.

use std::time::Duration;

use lode_api::conditions::{DRIFTED, HEALTHY, READY, RECONCILING, STALLED, Verdict};
use lode_api::kustomization::KustomizationStatus;
use lode_api::shared::{HistorySnapshot, Inventory, InventoryEntry};
use lode_api::{Kustomization, Status as _, reasons};
use lode_apply::{Records, Set};
use lode_object::Id;
use lode_stdx::duration;

use crate::failure::{Failure, Retry};
use crate::state::State;

/// How many outcomes the history holds.
const HISTORY_MAX: usize = 5;

/// A status in the making.
pub(crate) struct Draft<'a> {
    object: &'a Kustomization,
    pub(crate) status: KustomizationStatus,
    now: &'a str,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(object: &'a Kustomization, now: &'a str) -> Self {
        Self {
            object,
            status: object.status.clone(),
            now,
        }
    }

    /// Notes a request to reconcile as answered.
    pub(crate) fn handled(mut self) -> Self {
        if let Some(token) = self
            .object
            .metadata
            .annotation(lode_object::meta::REQUESTED_AT)
        {
            self.status.handle_reconcile_at(token);
        }
        self
    }

    pub(crate) fn attempted(mut self, revision: &str) -> Self {
        self.status.last_attempted_revision = Some(revision.into());
        self
    }

    /// What is applied now. An empty list says that nothing is; none says that nothing was ever applied.
    pub(crate) fn inventory(mut self, entries: Vec<InventoryEntry>) -> Self {
        self.status.inventory = Some(Inventory { entries });
        self
    }

    /// What is in the cluster after a failure: a first one that wrote nothing leaves no inventory, as in Flux.
    pub(crate) fn inventory_after_failure(self, entries: Vec<InventoryEntry>) -> Self {
        if entries.is_empty() && self.status.inventory.is_none() {
            self
        } else {
            self.inventory(entries)
        }
    }

    /// It is under way and takes long.
    pub(crate) fn progressing(mut self, doing: &str) -> Self {
        self.set(&Verdict::yes(RECONCILING, reasons::PROGRESSING, doing));
        self.set(&Verdict::unknown(
            READY,
            reasons::PROGRESSING,
            "Reconciliation in progress",
        ));
        self.status.conditions.delete(STALLED);
        self
    }

    /// It succeeded.
    pub(crate) fn succeeded(mut self, revision: &str) -> Self {
        self.status.conditions.delete(RECONCILING);
        self.status.conditions.delete(STALLED);
        let text = format!("Applied revision: {revision}");
        self.set(&Verdict::yes(
            READY,
            reasons::RECONCILIATION_SUCCEEDED,
            &text,
        ));
        self.status.last_applied_revision = Some(revision.into());
        self.status
            .observe_generation(self.object.metadata.generation);
        self
    }

    /// It failed while `doing`.
    pub(crate) fn failed(mut self, failure: &Failure, doing: &str) -> Self {
        match failure.retry {
            Retry::Change { stalled: true } => {
                self.status.conditions.delete(RECONCILING);
                self.set(&Verdict::yes(STALLED, failure.reason, &failure.message));
                self.status
                    .observe_generation(self.object.metadata.generation);
            }
            _ if failure.quiet => {
                self.status.conditions.delete(RECONCILING);
                self.status.conditions.delete(STALLED);
            }
            _ => {
                self.status.conditions.delete(STALLED);
                self.set(&Verdict::yes(
                    RECONCILING,
                    reasons::PROGRESSING_WITH_RETRY,
                    doing,
                ));
            }
        }
        self.set(&Verdict::no(READY, failure.reason, &failure.message));
        self
    }

    /// What its health checks came to; nothing when there are none.
    pub(crate) fn health(mut self, health: Option<Result<Duration, &str>>) -> Self {
        match health {
            None => {
                self.status.conditions.delete(HEALTHY);
            }
            Some(Ok(took)) => {
                let text = format!("Health check passed in {}", duration::format(took));
                // How long it took this time is no news while it stays healthy.
                if !self
                    .status
                    .conditions
                    .is(HEALTHY, lode_api::conditions::State::True)
                {
                    self.set(&Verdict::yes(HEALTHY, reasons::SUCCEEDED, &text));
                }
            }
            Some(Err(text)) => self.set(&Verdict::no(HEALTHY, reasons::HEALTH_CHECK_FAILED, text)),
        }
        self
    }

    /// Live edits that are not undone: told and left, or fought over.
    pub(crate) fn drifted(mut self, state: &State) -> Self {
        let contested = state.fights.contested();
        if !contested.is_empty() {
            let ids = contested
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ");
            let text =
                format!("changed back again and again, the wait before each revert doubles: {ids}");
            self.set(&Verdict::yes(DRIFTED, reasons::CONTESTED, &text));
        } else if state.told.is_empty() {
            self.status.conditions.delete(DRIFTED);
        } else {
            let text = state
                .told
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n");
            self.set(&Verdict::yes(DRIFTED, "DriftDetected", &text));
        }
        self
    }

    /// Puts an outcome at the head of the history; equal digest and reason count together.
    pub(crate) fn history(
        mut self,
        digest: &str,
        revision: &str,
        reason: &str,
        took: Duration,
    ) -> Self {
        let digest = format!("sha256:{digest}");
        let history = &mut self.status.history;
        let known = history
            .iter()
            .position(|h| *h.digest == *digest && &*h.last_reconciled_status == reason);
        let fresh = || HistorySnapshot {
            digest: digest.into(),
            first_reconciled: self.now.into(),
            last_reconciled_status: reason.into(),
            ..HistorySnapshot::default()
        };
        let mut entry = known.map_or_else(fresh, |at| history.remove(at));
        entry.last_reconciled = self.now.into();
        entry.last_reconciled_duration = duration::format(round(took)).into();
        entry.total_reconciliations += 1;
        entry.metadata = [("revision".into(), revision.into())].into();
        history.insert(0, entry);
        history.truncate(HISTORY_MAX);
        self
    }

    fn set(&mut self, verdict: &Verdict<'_>) {
        self.status
            .conditions
            .set(verdict, self.object.metadata.generation, self.now);
    }
}

/// Tells whether two statuses say the same but for how often and how long: such a difference is not worth a write.
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

/// Returns the inventory of a set, in the order it is applied.
pub(crate) fn entries(set: &Set) -> Vec<InventoryEntry> {
    set.objects()
        .iter()
        .map(|desired| entry(&desired.id, &desired.gvk.version))
        .collect()
}

/// Returns the inventory that records tell, in no special order.
pub(crate) fn recorded(records: &Records) -> Vec<InventoryEntry> {
    records
        .objects
        .iter()
        .map(|(id, record)| entry(id, &record.version))
        .collect()
}

/// Returns what is in `more` and not in `entries`, by identity.
pub(crate) fn added(entries: &[InventoryEntry], more: &[InventoryEntry]) -> Vec<InventoryEntry> {
    let known: std::collections::HashSet<&str> = entries.iter().map(|entry| &*entry.id).collect();
    more.iter()
        .filter(|entry| !known.contains(&*entry.id))
        .cloned()
        .collect()
}

pub(crate) fn entry(id: &Id, version: &str) -> InventoryEntry {
    InventoryEntry {
        id: id.inventory().into(),
        v: version.into(),
    }
}

/// Go prints durations to the nanosecond; nobody reads those.
pub(crate) fn round(took: Duration) -> Duration {
    Duration::from_micros(took.as_micros() as u64 / 100 * 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-02T03:04:05Z";

    #[test]
    fn equal_outcomes_count_together_and_move_to_the_front() {
        let object = Kustomization::default();
        let took = Duration::from_secs(1);
        let draft = Draft::new(&object, NOW)
            .history("a", "r1", "Ok", took)
            .history("b", "r2", "Ok", took);
        let status = draft
            .history("a", "r3", "Ok", took)
            .history("a", "r3", "Failed", took)
            .status;
        let rows: Vec<_> = status
            .history
            .iter()
            .map(|h| {
                (
                    &*h.digest,
                    &*h.last_reconciled_status,
                    h.total_reconciliations,
                    &*h.metadata["revision"],
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("sha256:a", "Failed", 1, "r3"),
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
            draft = draft.history(&digest.to_string(), "r", "Ok", Duration::ZERO);
        }
        assert_eq!(draft.status.history.len(), HISTORY_MAX);
    }

    #[test]
    fn an_empty_inventory_is_written_after_success_and_not_after_a_first_failure() {
        let object = Kustomization::default();
        let empty = Draft::new(&object, NOW).inventory(Vec::new()).status;
        assert_eq!(
            serde_json::to_value(&empty).unwrap()["inventory"],
            serde_json::json!({"entries": []})
        );
        assert_eq!(
            Draft::new(&object, NOW)
                .inventory_after_failure(Vec::new())
                .status
                .inventory,
            None
        );
        let applied = Kustomization {
            status: empty,
            ..Kustomization::default()
        };
        assert!(
            Draft::new(&applied, NOW)
                .inventory_after_failure(Vec::new())
                .status
                .inventory
                .is_some()
        );
    }

    #[test]
    fn a_count_is_no_news() {
        let object = Kustomization::default();
        let one = Draft::new(&object, NOW)
            .history("a", "r", "Ok", Duration::ZERO)
            .status;
        let again = Kustomization {
            status: one.clone(),
            ..Kustomization::default()
        };
        let two = Draft::new(&again, "2027-01-01T00:00:00Z")
            .history("a", "r", "Ok", Duration::from_secs(3))
            .status;
        assert!(says_the_same(&one, &two));
        let other = Draft::new(&again, NOW)
            .history("b", "r", "Ok", Duration::ZERO)
            .status;
        assert!(!says_the_same(&one, &other));
    }

    #[test]
    fn a_failure_that_retries_keeps_reconciling_and_one_that_stalls_does_not() {
        let object = Kustomization::default();
        let failed = |failure: &Failure| {
            Draft::new(&object, NOW)
                .failed(failure, "Building")
                .status
                .conditions
        };
        let retries = failed(&Failure::new(reasons::BUILD_FAILED, "no"));
        assert_eq!(
            &*retries.get(RECONCILING).unwrap().reason,
            reasons::PROGRESSING_WITH_RETRY
        );
        let stalls = failed(&Failure::unsupported("x"));
        assert!(stalls.get(RECONCILING).is_none() && stalls.get(STALLED).is_some());
        let waits = failed(&Failure::waiting(reasons::DEPENDENCY_NOT_READY, "not yet"));
        assert!(waits.get(RECONCILING).is_none() && waits.get(STALLED).is_none());
    }
}
