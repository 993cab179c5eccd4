//! [`Kustomizations`] in the frame of all controllers: what is attempted, told, and removed.
//!
//! An attempt may take several runs: where it waits for objects, the run ends and the change of those objects starts
//! the next, which finds everything done up to there and goes on.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lode_api::kustomization::{KustomizationStatus, Spec};
use lode_api::shared::InventoryEntry;
use lode_api::{Kustomization, Status as _, conditions, reasons};
use lode_apply::change_log;
use lode_object::{Id, NamespacedName};
use lode_runtime::{
    Change, Draft, Ended, Failure, LONG, Next, Progress, Reconcile, Removal, Report, Retry, Told,
    Use, name_of,
};
use lode_stdx::duration;
use tokio::time::Instant;

use crate::attempt::{End, RECORDS};
use crate::controller::Kustomizations;
use crate::facts::Facts;
use crate::state::State;
use crate::status::{self, Outcome, says_the_same};
use crate::validate::validate;

impl Reconcile for Kustomizations {
    type Spec = Spec;
    type State = State;
    type Facts = Facts;
    type Done = End;
    const NAME: &'static str = "kustomization";

    async fn synced(&self) {
        self.sources.synced().await;
    }

    async fn attempt(
        &self,
        object: &Arc<Kustomization>,
        state: &mut State,
        facts: &Facts,
    ) -> Result<End, Failure> {
        let checked = facts.check(validate(object, &self.options)?);
        self.bring(object, state, checked, facts).await
    }

    fn progress(&self, facts: &Facts) -> Progress {
        progress(facts)
    }

    fn patience(&self, _: &Kustomization, state: &State) -> Option<Instant> {
        let attempt = state.attempt.as_ref();
        let told = attempt.is_some_and(|attempt| attempt.told);
        (!told).then(|| since(state) + LONG)
    }

    fn report(&self, ended: Ended<'_, Self>, end: Result<End, Failure>) -> Report<Spec> {
        match end {
            Ok(End::Parked { until }) => self.parked(ended, until),
            Ok(End::TouchedUp) => touched_up(ended),
            Ok(End::Done { health, inventory }) => self.done(ended, health, inventory),
            Err(failure) => self.failed(ended, &failure),
        }
    }

    fn suspend<'a>(&self, draft: Draft<'a, Spec>, state: &mut State) -> Draft<'a, Spec> {
        (state.wait, state.attempt) = (None, None);
        draft
    }

    async fn remove(
        &self,
        object: &Arc<Kustomization>,
        state: &mut State,
    ) -> Result<Removal, Failure> {
        let end = self.remove_objects(object, state).await;
        let end = end.map_err(|failure| Failure::new(reasons::PRUNE_FAILED, failure.message));
        Ok(end?.map_or(Removal::Done, Removal::Wait))
    }

    async fn removed(&self, object: &Kustomization) -> Option<Told> {
        let (store, uid) = (self.records.clone(), object.metadata.uid.to_string());
        // An orphaned record wastes a few bytes: an error is ignored.
        let _ = tokio::task::spawn_blocking(move || store.remove(RECORDS, &uid)).await;
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
        if change.new.as_ref().is_none_or(|new| new.deleting()) {
            self.deletions.send_replace(());
        }
    }

    fn look(&self, name: &NamespacedName, state: &State, ids: &HashSet<Id>) {
        self.look_at(name, state, ids);
    }

    fn stop(&self) {
        self.stopping.send_replace(true);
    }
}

impl Kustomizations {
    /// It waits for objects: told once it has taken long, or where the status still says something else.
    fn parked(&self, ended: Ended<'_, Self>, until: Instant) -> Report<Spec> {
        let Ended {
            object,
            state,
            facts,
            told,
            now,
            ..
        } = ended;
        let since = since(state);
        let mut status = None;
        let mut is_told = told;
        if let Some(attempt) = &mut state.attempt {
            attempt.told |= told;
            if !attempt.told && (since.elapsed() >= LONG || was_waiting(object)) {
                attempt.told = true;
                // The inventory may have been written ahead meanwhile: that must stay.
                let latest = self.own.latest(object);
                let draft = Draft::new(latest.as_deref().unwrap_or(object), now);
                status = Some(draft.progressing(&progress(facts)).status);
            }
            is_told = attempt.told;
        }
        let wake = if is_told {
            until
        } else {
            until.min(since + LONG)
        };
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
        let took = since(state).elapsed();
        (state.attempt, state.wait) = (None, None);
        let interval = facts
            .checked()
            .map_or(Duration::ZERO, |checked| checked.interval);
        let revision = state.records.revision.clone();
        let outcome = Outcome {
            revision: &revision,
            digest: &state.records.text_digest,
            reason: reasons::RECONCILIATION_SUCCEEDED,
            took,
        };
        let status = status::succeeded(Draft::new(object, now), &outcome, inventory, health, state);

        let wait = self
            .own
            .jitter(interval, self.options.interval_jitter_percent);
        state.due = Some(Instant::now() + wait);
        // The end of a fight's wait wakes nobody else.
        let held = state.fights.next();
        let held = held.map(|held| held.saturating_duration_since(Instant::now()));
        let next = held.map_or(wait, |held| held.max(Duration::from_millis(1)).min(wait));
        let next = Next::After(next);

        let has_changed = facts.known().changed;
        if says_the_same(&object.status, &status) && !has_changed {
            return Report {
                status: None,
                told: Vec::new(),
                took: Some(took),
                next,
            };
        }
        let mut told = Vec::new();
        if let Some(health) = health
            && object
                .status
                .conditions()
                .is(conditions::HEALTHY, conditions::State::False)
        {
            let health = duration::format(status::round(health));
            let text = format!("Health check passed in {health}");
            told.push(Told::normal(reasons::PROGRESSING, text).at(&revision));
        }
        if has_changed || !only_answers(&object.status, &status) {
            let took = duration::format(status::round(took));
            let every = duration::format(interval);
            let text = format!("Reconciliation finished in {took}, next run in {every}");
            told.push(Told::normal(reasons::RECONCILIATION_SUCCEEDED, text).at(&revision));
        }
        Report {
            status: Some(status),
            told,
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
        let took = since(state).elapsed();
        state.failed(failure.retry);
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

    /// Tells what was changed in the cluster.
    pub(crate) fn emit_changes(
        &self,
        object: &Kustomization,
        changes: &[lode_apply::Change],
        revision: &str,
    ) {
        if !changes.is_empty() {
            let told = Told::normal(reasons::PROGRESSING, change_log(changes)).at(revision);
            self.own.emit(object, told);
        }
    }
}

/// Live edits were seen to, nothing else was due.
fn touched_up(ended: Ended<'_, Kustomizations>) -> Report<Spec> {
    let Ended {
        object, state, now, ..
    } = ended;
    let status = status::drifted(Draft::new(object, now), state).status;
    let due = state.due.unwrap_or_else(Instant::now);
    let wake = state.fights.next().map_or(due, |held| held.min(due));
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

/// Returns when the attempt began that is under way, maybe some runs ago.
fn since(state: &State) -> Instant {
    state
        .attempt
        .as_ref()
        .map_or_else(Instant::now, |attempt| attempt.since)
}

fn progress(facts: &Facts) -> Progress {
    Progress {
        doing: facts.known().doing,
        ready: "Reconciliation in progress",
    }
}

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
