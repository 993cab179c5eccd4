//! [`Kustomizations`] in the frame of all controllers: what is attempted, told, and removed.
//!
//! An attempt may take several runs: where it waits for objects, the run ends and the change of those objects starts
//! the next, which finds everything done up to there and goes on.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lode_api::conditions::{READY, RECONCILING, Verdict};
use lode_api::kustomization::{KustomizationStatus, Spec};
use lode_api::shared::InventoryEntry;
use lode_api::{Kustomization, Status as _, conditions, reasons};
use lode_deliver::{Awaited, DeliveryAttempt, DeliveryEnd, DeliveryState, in_short};
use lode_object::{Id, NamespacedName};
use lode_runtime::{
    Change, Draft, Ended, Failure, LONG, Next, Progress, Reconcile, Removal, Report, Retry, Told,
    Use, name_of,
};
use lode_stdx::duration;
use tokio::time::Instant;

use crate::controller::Kustomizations;
use crate::facts::{Facts, Known};
use crate::state::State;
use crate::status::{self, Outcome, says_the_same};
use crate::validate::validate;

impl Reconcile for Kustomizations {
    type Spec = Spec;
    type State = State;
    type Facts = Facts;
    type Done = DeliveryEnd;
    const NAME: &'static str = "kustomization";

    async fn synced(&self) {
        self.sources.synced().await;
    }

    async fn attempt(
        &self,
        object: &Arc<Kustomization>,
        state: &mut State,
        facts: &Facts,
    ) -> Result<DeliveryEnd, Failure> {
        let checked = facts.check(validate(object, &self.options)?);
        self.bring(object, state, checked, facts).await
    }

    fn progress(&self, facts: &Facts) -> Progress {
        progress_of(&facts.known())
    }

    fn patience(&self, _: &Kustomization, state: &State) -> Option<Instant> {
        let attempt = state.delivery.attempt();
        let is_told = attempt.is_some_and(DeliveryAttempt::is_told);
        (!is_told).then(|| state.delivery.since() + LONG)
    }

    fn report(&self, ended: Ended<'_, Self>, end: Result<DeliveryEnd, Failure>) -> Report<Spec> {
        match end {
            Ok(DeliveryEnd::Parked { until, awaited }) => self.parked(ended, until, &awaited),
            Ok(DeliveryEnd::TouchedUp) => touched_up(ended),
            Ok(DeliveryEnd::Done { health, inventory }) => self.done(ended, health, inventory),
            Err(failure) => self.failed(ended, &failure),
        }
    }

    fn suspend<'a>(&self, draft: Draft<'a, Spec>, state: &mut State) -> Draft<'a, Spec> {
        state.delivery.end();
        draft
    }

    async fn remove(
        &self,
        object: &Arc<Kustomization>,
        state: &mut State,
    ) -> Result<Removal, Failure> {
        let end = self.remove_objects(object, &mut state.delivery).await;
        let end = end.map_err(|failure| Failure::new(reasons::PRUNE_FAILED, failure.message));
        Ok(end?.map_or(Removal::Done, Removal::Wait))
    }

    async fn removed(&self, object: &Kustomization) -> Option<Told> {
        self.records.remove(&object.metadata.uid).await;
        None
    }

    fn uses(&self, object: &Kustomization) -> Vec<Use> {
        uses(object)
    }

    fn matters(&self, change: &Change<Kustomization>) -> bool {
        let told = |object: &Option<Arc<Kustomization>>| {
            let status = &object.as_ref()?.status;
            Some((
                status.conditions().clone(),
                status.last_applied_revision.clone(),
            ))
        };
        told(&change.old) != told(&change.new)
    }

    fn changed(&self, change: &Change<Kustomization>) {
        self.cancellation.note(change);
    }

    fn look(&self, name: &NamespacedName, state: &State, ids: &HashSet<Id>) {
        self.look_at(name, state, ids);
    }

    fn stop(&self) {
        self.cancellation.stop();
    }
}

impl Kustomizations {
    /// It waits for objects: told once it has taken long, where something else is waited for by now, or where the status
    /// still says something else.
    fn parked(&self, ended: Ended<'_, Self>, until: Instant, awaited: &[Awaited]) -> Report<Spec> {
        let Ended {
            object,
            state,
            facts,
            told,
            now,
            ..
        } = ended;
        let known = facts.known();
        let awaited = in_short(awaited);
        let mut status = None;
        let mut wake = until;
        if let Some(attempt) = state.delivery.attempt_mut() {
            if told && !attempt.is_told() {
                // The frame has told that it goes on, not what for.
                attempt.tell("");
            }
            let is_due = |at: Instant| at <= Instant::now();
            let mut notice = None;
            if attempt.tell_at(&awaited).is_some_and(is_due) {
                notice = Some(&*awaited);
            } else if !attempt.is_told() && was_waiting(object) {
                // What the status says is not so any more; what is waited for by now may come in a moment.
                notice = Some("");
            }
            if let Some(notice) = notice {
                attempt.tell(notice);
                // The inventory may have been written ahead meanwhile: that must stay.
                let latest = self.own.latest(object);
                let draft = Draft::new(latest.as_deref().unwrap_or(object), now);
                status = Some(waiting(draft, &known, &known.masked(notice)).status);
            }
            wake = attempt.tell_at(&awaited).map_or(until, |at| at.min(until));
        }
        Report {
            status,
            told: Vec::new(),
            took: None,
            next: at(wake),
        }
    }

    /// It is applied and healthy.
    fn done(
        &self,
        ended: Ended<'_, Self>,
        health: Option<Duration>,
        inventory: Vec<InventoryEntry>,
    ) -> Report<Spec> {
        let Ended {
            object,
            state,
            facts,
            now,
            ..
        } = ended;
        let took = state.delivery.since().elapsed();
        state.delivery.end();
        let known = facts.known();
        let outcome = Outcome {
            revision: state.delivery.revision(),
            origin: known.origin.as_deref(),
            digest: state.delivery.text_digest(),
            reason: reasons::RECONCILIATION_SUCCEEDED,
            took,
        };
        let draft = Draft::new(object, now);
        let status = status::succeeded(draft, &outcome, inventory, health, &state.delivery);

        let checked = facts.checked();
        let interval = checked.map_or(Duration::ZERO, |checked| checked.interval);
        let wait = self
            .own
            .jitter(interval, self.options.interval_jitter_percent);
        state.due = Some(Instant::now() + wait);
        let next = Next::After(until_next_run(wait, &state.delivery));

        let has_changed = known.changed;
        if says_the_same(&object.status, &status) && !has_changed {
            return Report {
                status: None,
                told: Vec::new(),
                took: Some(took),
                next,
            };
        }
        let mut told = Vec::new();
        told.extend(health.and_then(|health| told_of_health(object, health)));
        if has_changed || !only_answers(&object.status, &status) {
            told.push(told_of_success(took, interval));
        }
        let revision = state.delivery.revision();
        Report {
            status: Some(status),
            told: told.into_iter().map(|told| told.at(revision)).collect(),
            took: Some(took),
            next,
        }
    }

    /// It failed.
    fn failed(&self, ended: Ended<'_, Self>, failure: &Failure) -> Report<Spec> {
        let Ended {
            object,
            state,
            facts,
            now,
            ..
        } = ended;
        let took = state.delivery.since().elapsed();
        state.delivery.failed(failure.retry);
        let known = facts.known();
        let mut failure = known.mask(failure);
        failure.message = self.own.discreet(&name_of(object), failure.message);

        let status = status::failed(Draft::new(object, now), &failure, &known, took);
        let next = match (failure.retry, facts.checked()) {
            (Retry::Interval, Some(checked)) => Next::After(checked.retry_interval),
            (Retry::Backoff, _) => Next::Backoff,
            // Its cause wakes it; the interval is the net below that.
            (Retry::Wait, Some(checked)) => Next::After(checked.interval),
            _ => Next::Idle,
        };
        let status = (!says_the_same(&object.status, &status)).then_some(status);
        let told = told_of_failure(object, failure);
        let told = told.map(|told| told.at(known.attempted.unwrap_or_default()));
        Report {
            status,
            told: told.into_iter().collect(),
            took: Some(took),
            next,
        }
    }
}

/// Live edits were seen to, nothing else was due.
fn touched_up(ended: Ended<'_, Kustomizations>) -> Report<Spec> {
    let Ended {
        object, state, now, ..
    } = ended;
    let status = status::drifted(Draft::new(object, now), &state.delivery).status;
    let due = state.due.unwrap_or_else(Instant::now);
    let held = state.delivery.next_revert();
    let wake = held.map_or(due, |held| held.min(due));
    Report {
        status: Some(status),
        told: Vec::new(),
        took: None,
        next: at(wake),
    }
}

/// Returns what is said of a failure: a wait for a dependency once, other waits not at all.
fn told_of_failure(object: &Kustomization, failure: Failure) -> Option<Told> {
    if !failure.quiet {
        return Some(Told::warning(failure.reason, failure.message));
    }
    let is_dependency = failure.reason == reasons::DEPENDENCY_NOT_READY;
    let ready = object.status.conditions().get(conditions::READY);
    let is_known = ready.is_some_and(|ready| {
        *ready.reason == *failure.reason && *ready.message == *failure.message
    });
    (is_dependency && !is_known).then(|| Told::normal(failure.reason, failure.message))
}

/// Returns whether all that a new status says more is that a request was answered.
fn only_answers(before: &KustomizationStatus, after: &KustomizationStatus) -> bool {
    let mut unanswered = after.clone();
    unanswered
        .last_handled_reconcile_at
        .clone_from(&before.last_handled_reconcile_at);
    says_the_same(before, &unanswered)
}

/// Returns whether the status still says that something else is missing, which is no longer so.
fn was_waiting(object: &Kustomization) -> bool {
    let ready = object.status.conditions().get(conditions::READY);
    ready.is_some_and(|ready| {
        [reasons::ARTIFACT_FAILED, reasons::DEPENDENCY_NOT_READY].contains(&&*ready.reason)
    })
}

/// Returns how long after its end the next run is due, `wait` by the clock: the end of a fight's wait wakes nobody else.
fn until_next_run(wait: Duration, state: &DeliveryState) -> Duration {
    let Some(held) = state.next_revert() else {
        return wait;
    };
    let held = held.saturating_duration_since(Instant::now());
    held.max(Duration::from_millis(1)).min(wait)
}

/// Returns what is said of health that has come back.
fn told_of_health(object: &Kustomization, took: Duration) -> Option<Told> {
    let conditions = object.status.conditions();
    if !conditions.is(conditions::HEALTHY, conditions::State::False) {
        return None;
    }
    let took = duration::format(duration::rounded(took));
    let text = format!("Health check passed in {took}");
    Some(Told::normal(reasons::PROGRESSING, text))
}

fn told_of_success(took: Duration, interval: Duration) -> Told {
    let took = duration::format(duration::rounded(took));
    let every = duration::format(interval);
    let text = format!("Reconciliation finished in {took}, next run in {every}");
    Told::normal(reasons::RECONCILIATION_SUCCEEDED, text)
}

/// Says what is being done, as Flux does, and behind that what is waited for.
fn waiting<'a>(draft: Draft<'a, Spec>, known: &Known, awaited: &str) -> Draft<'a, Spec> {
    let progress = progress_of(known);
    let mut draft = draft.progressing(&progress);
    if !awaited.is_empty() {
        let doing = format!("{}: waiting for {awaited}", progress.doing);
        draft.set(&Verdict::yes(RECONCILING, reasons::PROGRESSING, &doing));
        let ready = format!("{IN_PROGRESS}: waiting for {awaited}");
        draft.set(&Verdict::unknown(READY, reasons::PROGRESSING, &ready));
    }
    draft
}

fn progress_of(known: &Known) -> Progress {
    Progress {
        doing: known.doing.clone(),
        ready: Some(IN_PROGRESS.into()),
    }
}

/// Text of `Ready` while a reconcile goes on.
const IN_PROGRESS: &str = "Reconciliation in progress";

fn at(time: Instant) -> Next {
    let left = time.saturating_duration_since(Instant::now());
    Next::After(left.max(Duration::from_millis(1)))
}

/// Returns the source, the dependencies and the variables that a Kustomization names, whether they exist or not.
fn uses(object: &Kustomization) -> Vec<Use> {
    let (spec, own) = (&object.spec, &*object.metadata.namespace);
    let at = |namespace: &Option<Box<str>>, name: &str| {
        NamespacedName::new(namespace.as_deref().unwrap_or(own), name)
    };
    let source = &spec.source_ref;
    let mut uses = vec![Use::new(&source.kind, at(&source.namespace, &source.name))];
    let dependencies = spec.depends_on.iter();
    uses.extend(dependencies.map(|on| Use::new("Kustomization", at(&on.namespace, &on.name))));
    let variables = spec
        .post_build
        .iter()
        .flat_map(|post_build| &post_build.substitute_from);
    uses.extend(variables.map(|from| Use::new(&from.kind, NamespacedName::new(own, &from.name))));
    uses
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-01-02T03:04:05Z";

    fn message(status: &KustomizationStatus, of: &str) -> String {
        status.conditions.get(of).unwrap().message.to_string()
    }

    #[test]
    fn what_is_waited_for_is_said_behind_what_flux_says() {
        let object = Kustomization::default();
        let facts = Facts::default();
        facts.doing("Running health checks", "r", Duration::from_mins(5));
        let known = facts.known();
        let said = |awaited: &str| {
            let status = waiting(Draft::new(&object, NOW), &known, awaited).status;
            [RECONCILING, READY].map(|of| message(&status, of))
        };
        assert_eq!(
            said("Job/ns/a: Job in progress"),
            [
                "Running health checks for revision r with a timeout of 5m0s: waiting for Job/ns/a: Job in progress",
                "Reconciliation in progress: waiting for Job/ns/a: Job in progress",
            ]
        );
        assert_eq!(
            said(""),
            [
                "Running health checks for revision r with a timeout of 5m0s",
                "Reconciliation in progress",
            ]
        );
    }

    #[test]
    fn health_that_comes_back_is_told_and_other_health_is_not() {
        let took = Duration::from_secs(2);
        let object = |healthy: &str| {
            let condition = json!({"type": "Healthy", "status": healthy, "reason": "R", "message": "",
                "lastTransitionTime": NOW});
            let object = json!({"metadata": {"name": "a"}, "status": {"conditions": [condition]}});
            Kustomization::parse(&object).unwrap()
        };
        let told = told_of_health(&object("False"), took).unwrap();
        assert_eq!(told.message, "Health check passed in 2s");
        assert_eq!(told_of_health(&object("True"), took), None);
        assert_eq!(told_of_health(&Kustomization::default(), took), None);
    }

    #[test]
    fn a_wait_for_a_dependency_is_told_once_and_other_waits_never() {
        let object = |reason: &str, message: &str| {
            let condition = json!({"type": "Ready", "status": "False", "reason": reason, "message": message,
                "lastTransitionTime": NOW});
            let object = json!({"metadata": {"name": "a"}, "status": {"conditions": [condition]}});
            Kustomization::parse(&object).unwrap()
        };
        let waits = || Failure::waiting(reasons::DEPENDENCY_NOT_READY, "b is not ready");
        let before = object(reasons::ARTIFACT_FAILED, "");
        assert!(told_of_failure(&before, waits()).is_some());
        let known = object(reasons::DEPENDENCY_NOT_READY, "b is not ready");
        assert_eq!(told_of_failure(&known, waits()), None);
        let artifact = Failure::waiting(reasons::ARTIFACT_FAILED, "no artifact");
        assert_eq!(told_of_failure(&known, artifact), None);
        let failure = Failure::new(reasons::BUILD_FAILED, "no");
        assert!(
            told_of_failure(&known, failure).is_some(),
            "a fault is told each time"
        );
    }

    #[test]
    fn the_next_run_is_due_by_the_clock_where_nothing_is_fought_over() {
        let wait = Duration::from_mins(10);
        assert_eq!(until_next_run(wait, &DeliveryState::default()), wait);
    }

    #[test]
    fn a_kustomization_uses_its_source_its_dependencies_and_its_variables() {
        let object = json!({"metadata": {"name": "a", "namespace": "ns"}, "spec": {
            "sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"},
            "dependsOn": [{"name": "b"}, {"name": "c", "namespace": "other"}],
            "postBuild": {"substituteFrom": [{"kind": "Secret", "name": "vault"}]}}});
        let object = Kustomization::parse(&object).unwrap();
        let at = |kind: &str, namespace: &str, name: &str| {
            Use::new(kind, NamespacedName::new(namespace, name))
        };
        assert_eq!(
            uses(&object),
            [
                at("GitRepository", "flux-system", "fleet"),
                at("Kustomization", "ns", "b"),
                at("Kustomization", "other", "c"),
                at("Secret", "ns", "vault"),
            ]
        );
    }
}
