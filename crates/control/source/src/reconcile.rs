//! [`SourceReconciler`]: the sources of one kind in the frame of all controllers.
//!
//! Here is only what the frame asks for; [`attempt`], [`crate::status`] and [`events`] do the work.

use std::sync::Arc;

use lode_api::{Kind, Resource, reasons};
use lode_object::NamespacedName;
use lode_runtime::{
    Change, Draft, Ended, Failure, Frame, LONG, Next, Priority, Progress, Queue, Reconcile,
    Removal, Report, Retry, Told, Use, asks_otherwise, is_retry, name_of,
};
use tokio::time::Instant;

use crate::archive::SourceArchive;
use crate::attempt::attempt;
use crate::events;
use crate::facts::{AttemptDone, AttemptFacts};
use crate::options::SourceOptions;
use crate::origin::Origin;
use crate::parts::SourceParts;
use crate::status::{DOING, failed, succeeded, suspended};
use crate::step;
use crate::traffic::Traffic;

/// The controller of one kind of source.
pub struct SourceReconciler<O: Origin> {
    parts: SourceParts<O>,
    traffic: Traffic,
}

impl<O: Origin> SourceReconciler<O> {
    /// Puts the controller into its frame; nothing runs yet.
    pub fn frame(parts: SourceParts<O>, queue: Arc<Queue<NamespacedName>>) -> Arc<Frame<Self>> {
        let own = parts.own.clone();
        let parked = queue.clone();
        let traffic = Traffic::new(move |name| parked.add(name.clone(), Priority::Change));
        Frame::new(own, queue, Self { parts, traffic })
    }
}

impl<O: Origin> Reconcile for SourceReconciler<O> {
    type Spec = O::Spec;
    type State = ();
    type Facts = AttemptFacts;
    type Done = AttemptDone<O::Made>;
    const NAME: &'static str = O::Spec::NAMES.singular;

    async fn attempt(
        &self,
        object: &Arc<Resource<O::Spec>>,
        (): &mut (),
        facts: &AttemptFacts,
    ) -> Result<AttemptDone<O::Made>, Failure> {
        // An object that finds no room is queued again once another one of its namespace is done.
        let Some(trip) = self.traffic.set_off(&name_of(object)) else {
            return Err(Failure::dropped());
        };
        // A change before this point found no trip to call back.
        let latest = self.parts.own.latest(object);
        if latest.is_none_or(|latest| asks_otherwise(object, &latest)) {
            return Err(Failure::dropped());
        }
        attempt(&self.parts, object, facts, &trip).await
    }

    fn is_static(&self, object: &Resource<O::Spec>) -> bool {
        O::is_static(object)
    }

    fn progress(&self, _: &AttemptFacts) -> Progress {
        Progress {
            doing: DOING.to_owned(),
            ready: Some(DOING.into()),
        }
    }

    fn patience(&self, object: &Resource<O::Spec>, (): &()) -> Option<Instant> {
        (!is_retry(object)).then(|| Instant::now() + LONG)
    }

    fn report(
        &self,
        ended: Ended<'_, Self>,
        end: Result<AttemptDone<O::Made>, Failure>,
    ) -> Report<O::Spec> {
        let Ended { object, now, .. } = ended;
        let mut draft = Draft::new(object, now);
        let seen = ended.facts.seen();
        if let Some(used) = &seen.used {
            O::observe_used(&mut draft.status, used);
        }
        let options = &self.parts.options;

        let (status, told, next) = match end {
            Ok(done) => {
                let spread = |interval| {
                    self.parts
                        .own
                        .jitter(interval, options.interval_jitter_percent)
                };
                let next = done.interval.map(spread).map_or(Next::Idle, Next::After);
                let made = done.made.as_ref().map(|made| &made.notice);
                let notice = O::notice(object, &done.artifact, made);
                let told = events::of_success(object, &done, notice.clone());
                let draft = succeeded::<O>(draft, done, &notice);
                (draft.handled().status, told, next)
            }
            Err(failure) => {
                let next = next_try(failure.retry, options);
                let draft = failed(draft, &failure, &seen);
                let status = draft.handled().status;
                let told = events::of_failure::<O>(object, &status, &failure);
                (status, told.into_iter().collect(), next)
            }
        };

        Report {
            status: Some(status),
            told,
            took: Some(ended.took),
            next,
        }
    }

    fn suspend<'a>(&self, draft: Draft<'a, O::Spec>, (): &mut ()) -> Draft<'a, O::Spec> {
        suspended(draft)
    }

    async fn remove(
        &self,
        object: &Arc<Resource<O::Spec>>,
        (): &mut (),
    ) -> Result<Removal, Failure> {
        let cleared = match SourceArchive::of(&self.parts.artifacts, object) {
            Ok(archive) => archive.clear().await,
            Err(failure) => Err(failure),
        };
        cleared.map_err(|failure| {
            let text = format!(
                "garbage collection for deleted resource failed: {}",
                failure.message
            );
            step::store(reasons::GARBAGE_COLLECTION_FAILED, text)
        })?;
        Ok(Removal::Done)
    }

    async fn removed(&self, object: &Resource<O::Spec>) -> Option<Told> {
        events::of_removal(object)
    }

    fn uses(&self, object: &Resource<O::Spec>) -> Vec<Use> {
        O::uses(object)
    }

    fn matters(&self, change: &Change<Resource<O::Spec>>) -> bool {
        O::matters(change)
    }

    fn changed(&self, change: &Change<Resource<O::Spec>>) {
        if supersedes(change) {
            self.traffic.call_back(&change.name);
        }
    }

    fn stop(&self) {
        self.traffic.stop();
    }
}

/// Returns when the next attempt after a failure is due.
fn next_try(retry: Retry, options: &SourceOptions) -> Next {
    match retry {
        Retry::Interval | Retry::Backoff => Next::Backoff,
        Retry::Wait => Next::After(options.requeue_dependency),
        Retry::Never | Retry::Dropped => Next::Idle,
    }
}

/// Returns whether the outcome of a running attempt is not wanted any more. A request for another reconcile waits for
/// the running one: otherwise a request every minute would never get an answer.
fn supersedes<S: Kind>(change: &Change<Resource<S>>) -> bool {
    change.old.is_some() && change.asks_otherwise()
}

#[cfg(test)]
mod tests {
    use lode_api::GitRepository;
    use serde_json::{Value, json};

    use super::*;

    fn object(more: &Value) -> Arc<GitRepository> {
        let mut object = json!({"metadata": {"name": "a", "namespace": "ns", "generation": 1}});
        for (part, fields) in more.as_object().unwrap() {
            for (field, value) in fields.as_object().unwrap() {
                object[part][field] = value.clone();
            }
        }
        Arc::new(GitRepository::parse(&object).unwrap())
    }

    fn change(old: Option<&Value>, new: Option<&Value>) -> Change<GitRepository> {
        Change {
            name: NamespacedName::new("ns", "a"),
            old: old.map(object),
            new: new.map(object),
        }
    }

    #[test]
    fn what_is_under_way_ends_when_the_object_goes_or_is_another() {
        let plain = json!({});
        let asked = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "1"}}});
        let edited = json!({"metadata": {"generation": 2}});
        let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}});
        let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert!(
            supersedes(&change(Some(&plain), Some(&edited)))
                && supersedes(&change(Some(&plain), Some(&deleted)))
        );
        assert!(supersedes(&change(Some(&plain), None)));
        assert!(
            !supersedes(&change(Some(&plain), Some(&asked))),
            "who asks every minute would never get an answer"
        );
        assert!(
            !supersedes(&change(Some(&plain), Some(&ready)))
                && !supersedes(&change(None, Some(&plain)))
        );
    }

    #[test]
    fn each_failure_has_its_time_for_the_next_try() {
        let options = SourceOptions::default();
        for (retry, next) in [
            (Retry::Interval, Next::Backoff),
            (Retry::Backoff, Next::Backoff),
            (Retry::Wait, Next::After(options.requeue_dependency)),
            (Retry::Never, Next::Idle),
            (Retry::Dropped, Next::Idle),
        ] {
            assert_eq!(next_try(retry, &options), next, "{retry:?}");
        }
    }
}
