//! [`Looker`]: looks at objects as whom an owner acts as, and asks the server where the caches do not say.
//!
//! Nothing is reported of an object that this user may not see itself: what the cache knows is used only where the user may
//! get, and what must be read is read as the user. A refusal is the same whether the object exists or not.

use lode_apply::Applier;
use lode_cluster::Resource;
use lode_health::{Health, Status};
use lode_object::NamespacedName;
use lode_runtime::Failure;
use tokio::time::Instant;

use crate::wait::awaited::AwaitedState;
use crate::wait::exprs::HealthExprs;
use crate::wait::item::{SelectedPods, WaitItem};
use crate::wait::moment::Moment;
use crate::wait::reading::Reading;

/// Who looks at objects, under whose expressions.
pub(crate) struct Looker<'a> {
    pub(crate) applier: &'a Applier,
    pub(crate) exprs: &'a HealthExprs,
}

impl Looker<'_> {
    /// Finds out how an object is, with as few calls as possible; `owner` is woken when its Pods change.
    pub(crate) async fn look(
        &self,
        item: &mut WaitItem,
        owner: &NamespacedName,
    ) -> Result<AwaitedState, Failure> {
        self.heed_rights(item).await?;
        if let Some(found) = item.glance(self.now()).found {
            return Ok(found);
        }
        if item.is_polled || item.custom {
            self.read(item).await?;
        }
        if let Some(found) = item.glance(self.now()).found {
            return Ok(found);
        }
        self.select_pods(item, owner).await?;
        // What has changed again in this moment wakes us for another look.
        Ok(item
            .glance(self.now())
            .found
            .unwrap_or_else(|| AwaitedState::of(Health::new(Status::InProgress, "", ""))))
    }

    fn now(&self) -> Moment {
        Moment::now(self.applier.cache().ambient())
    }

    /// Returns whether an object still exists, for the user that looks.
    pub(crate) async fn is_there(&self, item: &mut WaitItem) -> Result<bool, Failure> {
        self.heed_rights(item).await?;
        if !item.is_polled {
            return Ok(item.is_seen());
        }
        self.read(item).await?;
        Ok(item
            .read
            .as_ref()
            .is_some_and(|read| read.version.is_some()))
    }

    /// Looks only at what the user may get now: rights may have been taken away since the last time.
    async fn heed_rights(&self, item: &mut WaitItem) -> Result<(), Failure> {
        let may_get = self
            .applier
            .may_get(&item.resource, &item.id.namespace)
            .await?;
        item.is_polled = !may_get || item.kind.is_none();
        if let Some(pods) = &item.pods {
            let may_watch = self
                .applier
                .may_watch(&pod_resource(), &item.id.namespace)
                .await?;
            // Rights that came or went: its Pods are selected again.
            if pods.selected.is_some() != may_watch {
                item.pods = None;
            }
        }
        Ok(())
    }

    async fn read(&self, item: &mut WaitItem) -> Result<(), Failure> {
        // Before the call: a change that the watch tells meanwhile must be seen as one.
        let seen = item.with_seen(|seen| seen.observed.resource_version.clone());
        let (health, pods, version) = match self
            .applier
            .client()
            .get(&item.resource, &item.id.namespace, &item.id.name)
            .await
        {
            Ok(object) => {
                let version = object
                    .pointer("/metadata/resourceVersion")
                    .and_then(lode_object::Value::as_str);
                let digest = (!item.custom).then(|| self.applier.cache().digest(&object));
                let (health, pods) = match digest {
                    Some(seen) => (seen.health, seen.pods),
                    None => (self.exprs.evaluate(&item.gvk, &object), None),
                };
                (health, pods, Some(version.unwrap_or_default().into()))
            }
            Err(error) if error.is_not_found() => (Health::absent(item.gone_is_done), None, None),
            Err(error) => return Err(unseen(item, error)),
        };
        let is_unwatched = version
            .as_deref()
            .is_some_and(|version: &str| item.has_reached(version) && !item.is_seen());
        let number = item
            .read
            .as_ref()
            .map_or(0, |read| read.number)
            .saturating_add(1);
        let same = item
            .read
            .as_ref()
            .filter(|before| before.version == version)
            .map_or(0, |before| before.same.saturating_add(1));
        item.read = Some(Reading {
            health,
            pods,
            version,
            seen,
            is_unwatched,
            at: Instant::now(),
            number,
            same,
        });
        Ok(())
    }

    async fn select_pods(
        &self,
        item: &mut WaitItem,
        owner: &NamespacedName,
    ) -> Result<(), Failure> {
        let read = item
            .read
            .as_ref()
            .filter(|_| item.is_polled)
            .and_then(|read| read.pods.clone());
        let Some(query) = read.or_else(|| item.with_seen(|seen| seen.pods.clone()).flatten())
        else {
            item.pods = None;
            return Ok(());
        };
        // Pods are somebody's too.
        let pods = pod_resource();
        let selected = if self.applier.may_watch(&pods, &item.id.namespace).await? {
            let cache = self.applier.cache();
            Some(
                cache
                    .selected(&pods, &item.id.namespace, &query, &owner.namespace)?
                    .subscribe(owner),
            )
        } else {
            None
        };
        item.pods = Some(SelectedPods { query, selected });
        Ok(())
    }
}

fn pod_resource() -> Resource {
    Resource::known("v1", "Pod", "pods", true)
}

/// An object that cannot be looked at.
fn unseen(item: &WaitItem, error: lode_cluster::Error) -> Failure {
    if !error.is(403) {
        return error.into();
    }
    let text = format!("can't determine status for {}: {error}", item.id);
    Failure::new(lode_api::reasons::HEALTH_CHECK_FAILED, text)
}
