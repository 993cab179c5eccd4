//! [`DeliveryState`]: what is remembered of one owner's objects between two runs.
//!
//! All of it can be lost: it is read from the store or made again.

pub(crate) mod attempt;
pub(crate) mod fights;
pub(crate) mod keeper;
pub(crate) mod kept;
mod notice;

use std::collections::HashSet;
use std::time::Duration;

use lode_apply::{
    Applier, Drift, Error as ApplyError, Kinds, Known, Outcome, Record, Records, Set,
};
use lode_object::{GroupVersionKind, Id};
use lode_runtime::Retry;
use tokio::time::Instant;

use crate::state::attempt::DeliveryAttempt;
use crate::state::fights::Fights;
use crate::state::kept::KeptObjects;
use crate::terms::DeliveryTerms;
use crate::wait::item::WaitItem;
use crate::wait::{Wait, WaitPurpose};

/// What is remembered of one owner's objects.
#[derive(Default)]
pub struct DeliveryState {
    /// Whether the records were looked for in the store.
    loaded: bool,
    pub(crate) records: Records,
    /// Fingerprint of the records as the store has them: they are written again only when they differ.
    stored: Option<u64>,
    pub(crate) kinds: Kinds,
    pub(crate) kept: KeptObjects,
    pub(crate) attempt: Option<DeliveryAttempt>,
    pub(crate) wait: Option<Wait>,
    pub(crate) fights: Fights,
    /// Live edits that were told and left.
    pub(crate) left: Vec<Drift>,
}

// What a controller asks and says.
impl DeliveryState {
    /// Reads what is remembered from before a restart.
    pub async fn load(&mut self, terms: &DeliveryTerms<'_>) {
        // Before the first inventory nothing was applied that could be remembered.
        if std::mem::replace(&mut self.loaded, true) || terms.inventory.is_none() {
            return;
        }
        if let Some(records) = terms.keeper.read(terms.uid).await {
            self.stored = Some(records.fingerprint());
            self.records = records;
        }
    }

    /// Returns the digest of everything that the objects in the cluster were made from; empty while they are of no one
    /// revision.
    #[must_use]
    pub fn inputs(&self) -> &str {
        &self.records.inputs
    }

    /// Returns whether anything is remembered of applied objects.
    #[must_use]
    pub fn has_objects(&self) -> bool {
        !self.records.objects.is_empty()
    }

    /// Returns the revision that was applied last.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.records.revision
    }

    /// Returns the digest of the text that was applied last.
    #[must_use]
    pub fn text_digest(&self) -> &str {
        &self.records.text_digest
    }

    /// Begins an attempt at a revision, or goes on with it.
    pub fn begin(&mut self, revision: &str, generation: i64) {
        let is_same = |attempt: &DeliveryAttempt| attempt.is_of(revision, generation);
        if !self.attempt.as_ref().is_some_and(is_same) {
            self.wait = None;
            self.attempt = Some(DeliveryAttempt::new(revision, generation));
        }
    }

    /// Returns the attempt that is under way.
    #[must_use]
    pub fn attempt(&self) -> Option<&DeliveryAttempt> {
        self.attempt.as_ref()
    }

    /// Returns the attempt that is under way, to note what is reported of it.
    pub fn attempt_mut(&mut self) -> Option<&mut DeliveryAttempt> {
        self.attempt.as_mut()
    }

    /// Returns when the attempt began that is under way, maybe some runs ago.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.attempt
            .as_ref()
            .map_or_else(Instant::now, DeliveryAttempt::since)
    }

    /// Ends the attempt, and what it waits for.
    pub fn end(&mut self) {
        self.wait = None;
        self.attempt = None;
    }

    /// Ends the attempt that failed. After a fault that passes by itself the next run goes on with it, so that what must
    /// get healthy has no more time than it was given.
    pub fn failed(&mut self, retry: Retry) {
        match &mut self.attempt {
            Some(attempt) if retry == Retry::Backoff => attempt.untell(),
            _ => self.end(),
        }
    }

    /// Returns whether deleted objects are waited for to be gone.
    #[must_use]
    pub fn awaits_removal(&self) -> bool {
        self.wait
            .as_ref()
            .is_some_and(|wait| wait.purpose == WaitPurpose::Removal)
    }

    /// Returns the objects that are fought over.
    #[must_use]
    pub fn contested(&self) -> Vec<&Id> {
        self.fights.contested()
    }

    /// Returns the live edits that were told and left.
    #[must_use]
    pub fn drifts_left(&self) -> &[Drift] {
        &self.left
    }

    /// Returns when the first object is due that is fought over.
    #[must_use]
    pub fn next_revert(&self) -> Option<Instant> {
        self.fights.next()
    }

    /// Returns whether what is waited for may have come.
    #[must_use]
    pub fn is_worth_a_look(&self) -> bool {
        self.wait.as_ref().is_some_and(Wait::is_worth_a_look)
    }

    /// Returns whether a run is worth its while: what is waited for may have come, or one of the objects that changed
    /// (`ids`) has left what was applied.
    #[must_use]
    pub fn is_worth_a_run(&self, applier: &Applier, ids: &HashSet<Id>) -> bool {
        if self.is_worth_a_look() {
            return true;
        }
        let strayed = applier.drifted(&self.records, &self.kinds, ids);
        // What was told and left is looked at whenever it changes: it may be as Git says again.
        strayed.iter().any(|id| self.fights.held(id).is_none())
            || self.left.iter().any(|drift| ids.contains(&drift.id))
    }

    /// Returns when a run is due that nothing else asks for: health changes by time alone, or the status is to say that
    /// something else is waited for. What changed may have made it so.
    #[must_use]
    pub fn next_by_clock(&self) -> Option<Instant> {
        let wait = self.wait.as_ref()?;
        let look = Some(wait.next_look()).filter(|at| *at < wait.until);
        let attempt = self.attempt.as_ref().filter(|attempt| attempt.is_told());
        let tell = attempt.and_then(|attempt| attempt.tell_at(&wait.in_short()));
        look.into_iter().chain(tell).min()
    }
}

// What an owner does that takes the steps of a delivery one by one.
impl DeliveryState {
    /// Finds out whether the server serves a kind, and watches its objects from then on; nothing if it does not.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn know(
        &mut self,
        applier: &Applier,
        gvk: &GroupVersionKind,
    ) -> Result<Option<Known>, ApplyError> {
        applier.know(gvk, &mut self.kinds).await
    }

    /// Watches all objects that are remembered: after a restart nothing does yet.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn watch(&mut self, applier: &Applier) -> Result<(), ApplyError> {
        let records = self.records.objects.iter();
        let kinds: HashSet<_> = records
            .map(|(id, record)| Records::gvk(id, record))
            .collect();
        for gvk in kinds {
            self.know(applier, &gvk).await?;
        }
        Ok(())
    }

    /// Leaves objects to others from here on: that they are edited is no longer seen.
    pub fn leave(&mut self, ids: &HashSet<Id>) {
        if ids.is_empty() {
            return;
        }
        self.records.objects.retain(|id, _| !ids.contains(id));
        self.kept = self.kept.without(ids);
    }

    /// Takes objects for those that were applied last, of which nothing is remembered: the next look compares each of
    /// them once with what is in the cluster.
    pub fn assume(&mut self, set: &Set, inputs: String) {
        let objects = set.objects().iter();
        let records = objects.map(|desired| (desired.id.clone(), Record::unseen(desired)));
        self.records = Records {
            inputs,
            objects: records.collect(),
            ..Records::default()
        };
        self.kept = KeptObjects::of(set);
    }
}

// What the steps of a delivery note.
impl DeliveryState {
    /// Puts the records into the store, unless it has them so.
    pub(crate) async fn save(&mut self, terms: &DeliveryTerms<'_>) {
        let fingerprint = self.records.fingerprint();
        if self.stored == Some(fingerprint) {
            return;
        }
        let keeper = terms.keeper;
        if keeper.write(terms.owner, terms.uid, &self.records).await {
            self.stored = Some(fingerprint);
        }
    }

    /// Forgets all objects but some, and lets go of the kinds that none of them is of: those need not be watched.
    pub(crate) fn keep_only(&mut self, ids: &HashSet<&Id>) {
        let records = &mut self.records;
        records.objects.retain(|id, _| ids.contains(id));
        records.replaced.retain(|id, _| ids.contains(id));
        records.ran.retain(|id, _| ids.contains(id));
        let kinds: HashSet<_> = records
            .objects
            .iter()
            .map(|(id, record)| Records::gvk(id, record))
            .collect();
        self.kinds.retain(|gvk, _| kinds.contains(gvk));
    }

    /// Notes the live edits that were met; returns those that nobody was told of yet. One that is undone again and again
    /// waits for `wait_max` at most.
    pub(crate) fn note_drifts(&mut self, outcome: &Outcome, wait_max: Duration) -> Vec<Drift> {
        let before = std::mem::take(&mut self.left);
        for drift in &outcome.drifts {
            if drift.corrected {
                self.fights.note(&drift.id, wait_max);
            } else {
                self.left.push(drift.clone());
            }
        }
        let is_news = |drift: &&Drift| !before.contains(drift);
        outcome.drifts.iter().filter(is_news).cloned().collect()
    }

    /// Returns the items with what our records and writes say of their objects: what we wrote is judged by what came of
    /// it, not by what was there before.
    pub(crate) fn with_writes(&self, items: Vec<WaitItem>) -> Vec<WaitItem> {
        let attempt = self.attempt.as_ref();
        let noted = |item: WaitItem| {
            let record = self.records.objects.get(&item.id);
            let written = attempt.and_then(|attempt| attempt.written(&item.id));
            item.known_by(record, written)
        };
        items.into_iter().map(noted).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::wait::exprs::HealthExprs;
    use crate::wait::reading::Reading;
    use lode_cluster::Resource;
    use lode_health::{Health, Status};

    #[test]
    fn a_fault_that_passes_does_not_begin_the_attempt_anew() {
        let mut state = DeliveryState::default();
        state.begin("r", 1);
        let since = state.since();
        state.attempt_mut().unwrap().tell("");
        state.failed(Retry::Backoff);
        let attempt = state.attempt().unwrap();
        assert!(
            attempt.since() == since && !attempt.is_told(),
            "its progress is told again over the failure"
        );
        state.begin("r", 1);
        assert_eq!(state.since(), since);
        state.failed(Retry::Interval);
        assert!(state.attempt().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn another_revision_or_generation_is_another_attempt() {
        let mut state = DeliveryState::default();
        for (revision, generation) in [("r", 1), ("s", 1), ("s", 2)] {
            tokio::time::advance(Duration::from_secs(1)).await;
            state.begin(revision, generation);
            assert_eq!(state.since(), Instant::now(), "{revision} {generation}");
        }
    }

    #[test]
    fn nothing_waits_and_nothing_is_contested_at_first() {
        let state = DeliveryState::default();
        assert!(!state.has_objects() && !state.awaits_removal());
        assert!(state.contested().is_empty() && state.drifts_left().is_empty());
        assert_eq!((state.inputs(), state.next_revert()), ("", None));
        assert_eq!(state.next_by_clock(), None);
    }

    /// A wait for an object that is polled and on its way.
    fn polling() -> Wait {
        let resource = Arc::new(Resource::known("v1", "ConfigMap", "configmaps", true));
        let gvk = GroupVersionKind::new("v1", "ConfigMap");
        let id = Id::parse_inventory("ns_a__ConfigMap").unwrap();
        let mut item = WaitItem::hidden(id, gvk, resource, &HealthExprs::default());
        item.is_polled = true;
        item.read = Some(Reading {
            health: Health::new(Status::InProgress, "", "not yet"),
            pods: None,
            version: Some("7".into()),
            seen: None,
            is_unwatched: false,
            at: Instant::now(),
            number: 1,
            same: 9,
        });
        let timeout = Duration::from_mins(1);
        Wait::new(
            WaitPurpose::Health,
            vec![item],
            timeout,
            None,
            &lode_ambient::Ambient::default(),
        )
    }

    const AWAITED: &str = "ConfigMap/ns/a: not yet";

    #[tokio::test(start_paused = true)]
    async fn a_run_is_due_when_the_status_says_something_else_than_what_is_waited_for() {
        let mut state = DeliveryState::default();
        state.begin("r", 1);
        state.wait = Some(polling());
        let poll = Instant::now() + Duration::from_secs(20);
        assert_eq!(state.next_by_clock(), Some(poll), "nothing was told yet");

        state.attempt_mut().unwrap().tell(AWAITED);
        assert_eq!(state.next_by_clock(), Some(poll));
        state.attempt_mut().unwrap().tell("");
        let long = Instant::now() + lode_runtime::LONG;
        assert_eq!(state.next_by_clock(), Some(long));

        state.attempt_mut().unwrap().tell("something else");
        tokio::time::advance(Duration::from_secs(15)).await;
        let told = Instant::now() + Duration::from_secs(15);
        assert_eq!(
            state.next_by_clock(),
            Some(poll),
            "it comes before {told:?}"
        );
        state.wait.as_mut().unwrap().items[0]
            .read
            .as_mut()
            .unwrap()
            .at = Instant::now();
        assert_eq!(state.next_by_clock(), Some(told));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_ends_waits_for_nothing() {
        let mut state = DeliveryState::default();
        state.begin("r", 1);
        state.wait = Some(polling());
        state.failed(Retry::Backoff);
        assert!(state.wait.is_some(), "the next run goes on with it");
        state.begin("r", 2);
        assert!(state.wait.is_none(), "another generation is another wait");

        state.wait = Some(polling());
        state.end();
        assert!(state.wait.is_none() && state.attempt().is_none());
    }

    fn drift(name: &str, corrected: bool) -> Drift {
        Drift {
            id: Id::parse_inventory(&format!("ns_{name}__ConfigMap")).unwrap(),
            fields: vec![".data.color".to_owned()],
            who: "kubectl".to_owned(),
            corrected,
            operations: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_is_news_once_for_as_long_as_it_lasts() {
        let mut state = DeliveryState::default();
        let mut note = |drifts: &[Drift]| {
            let outcome = Outcome {
                drifts: drifts.to_vec(),
                ..Outcome::default()
            };
            let news = state.note_drifts(&outcome, Duration::from_mins(1));
            (news.len(), state.left.len())
        };
        assert_eq!(note(&[drift("a", false)]), (1, 1));
        assert_eq!(note(&[drift("a", false), drift("b", false)]), (1, 2));
        assert_eq!(note(&[drift("b", false)]), (0, 1));
        assert_eq!(
            note(&[drift("a", false)]),
            (1, 1),
            "it was undone in between"
        );
        assert_eq!(note(&[drift("a", true)]), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_that_is_corrected_again_and_again_is_contested() {
        let mut state = DeliveryState::default();
        let outcome = Outcome {
            drifts: vec![drift("a", true)],
            ..Outcome::default()
        };
        for contested in [0, 0, 1] {
            state.note_drifts(&outcome, Duration::from_mins(1));
            assert_eq!(state.contested().len(), contested);
        }
        assert!(state.next_revert().is_some());
    }
}
