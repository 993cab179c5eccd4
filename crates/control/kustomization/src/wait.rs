//! [`Wait`]: objects that must become ready, looked at when they change and never in between.
//!
//! Waiting is a subscription. What the watch cache knows of an object costs no call; an object that only itself can
//! tell of (an expression of the user's speaks for it) is read once for each of its versions, and what the reading came
//! to is carried from one run to the next. Where health changes by time alone, [`Wait::next_look`] says when. Only what
//! whom we act for may get by its name at most is read from time to time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lode_apply::{Applier, Kinds, Known, Records};
use lode_cluster::{Resource, Seen, Subscription, Watched};
use lode_health::{Health, Seconds, Status};
use lode_object::{GroupVersionKind, Id, NamespacedName};
use lode_runtime::Failure;
use tokio::time::Instant;

use crate::exprs::HealthExprs;

/// Objects that must become ready.
pub(crate) struct Wait {
    /// What is waited for: one kind of wait must never be taken for another.
    pub(crate) purpose: Purpose,
    pub(crate) items: Vec<Item>,
    pub(crate) until: Instant,
    pub(crate) since: Instant,
}

/// How the objects of a wait are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All are ready.
    Ready,
    /// Some are not yet.
    Waiting(Vec<(Id, Health)>),
    /// Some cannot become ready.
    Failed(Vec<(Id, Health)>),
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An early stage that must be ready before the next.
    Stage,
    /// Health at the end.
    Health,
    /// Deleted objects that must be gone.
    Removal,
}

impl Wait {
    /// Goes on with a wait: what was found out about its objects before still holds until they change.
    pub(crate) fn resume(&mut self, before: Wait) {
        if before.purpose != self.purpose {
            return;
        }
        let kept = before
            .items
            .into_iter()
            .filter(|item| item.custom || item.pods.is_some() || item.written.is_some());
        let mut kept: HashMap<Id, Item> = kept.map(|item| (item.id.clone(), item)).collect();
        for item in &mut self.items {
            if let Some(before) = kept.remove(&item.id) {
                item.resume(before);
            }
        }
    }

    /// Returns whether a run would find more than the last one did, going by the caches and the clock.
    pub(crate) fn is_worth_a_look(&self) -> bool {
        if self.purpose == Purpose::Removal {
            return self
                .items
                .iter()
                .all(|item| !item.is_polled && !item.is_seen());
        }
        let now = Moment::now();
        let mut all_are_ready = true;
        for item in &self.items {
            match item.glance(now).health.map(|health| health.status) {
                None | Some(Status::Failed) => return true,
                Some(Status::Current) => {}
                Some(_) => all_are_ready = false,
            }
        }
        all_are_ready
    }

    /// Returns when to look again at the latest: at the end, and before it where nothing wakes us, because the health of
    /// an object changes by time alone or because it is polled.
    pub(crate) fn next_look(&self) -> Instant {
        let now = Moment::now();
        self.items
            .iter()
            .filter_map(|item| item.glance(now).again)
            .fold(self.until, Instant::min)
    }

    /// Looks at every object, reading those that only themselves can tell of and that have changed.
    pub(crate) async fn standing(
        &mut self,
        looker: &Looker<'_>,
        owner: &NamespacedName,
    ) -> Result<Standing, Failure> {
        let (mut waiting, mut failed) = (Vec::new(), Vec::new());
        for item in &mut self.items {
            let health = looker.look(item, owner).await?;
            match health.status {
                Status::Current => {}
                Status::Failed => failed.push((item.id.clone(), health)),
                _ => waiting.push((item.id.clone(), health)),
            }
        }
        Ok(match (failed.is_empty(), waiting.is_empty()) {
            (false, _) => Standing::Failed(failed),
            (true, false) => Standing::Waiting(waiting),
            (true, true) => Standing::Ready,
        })
    }
}

/// One object that must become ready.
pub(crate) struct Item {
    pub(crate) id: Id,
    pub(crate) gvk: GroupVersionKind,
    /// What sees it; none where whom we act for may not get objects of its kind.
    pub(crate) kind: Option<Arc<Watched>>,
    pub(crate) resource: Arc<Resource>,
    /// It was last read because objects of its kind may not be got: nothing wakes whoever waits for it.
    is_polled: bool,
    /// A Job that removes itself is done when it is gone.
    pub(crate) gone_is_done: bool,
    /// The version our own write made: an older one is of before it, and says nothing.
    pub(crate) written: Option<u64>,
    /// When an older version is believed after all: a restored cluster counts from lower numbers.
    believe_at: Instant,
    /// An expression of the user's says how it is: the object itself must be read.
    custom: bool,
    /// What the last reading came to.
    read: Option<Reading>,
    /// Its pods, while it is on its way (`ReplicaSet` and `StatefulSet` fail by them).
    pods: Option<Pods>,
    /// Tells us of it where it carries no label of ours.
    _told: Option<Subscription>,
}

/// The Pods that decide about an object.
struct Pods {
    query: Box<str>,
    /// None where whom we act for may not watch them: the object's own status is waited for.
    selected: Option<Subscription>,
}

/// What is known of an object without asking the server.
struct Glance {
    /// Its health; nothing where it must be looked at first.
    health: Option<Health>,
    /// When to look again although nothing happens.
    again: Option<Instant>,
}

/// How long the watch may lag behind our own writes and readings.
const BELIEVE: Duration = Duration::from_secs(30);

impl Item {
    pub(crate) fn new(id: Id, gvk: GroupVersionKind, known: Known, exprs: &HealthExprs) -> Self {
        let Known { resource, kind } = known;
        Self {
            kind: Some(kind),
            ..Self::hidden(id, gvk, resource, exprs)
        }
    }

    /// An object that whom we act for may get by its name at most.
    fn hidden(id: Id, gvk: GroupVersionKind, resource: Arc<Resource>, exprs: &HealthExprs) -> Self {
        let custom = exprs.speak_for(&gvk);
        Self {
            id,
            gvk,
            kind: None,
            resource,
            is_polled: false,
            gone_is_done: false,
            written: None,
            believe_at: Instant::now() + BELIEVE,
            custom,
            read: None,
            pods: None,
            _told: None,
        }
    }

    fn resume(&mut self, before: Item) {
        if before.gvk != self.gvk {
            return;
        }
        (self.read, self.pods) = (before.read, before.pods);
        if before.written == self.written {
            self.believe_at = before.believe_at;
        }
    }

    /// Returns whether it was last read because whom we act for may get it by its name at most.
    pub(crate) fn is_polled(&self) -> bool {
        self.is_polled
    }

    fn name(&self) -> NamespacedName {
        NamespacedName::new(&self.id.namespace, &self.id.name)
    }

    /// Applies `read` to what the cache knows of it.
    fn with_seen<T>(&self, read: impl FnOnce(&Seen) -> T) -> Option<T> {
        self.kind.as_ref()?.with(&self.name(), read)
    }

    fn is_seen(&self) -> bool {
        self.with_seen(|_| ()).is_some()
    }

    fn glance(&self, now: Moment) -> Glance {
        if self.is_polled || self.custom {
            return self.glance_at_reading(now);
        }
        let known = self.with_seen(|seen| {
            let believed = self.is_believed(&seen.observed.resource_version, now);
            (believed, seen.health.clone(), seen.pods.clone())
        });

        match known {
            None => Glance::of(Health::absent(self.gone_is_done)),
            Some((false, ..)) => {
                let health = Health::new(
                    Status::InProgress,
                    "NotObserved",
                    "the change is not observed yet",
                );
                Glance {
                    health: Some(health),
                    again: Some(self.believe_at),
                }
            }
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
            let has_reached = |version: &str| {
                self.kind
                    .as_ref()
                    .is_some_and(|kind| kind.has_reached(version))
            };
            if !read.is_outdated(seen.as_deref(), has_reached, now) {
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
            return Glance {
                health: Some(health),
                again,
            };
        };
        let Some(pods) = self.pods.as_ref().filter(|pods| &*pods.query == query) else {
            return Glance::DUE;
        };
        let Some(selected) = &pods.selected else {
            return Glance {
                health: Some(health),
                again,
            };
        };

        selected.kind().with_all(|all| {
            let (mut failed, mut again) = (0, again);
            for pod in all {
                failed += usize::from(lode_health::pod_failed(pod.health.at(now.second)));
                let next = pod.health.next_look(now.second);
                let next = next
                    .filter(|at| lode_health::pod_failed(pod.health.at(*at)))
                    .map(|at| now.until(at));
                again = again.into_iter().chain(next).min();
            }
            Glance {
                health: Some(lode_health::with_failed_pods(health, failed)),
                again,
            }
        })
    }
}

impl Glance {
    const DUE: Self = Self {
        health: None,
        again: None,
    };

    fn of(health: Health) -> Self {
        Self {
            health: Some(health),
            again: None,
        }
    }
}

/// What reading an object came to.
struct Reading {
    health: Health,
    /// The label query for the Pods that decide about it.
    pods: Option<Box<str>>,
    /// The version that was read; nothing where there was no object.
    version: Option<Box<str>>,
    /// The version the cache knew then.
    seen: Option<Box<str>>,
    /// The watch had come as far and did not show it: it lacks the labels that are watched.
    is_unwatched: bool,
    at: Instant,
    /// How many readings there were.
    number: u32,
    /// How many readings before it found the same.
    same: u32,
}

/// So many readings of one object follow its changes at once; from then on they keep [`READ_EVERY`] between them, so
/// that an object which changes all the time is not read all the time.
const READINGS_AT_ONCE: u32 = 8;
const READ_EVERY: Duration = Duration::from_secs(1);
/// An object that is polled is read again after that, as Flux reads all of them; twice as long after each reading that
/// found the same, up to [`POLL_EVERY_MAX`].
const POLL_EVERY: Duration = Duration::from_secs(5);
const POLL_EVERY_MAX: Duration = Duration::from_secs(20);

impl Reading {
    /// Returns whether the object has changed since it was read, as the cache sees it now.
    fn is_outdated(
        &self,
        seen: Option<&str>,
        has_reached: impl Fn(&str) -> bool,
        now: Moment,
    ) -> bool {
        match (self.version.as_deref(), seen) {
            (None, None) => false,
            (None, seen) => seen != self.seen.as_deref(),
            // Not seen: it is gone, or the watch has not come as far as the reading.
            (Some(read), None) => !self.is_unwatched && has_reached(read),
            (Some(read), Some(seen)) => {
                let is_new = seen != read && self.seen.as_deref() != Some(seen);
                match (read.parse::<u64>(), seen.parse::<u64>()) {
                    (Ok(read), Ok(seen)) if seen > read => true,
                    // The watch tells late what was read already, but a restored server counts from lower numbers.
                    (Ok(_), Ok(_)) => is_new && now.instant > self.at + BELIEVE,
                    _ => is_new,
                }
            }
        }
    }

    fn poll_after(&self) -> Duration {
        POLL_EVERY
            .saturating_mul(1 << self.same.min(8))
            .min(POLL_EVERY_MAX)
    }

    fn spared_until(&self) -> Option<Instant> {
        (self.number >= READINGS_AT_ONCE).then(|| self.at + READ_EVERY)
    }
}

/// Now, on both clocks: that of waits and that of objects.
#[derive(Debug, Clone, Copy)]
struct Moment {
    instant: Instant,
    second: Seconds,
    /// How much of the second has passed.
    part: Duration,
}

impl Moment {
    fn now() -> Self {
        let now = jiff::Timestamp::now();
        let part = u64::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Self {
            instant: Instant::now(),
            second: now.as_second(),
            part: Duration::from_nanos(part),
        }
    }

    /// Returns when a second begins that is still to come.
    fn until(self, second: Seconds) -> Instant {
        let seconds = u64::try_from(second.saturating_sub(self.second)).unwrap_or_default();
        let wait = Duration::from_secs(seconds.min(FAR.as_secs())).saturating_sub(self.part);
        self.instant + wait
    }
}

/// Longest wait for the clock: no rule looks further ahead.
const FAR: Duration = Duration::from_hours(24);

/// Who looks at objects: whom a Kustomization acts as, under its expressions.
///
/// Nothing is told of an object that this user may not see itself: what the cache knows is used only where the user may
/// get, and what must be read is read as the user. A refusal is the same whether the object exists or not.
pub(crate) struct Looker<'a> {
    pub(crate) applier: &'a Applier,
    pub(crate) exprs: &'a HealthExprs,
}

impl Looker<'_> {
    async fn look(&self, item: &mut Item, owner: &NamespacedName) -> Result<Health, Failure> {
        self.heed_rights(item).await?;
        if let Some(health) = item.glance(Moment::now()).health {
            return Ok(health);
        }
        if item.is_polled || item.custom {
            self.read(item).await?;
        }
        if let Some(health) = item.glance(Moment::now()).health {
            return Ok(health);
        }
        self.select_pods(item, owner).await?;
        // What has changed again in this moment tells so.
        Ok(item
            .glance(Moment::now())
            .health
            .unwrap_or_else(|| Health::new(Status::InProgress, "", "")))
    }

    /// Returns whether an object still exists, for the user that looks.
    pub(crate) async fn is_there(&self, item: &mut Item) -> Result<bool, Failure> {
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
    async fn heed_rights(&self, item: &mut Item) -> Result<(), Failure> {
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

    async fn read(&self, item: &mut Item) -> Result<(), Failure> {
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
        let is_unwatched = version.as_deref().is_some_and(|version: &str| {
            item.kind
                .as_ref()
                .is_some_and(|kind| kind.has_reached(version))
                && !item.is_seen()
        });
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

    async fn select_pods(&self, item: &mut Item, owner: &NamespacedName) -> Result<(), Failure> {
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
        item.pods = Some(Pods { query, selected });
        Ok(())
    }
}

fn pod_resource() -> Resource {
    Resource::known("v1", "Pod", "pods", true)
}

/// An object that cannot be looked at.
fn unseen(item: &Item, error: lode_cluster::Error) -> Failure {
    if !error.is(403) {
        return error.into();
    }
    let text = format!("can't determine status for {}: {error}", item.id);
    Failure::new(lode_api::reasons::HEALTH_CHECK_FAILED, text)
}

/// Lists objects and how they are, as health messages do. What a controller says of an object that was built with values
/// from Secrets may quote them, and is left out.
pub(crate) fn list(objects: &[(Id, Health)], records: &Records) -> String {
    let one = |(id, health): &(Id, Health)| {
        let is_secret = records.objects.get(id).is_some_and(|record| record.secret);
        let quiet = Health {
            message: "".into(),
            ..health.clone()
        };
        lode_health::describe(id, if is_secret { &quiet } else { health })
    };
    objects.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Finds what sees the objects that `healthChecks` names; the objects may be anybody's.
pub(crate) async fn named(
    object: &lode_api::Kustomization,
    applier: &Applier,
    kinds: &Kinds,
    exprs: &HealthExprs,
) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    for reference in &object.spec.health_checks {
        let api_version = reference.api_version.as_deref().unwrap_or("apps/v1");
        let gvk = GroupVersionKind::new(api_version, &reference.kind);
        let own = &*object.metadata.namespace;
        let namespace = reference.namespace.as_deref().unwrap_or(own);
        let resource = applier.discovery().resolve(&gvk).await?;
        let Some(resource) = resource else {
            let text = format!(
                "can't determine status for {}/{namespace}/{}: the server does not serve {gvk}",
                gvk.kind, reference.name
            );
            return Err(Failure::new(lode_api::reasons::HEALTH_CHECK_FAILED, text));
        };
        let namespace = if resource.namespaced { namespace } else { "" };
        let id = Id {
            namespace: namespace.into(),
            name: reference.name.clone(),
            group: gvk.group.clone(),
            kind: gvk.kind.clone(),
        };
        if !applier.may_get(&resource, namespace).await? {
            items.push(Item::hidden(id, gvk, resource, exprs));
            continue;
        }
        let owned = kinds
            .get(&gvk)
            .filter(|known| known.kind.get(namespace, &reference.name).is_some());
        let told = if owned.is_none() {
            let kind = applier
                .cache()
                .one(&resource, namespace, &reference.name, own)?;
            Some(kind.subscribe(&NamespacedName::new(own, &object.metadata.name)))
        } else {
            None
        };
        let seen = told.as_ref().map(|told| Known {
            resource,
            kind: told.kind().clone(),
        });
        let Some(known) = seen.or_else(|| owned.cloned()) else {
            continue;
        };
        items.push(Item {
            _told: told,
            ..Item::new(id, gvk, known, exprs)
        });
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(version: Option<&str>, seen: Option<&str>) -> Reading {
        let health = Health::new(Status::InProgress, "", "");
        let (version, seen) = (version.map(Into::into), seen.map(Into::into));
        Reading {
            health,
            pods: None,
            version,
            seen,
            is_unwatched: false,
            at: Instant::now(),
            number: 1,
            same: 0,
        }
    }

    /// Whether a reading is outdated by what the cache sees when its watch has come as far as `reached`.
    fn outdated(reading: &Reading, seen: Option<&str>, reached: u64) -> bool {
        let has_reached = |version: &str| {
            version
                .parse::<u64>()
                .is_ok_and(|version| version <= reached)
        };
        reading.is_outdated(seen, has_reached, Moment::now())
    }

    #[tokio::test]
    async fn one_version_is_read_once_however_late_the_watch_tells_of_it() {
        let early = reading(Some("7"), None);
        assert!(!outdated(&early, None, 5), "the watch is behind");
        assert!(
            !outdated(&early, Some("6"), 6) && !outdated(&early, Some("7"), 7),
            "it tells what was read"
        );
        assert!(outdated(&early, Some("8"), 8));
        let absent = reading(None, None);
        assert!(!outdated(&absent, None, 9) && outdated(&absent, Some("8"), 8));
        let going = reading(None, Some("7"));
        assert!(
            !outdated(&going, Some("7"), 7),
            "its end is still to be told"
        );
        assert!(
            !outdated(&going, None, 8) && outdated(&going, Some("9"), 9),
            "it was made again"
        );
    }

    #[tokio::test]
    async fn the_end_of_what_was_read_is_news_unless_the_watch_never_showed_it() {
        assert!(outdated(&reading(Some("7"), Some("7")), None, 8));
        let unwatched = Reading {
            is_unwatched: true,
            ..reading(Some("7"), None)
        };
        assert!(!outdated(&unwatched, None, 9) && outdated(&unwatched, Some("9"), 9));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_counts_anew_is_believed_after_a_while() {
        let before = reading(Some("900"), Some("900"));
        assert!(!outdated(&before, Some("3"), 3));
        tokio::time::advance(BELIEVE * 2).await;
        assert!(outdated(&before, Some("3"), 3));
        assert!(!outdated(&before, Some("900"), 900), "it is what was read");
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_that_changes_all_the_time_is_read_once_a_second() {
        let mut hot = reading(Some("7"), Some("7"));
        assert_eq!(hot.spared_until(), None);
        hot.number = READINGS_AT_ONCE;
        assert_eq!(hot.spared_until(), Some(Instant::now() + READ_EVERY));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_polled_and_stays_the_same_is_read_less_and_less_often() {
        let after = |same| {
            Reading {
                same,
                ..reading(Some("7"), None)
            }
            .poll_after()
            .as_secs()
        };
        assert_eq!([0, 1, 2, 3, u32::MAX].map(after), [5, 10, 20, 20, 20]);
    }
}
