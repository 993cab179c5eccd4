//! [`Wait`]: objects that must become ready, looked at when they change and never in between.
//!
//! Waiting is a subscription. What the watch cache knows of an object costs no call; an object that only itself can
//! tell of (an expression of the user's speaks for it) is read once for each of its versions, and what the reading came
//! to is carried from one run to the next. Where health changes by time alone, [`Wait::next_look`] says when. Only what
//! whom we act for may get by its name at most is read from time to time.

pub(crate) mod awaited;
pub(crate) mod exprs;
pub(crate) mod item;
pub(crate) mod looker;
mod moment;
pub(crate) mod reading;

use std::collections::HashMap;
use std::time::Duration;

use lode_ambient::Ambient;
use lode_health::Status;
use lode_object::{Id, NamespacedName};
use lode_runtime::Failure;
use tokio::time::Instant;

use crate::wait::awaited::{Awaited, in_short};
use crate::wait::item::WaitItem;
use crate::wait::looker::Looker;
use crate::wait::moment::Moment;

/// Objects that must become ready.
pub(crate) struct Wait {
    /// What is waited for: one kind of wait must never be taken for another.
    pub(crate) purpose: WaitPurpose,
    pub(crate) items: Vec<WaitItem>,
    pub(crate) until: Instant,
    pub(crate) since: Instant,
    ambient: Ambient,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitPurpose {
    /// An early stage that must be ready before the next.
    Stage,
    /// Health at the end.
    Health,
    /// A single object whose end the next step needs.
    Step,
    /// Deleted objects that must be gone.
    Removal,
}

/// How the objects of a wait are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WaitStanding {
    /// All are ready.
    Ready,
    /// Some are not yet.
    Waiting(Vec<Awaited>),
    /// Some cannot become ready.
    Failed(Vec<Awaited>),
}

impl Wait {
    /// Begins to wait for objects, or goes on with a wait of the same purpose: its time goes on too, and what was found
    /// out about its objects still holds until they change.
    pub(crate) fn new(
        purpose: WaitPurpose,
        items: Vec<WaitItem>,
        timeout: Duration,
        before: Option<Self>,
        ambient: &Ambient,
    ) -> Self {
        let now = Instant::now();
        let mut wait = Self {
            purpose,
            items,
            until: now + timeout,
            since: now,
            ambient: ambient.clone(),
        };
        if let Some(before) = before.filter(|before| before.purpose == purpose) {
            (wait.since, wait.until) = (before.since, before.until);
            wait.resume(before.items);
        }
        wait
    }

    fn resume(&mut self, before: Vec<WaitItem>) {
        let kept = before.into_iter().filter(WaitItem::is_worth_keeping);
        let mut kept: HashMap<Id, WaitItem> = kept.map(|item| (item.id.clone(), item)).collect();
        for item in &mut self.items {
            if let Some(before) = kept.remove(&item.id) {
                item.resume(before);
            }
        }
    }

    /// Returns whether its time is over.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Returns whether a run would find more than the last one did, going by the caches and the clock.
    pub(crate) fn is_worth_a_look(&self) -> bool {
        if self.purpose == WaitPurpose::Removal {
            return self
                .items
                .iter()
                .all(|item| !item.is_polled && !item.is_seen());
        }
        let now = Moment::now(&self.ambient);
        let mut all_are_ready = true;
        for item in &self.items {
            match item.glance(now).found.map(|found| found.health.status) {
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
        let now = Moment::now(&self.ambient);
        self.items
            .iter()
            .filter_map(|item| item.glance(now).again)
            .fold(self.until, Instant::min)
    }

    /// Says what is waited for, going by the caches and the clock; empty where objects are waited for to be gone.
    pub(crate) fn in_short(&self) -> String {
        if self.purpose == WaitPurpose::Removal {
            return String::new();
        }
        let now = Moment::now(&self.ambient);
        let awaited: Vec<Awaited> = self
            .items
            .iter()
            .filter_map(|item| Some(item.awaited(&item.glance(now).found?)))
            .filter(|awaited| awaited.status != Status::Current)
            .collect();
        in_short(&awaited)
    }

    /// Looks at every object, reading those that only themselves can tell of and that have changed.
    pub(crate) async fn standing(
        &mut self,
        looker: &Looker<'_>,
        owner: &NamespacedName,
    ) -> Result<WaitStanding, Failure> {
        let mut waiting = Vec::new();
        let mut failed = Vec::new();
        for item in &mut self.items {
            let found = looker.look(item, owner).await?;
            match found.health.status {
                Status::Current => {}
                Status::Failed => failed.push(item.awaited(&found)),
                _ => waiting.push(item.awaited(&found)),
            }
        }

        Ok(match (failed.is_empty(), waiting.is_empty()) {
            (false, _) => WaitStanding::Failed(failed),
            (true, false) => WaitStanding::Waiting(waiting),
            (true, true) => WaitStanding::Ready,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lode_cluster::Resource;
    use lode_health::Health;
    use lode_object::GroupVersionKind;

    use super::*;
    use crate::wait::exprs::HealthExprs;
    use crate::wait::reading::Reading;

    const LONG: Duration = Duration::from_mins(1);

    fn id(name: &str) -> Id {
        Id::parse_inventory(&format!("ns_{name}__ConfigMap")).unwrap()
    }

    /// An object that may be got by its name alone.
    fn item(name: &str) -> WaitItem {
        let resource = Arc::new(Resource::known("v1", "ConfigMap", "configmaps", true));
        let gvk = GroupVersionKind::new("v1", "ConfigMap");
        WaitItem::hidden(id(name), gvk, resource, &HealthExprs::default())
    }

    /// An object that was read so by an account that cannot watch.
    fn polled(name: &str, status: Status) -> WaitItem {
        let read = Reading {
            health: Health::new(status, "", "not yet"),
            pods: None,
            version: Some("7".into()),
            seen: None,
            is_unwatched: false,
            at: Instant::now(),
            number: 1,
            same: 0,
        };
        WaitItem {
            is_polled: true,
            written: Some(7),
            read: Some(read),
            ..item(name)
        }
    }

    fn wait(purpose: WaitPurpose, items: Vec<WaitItem>) -> Wait {
        Wait::new(purpose, items, LONG, None, &Ambient::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_goes_on_in_its_own_time_and_another_purpose_has_time_of_its_own() {
        let begun = Instant::now();
        let first = wait(WaitPurpose::Health, vec![item("a")]);
        tokio::time::advance(Duration::from_secs(7)).await;
        let again = Wait::new(
            WaitPurpose::Health,
            vec![item("a")],
            2 * LONG,
            Some(first),
            &Ambient::default(),
        );
        assert_eq!((again.since, again.until), (begun, begun + LONG));
        let stage = Wait::new(
            WaitPurpose::Stage,
            vec![item("a")],
            LONG,
            Some(again),
            &Ambient::default(),
        );
        let now = Instant::now();
        assert_eq!((stage.since, stage.until), (now, now + LONG));
        assert!(!stage.is_over());
        tokio::time::advance(LONG).await;
        assert!(stage.is_over());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_found_out_holds_in_the_next_run_of_the_same_wait() {
        let read = || wait(WaitPurpose::Health, vec![polled("a", Status::InProgress)]);
        let is_known = |purpose, before| {
            let mut wait = Wait::new(
                purpose,
                vec![item("a"), item("b")],
                LONG,
                Some(before),
                &Ambient::default(),
            );
            wait.items[0].is_polled = true;
            wait.in_short()
        };
        assert_eq!(
            is_known(WaitPurpose::Health, read()),
            "ConfigMap/ns/a: not yet; ConfigMap/ns/b: NotFound"
        );
        assert_eq!(
            is_known(WaitPurpose::Stage, read()),
            "ConfigMap/ns/b: NotFound"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_known_or_has_failed_is_worth_a_look() {
        let worth = |items| wait(WaitPurpose::Health, items).is_worth_a_look();
        assert!(worth(vec![WaitItem {
            is_polled: true,
            ..item("a")
        }]));
        assert!(!worth(vec![polled("a", Status::InProgress)]));
        assert!(worth(vec![
            polled("a", Status::InProgress),
            polled("b", Status::Failed)
        ]));
        assert!(worth(vec![polled("a", Status::Current)]), "all are ready");
        assert!(!worth(vec![
            polled("a", Status::Current),
            polled("b", Status::InProgress)
        ]));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_polled_is_looked_at_before_the_end() {
        let wait = wait(WaitPurpose::Health, vec![polled("a", Status::InProgress)]);
        let poll = Duration::from_secs(5);
        assert_eq!(wait.next_look(), wait.since + poll);
        tokio::time::advance(poll).await;
        assert!(wait.is_worth_a_look(), "its reading is old");
        assert_eq!(wait.next_look(), wait.until);
    }

    #[tokio::test(start_paused = true)]
    async fn deleted_objects_are_worth_a_look_once_none_is_seen() {
        let worth = |items| wait(WaitPurpose::Removal, items).is_worth_a_look();
        assert!(worth(vec![item("a")]));
        assert!(!worth(vec![item("a"), polled("b", Status::Current)]));
        let removal = wait(WaitPurpose::Removal, vec![polled("a", Status::Current)]);
        assert_eq!(removal.in_short(), "", "nothing is to become ready");
    }

    #[tokio::test(start_paused = true)]
    async fn the_ready_are_not_waited_for() {
        let items = vec![
            polled("a", Status::Current),
            polled("b", Status::InProgress),
            polled("c", Status::NotFound),
        ];
        assert_eq!(
            wait(WaitPurpose::Health, items).in_short(),
            "ConfigMap/ns/b: not yet; ConfigMap/ns/c: not yet"
        );
    }
}
