//! [`Frame`]: the common steps around every attempt to reconcile an object, whatever its kind.
//!
//! ```text
//! own objects ─┬─ asked for, new, changed ──→ queue ─→ run: finalizer → suspended? → attempt → report → status, events
//!              └─ worth telling its users ───↑    ↑ timers                 └─ takes long: told meanwhile
//! ```
//!
//! A kind implements [`Reconcile`]: it attempts, and reports the outcome. The frame does the rest:
//! the mirror and the finalizer, stored state, waking dependents, progress of long runs, guarded
//! writes, and the events that follow them. A run is safe to repeat and does not depend on what
//! triggered it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lode_api::{Kind, Resource, Status as _};
use lode_object::{Id, NamespacedName, meta};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info, warn};

use crate::controller::Controller;
use crate::draft::{Draft, Progress};
use crate::events::EventKind;
use crate::failure::{Failure, Retry};
use crate::metrics::Metrics;
use crate::next::Next;
use crate::own::{Own, Told, name_of};
use crate::queue::{Priority, Queue};
use crate::states::States;
use crate::store::Change;
use crate::users::{Use, Users};

/// A run that takes longer reports that in the status.
pub const LONG: Duration = Duration::from_secs(2);

/// What each kind implements.
pub trait Reconcile: Send + Sync + 'static {
    /// The kind.
    type Spec: Kind<Status: Clone + PartialEq + Send + Sync> + Send + Sync;
    /// State kept for one object between two runs; all of it may be lost.
    type State: Default + Send;
    /// What an attempt has found so far, even if it fails in the end.
    type Facts: Default + Send + Sync;
    /// The result of a successful attempt.
    type Done: Send;
    /// The controller's name in metrics and logs.
    const NAME: &'static str;
    /// How many attempts may go on without a worker of the limit, because they only wait ([`Queue::rest`]).
    const RESTING_MAX: usize = 0;

    /// Waits until everything that an attempt looks up in memory is loaded.
    fn synced(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Makes the actual state equal to what the object specifies.
    fn attempt(
        &self,
        object: &Arc<Resource<Self::Spec>>,
        state: &mut Self::State,
        facts: &Self::Facts,
    ) -> impl Future<Output = Result<Self::Done, Failure>> + Send;

    /// Returns what an attempt is doing, for people.
    fn progress(&self, facts: &Self::Facts) -> Progress;

    /// Returns after how long an attempt is reported as in progress; `None` if it is not worth
    /// reporting.
    fn patience(&self, _object: &Resource<Self::Spec>, _state: &Self::State) -> Option<Instant> {
        Some(Instant::now() + LONG)
    }

    /// Returns the report on an attempt that has ended, and when the next one is due.
    fn report(
        &self,
        ended: Ended<'_, Self>,
        end: Result<Self::Done, Failure>,
    ) -> Report<Self::Spec>
    where
        Self: Sized;

    /// Returns whether an object only describes something that others act on: it is left alone, without finalizer and
    /// status.
    fn is_static(&self, _object: &Resource<Self::Spec>) -> bool {
        false
    }

    /// Returns the status of an object that has just been suspended.
    fn suspend<'a>(
        &self,
        draft: Draft<'a, Self::Spec>,
        _state: &mut Self::State,
    ) -> Draft<'a, Self::Spec> {
        draft
    }

    /// Removes everything created for a deleted object. Its finalizer is removed afterwards.
    fn remove(
        &self,
        object: &Arc<Resource<Self::Spec>>,
        state: &mut Self::State,
    ) -> impl Future<Output = Result<Removal, Failure>> + Send;

    /// Cleans up after the finalizer was removed; returns an event to send, if any.
    fn removed(&self, _object: &Resource<Self::Spec>) -> impl Future<Output = Option<Told>> + Send {
        std::future::ready(None)
    }

    /// Returns what the object uses: a change of one of these wakes it.
    fn uses(&self, _object: &Resource<Self::Spec>) -> Vec<Use> {
        Vec::new()
    }

    /// Returns whether a change of one of our objects matters to the objects that use it.
    fn matters(&self, _change: &Change<Resource<Self::Spec>>) -> bool {
        false
    }

    /// Observes a change of one of our objects before any dependent is woken.
    fn changed(&self, _change: &Change<Resource<Self::Spec>>) {}

    /// Examines the state after a run (`ids` changed during the run, possibly none), or when `ids`
    /// changed between two runs, and requests another run if needed.
    fn look(&self, _name: &NamespacedName, _state: &Self::State, _ids: &HashSet<Id>) {}

    /// Cancels waits for external systems because the process is about to end.
    fn stop(&self) {}
}

/// An attempt that ended.
pub struct Ended<'a, R: Reconcile> {
    /// The object at the start.
    pub object: &'a Arc<Resource<R::Spec>>,
    /// The state stored for it.
    pub state: &'a mut R::State,
    /// What the attempt found on its way.
    pub facts: &'a R::Facts,
    /// How long this run took.
    pub took: Duration,
    /// Whether it was reported as in progress.
    pub told: bool,
    /// The time, as the API writes it.
    pub now: &'a str,
}

/// The report on an attempt that has ended.
pub struct Report<S: Kind> {
    /// The new status; `None` if it is not worth a write.
    pub status: Option<S::Status>,
    /// Events to send once the status is written.
    pub told: Vec<Told>,
    /// The total duration, if it is to be counted.
    pub took: Option<Duration>,
    /// When the next run is due.
    pub next: Next,
}

/// The progress of an object's removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Everything is gone.
    Done,
    /// Something is still being deleted: checked again after this time at the latest.
    Wait(Duration),
}

/// The frame around one kind.
pub struct Frame<R: Reconcile> {
    own: Arc<Own<R::Spec>>,
    queue: Arc<Queue<NamespacedName>>,
    states: States<R::State>,
    users: Users,
    kind: R,
}

impl<R: Reconcile> Frame<R> {
    /// Creates the frame for a kind; nothing runs yet.
    pub fn new(own: Arc<Own<R::Spec>>, queue: Arc<Queue<NamespacedName>>, kind: R) -> Arc<Self> {
        let (states, users) = (States::default(), Users::default());
        Arc::new(Self {
            own,
            queue,
            states,
            users,
            kind,
        })
    }

    /// Returns the kind.
    pub fn kind(&self) -> &R {
        &self.kind
    }

    /// Turns changes of our own objects into work, forever.
    pub async fn follow(self: Arc<Self>) {
        self.kind.synced().await;
        self.own.objects().synced().await;
        let mut changes = self.own.objects().changes();
        loop {
            let change = changes.next().await;
            self.changed(&change);
        }
    }

    /// Requests a run of every object that uses something.
    pub fn wake(&self, used: &Use) {
        for user in self.users.of(used) {
            self.queue.add(user, Priority::Change);
        }
    }

    /// Examines an object whose own objects changed.
    pub fn look(&self, name: &NamespacedName, ids: HashSet<Id>) {
        let is_running = self.queue.is_running(name);
        let look = |state: &R::State, ids: &HashSet<Id>| self.kind.look(name, state, ids);
        self.states.changed(name, ids, is_running, look);
    }

    fn changed(&self, change: &Change<Resource<R::Spec>>) {
        let name = &change.name;
        let uses = |object: &Option<Arc<Resource<R::Spec>>>| {
            object
                .as_ref()
                .map(|object| self.kind.uses(object))
                .unwrap_or_default()
        };
        // The objects it uses follow from its specification: our own status writes change nothing.
        if change.asks_otherwise() {
            self.users
                .update(name, uses(&change.old), uses(&change.new));
        }
        if change.new.is_none() {
            self.states.forget(name);
            self.queue.forget(name);
            self.own.forget(name);
        }
        self.kind.changed(change);

        if let Some(priority) = change.urgency() {
            self.queue.add(name.clone(), priority);
        }
        if self.kind.matters(change) {
            self.wake(&Use::new(R::Spec::NAMES.kind, name.clone()));
        }
    }

    async fn run(&self, object: &Arc<Resource<R::Spec>>, state: &mut R::State) -> Next {
        if object.deleting() {
            return self.remove(object, state).await;
        }
        if self.kind.is_static(object) {
            return self.leave(object, state).await;
        }
        let object = &match self.own.with_finalizer(object).await {
            Ok(object) => object,
            Err(error) => return self.own.postpone(object, &error),
        };
        if object.spec.suspended() {
            let now = self.own.ambient().now_text();
            let draft = self
                .kind
                .suspend(Draft::new(object, &now).observed(), state);
            return match self.own.write_status(object, &draft.status).await {
                Ok(()) => Next::Idle,
                Err(error) => self.own.postpone(object, &error),
            };
        }

        let (facts, since) = (R::Facts::default(), Instant::now());
        let (end, told) = self.attempt(object, state, &facts).await;
        if end
            .as_ref()
            .is_err_and(|failure| failure.retry == Retry::Dropped)
        {
            return Next::Idle;
        }
        let (took, facts, now) = (since.elapsed(), &facts, &*self.own.ambient().now_text());
        let ended = Ended {
            object,
            state,
            facts,
            took,
            told,
            now,
        };
        let has_failed = end.is_err();
        let report = self.kind.report(ended, end);
        self.tell(object, report, has_failed).await
    }

    /// Runs an attempt; returns the outcome and whether it took so long that it was reported as in
    /// progress.
    async fn attempt(
        &self,
        object: &Arc<Resource<R::Spec>>,
        state: &mut R::State,
        facts: &R::Facts,
    ) -> (Result<R::Done, Failure>, bool) {
        let patience = self.kind.patience(object, state);
        let mut attempt = Box::pin(self.kind.attempt(object, state, facts));
        let Some(mut patience) = patience else {
            return (attempt.await, false);
        };
        loop {
            tokio::select! {
                biased;
                end = &mut attempt => return (end, false),
                () = sleep_until(patience) => {}
            }
            // The attempt may take hours: a write that fails must not be the only try.
            if self.tell_progress(object, facts).await {
                return (attempt.await, true);
            }
            patience = Instant::now() + LONG;
        }
    }

    /// Reports an attempt as in progress; returns whether it is written.
    async fn tell_progress(&self, object: &Resource<R::Spec>, facts: &R::Facts) -> bool {
        // The attempt may have written to the status in the meantime: that must stay.
        let latest = self.own.latest(object);
        let now = self.own.ambient().now_text();
        let draft = Draft::new(latest.as_deref().unwrap_or(object), &now);
        let draft = draft.progressing(&self.kind.progress(facts));
        let written = self.own.write_status(object, &draft.status).await;
        if let Err(error) = &written {
            let name = name_of(object);
            debug!(controller = R::NAME, %name, %error, "progress not written");
        }
        written.is_ok()
    }

    /// Writes the report. An event is sent after the status it is about: after a failed write, the
    /// next run finds the same state and sends it then.
    async fn tell(
        &self,
        object: &Resource<R::Spec>,
        report: Report<R::Spec>,
        has_failed: bool,
    ) -> Next {
        let name = name_of(object);
        if let Some(took) = report.took {
            self.own.observe(&name, took);
        }
        if let Some(status) = &report.status
            && let Err(error) = self.own.write_status(object, status).await
        {
            return self.own.postpone(object, &error);
        }

        for told in report.told {
            let (reason, revision) = (&*told.reason, told.fact("revision"));
            let text = self.own.discreet(&name, told.message.clone());
            match told.kind {
                EventKind::Normal => info!(controller = R::NAME, %name, reason, revision, "{text}"),
                EventKind::Warning if has_failed => {
                    let error = text;
                    error!(controller = R::NAME, %name, reason, revision, error, "reconciliation failed");
                }
                EventKind::Warning => {
                    warn!(controller = R::NAME, %name, reason, revision, "{text}");
                }
            }
            self.own.emit(object, told);
        }
        report.next
    }

    async fn remove(&self, object: &Arc<Resource<R::Spec>>, state: &mut R::State) -> Next {
        let name = name_of(object);
        if !object.metadata.has_finalizer(meta::FINALIZER) {
            return Next::Idle;
        }
        if let Some(next) = self.clear(object, state).await {
            return next;
        }

        // From here on the object may be gone: nothing is written to it any more.
        if let Err(error) = self.own.without_finalizer(object).await {
            return self.own.postpone(object, &error);
        }
        info!(controller = R::NAME, %name, "removed");
        if let Some(told) = self.kind.removed(object).await {
            self.own.emit(object, told);
        }
        Next::Idle
    }
}

impl<R: Reconcile> Frame<R> {
    /// Removes everything created for an object; returns when to come back if that is not done.
    async fn clear(&self, object: &Arc<Resource<R::Spec>>, state: &mut R::State) -> Option<Next> {
        let failure = match self.kind.remove(object, state).await {
            Ok(Removal::Done) => return None,
            Ok(Removal::Wait(wait)) => return Some(Next::After(wait)),
            Err(failure) if failure.retry == Retry::Dropped => return Some(Next::Idle),
            Err(failure) => failure,
        };
        let name = name_of(object);
        let error = self.own.discreet(&name, failure.message.clone());
        warn!(controller = R::NAME, %name, reason = failure.reason, error, "not removed");
        let told = Told::warning(failure.reason, failure.message);
        self.own.emit(object, told);
        Some(Next::Backoff)
    }

    /// Leaves an object alone: removes what was created for it while it was another one, its status and our finalizer.
    async fn leave(&self, object: &Arc<Resource<R::Spec>>, state: &mut R::State) -> Next {
        if object.spec.suspended() {
            return Next::Idle;
        }
        let had_finalizer = object.metadata.has_finalizer(meta::FINALIZER);
        if had_finalizer && let Some(next) = self.clear(object, state).await {
            return next;
        }

        let nothing = <R::Spec as Kind>::Status::default();
        if let Err(error) = self.own.write_status(object, &nothing).await {
            return self.own.postpone(object, &error);
        }
        if !had_finalizer {
            return Next::Idle;
        }
        let latest = self.own.latest(object).unwrap_or_else(|| object.clone());
        if let Err(error) = self.own.without_finalizer(&latest).await {
            return self.own.postpone(object, &error);
        }
        if let Some(told) = self.kind.removed(object).await {
            self.own.emit(object, told);
        }
        Next::Idle
    }
}

impl<R: Reconcile> Controller for Frame<R> {
    type Key = NamespacedName;
    const NAME: &'static str = R::NAME;
    const RESTING_MAX: usize = R::RESTING_MAX;

    async fn reconcile(&self, name: &NamespacedName) -> Next {
        let objects = self.own.objects();
        let Some(object) = objects.get(name) else {
            self.states.forget(name);
            return Next::Idle;
        };
        let uid = &object.metadata.uid;
        let mut state = self.states.take(name, uid);
        let next = Box::pin(self.run(&object, &mut state)).await;
        if objects.get(name).is_some() {
            let look = |state: &R::State, ids: &HashSet<Id>| self.kind.look(name, state, ids);
            self.states.give_back(name, uid, state, look);
        } else {
            self.states.forget(name);
        }
        next
    }

    fn stop(&self) {
        self.kind.stop();
    }

    fn metrics(&self) -> Option<&Metrics> {
        Some(self.own.metrics())
    }
}

/// Returns whether the status already shows that this generation fails, and no reconcile was
/// requested since: a retry of that is not news, however long it takes.
pub fn is_retry<S: Kind>(object: &Resource<S>) -> bool {
    use lode_api::conditions::{READY, State};
    let ready = object.status.conditions().get(READY);
    let fails = ready.is_some_and(|ready| {
        ready.status == State::False
            && ready.observed_generation == Some(object.metadata.generation)
    });
    fails && !is_asked(object)
}

/// Returns whether a reconcile was requested and not yet handled.
pub fn is_asked<S: Kind>(object: &Resource<S>) -> bool {
    let asked = object.metadata.annotation(meta::REQUESTED_AT);
    asked.is_some() && asked != object.status.last_handled_reconcile_at()
}

#[cfg(test)]
mod tests {
    use lode_api::Kustomization;
    use serde_json::{Value, json};

    use super::*;

    /// An object whose `Ready` says `status` of a generation, with annotations.
    fn object(status: &str, generation: i64, annotations: &Value) -> Kustomization {
        let ready = json!({"type": "Ready", "status": status, "observedGeneration": generation});
        let metadata = json!({"name": "a", "generation": 2, "annotations": annotations});
        let status = json!({"conditions": [ready], "lastHandledReconcileAt": "1"});
        Kustomization::parse(&json!({"metadata": metadata, "status": status})).unwrap()
    }

    fn asked(token: &str) -> Value {
        json!({"reconcile.fluxcd.io/requestedAt": token})
    }

    #[test]
    fn a_retry_fails_already_and_nobody_asked_since() {
        assert!(is_retry(&object("False", 2, &json!({}))));
        assert!(
            is_retry(&object("False", 2, &asked("1"))),
            "it was answered"
        );
        assert!(
            !is_retry(&object("False", 2, &asked("2"))),
            "somebody waits"
        );
        assert!(!is_retry(&object("False", 1, &json!({}))), "it was edited");
        assert!(!is_retry(&object("True", 2, &json!({}))));
        assert!(!is_retry(&object("Unknown", 2, &json!({}))));
        assert!(!is_retry(&Kustomization::default()), "nothing was said yet");
    }

    #[test]
    fn who_asks_is_answered_once() {
        assert!(is_asked(&object("True", 2, &asked("2"))));
        assert!(!is_asked(&object("True", 2, &asked("1"))));
        assert!(!is_asked(&object("True", 2, &json!({}))));
    }
}
