//! [`Acting`]: who acts for one release, and what it takes to write, wait for and delete its objects.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use lode_api::HelmRelease;
use lode_api::shared::CustomHealthCheck;
use lode_apply::{Applier, Correction, Desired, Error as ApplyError, OnFault, Rule};
use lode_cluster::{Error as ClusterError, Identity, Propagation};
use lode_deliver::{
    DeliveryTerms, DriftMode, HealthChecks, HealthExprs, RemovalStanding, StaleObject, WaitEnd,
    WaitPurpose, WaitTarget, await_gone, await_objects, in_short,
};
use lode_object::{NamespacedName, Value};
use lode_runtime::{Failure, Retry};
use tokio::time::{Instant, sleep_until};

use crate::action_log::{gvk_text, named, not_found};
use crate::controller::HelmReleases;
use crate::facts::Facts;
use crate::objects::{RELEASE_NAME, RELEASE_NAMESPACE};
use crate::state::State;
use crate::storage::Storage;

/// How long to wait before a look that failed for a passing reason is repeated.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Who acts for one release.
pub(crate) struct Acting<'a> {
    pub(crate) kind: &'a HelmReleases,
    pub(crate) object: &'a Arc<HelmRelease>,
    pub(crate) owner: NamespacedName,
    pub(crate) facts: &'a Facts,
    /// Applies, reads and deletes, as the account of the release.
    pub(crate) applier: Applier,
    pub(crate) storage: Storage,
    /// Namespace of the release.
    pub(crate) namespace: String,
    /// What of its objects is left to others.
    pub(crate) rules: Vec<Rule>,
    /// The user's own expressions for health.
    pub(crate) exprs: Arc<HealthExprs>,
    /// The same, for hooks: a Pod has to end.
    pub(crate) hook_exprs: Arc<HealthExprs>,
    pub(crate) drift: DriftMode,
    pub(crate) interval: Duration,
}

/// Why an action ends early.
#[derive(Debug)]
pub(crate) enum ActionError {
    /// It failed: the reason, in Helm's words.
    Failed(String),
    /// Nobody wants its outcome any more: the object is deleted, or the process ends.
    Dropped,
}

impl ActionError {
    /// Returns the error with words before its reason.
    pub(crate) fn after(self, words: &str) -> Self {
        match self {
            Self::Failed(reason) => Self::Failed(format!("{words}{reason}")),
            Self::Dropped => Self::Dropped,
        }
    }
}

impl From<String> for ActionError {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl From<crate::storage::StorageError> for ActionError {
    fn from(error: crate::storage::StorageError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Failure> for ActionError {
    fn from(failure: Failure) -> Self {
        match failure.retry {
            Retry::Dropped => Self::Dropped,
            _ => Self::Failed(failure.message),
        }
    }
}

impl From<ClusterError> for ActionError {
    fn from(error: ClusterError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Compiles the expressions for the health of hooks.
///
/// # Errors
/// An expression cannot be compiled.
pub(crate) fn hook_exprs(own: &[CustomHealthCheck]) -> Result<HealthExprs, String> {
    let pod = CustomHealthCheck {
        api_version: "v1".into(),
        kind: Some("Pod".into()),
        current: "has(status.phase) && status.phase == 'Succeeded'".into(),
        failed: Some("has(status.phase) && status.phase == 'Failed'".into()),
        in_progress: None,
    };
    let mut checks = own.to_vec();
    checks.push(pod);
    HealthExprs::compile(&checks)
}

impl Acting<'_> {
    /// Returns what holds for a step of a delivery.
    pub(crate) fn terms<'t>(
        &'t self,
        revision: &'t str,
        exprs: &'t HealthExprs,
        timeout: Duration,
    ) -> DeliveryTerms<'t> {
        let inventory = self.object.status.inventory.as_ref();
        DeliveryTerms {
            owner: &self.owner,
            kind: &self.kind.group_kind,
            uid: &self.object.metadata.uid,
            keeper: &self.kind.records,
            applier: &self.applier,
            revision,
            inventory: inventory.map(|inventory| &*inventory.entries),
            custom_stage_kinds: &[],
            rules: &self.rules,
            exprs,
            checks: HealthChecks::Named(&[]),
            drift: self.drift,
            correction: Correction::Patch,
            on_fault: OnFault::Stop,
            prune: false,
            force: false,
            is_asked: lode_runtime::is_asked(self.object),
            interval: self.interval,
            rerun_every: self.interval,
            timeout,
        }
    }

    /// Waits for objects to become ready. No worker is held: the task sleeps until one of them changes.
    ///
    /// # Errors
    /// One of them cannot become ready, or did not in time.
    pub(crate) async fn ready(
        &self,
        state: &mut State,
        revision: &str,
        (targets, exprs): (&[WaitTarget], &HealthExprs),
        timeout: Duration,
    ) -> Result<(), ActionError> {
        if targets.is_empty() {
            return Ok(());
        }
        let terms = self.terms(revision, exprs, timeout);
        let end = Instant::now() + timeout;
        let heard = self.kind.waiters.of(&self.owner);
        loop {
            // What changes from here on is heard.
            let mut changed = Box::pin(heard.notified());
            changed.as_mut().enable();
            let looked = await_objects(&terms, &mut state.delivery, WaitPurpose::Step, targets);
            let until = match looked.await {
                Ok(WaitEnd::Ready) => break,
                Ok(WaitEnd::Refused { text, reasons }) => {
                    self.facts.waits_for("");
                    if reasons != text {
                        self.facts.refuse(reasons);
                    }
                    return Err(text.into());
                }
                Ok(WaitEnd::Waiting { until, awaited }) => {
                    self.facts.waits_for(&in_short(&awaited));
                    until
                }
                Err(failure) if failure.retry == Retry::Backoff && Instant::now() < end => {
                    Instant::now() + LOOK_AGAIN
                }
                Err(failure) => return Err(failure.message.into()),
            };
            self.unless_dropped(async {
                tokio::select! {
                    () = changed => {}
                    () = sleep_until(until) => {}
                }
            })
            .await?;
        }
        self.facts.waits_for("");
        Ok(())
    }

    /// Waits for deleted objects to be gone.
    ///
    /// # Errors
    /// One of them is still there after the time.
    pub(crate) async fn gone(
        &self,
        state: &mut State,
        stale: &[StaleObject],
        timeout: Duration,
    ) -> Result<(), ActionError> {
        let heard = self.kind.waiters.of(&self.owner);
        while !stale.is_empty() {
            let mut changed = Box::pin(heard.notified());
            changed.as_mut().enable();
            let standing = await_gone(&self.applier, stale, timeout, &mut state.delivery).await;
            let left = match standing.map_err(|failure| ActionError::Failed(failure.message))? {
                RemovalStanding::Gone => break,
                RemovalStanding::TimedOut(id) => {
                    return Err(format!("timeout waiting for: [{id} status: 'Terminating']").into());
                }
                RemovalStanding::Going(left) => left,
            };
            self.unless_dropped(async {
                tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep(left) => {}
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Waits unless nobody wants the outcome any more. Others act meanwhile.
    async fn unless_dropped(&self, wait: impl Future<Output = ()>) -> Result<(), ActionError> {
        self.kind.queue.rest(&self.owner);
        let wait = async {
            wait.await;
            Ok(())
        };
        let kind = self.kind;
        kind.cancellation.unless(&kind.own, self.object, wait).await
    }

    /// Adds a step of an action to the log that an event of its failure shows.
    pub(crate) fn log(&self, step: &str, attributes: &dyn Display) {
        let now = self.kind.own.ambient().now();
        self.facts.log.add(now, step, attributes);
    }

    /// Deletes objects in the order that they are given in; returns those that were there.
    ///
    /// # Errors
    /// The server refuses.
    pub(crate) async fn delete(
        &self,
        objects: &[&Desired],
        deletion: Deletion<'_>,
    ) -> Result<Vec<StaleObject>, ActionError> {
        let client = self.applier.client();
        let mut deleted = Vec::new();
        for desired in objects {
            let id = &desired.id;
            let Some(resource) = self.applier.discovery().resolve(&desired.gvk).await? else {
                continue;
            };
            let namespace = if resource.namespaced {
                &*id.namespace
            } else {
                ""
            };
            self.log(deletion.step, &named(id, namespace));
            let live = match client.get(&resource, namespace, &id.name).await {
                Ok(live) => live,
                Err(error) if error.is_not_found() => {
                    let missing = not_found(&resource, id, namespace);
                    self.log("ignoring delete failure", &missing);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if deletion
                .of
                .is_some_and(|name| !is_of(&live, name, &self.namespace))
            {
                continue;
            }

            let identity = Identity {
                uid: lode_object::json::text(&live, "/metadata/uid"),
                version: "",
            };
            let propagation = deletion.propagation;
            let gone = client.delete_and(&resource, namespace, &id.name, identity, propagation);
            match gone.await {
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => deleted.push((id.clone(), desired.gvk.version.clone())),
            }
        }
        Ok(deleted)
    }
}

/// How objects are deleted.
pub(crate) struct Deletion<'a> {
    pub(crate) propagation: Propagation,
    /// The release that they have to say they are of, if any.
    pub(crate) of: Option<&'a str>,
    /// What this is called in the log of the action.
    pub(crate) step: &'static str,
}

/// What a deletion is called in the log that is not part of an upgrade.
pub(crate) const STARTING_DELETE: &str = "starting delete resource";

/// Returns whether a live object says that it is of a release.
pub(crate) fn is_of(live: &Value, name: &str, namespace: &str) -> bool {
    let annotations = &live["metadata"]["annotations"];
    annotations[RELEASE_NAME] == name && annotations[RELEASE_NAMESPACE] == namespace
}

/// Returns the first object that was refused.
pub(crate) fn first_refused<'d>(
    error: &ApplyError,
    mut objects: impl Iterator<Item = &'d Desired>,
) -> Option<&'d Desired> {
    let ApplyError::Refused(faults) = error else {
        return None;
    };
    let first = faults.first()?;
    objects.find(|desired| desired.id == first.id)
}

/// Says in Helm's words why objects could not be written; `creates` says whether the first that was refused is new and
/// that is worth saying.
pub(crate) fn refused(error: &ApplyError, first: Option<&Desired>, creates: bool) -> String {
    let ApplyError::Refused(faults) = error else {
        return error.to_string();
    };
    let Some(fault) = faults.first() else {
        return error.to_string();
    };
    let id = &fault.id;
    let kind = first.map(|desired| gvk_text(&desired.gvk));
    let kind = kind.unwrap_or_default();
    let words = if creates {
        "failed to create resource: "
    } else {
        ""
    };
    let place = if id.namespace.is_empty() {
        id.name.to_string()
    } else {
        format!("{}/{}", id.namespace, id.name)
    };
    let cause = if fault.secrecy.is_open() {
        fault.cause.to_string()
    } else {
        // What a server says of a Secret quotes it.
        "the server refuses it".to_owned()
    };
    format!("{words}server-side apply failed for object {place} {kind}: {cause}")
}
