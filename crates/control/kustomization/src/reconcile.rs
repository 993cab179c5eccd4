//! One reconcile: look, attempt, tell.
//!
//! Safe to run twice and never asks what woke it. An attempt may take several runs: where it waits for objects, the run
//! ends and the change of those objects starts the next, which finds everything done up to there and goes on.

use std::sync::Arc;
use std::time::Duration;

use lode_api::kustomization::KustomizationStatus;
use lode_api::{Kustomization, Status as _, conditions, reasons};
use lode_apply::change_log;
use lode_cluster::Target;
use lode_object::{NamespacedName, merge_patch, meta};
use lode_runtime::{EventKind, Next, jitter};
use lode_stdx::duration;
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info};

use crate::attempt::End;
use crate::controller::{Kustomizations, key};
use crate::failure::{Failure, Retry};
use crate::progress::Progress;
use crate::state::State;
use crate::status::{Draft, says_the_same};
use crate::validate::{Checked, validate};

/// Field manager of our own objects' status and finalizers, as in Flux.
pub(crate) const STATUS_MANAGER: &str = "gotk-kustomize-controller";
/// A reconcile that takes longer says so in its status.
const LONG: Duration = Duration::from_secs(2);

impl Kustomizations {
    pub(crate) async fn reconcile_one(&self, name: &NamespacedName) -> Next {
        let Some(object) = self.objects.get(name) else {
            self.drop_state(name);
            return Next::Idle;
        };
        let mut state = self.take(name, &object.metadata.uid);
        let next = self.run(&object, &mut state).await;
        if self.objects.get(name).is_some() {
            self.give_back(name, state);
        }
        next
    }

    async fn run(&self, object: &Arc<Kustomization>, state: &mut State) -> Next {
        if object.deleting() {
            return self.finalize(object, state).await;
        }
        let object = &match self.with_finalizer(object).await {
            Ok(object) => object,
            Err(error) => return postpone(object, &error),
        };
        if lode_api::Kind::suspended(&object.spec) {
            (state.wait, state.attempt) = (None, None);
            let mut status = object.status.clone();
            status.observe_generation(object.metadata.generation);
            return self.write_or_postpone(object, status, Next::Idle).await;
        }
        let checked = match validate(object, &self.options) {
            Ok(checked) => checked,
            Err(failure) => {
                return self
                    .fail(object, state, None, &Progress::default(), &failure)
                    .await;
            }
        };
        let progress = Progress::default();
        let end = self
            .attempt_within(object, state, &checked, &progress)
            .await;
        match end {
            Ok(end) => self.end(object, state, &checked, &progress, end).await,
            Err(Failure {
                retry: Retry::NextProcess,
                ..
            }) => Next::Idle,
            Err(failure) => {
                self.fail(object, state, Some(&checked), &progress, &failure)
                    .await
            }
        }
    }

    /// Attempts, telling in the status when it takes long.
    async fn attempt_within(
        &self,
        object: &Arc<Kustomization>,
        state: &mut State,
        checked: &Checked,
        progress: &Progress,
    ) -> Result<End, Failure> {
        let since = state
            .attempt
            .as_ref()
            .map_or_else(Instant::now, |attempt| attempt.since);
        let mut told = state.attempt.as_ref().is_some_and(|attempt| attempt.told);
        let end = {
            let mut attempt = Box::pin(self.attempt(object, state, checked, progress));
            loop {
                tokio::select! {
                    biased;
                    end = &mut attempt => break end,
                    () = sleep_until(since + LONG), if !told => {
                        told = true;
                        self.tell_progress(object, progress).await;
                    }
                }
            }
        };
        if let Some(attempt) = &mut state.attempt {
            let tell = attempt.since.elapsed() >= LONG || was_waiting(object);
            if matches!(end, Ok(End::Parked { .. })) && !told && tell {
                told = true;
                self.tell_progress(object, progress).await;
            }
            attempt.told = told;
        }
        end
    }

    async fn tell_progress(&self, object: &Kustomization, progress: &Progress) {
        let now = now();
        // The attempt goes on meanwhile and may have written its inventory ahead: that must stay.
        let latest = self.latest(object);
        let draft = Draft::new(latest.as_deref().unwrap_or(object), &now)
            .progressing(&progress.facts().doing);
        if let Err(error) = self.write(object, draft.status).await {
            debug!(name = %key(object), %error, "progress not written");
        }
    }

    async fn end(
        &self,
        object: &Kustomization,
        state: &mut State,
        checked: &Checked,
        progress: &Progress,
        end: End,
    ) -> Next {
        match end {
            End::Parked { until } => {
                let told = state.attempt.as_ref().is_none_or(|attempt| attempt.told);
                let since = state
                    .attempt
                    .as_ref()
                    .map_or_else(Instant::now, |attempt| attempt.since);
                let wake = if told { until } else { until.min(since + LONG) };
                Next::After(
                    wake.saturating_duration_since(Instant::now())
                        .max(Duration::from_millis(1)),
                )
            }
            End::TouchedUp => {
                let now = now();
                let status = Draft::new(object, &now).drifted(state).status;
                let due = state.due.unwrap_or_else(Instant::now);
                let wake = state.fights.next().map_or(due, |held| held.min(due));
                let next = Next::After(
                    wake.saturating_duration_since(Instant::now())
                        .max(Duration::from_millis(1)),
                );
                self.write_or_postpone(object, status, next).await
            }
            End::Done { health, inventory } => {
                let (revision, digest) = (
                    state.records.revision.clone(),
                    state.records.text_digest.clone(),
                );
                let since = state
                    .attempt
                    .take()
                    .map_or_else(Instant::now, |attempt| attempt.since);
                state.wait = None;
                let took = since.elapsed();
                let now = now();
                let draft = Draft::new(object, &now)
                    .attempted(&revision)
                    .inventory(inventory)
                    .succeeded(&revision);
                let draft = draft.health(health.map(Ok)).drifted(state).handled();
                let draft =
                    draft.history(&digest, &revision, reasons::RECONCILIATION_SUCCEEDED, took);
                let wait = jitter(checked.interval, self.options.interval_jitter_percent);
                state.due = Some(Instant::now() + wait);
                // The end of a fight's wait wakes nobody else.
                let held = state
                    .fights
                    .next()
                    .map(|held| held.saturating_duration_since(Instant::now()));
                let wait = held.map_or(wait, |held| held.max(Duration::from_millis(1)).min(wait));
                self.observe_duration(object, took);
                let news = !says_the_same(&object.status, &draft.status);
                let recovered = health.is_some()
                    && object
                        .status
                        .conditions()
                        .is(conditions::HEALTHY, conditions::State::False);
                let before = object.status.last_handled_reconcile_at();
                let only_asked = news && before != draft.status.last_handled_reconcile_at() && {
                    let mut status = draft.status.clone();
                    status.last_handled_reconcile_at =
                        object.status.last_handled_reconcile_at.clone();
                    says_the_same(&object.status, &status)
                };
                if !news && !progress.facts().changed {
                    return Next::After(wait);
                }
                let next = self
                    .write_or_postpone(object, draft.status, Next::After(wait))
                    .await;
                if recovered && let Some(health) = health {
                    let text = format!(
                        "Health check passed in {}",
                        duration::format(crate::status::round(health))
                    );
                    self.emit(
                        object,
                        EventKind::Normal,
                        reasons::PROGRESSING,
                        text,
                        &revision,
                    );
                }
                if !only_asked || progress.facts().changed {
                    let took = duration::format(crate::status::round(took));
                    let every = duration::format(checked.interval);
                    let text = format!("Reconciliation finished in {took}, next run in {every}");
                    info!(name = %key(object), revision, took, "reconciliation finished");
                    self.emit(
                        object,
                        EventKind::Normal,
                        reasons::RECONCILIATION_SUCCEEDED,
                        text,
                        &revision,
                    );
                }
                next
            }
        }
    }

    async fn fail(
        &self,
        object: &Kustomization,
        state: &mut State,
        checked: Option<&Checked>,
        progress: &Progress,
        failure: &Failure,
    ) -> Next {
        let since = state
            .attempt
            .as_ref()
            .map_or_else(Instant::now, |attempt| attempt.since);
        state.failed(failure.retry);
        let now = now();
        let facts = progress.facts();
        let mut failure = facts.mask(failure);
        failure.message = self.discreet(&key(object), failure.message);
        let failure = &failure;
        let mut draft = Draft::new(object, &now)
            .failed(failure, &facts.doing)
            .handled();
        let revision = facts.attempted.unwrap_or_default();
        if !revision.is_empty() {
            draft = draft.attempted(&revision);
        }
        if let Some(inventory) = facts.inventory {
            draft = draft.inventory_after_failure(inventory);
        }
        if failure.reason == reasons::HEALTH_CHECK_FAILED {
            let text = failure
                .message
                .split_once(": ")
                .map_or(&*failure.message, |(_, text)| text);
            draft = draft.health(Some(Err(text)));
        }
        if let Some(digest) = facts.built {
            draft = draft.history(&digest, &revision, failure.reason, since.elapsed());
        }
        if !failure.quiet {
            error!(name = %key(object), reason = failure.reason, revision, error = failure.message, "reconciliation failed");
            self.emit(
                object,
                EventKind::Warning,
                failure.reason,
                failure.message.clone(),
                &revision,
            );
        } else if failure.reason == reasons::DEPENDENCY_NOT_READY
            && state.told_dependency != failure.message
        {
            state.told_dependency.clone_from(&failure.message);
            self.emit(
                object,
                EventKind::Normal,
                failure.reason,
                failure.message.clone(),
                &revision,
            );
        }
        self.observe_duration(object, since.elapsed());
        let next = match (failure.retry, checked) {
            (Retry::Interval, Some(checked)) => Next::After(checked.retry_interval),
            (Retry::Backoff, _) => Next::Backoff,
            // Its cause wakes it; the interval is the net below that.
            (Retry::Change { stalled: false }, Some(checked)) => Next::After(checked.interval),
            _ => Next::Idle,
        };
        if says_the_same(&object.status, &draft.status) {
            return next;
        }
        self.write_or_postpone(object, draft.status, next).await
    }

    /// Sees to it that nothing is applied before its removal can be seen to.
    async fn with_finalizer(
        &self,
        object: &Arc<Kustomization>,
    ) -> Result<Arc<Kustomization>, lode_cluster::Error> {
        if object.metadata.has_finalizer(meta::FINALIZER) {
            return Ok(object.clone());
        }
        let mut finalizers: Vec<&str> = object
            .metadata
            .finalizers
            .iter()
            .map(AsRef::as_ref)
            .collect();
        finalizers.push(meta::FINALIZER);
        // The list is written as a whole, so it must be the list that was read.
        let version = &object.metadata.resource_version;
        let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": version}});
        self.patch(object, "", &patch).await
    }

    pub(crate) async fn without_finalizer(
        &self,
        object: &Kustomization,
    ) -> Result<(), lode_cluster::Error> {
        let finalizers: Vec<&str> = object
            .metadata
            .finalizers
            .iter()
            .map(AsRef::as_ref)
            .filter(|name| *name != meta::FINALIZER)
            .collect();
        let version = &object.metadata.resource_version;
        let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": version}});
        match self.patch(object, "", &patch).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the object as it is known now; another object of its name is not the one that was looked at.
    fn latest(&self, object: &Kustomization) -> Option<Arc<Kustomization>> {
        self.objects
            .get(&key(object))
            .filter(|latest| latest.metadata.uid == object.metadata.uid)
    }

    /// Writes what differs from the status as it is known now; nothing when nothing does.
    ///
    /// What was found out about an object is not told of another one that took its name. A server does not compare the
    /// uid in a patch of a status, but it does compare the version; so the version is sent, and who wrote meanwhile is
    /// looked at.
    pub(crate) async fn write(
        &self,
        object: &Kustomization,
        status: KustomizationStatus,
    ) -> Result<(), lode_cluster::Error> {
        let mut after = as_json(&status);
        for condition in after["conditions"].as_array_mut().into_iter().flatten() {
            if let Some(serde_json::Value::String(text)) = condition.get_mut("message") {
                *text = self.discreet(&key(object), std::mem::take(text));
            }
        }
        let mut latest = self.latest(object);
        for tries in 1.. {
            let base = latest.as_deref().unwrap_or(object);
            let Some(patch) = merge_patch(&as_json(&base.status), &after) else {
                return Ok(());
            };
            let version = &base.metadata.resource_version;
            let patch = json!({"metadata": {"resourceVersion": version}, "status": patch});
            match self.patch(object, "/status", &patch).await {
                Err(conflict) if conflict.is(409) && tries < WRITES_MAX => {
                    latest = Some(self.read_again(object, conflict).await?);
                }
                done => return done.map(drop),
            }
        }
        Ok(())
    }

    /// Reads an object that somebody else wrote meanwhile; the conflict stands where it is another one now.
    async fn read_again(
        &self,
        object: &Kustomization,
        conflict: lode_cluster::Error,
    ) -> Result<Arc<Kustomization>, lode_cluster::Error> {
        let (namespace, name) = (&object.metadata.namespace, &object.metadata.name);
        let live = self.client.get(&self.resource, namespace, name).await?;
        let live = Kustomization::parse(&live)
            .map_err(|error| lode_cluster::Error::NotUnderstood(error.to_string()))?;
        if live.metadata.uid != object.metadata.uid {
            return Err(conflict);
        }
        let version = live.metadata.resource_version.to_string();
        let live = Arc::new(live);
        self.objects.put(live.clone(), &version);
        Ok(live)
    }

    async fn write_or_postpone(
        &self,
        object: &Kustomization,
        status: KustomizationStatus,
        next: Next,
    ) -> Next {
        match self.write(object, status).await {
            Ok(()) => next,
            Err(error) => postpone(object, &error),
        }
    }

    async fn patch(
        &self,
        object: &Kustomization,
        subresource: &str,
        patch: &serde_json::Value,
    ) -> Result<Arc<Kustomization>, lode_cluster::Error> {
        let answer = self
            .client
            .merge(&self.resource, target(object), subresource, patch)
            .await?;
        let new = Kustomization::read(&answer)
            .map_err(|error| lode_cluster::Error::NotUnderstood(error.to_string()))?;
        let version = new.metadata.resource_version.to_string();
        let new = Arc::new(new);
        self.objects.put(new.clone(), &version);
        Ok(new)
    }

    pub(crate) fn emit(
        &self,
        about: &Kustomization,
        kind: EventKind,
        reason: &str,
        text: String,
        revision: &str,
    ) {
        let group = &self.resource.gvk.group;
        let mut annotations = std::collections::BTreeMap::new();
        if !revision.is_empty() {
            annotations.insert(format!("{group}/revision"), revision.to_owned());
        }
        let own = about
            .metadata
            .annotations
            .iter()
            .filter(|(key, _)| key.starts_with("event.toolkit.fluxcd.io/"));
        annotations.extend(own.map(|(key, value)| (key.to_string(), value.to_string())));
        self.events.emit(lode_runtime::Event {
            about: lode_runtime::ObjectReference {
                api_version: self.resource.gvk.api_version(),
                kind: self.resource.gvk.kind.to_string(),
                namespace: about.metadata.namespace.to_string(),
                name: about.metadata.name.to_string(),
                uid: about.metadata.uid.to_string(),
                resource_version: about.metadata.resource_version.to_string(),
            },
            kind,
            reason: reason.to_owned().into(),
            message: self.discreet(&key(about), text),
            annotations,
        });
    }

    pub(crate) fn emit_changes(
        &self,
        object: &Kustomization,
        changes: &[lode_apply::Change],
        revision: &str,
    ) {
        if !changes.is_empty() {
            self.emit(
                object,
                EventKind::Normal,
                reasons::PROGRESSING,
                change_log(changes),
                revision,
            );
        }
    }

    fn observe_duration(&self, object: &Kustomization, took: Duration) {
        self.metrics.observe("Kustomization", &key(object), took);
    }
}

/// The status still says that something else is missing, which is no longer so.
fn was_waiting(object: &Kustomization) -> bool {
    let ready = object.status.conditions().get(conditions::READY);
    ready.is_some_and(|ready| {
        [reasons::ARTIFACT_FAILED, reasons::DEPENDENCY_NOT_READY].contains(&&*ready.reason)
    })
}

fn target(object: &Kustomization) -> Target<'_> {
    let (namespace, name) = (&object.metadata.namespace, &object.metadata.name);
    Target {
        namespace,
        name,
        manager: STATUS_MANAGER,
        dry_run: false,
    }
}

/// The outcome could not be told: come back, and find everything as it is.
pub(crate) fn postpone(object: &Kustomization, error: &lode_cluster::Error) -> Next {
    debug!(name = %key(object), %error, "object not written, tried again");
    // Somebody else wrote in between, and the watch is about to tell what.
    if error.is(409) {
        Next::After(CONFLICT_WAIT)
    } else {
        Next::Backoff
    }
}

/// How often a status is written where somebody else writes at the same time.
const WRITES_MAX: usize = 4;
/// How long a write that met a newer object waits for the watch to tell of that.
const CONFLICT_WAIT: Duration = Duration::from_millis(500);

fn as_json(status: &KustomizationStatus) -> serde_json::Value {
    // Types that came from JSON go back into it.
    serde_json::to_value(status).unwrap_or_default()
}

pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
