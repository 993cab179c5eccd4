//! One reconcile: look, attempt, tell.
//!
//! Safe to run twice and never asks what woke it. Each outcome is one write of the status, and none when it says
//! nothing new.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lode_api::git_repository::GitRepositoryStatus;
use lode_api::shared::Artifact;
use lode_api::{GitRepository, Kind as _, Status as _, reasons};
use lode_cluster::{Error, Target};
use lode_object::{NamespacedName, Value, merge_patch, meta};
use lode_runtime::{Event, EventKind, Next, ObjectReference, jitter};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tracing::{debug, error, info, warn};

use crate::artifact::{short, told_left_out};
use crate::attempt::{Found, Seen};
use crate::controller::{GitRepositories, KIND, key};
use crate::failure::{Failure, Retry};
use crate::status::{Draft, had_failed, is_news, is_retry, stored};
use crate::traffic::Trip;

/// Field manager of status and finalizers, as in Flux.
const MANAGER: &str = "source-controller";
/// How often a status is written where somebody else writes at the same time.
const WRITES_MAX: usize = 4;
/// A reconcile that takes longer says so in its status.
const LONG: Duration = Duration::from_secs(2);

impl GitRepositories {
    pub(crate) async fn reconcile_one(&self, name: &NamespacedName) -> Next {
        // First, so that no change is missed between looking at the object and being called back for it.
        let trip = self.traffic.set_off(name);
        let Some(object) = self.objects.get(name) else {
            return Next::Idle;
        };
        if object.deleting() {
            return self.finalize(&object).await;
        }
        let object = match self.with_finalizer(&object).await {
            Ok(object) => object,
            Err(error) => return postpone(&object, &error),
        };
        if object.spec.suspended() {
            let status = Draft::new(&object, &now()).suspended().status;
            return self
                .write_or_postpone(&object, status, Next::Idle)
                .await
                .unwrap_or_else(|next| next);
        }
        // Asked for again once another of the namespace is back.
        let Some(trip) = trip else { return Next::Idle };
        let (since, mut seen) = (Instant::now(), Seen::default());
        let end = self.attempt_within(&object, &mut seen, &trip).await;
        if end
            .as_ref()
            .is_err_and(|failure| failure.retry == Retry::Superseded)
        {
            // Whatever superseded it has asked for the next run.
            return Next::Idle;
        }
        self.metrics.observe(KIND, name, since.elapsed());
        let next = match end {
            Ok(found) => self.succeed(&object, found).await,
            Err(failure) => self.fail(&object, &seen, &failure).await,
        };
        next.unwrap_or_else(|next| next)
    }

    /// Attempts, telling in the status when it takes long.
    async fn attempt_within(
        &self,
        object: &GitRepository,
        seen: &mut Seen,
        trip: &Trip,
    ) -> Result<Found, Failure> {
        let mut attempt = Box::pin(self.attempt(object, seen, trip));
        tokio::select! {
            biased;
            end = &mut attempt => return end,
            () = sleep(LONG) => {}
        }
        // A retry of what is known to fail is no news, however long it takes.
        if is_retry(object) {
            return attempt.await;
        }
        let status = Draft::new(object, &now()).progressing().status;
        if let Err(error) = self.write(object, status).await {
            debug!(name = %key(object), %error, "progress not written");
        }
        attempt.await
    }

    async fn succeed(&self, object: &GitRepository, found: Found) -> Result<Next, Next> {
        let Found {
            interval,
            artifact,
            included,
            subject,
            chosen,
            left_out,
        } = found;
        let status = Draft::new(object, &now())
            .succeeded(artifact.clone(), included)
            .handled()
            .status;
        let next = Next::After(jitter(interval, self.options.interval_jitter_percent));
        let next = self.write_or_postpone(object, status, next).await?;
        if let Some(text) = told_left_out(&left_out) {
            warn!(name = %key(object), revision = &*artifact.revision, text, "files left out of an artifact");
            self.emit(object, EventKind::Warning, reasons::FILES_LEFT_OUT, text);
        }
        let before = object.status.artifact.as_deref();
        let is_new = before.is_none_or(|before| before.digest != artifact.digest);
        let (reason, text) = if is_new {
            let subject = subject
                .as_deref()
                .map_or_else(|| artifact.revision.to_string(), short);
            let chosen = chosen
                .map(|chosen| format!(" ({chosen})"))
                .unwrap_or_default();
            (
                reasons::NEW_ARTIFACT,
                format!("stored artifact for commit '{subject}'{chosen}"),
            )
        } else if had_failed(&object.status) {
            (reasons::SUCCEEDED, stored(&artifact.revision))
        } else {
            return Ok(next);
        };
        info!(name = %key(object), revision = &*artifact.revision, text, "artifact in store");
        self.emit_about(object, &artifact, reason, text);
        Ok(next)
    }

    async fn fail(
        &self,
        object: &GitRepository,
        seen: &Seen,
        failure: &Failure,
    ) -> Result<Next, Next> {
        let status = Draft::new(object, &now())
            .failed(failure, seen)
            .handled()
            .status;
        let next = match failure.retry {
            Retry::Backoff => Next::Backoff,
            Retry::Wait => Next::After(self.options.requeue_dependency),
            Retry::Never | Retry::Superseded => Next::Idle,
        };
        let was_asked =
            status.last_handled_reconcile_at() != object.status.last_handled_reconcile_at();
        let is_news = was_asked || is_news(&object.status, &status);
        let next = self.write_or_postpone(object, status, next).await?;
        if !is_news {
            return Ok(next);
        }
        let (reason, text) = (failure.reason, failure.message.clone());
        if failure.is_wait() {
            info!(name = %key(object), reason, text, "waiting for an included repository");
            self.emit(object, EventKind::Normal, reason, text);
        } else {
            error!(name = %key(object), reason, error = text, "reconciliation failed");
            self.emit(object, EventKind::Warning, reason, text);
        }
        Ok(next)
    }

    /// Sees to it that nothing is stored before its removal can be seen to.
    async fn with_finalizer(
        &self,
        object: &Arc<GitRepository>,
    ) -> Result<Arc<GitRepository>, Error> {
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
        self.patch(
            object,
            "",
            &json!({"metadata": {"finalizers": finalizers, "resourceVersion": version}}),
        )
        .await
    }

    pub(crate) async fn without_finalizer(&self, object: &GitRepository) -> Result<(), Error> {
        let finalizers = object.metadata.finalizers.iter().map(AsRef::as_ref);
        let finalizers: Vec<&str> = finalizers.filter(|name| *name != meta::FINALIZER).collect();
        let version = &object.metadata.resource_version;
        let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": version}});
        match self.patch(object, "", &patch).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes what differs from the status as it is known now; nothing when nothing does.
    ///
    /// What was found out about an object is not told of another one that took its name. A server does not compare the
    /// uid in a patch of a status, but it does compare the version; so the version is sent, and who wrote meanwhile is
    /// looked at.
    async fn write(
        &self,
        object: &GitRepository,
        status: GitRepositoryStatus,
    ) -> Result<(), Error> {
        let after = as_json(&status);
        let mut latest = self
            .objects
            .get(&key(object))
            .filter(|latest| latest.metadata.uid == object.metadata.uid);
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
        object: &GitRepository,
        conflict: Error,
    ) -> Result<Arc<GitRepository>, Error> {
        let live = self
            .client
            .get(
                &self.resource,
                &object.metadata.namespace,
                &object.metadata.name,
            )
            .await?;
        let live =
            GitRepository::parse(&live).map_err(|error| Error::NotUnderstood(error.to_string()))?;
        if live.metadata.uid != object.metadata.uid {
            return Err(conflict);
        }
        let live = Arc::new(live);
        self.objects
            .put(live.clone(), &live.metadata.resource_version);
        Ok(live)
    }

    async fn write_or_postpone(
        &self,
        object: &GitRepository,
        status: GitRepositoryStatus,
        next: Next,
    ) -> Result<Next, Next> {
        match self.write(object, status).await {
            Ok(()) => Ok(next),
            Err(error) => Err(postpone(object, &error)),
        }
    }

    async fn patch(
        &self,
        object: &GitRepository,
        part: &str,
        patch: &Value,
    ) -> Result<Arc<GitRepository>, Error> {
        let (namespace, name) = (&object.metadata.namespace, &object.metadata.name);
        let target = Target {
            namespace,
            name,
            manager: MANAGER,
            dry_run: false,
        };
        let answer = self
            .client
            .merge(&self.resource, target, part, patch)
            .await?;
        let new = GitRepository::read(&answer)
            .map_err(|error| Error::NotUnderstood(error.to_string()))?;
        let new = Arc::new(new);
        self.objects
            .put(new.clone(), &new.metadata.resource_version);
        Ok(new)
    }

    pub(crate) fn emit(
        &self,
        about: &GitRepository,
        kind: EventKind,
        reason: &'static str,
        text: String,
    ) {
        self.events.emit(self.event(about, kind, reason, text));
    }

    fn emit_about(
        &self,
        about: &GitRepository,
        artifact: &Artifact,
        reason: &'static str,
        text: String,
    ) {
        let mut event = self.event(about, EventKind::Normal, reason, text);
        let group = &self.resource.gvk.group;
        event
            .annotations
            .insert(format!("{group}/revision"), artifact.revision.to_string());
        event
            .annotations
            .insert(format!("{group}/digest"), artifact.digest.to_string());
        self.events.emit(event);
    }

    fn event(
        &self,
        about: &GitRepository,
        kind: EventKind,
        reason: &'static str,
        message: String,
    ) -> Event {
        let meta = &about.metadata;
        let own = meta
            .annotations
            .iter()
            .filter(|(key, _)| key.starts_with("event.toolkit.fluxcd.io/"));
        let annotations: BTreeMap<_, _> = own
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect();
        let about = ObjectReference {
            api_version: self.resource.gvk.api_version(),
            kind: self.resource.gvk.kind.to_string(),
            namespace: meta.namespace.to_string(),
            name: meta.name.to_string(),
            uid: meta.uid.to_string(),
            resource_version: meta.resource_version.to_string(),
        };
        Event {
            about,
            kind,
            reason: reason.into(),
            message,
            annotations,
        }
    }
}

/// The outcome could not be told: come back, and find everything as it is.
pub(crate) fn postpone(object: &GitRepository, error: &Error) -> Next {
    if error.is_not_found() {
        return Next::Idle;
    }
    warn!(name = %key(object), %error, "object not written, tried again");
    Next::Backoff
}

fn as_json(status: &GitRepositoryStatus) -> Value {
    // Types that came from JSON go back into it.
    serde_json::to_value(status).unwrap_or_default()
}

/// Returns the time as the API writes it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
