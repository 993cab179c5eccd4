//! [`WaitItem`]: one object that is waited for, and what the caches and the clock know of it without a call.

use std::sync::Arc;

use lode_apply::{Known, Record};
use lode_cluster::{Resource, Seen, Subscription, Watched};
use lode_health::{Health, Seconds, Status};
use lode_object::{GroupVersionKind, Id, NamespacedName};
use tokio::time::Instant;

use crate::wait::awaited::{Awaited, AwaitedState, BlockedPods, Discretion};
use crate::wait::exprs::HealthExprs;
use crate::wait::moment::Moment;
use crate::wait::reading::{BELIEVE, Reading};

/// One object that must become ready.
pub(crate) struct WaitItem {
    pub(crate) id: Id,
    pub(crate) gvk: GroupVersionKind,
    /// What sees it; none where whom we act for may not get objects of its kind.
    pub(crate) kind: Option<Arc<Watched>>,
    pub(crate) resource: Arc<Resource>,
    /// It was last read because objects of its kind may not be got: nothing wakes whoever waits for it.
    pub(crate) is_polled: bool,
    /// A Job that removes itself is done when it is gone.
    pub(crate) gone_is_done: bool,
    pub(super) discretion: Discretion,
    /// The version our own write made: an older one is of before it, and says nothing.
    pub(super) written: Option<u64>,
    /// When an older version is believed after all: a restored cluster counts from lower numbers.
    pub(super) believe_at: Instant,
    /// An expression of the user's says how it is: the object itself must be read.
    pub(crate) custom: bool,
    /// What the last reading came to.
    pub(crate) read: Option<Reading>,
    /// Its pods, while it is on its way (`ReplicaSet` and `StatefulSet` fail by them).
    pub(crate) pods: Option<SelectedPods>,
    /// Wakes us where it carries no label of ours.
    pub(super) _told: Option<Subscription>,
}

/// The Pods that decide about an object.
pub(crate) struct SelectedPods {
    pub(crate) query: Box<str>,
    /// None where whom we act for may not watch them: the object's own status is waited for.
    pub(crate) selected: Option<Subscription>,
}

/// What is known of an object without asking the server.
pub(crate) struct Glance {
    /// What was found out about it; nothing where it must be looked at first.
    pub(crate) found: Option<AwaitedState>,
    /// When to look again although nothing happens.
    pub(crate) again: Option<Instant>,
}

impl WaitItem {
    pub(crate) fn new(id: Id, gvk: GroupVersionKind, known: Known, exprs: &HealthExprs) -> Self {
        let Known { resource, kind } = known;
        Self {
            kind: Some(kind),
            ..Self::hidden(id, gvk, resource, exprs)
        }
    }

    /// An object that whom we act for may get by its name at most.
    pub(crate) fn hidden(
        id: Id,
        gvk: GroupVersionKind,
        resource: Arc<Resource>,
        exprs: &HealthExprs,
    ) -> Self {
        let custom = exprs.speak_for(&gvk);
        Self {
            id,
            gvk,
            kind: None,
            resource,
            is_polled: false,
            gone_is_done: false,
            discretion: Discretion::Open,
            written: None,
            believe_at: Instant::now() + BELIEVE,
            custom,
            read: None,
            pods: None,
            _told: None,
        }
    }

    /// Returns the item with what our record of its object says, and the version that our own write made.
    pub(crate) fn known_by(self, record: Option<&Record>, written: Option<u64>) -> Self {
        let is_secret = record.is_some_and(|record| record.secret);
        Self {
            discretion: if is_secret {
                Discretion::Secret
            } else {
                Discretion::Open
            },
            written,
            ..self
        }
    }

    /// Returns the item with what wakes its owner, where the object carries no label of the owner.
    pub(crate) fn woken_by(self, told: Subscription) -> Self {
        Self {
            _told: Some(told),
            ..self
        }
    }

    /// Takes over what was found out about the same object before.
    pub(crate) fn resume(&mut self, before: Self) {
        if before.gvk != self.gvk {
            return;
        }
        (self.read, self.pods) = (before.read, before.pods);
        if before.written == self.written {
            self.believe_at = before.believe_at;
        }
    }

    /// Returns whether something was found out that the caches do not know.
    pub(crate) fn is_worth_keeping(&self) -> bool {
        self.custom || self.pods.is_some() || self.written.is_some()
    }

    /// Applies `read` to what the cache knows of it.
    pub(crate) fn with_seen<T>(&self, read: impl FnOnce(&Seen) -> T) -> Option<T> {
        let name = NamespacedName::new(&self.id.namespace, &self.id.name);
        self.kind.as_ref()?.with(&name, read)
    }

    pub(crate) fn is_seen(&self) -> bool {
        self.with_seen(|_| ()).is_some()
    }

    /// Returns whether the watch of its kind has come as far as a version.
    pub(crate) fn has_reached(&self, version: &str) -> bool {
        self.kind
            .as_ref()
            .is_some_and(|kind| kind.has_reached(version))
    }

    /// Returns the object as one that is waited for, because this was found out about it.
    pub(crate) fn awaited(&self, found: &AwaitedState) -> Awaited {
        Awaited::new(self.id.clone(), found, self.discretion)
    }

    /// Returns what is known of it now.
    pub(crate) fn glance(&self, now: Moment) -> Glance {
        if self.is_polled || self.custom {
            return self.glance_at_reading(now);
        }
        let known = self.with_seen(|seen| {
            let believed = self.is_believed(&seen.observed.resource_version, now);
            (believed, seen.health.clone(), seen.pods.clone())
        });

        match known {
            None => Glance::of(Health::absent(self.gone_is_done), None),
            Some((false, ..)) => Glance::of(not_observed(), Some(self.believe_at)),
            Some((true, health, pods)) => self.glance_at(&health, pods.as_deref(), now),
        }
    }

    fn is_believed(&self, version: &str, now: Moment) -> bool {
        let version: Option<u64> = version.parse().ok();
        let is_old = version
            .zip(self.written)
            .is_some_and(|(version, written)| version < written);
        !is_old || now.instant >= self.believe_at
    }

    /// What the last reading found, unless the object has changed since, or may have where it is polled.
    fn glance_at_reading(&self, now: Moment) -> Glance {
        let Some(read) = &self.read else {
            return Glance::DUE;
        };
        let found = self.glance_at(&read.health, read.pods.as_deref(), now);
        let spared = if self.is_polled {
            Some(read.at + read.poll_after())
        } else {
            let seen = self.with_seen(|seen| seen.observed.resource_version.clone());
            if !read.is_outdated(seen.as_deref(), |version| self.has_reached(version), now) {
                return found;
            }
            read.spared_until()
        };

        match spared.filter(|until| *until > now.instant) {
            Some(until) => Glance {
                again: found.again.into_iter().chain([until]).min(),
                ..found
            },
            None => Glance::DUE,
        }
    }

    /// What the clock and its Pods make of its health; Pods must be selected first.
    fn glance_at(&self, health: &Health, query: Option<&str>, now: Moment) -> Glance {
        let again = health.next_look(now.second).map(|at| now.until(at));
        let health = health.at(now.second).clone();
        let Some(query) = query.filter(|_| health.status == Status::InProgress) else {
            return Glance::of(health, again);
        };
        let Some(pods) = self.pods.as_ref().filter(|pods| &*pods.query == query) else {
            return Glance::DUE;
        };
        let Some(selected) = &pods.selected else {
            return Glance::of(health, again);
        };

        let all = selected.kind().with_all(|all| {
            let mut tally = PodTally::default();
            for (name, pod) in all {
                tally.add(&name.name, &pod.health, now.second);
            }
            tally
        });
        Glance {
            again: again
                .into_iter()
                .chain(all.fails_at.map(|at| now.until(at)))
                .min(),
            found: Some(AwaitedState {
                health: lode_health::with_failed_pods(health, all.failed),
                pods: all.blocked,
            }),
        }
    }
}

/// A change of ours that the watch has not reported yet.
fn not_observed() -> Health {
    Health::new(
        Status::InProgress,
        "NotObserved",
        "the change is not observed yet",
    )
}

/// What the Pods of one object come to.
#[derive(Default)]
struct PodTally {
    /// How many have failed.
    failed: usize,
    /// When the next one will have failed by the clock alone.
    fails_at: Option<Seconds>,
    blocked: Option<BlockedPods>,
}

impl PodTally {
    fn add(&mut self, name: &str, pod: &Health, now: Seconds) {
        let health = pod.at(now);
        self.failed += usize::from(lode_health::pod_failed(health));
        let next = pod
            .next_look(now)
            .filter(|at| lode_health::pod_failed(pod.at(*at)));
        self.fails_at = self.fails_at.into_iter().chain(next).min();

        let Some(detail) = &health.detail else {
            return;
        };
        match &mut self.blocked {
            Some(blocked) => {
                blocked.more += 1;
                // The first by name, so that the same Pods make the same words.
                if name < &*blocked.name {
                    (blocked.name, blocked.detail) = (name.into(), detail.clone());
                }
            }
            None => {
                self.blocked = Some(BlockedPods {
                    name: name.into(),
                    detail: detail.clone(),
                    more: 0,
                });
            }
        }
    }
}

impl Glance {
    const DUE: Self = Self {
        found: None,
        again: None,
    };

    fn of(health: Health, again: Option<Instant>) -> Self {
        Self {
            found: Some(AwaitedState::of(health)),
            again,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lode_health::compute;
    use serde_json::json;

    use super::*;

    /// A Pod that finds no node, made at second 100.
    fn homeless(message: &str) -> Health {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": "1970-01-01T00:01:40Z"},
            "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
                "reason": "Unschedulable", "message": message}]}});
        compute(&pod, 100)
    }

    fn looping() -> Health {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running", "containerStatuses": [
            {"name": "a", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}});
        compute(&pod, 100)
    }

    fn tally(pods: &[(&str, Health)], now: Seconds) -> PodTally {
        let mut tally = PodTally::default();
        for (name, pod) in pods {
            tally.add(name, pod, now);
        }
        tally
    }

    #[test]
    fn the_first_blocked_pod_by_name_is_told_in_whatever_order_they_come() {
        let healthy = Health::new(Status::Current, "", "");
        let pods = [
            ("db-2", looping()),
            ("db-0", healthy),
            ("db-1", homeless("no room")),
        ];
        let blocked = |pods: &[(&str, Health)]| tally(pods, 100).blocked.unwrap().to_string();
        assert_eq!(blocked(&pods), "Pod db-1: no room (and 1 more)");
        let mut turned = pods.clone();
        turned.reverse();
        assert_eq!(blocked(&pods), blocked(&turned));
        assert!(tally(&pods[1..2], 100).blocked.is_none());
    }

    #[test]
    fn a_pod_without_a_node_blocks_and_never_fails_its_owner() {
        for now in [100, 200] {
            let tally = tally(&[("db-0", homeless("no room"))], now);
            assert_eq!((tally.failed, tally.fails_at), (0, None), "{now}");
            assert!(tally.blocked.is_some());
        }
        assert_eq!(tally(&[("db-0", looping())], 100).failed, 1);
    }

    /// A Pod that may be got by its name alone and was read so.
    fn read_pod(health: Health) -> WaitItem {
        let resource = Arc::new(Resource::known("v1", "Pod", "pods", true));
        let gvk = GroupVersionKind::new("v1", "Pod");
        let id = Id::parse_inventory("ns_lost__Pod").unwrap();
        let read = Reading {
            health,
            pods: None,
            version: Some("7".into()),
            seen: None,
            is_unwatched: false,
            at: Instant::now(),
            number: 1,
            same: 9,
        };
        WaitItem {
            is_polled: true,
            read: Some(read),
            ..WaitItem::hidden(id, gvk, resource, &HealthExprs::default())
        }
    }

    fn moment(second: Seconds) -> Moment {
        Moment {
            instant: Instant::now(),
            second,
            part: Duration::ZERO,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn health_that_the_clock_changes_says_when() {
        let item = read_pod(homeless("no room"));
        let early = item.glance(moment(100));
        assert_eq!(early.again, Some(Instant::now() + Duration::from_secs(15)));
        let found = early.found.unwrap();
        assert_eq!(found.health.status, Status::InProgress);
        assert_eq!(item.awaited(&found).to_string(), "Pod/ns/lost: no room");

        let late = item.glance(moment(115)).found.unwrap();
        assert_eq!(late.health.status, Status::Failed);
        assert_eq!(item.awaited(&late).reason, "Pod could not be scheduled");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_read_yet_or_too_long_ago_is_due() {
        let mut item = read_pod(homeless("no room"));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(item.glance(moment(101)).found.is_none());
        item.read = None;
        let glance = item.glance(moment(101));
        assert!(glance.found.is_none() && glance.again.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_that_nobody_sees_is_absent_and_a_job_that_goes_is_done() {
        let mut item = read_pod(homeless("no room"));
        item.is_polled = false;
        let status = |item: &WaitItem| item.glance(moment(100)).found.unwrap().health.status;
        assert_eq!(status(&item), Status::NotFound);
        item.gone_is_done = true;
        assert_eq!(status(&item), Status::Current);
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_says_what_may_be_told_and_a_write_what_is_old() {
        let record = |secret| Record {
            version: "v1".into(),
            uid: "u".into(),
            desired: [1; 16],
            own: None,
            warn: false,
            ends: lode_apply::Ends::No,
            secret,
        };
        let item = read_pod(homeless("no room")).known_by(Some(&record(true)), Some(7));
        let found = item.glance(moment(100)).found.unwrap();
        assert_eq!(item.awaited(&found).reason, "");
        assert!(!item.is_believed("6", moment(100)) && item.is_believed("7", moment(100)));
        tokio::time::advance(BELIEVE).await;
        assert!(
            item.is_believed("6", moment(130)),
            "a restored cluster counts from lower numbers"
        );

        let item = read_pod(homeless("no room")).known_by(Some(&record(false)), None);
        assert_eq!(item.awaited(&found).reason, "no room");
        assert!(item.is_believed("6", moment(100)));
    }
}
