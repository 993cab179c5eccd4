//! [`HelmReleases`] in the frame of all controllers: what is attempted, told, and removed.

use std::collections::HashSet;
use std::sync::Arc;

use lode_api::conditions::READY;
use lode_api::helm_release::Spec;
use lode_api::{HelmRelease, Status as _, reasons};
use lode_object::{Id, NamespacedName};
use lode_runtime::{
    Change, Draft, Ended, Failure, Next, Progress, Reconcile, Removal, Report, Retry, Told, Use,
};
use tokio::time::Instant;

use crate::attempt::ReleaseEnd;
use crate::controller::HelmReleases;
use crate::facts::Facts;
use crate::options::WAITING_MAX;
use crate::state::State;
use crate::validate;
use crate::working::Working;

impl Reconcile for HelmReleases {
    type Spec = Spec;
    type State = State;
    type Facts = Facts;
    type Done = ReleaseEnd;
    const NAME: &'static str = "helmrelease";
    const RESTING_MAX: usize = WAITING_MAX;

    async fn synced(&self) {
        self.sources.synced().await;
    }

    async fn attempt(
        &self,
        object: &Arc<HelmRelease>,
        state: &mut State,
        facts: &Facts,
    ) -> Result<ReleaseEnd, Failure> {
        let mut working = Working::new(object, self.own.ambient().now_text());
        let end = Box::pin(self.bring(object, state, facts, &mut working)).await;
        facts.keep(working);
        end
    }

    fn progress(&self, facts: &Facts) -> Progress {
        let doing = facts.progress();
        let is_release = ["install", "upgrade"]
            .iter()
            .any(|step| doing.starts_with(&format!("Running '{step}'")));
        Progress {
            ready: is_release.then(|| doing.clone().into()),
            doing,
        }
    }

    fn report(&self, ended: Ended<'_, Self>, end: Result<ReleaseEnd, Failure>) -> Report<Spec> {
        let Ended {
            object,
            state,
            facts,
            took,
            now,
            ..
        } = ended;
        let mut working = facts
            .take()
            .unwrap_or_else(|| Working::new(object, now.to_owned()));
        working.at(now.to_owned());
        let next = match &end {
            Ok(ReleaseEnd::Settled { interval }) => {
                working.done();
                let percent = self.options.interval_jitter_percent;
                let wait = self.own.jitter(*interval, percent);
                state.due = Some(Instant::now() + wait);
                Next::After(wait)
            }
            Ok(ReleaseEnd::RetryAfter(after)) => {
                working.status.observed_generation = Some(object.metadata.generation);
                let percent = self.options.interval_jitter_percent;
                Next::After(self.own.jitter(*after, percent))
            }
            Ok(ReleaseEnd::Again) => Next::Backoff,
            Ok(ReleaseEnd::Stalled) => Next::Idle,
            Err(failure) => self.failed(object, &mut working, failure),
        };
        working.handled(object);
        let told = std::mem::take(&mut working.told);
        let status = working.status;
        Report {
            status: (status != object.status).then_some(status),
            told,
            took: Some(took),
            next,
        }
    }

    fn suspend<'a>(&self, draft: Draft<'a, Spec>, state: &mut State) -> Draft<'a, Spec> {
        state.delivery.end();
        state.detects_drift = false;
        draft
    }

    async fn remove(
        &self,
        object: &Arc<HelmRelease>,
        state: &mut State,
    ) -> Result<Removal, Failure> {
        Box::pin(self.remove_release(object, state)).await?;
        Ok(Removal::Done)
    }

    async fn removed(&self, object: &HelmRelease) -> Option<Told> {
        self.records.remove(&object.metadata.uid).await;
        None
    }

    fn uses(&self, object: &HelmRelease) -> Vec<Use> {
        let own = &*object.metadata.namespace;
        let source = validate::source(object, &self.options).ok();
        let dependencies = object.spec.depends_on.iter().map(|dependency| {
            let namespace = dependency.namespace.as_deref().unwrap_or(own);
            Use::new(
                <Spec as lode_api::Kind>::NAMES.kind,
                NamespacedName::new(namespace, &dependency.name),
            )
        });
        let values =
            object.spec.values_from.iter().map(|reference| {
                Use::new(&reference.kind, NamespacedName::new(own, &reference.name))
            });
        source
            .into_iter()
            .chain(dependencies)
            .chain(values)
            .collect()
    }

    fn matters(&self, change: &Change<HelmRelease>) -> bool {
        let told = |object: &Option<Arc<HelmRelease>>| {
            let status = &object.as_ref()?.status;
            Some((status.conditions().clone(), status.observed_generation()))
        };
        told(&change.old) != told(&change.new)
    }

    fn changed(&self, change: &Change<HelmRelease>) {
        self.cancellation.note(change);
    }

    fn look(&self, name: &NamespacedName, state: &State, ids: &HashSet<Id>) {
        self.look_at(name, state, ids);
    }

    fn stop(&self) {
        self.cancellation.stop();
    }
}

impl HelmReleases {
    /// Tells a failure, and says when the next run is due.
    fn failed(&self, object: &HelmRelease, working: &mut Working, failure: &Failure) -> Next {
        let is_step = failure.quiet && failure.retry == Retry::Backoff;
        if !is_step {
            let before = working.status.conditions.get(READY).cloned();
            working.failed(failure);
            let after = working.status.conditions.get(READY);
            let is_known = before.is_some_and(|before| {
                after.is_some_and(|after| {
                    (&before.reason, &before.message) == (&after.reason, &after.message)
                })
            });
            if !failure.quiet {
                let text = failure.message.trim_start_matches("Could not load chart: ");
                working.tell(Told::warning(failure.reason, text));
            } else if failure.reason == reasons::DEPENDENCY_NOT_READY && !is_known {
                working.tell(Told::normal(failure.reason, failure.message.clone()));
            }
        }
        match failure.retry {
            Retry::Never => {
                working.stalled(failure.reason, &failure.message);
                Next::Idle
            }
            // Its cause wakes it; this is the net below that.
            Retry::Wait => Next::After(
                self.options
                    .requeue_dependency
                    .max(object.spec.interval().unwrap_or_default()),
            ),
            _ => Next::Backoff,
        }
    }
}
