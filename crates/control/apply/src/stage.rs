//! One stage: resolve, decide, look, pre-flight, write.
//!
//! ```text
//! resolve ── decide locally ─┬─ unchanged, skipped: no call
//!                            └─ Decided ── look (GET, where the live object matters)
//!                                 └─ Looked ── pre-flight (dry-run burst, where something that exists changes)
//!                                      └─ write by rank ─┬─ Written
//!                                                        └─ a 409 on a create: Looked again
//! ```
//!
//! Nothing is written before every kind, scope and namespace of the stage is known, and nothing that exists is changed
//! before the server has accepted every change of the stage. A stage of new objects, or of a single write, is written
//! directly: there is nothing to protect.

use std::collections::{HashMap, HashSet};

use lode_cluster::{Error as ClusterError, Gone, Resource, Status};
use lode_merge::{Digest, Flags, Observed};
use lode_object::{GroupVersionKind, Id, NamespacedName};

use crate::applier::{Applier, Kinds, Known, Preflight};
use crate::calls::{all, all_in_order, until_a_fault};
use crate::decide::{Decision, decide};
use crate::desired::Desired;
use crate::error::{Error, Fault};
use crate::ignore::Rule;
use crate::live::LiveObject;
use crate::outcome::{Action, Change, Outcome};
use crate::record::{Ends, Record, Records, Replaced};
use crate::request::{Ahead, Correction, OnFault};
use crate::rerun::{Rerun, has_ended};
use crate::set::Set;
use crate::work::{
    Decided, Hands, Intent, Looked, Settled, StepOutcome, Task, Way, Written, WrittenObject, fault,
};

/// How often a stage starts over because objects turned out to exist. They are read then, so once is the rule.
const ROUNDS_MAX: usize = 4;

/// What a run over all stages carries along.
pub(crate) struct Run<'a> {
    pub(crate) applier: &'a Applier,
    pub(crate) kinds: &'a mut Kinds,
    pub(crate) records: &'a mut Records,
    pub(crate) rules: &'a [Rule],
    pub(crate) force: bool,
    pub(crate) rerun: Rerun<'a>,
    pub(crate) held: &'a HashSet<Id>,
    pub(crate) warn: bool,
    pub(crate) correction: Correction,
    pub(crate) on_fault: OnFault,
    pub(crate) ahead: Option<Ahead<'a>>,
    /// What the user we act as reads itself, because the cache may not be used for it; none where nothing is seen.
    pub(crate) beside: HashMap<Id, Option<Observed>>,
    pub(crate) outcome: Outcome,
}

impl<'a> Run<'a> {
    /// Brings one stage about.
    pub(crate) async fn stage(
        &mut self,
        set: &mut Set,
        range: std::ops::Range<usize>,
    ) -> Result<(), Error> {
        self.resolve(set, range.clone()).await?;
        self.look_beside_the_cache(&set.objects[range.clone()])
            .await?;

        let mut decided = self.decide(&set.objects[range]);
        self.check_namespaces(set, &mut decided).await?;
        let mut looked = self.look(decided).await?;
        for _ in 0..ROUNDS_MAX {
            looked = self.preflight(looked).await?;
            if looked.is_empty() {
                return Ok(());
            }
            if let Some(ahead) = self.ahead.take() {
                ahead().await?;
            }
            looked = self.write(looked).await?;
            if looked.is_empty() {
                return Ok(());
            }
        }
        let contested = looked
            .iter()
            .map(|looked| fault(&looked.task.desired, "apply", conflict()));
        Err(Error::refused(contested))
    }

    /// Finds where every kind lives, and takes the namespace from objects that cannot have one.
    async fn resolve(&mut self, set: &mut Set, range: std::ops::Range<usize>) -> Result<(), Error> {
        let mut unknown = Vec::new();
        for desired in &mut set.objects[range] {
            match self.applier.know(&desired.gvk, self.kinds).await? {
                None => unknown.push((
                    desired.id.clone(),
                    desired.gvk.clone(),
                    desired.origin.clone(),
                )),
                Some(known) if known.resource.namespaced != desired.id.namespace.is_empty() => {}
                Some(known) if known.resource.namespaced => {
                    return Err(Error::NoNamespace(
                        desired.id.clone(),
                        desired.origin.clone(),
                    ));
                }
                Some(_) => *desired = desired.cluster_scoped(),
            }
        }

        if unknown.is_empty() {
            Ok(())
        } else {
            Err(Error::UnknownKinds(unknown))
        }
    }

    /// Reads, as the user we act as, the objects for which the cache may not be used. What the user may not read either
    /// counts as not known: the server's answer to the write then says so, the same whether the object exists or not.
    async fn look_beside_the_cache(&mut self, objects: &[Desired]) -> Result<(), Error> {
        let applier = self.applier;
        let mut hidden = Vec::new();
        for desired in objects {
            let Some(known) = self.kinds.get(&desired.gvk).cloned() else {
                continue;
            };
            if !desired.how.skip
                && !applier
                    .may_get(&known.resource, &desired.id.namespace)
                    .await?
            {
                hidden.push((desired, known));
            }
        }

        let looks = hidden.into_iter().map(|(desired, known)| async move {
            match applier.live(&known.resource, &desired.id).await {
                Ok(live) => Ok((desired.id.clone(), live.map(|live| applier.observe(&live)))),
                Err(error) if error.is(403) => Ok((desired.id.clone(), None)),
                Err(cause) => Err(fault(desired, "read", cause)),
            }
        });
        let seen = all_in_order(looks, applier.options.parallel).await?;
        self.beside = seen.into_iter().collect();
        Ok(())
    }

    /// Decides locally; returns what could not be settled so.
    fn decide(&mut self, objects: &[Desired]) -> Vec<Decided> {
        let mut undecided = Vec::new();
        for desired in objects {
            let Some(known) = self.kinds.get(&desired.gvk).cloned() else {
                continue;
            };

            let found = self.seen(desired, &known);
            let drift = found.drift;
            let intent = match self.decision(desired, &found) {
                Decision::Unchanged => {
                    if let Some(record) = self.records.objects.get_mut(&desired.id) {
                        record.secret = !desired.secrecy.is_open();
                    }
                    continue;
                }
                Decision::Skip => {
                    let record = Record::skipped(desired);
                    self.records.objects.insert(desired.id.clone(), record);
                    continue;
                }
                Decision::Create => Intent::Create,
                Decision::Ask => found.seen.map_or(Intent::Create, Intent::Update),
                Decision::Warn => Intent::Warn,
            };

            let replaced_before = self.records.was_replaced(desired, self.rerun.revision);
            let task = Box::new(Task {
                desired: desired.clone(),
                known,
                drift,
                replaced_before,
                tries: false,
            });
            undecided.push(Decided { task, intent });
        }
        undecided
    }

    /// Finds out what is seen of an object without a call.
    fn seen(&self, desired: &Desired, known: &Known) -> CacheView {
        let name = NamespacedName::new(&desired.id.namespace, &desired.id.name);
        let seen = match self.beside.get(&desired.id) {
            Some(seen) => seen.clone(),
            None => known.kind.with(&name, |seen| seen.observed.clone()),
        };
        let gone = if seen.is_none() {
            known.kind.gone(&name)
        } else {
            None
        };

        let record = self.records.objects.get(&desired.id);
        let ended = seen.is_none() && has_ended(desired, record, gone.as_ref());
        CacheView {
            drift: !ended && is_drift(desired, record, seen.as_ref()),
            seen,
            gone,
            ended,
        }
    }

    /// Decides for one object: what holds for any run, and what this run says of drift and of what has ended.
    fn decision(&self, desired: &Desired, found: &CacheView) -> Decision {
        let record = self.records.objects.get(&desired.id);
        let rests = || {
            self.rerun
                .rests(self.records, &desired.id, found.gone.as_ref())
        };
        match decide(desired, record, found.seen.as_ref()) {
            Decision::Create if found.ended && rests() => Decision::Unchanged,
            Decision::Ask | Decision::Create if found.drift && self.held.contains(&desired.id) => {
                Decision::Unchanged
            }
            Decision::Ask | Decision::Create if found.drift && self.warn => Decision::Warn,
            decision => decision,
        }
    }

    /// A namespace that does not exist is reported before anything is written. Where the user we act as may not see
    /// namespaces, the dry-run of an object there says what the user may know of it.
    async fn check_namespaces(&self, set: &Set, decided: &mut [Decided]) -> Result<(), Error> {
        if self.applier.options.preflight == Preflight::Never {
            return Ok(());
        }
        let own = self
            .applier
            .client
            .account()
            .map(|account| account.namespace.clone());
        let mut known: HashSet<Box<str>> = set
            .objects
            .iter()
            .filter(|d| &*d.gvk.kind == "Namespace")
            .map(|d| d.id.name.clone())
            .chain(own)
            .collect();

        let mut faults = Vec::new();
        let created = decided
            .iter_mut()
            .filter(|decided| matches!(decided.intent, Intent::Create));
        for Decided { task, .. } in created {
            let namespace = task.desired.id.namespace.clone();
            if namespace.is_empty() || known.contains(&namespace) {
                continue;
            }
            match self.namespace_exists(&namespace).await? {
                Some(false) => faults.push(fault(&task.desired, "apply", no_namespace(&namespace))),
                found => {
                    task.tries = found.is_none();
                    known.insert(namespace);
                }
            }
        }
        Error::unless_empty(faults)
    }

    /// Returns whether a namespace exists, or nothing where the user we act as may not know.
    async fn namespace_exists(&self, namespace: &str) -> Result<Option<bool>, Error> {
        let resource = Resource::namespaces();
        if !self.applier.may_get(&resource, "").await? {
            return Ok(None);
        }
        if self
            .applier
            .namespaces
            .as_ref()
            .is_some_and(|namespaces| namespaces.get("", namespace).is_some())
        {
            return Ok(Some(true));
        }
        match self.applier.client.get(&resource, "", namespace).await {
            Ok(_) => Ok(Some(true)),
            Err(error) if error.is_not_found() => Ok(Some(false)),
            Err(error) => Err(error.into()),
        }
    }

    fn hands(&self) -> Hands<'a> {
        Hands {
            applier: self.applier,
            rules: self.rules,
            force: self.force,
            correction: self.correction,
        }
    }

    /// Reads the live objects that must be looked into; returns what is to be written.
    async fn look(&mut self, decided: Vec<Decided>) -> Result<Vec<Looked>, Error> {
        let hands = self.hands();
        let looks = decided.into_iter().map(|decided| decided.look(hands));
        let steps = all_in_order(looks, hands.applier.options.parallel).await?;
        Ok(self.settle(steps))
    }

    /// Sends every write of the stage as a dry-run first, where that protects something; returns what is to be written.
    async fn preflight(&mut self, looked: Vec<Looked>) -> Result<Vec<Looked>, Error> {
        let hands = self.hands();
        let options = &hands.applier.options;
        let changes_something = looked
            .iter()
            .any(|looked| matches!(looked.way, Way::Update(_)));
        let all = match options.preflight {
            Preflight::Always => true,
            Preflight::Changes => changes_something && looked.len() > 1,
            Preflight::Never => false,
        };
        let dry_runs = looked.into_iter().map(|looked| async move {
            if looked.accepted || !(all || looked.task.tries) {
                return Ok(StepOutcome::Write(looked));
            }
            looked.dry_run(hands).await
        });
        let steps = all_in_order(dry_runs, options.parallel).await?;
        Ok(self.settle(steps))
    }

    /// Notes what needs no write; returns the rest.
    fn settle(&mut self, steps: Vec<StepOutcome>) -> Vec<Looked> {
        let mut to_write = Vec::new();
        for step in steps {
            match step {
                StepOutcome::Write(looked) => to_write.push(looked),
                StepOutcome::Settled(Settled::AsDesired(task, seen)) => {
                    let record = Record::of(&task.desired, &seen);
                    self.records.objects.insert(task.desired.id, record);
                }
                StepOutcome::Settled(Settled::Skipped(task)) => {
                    let record = Record::skipped(&task.desired);
                    self.records.objects.insert(task.desired.id, record);
                }
                StepOutcome::Settled(Settled::Told(drift)) => self.outcome.drifts.push(drift),
            }
        }
        to_write
    }

    /// Writes rank by rank; returns what is left to do because something turned out to exist.
    async fn write(&mut self, looked: Vec<Looked>) -> Result<Vec<Looked>, Error> {
        let mut ranks: Vec<Vec<Looked>> = Vec::new();
        for looked in looked {
            match ranks.last_mut() {
                Some(rank) if rank[0].task.desired.rank() == looked.task.desired.rank() => {
                    rank.push(looked);
                }
                _ => ranks.push(vec![looked]),
            }
        }
        let mut ranks = ranks.into_iter();
        let mut faults = Vec::new();
        while let Some(rank) = ranks.next() {
            let (again, refused) = self.write_rank(rank).await;
            faults.extend(refused);
            if !faults.is_empty() && self.on_fault == OnFault::Stop {
                break;
            }
            if !again.is_empty() {
                Error::unless_empty(faults)?;
                return Ok(again.into_iter().chain(ranks.flatten()).collect());
            }
        }
        Error::unless_empty(faults)?;
        Ok(Vec::new())
    }

    /// Writes objects side by side; returns those that turned out to be otherwise than thought, and the faults of those
    /// that were refused.
    async fn write_rank(&mut self, rank: Vec<Looked>) -> (Vec<Looked>, Vec<Box<Fault>>) {
        let hands = self.hands();
        let parallel = hands.applier.options.parallel;
        let writes = rank.into_iter().map(|looked| looked.write(hands));
        let (written, unwritten) = if self.on_fault == OnFault::GoOn {
            all(writes, parallel).await
        } else {
            until_a_fault(writes, parallel).await
        };

        // What was written is remembered before a fault is reported.
        let mut again = Vec::new();
        for written in written {
            match written {
                Written::Done(written) => self.remember(*written),
                Written::Again(step) => again.push(step),
            }
        }
        let again = self.settle(again);
        let mut faults = Vec::with_capacity(unwritten.len());
        for unwritten in unwritten {
            if let Some((id, digest)) = unwritten.deleted {
                self.remember_replaced(id, digest);
            }
            faults.push(unwritten.fault);
        }
        (again, faults)
    }

    fn remember_replaced(&mut self, id: Id, desired: Digest) {
        let replaced = Replaced {
            revision: self.rerun.revision.into(),
            desired,
        };
        self.records.replaced.insert(id, replaced);
    }

    fn remember(&mut self, written: WrittenObject) {
        let WrittenObject {
            task,
            before,
            action,
            after,
            was_deleted,
        } = written;
        let desired = &task.desired;
        if was_deleted {
            self.remember_replaced(desired.id.clone(), desired.digest);
        }
        let record = Record::of(desired, &after);
        if record.ends != Ends::No && action == Some(Action::Created) {
            self.records
                .ran
                .insert(desired.id.clone(), self.rerun.ran());
        }
        self.records.objects.insert(desired.id.clone(), record);
        if let Ok(version) = after.resource_version.parse() {
            self.outcome.versions.push((desired.id.clone(), version));
        }

        let Some(action) = action else { return };
        self.outcome.changes.push(Change {
            id: desired.id.clone(),
            action,
        });
        if task.drift {
            let manager = &self.applier.options.manager;
            let drift = match &before {
                None => Some(LiveObject::deletion(desired, true)),
                Some(before) => before
                    .is_edit(desired)
                    .then(|| before.drift(desired, manager, true)),
            };
            self.outcome.drifts.extend(drift);
        }
    }

    /// Returns which objects are not ready yet, as far as the user we act as can see.
    pub(crate) async fn not_ready(
        &self,
        objects: &[Desired],
    ) -> Result<Vec<(Id, GroupVersionKind)>, Error> {
        let mut waiting = Vec::new();
        for desired in objects.iter().filter(|desired| !desired.how.skip) {
            let seen = match self.kinds.get(&desired.gvk) {
                None => None,
                Some(known) => match self.applier.see(known, &desired.id).await {
                    Err(error) if error.is(403) => None,
                    seen => seen?,
                },
            };
            if seen.map(|seen| seen.health.status) != Some(lode_health::Status::Current) {
                waiting.push((desired.id.clone(), desired.gvk.clone()));
            }
        }
        Ok(waiting)
    }
}

/// What is seen of an object without a call.
struct CacheView {
    seen: Option<Observed>,
    /// How it went, if it did and that was seen.
    gone: Option<Gone>,
    /// It went as it should.
    ended: bool,
    /// The live object changed, and Git did not.
    drift: bool,
}

/// Returns whether the live object changed and Git did not.
fn is_drift(desired: &Desired, record: Option<&Record>, live: Option<&Observed>) -> bool {
    let Some(record) =
        record.filter(|record| record.desired == desired.digest && !record.is_skipped())
    else {
        return false;
    };
    live.is_none_or(|live| !record.matches(live) && !live.flags.contains(Flags::RECONCILE_DISABLED))
}

fn no_namespace(namespace: &str) -> ClusterError {
    let message = format!("namespaces \"{namespace}\" not found");
    ClusterError::Refused(Box::new(Status::new(404, "NotFound", &message)))
}

fn conflict() -> ClusterError {
    let message = "the object is created and deleted by somebody else again and again";
    ClusterError::Refused(Box::new(Status::new(409, "Conflict", message)))
}
