//! One stage: resolve, decide, look, pre-flight, write.
//!
//! ```text
//! resolve ── decide locally ─┬─ unchanged, skipped: no call
//!                            └─ work ── look (GET, where the live object matters)
//!                                        └─ pre-flight (dry-run burst, where something that exists changes)
//!                                             └─ write by rank; a 409 on a create: look, and begin again
//! ```
//!
//! Nothing is written before every kind, scope and namespace of the stage is known, and nothing that exists is changed
//! before the server has accepted every change of the stage. A stage of new objects, or of a single write, is written
//! directly: there is nothing to protect.

use std::collections::{HashMap, HashSet};

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use lode_cluster::{Error as ClusterError, Status};
use lode_merge::{Digest, Flags, Observed};
use lode_object::{GroupVersionKind, Id, NamespacedName};

use crate::applier::{Applier, Kinds, namespace_resource};
use crate::decide::{Decision, decide};
use crate::desired::Desired;
use crate::error::{Error, Fault, Trouble};
use crate::ignore::{Rule, left_to_others};
use crate::outcome::{Action, Change, Outcome};
use crate::record::{Ends, Record, Records, Replaced};
use crate::rerun::{Rerun, has_ended};
use crate::set::Set;
use crate::work::{Verdict, Work, Written};

/// How often a stage starts over because objects turned out to exist. They are read then, so once is the rule.
const ROUNDS_MAX: usize = 4;

/// Called once before the first write; what it does must be done before anything is written.
pub type Ahead<'a> =
    Box<dyn FnOnce() -> BoxFuture<'a, Result<(), ClusterError>> + Send + Sync + 'a>;

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
    pub(crate) ahead: Option<Ahead<'a>>,
    /// What the user we act as reads itself, because the cache may not be used for it; none where nothing is seen.
    pub(crate) beside: HashMap<Id, Option<Observed>>,
    pub(crate) outcome: Outcome,
}

impl Run<'_> {
    /// Brings one stage about.
    pub(crate) async fn stage(
        &mut self,
        set: &mut Set,
        range: std::ops::Range<usize>,
    ) -> Result<(), Error> {
        self.resolve(set, range.clone()).await?;
        self.look_beside_the_cache(&set.objects[range.clone()])
            .await?;
        let mut work = self.decide(&set.objects[range.clone()]);
        self.check_namespaces(set, &mut work).await?;
        for _ in 0..ROUNDS_MAX {
            if work.is_empty() {
                return Ok(());
            }
            self.look(&mut work).await?;
            for work in work
                .iter_mut()
                .filter(|work| work.verdict == Verdict::Warn && work.live.is_some())
            {
                work.ask_accepted(self.applier).await;
            }
            self.settle(&mut work);
            self.preflight(&mut work).await?;
            self.settle(&mut work);
            if work.is_empty() {
                return Ok(());
            }
            if let Some(ahead) = self.ahead.take() {
                ahead().await?;
            }
            work = self.write(work).await?;
        }
        let contested = work
            .into_iter()
            .map(|work| fault(&work.desired, "apply", conflict()))
            .collect();
        Err(refused(contested))
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
        let (seen, faults) = bounded(looks, applier.options.parallel, false).await;
        self.beside = seen.into_iter().collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(refused(faults))
        }
    }

    /// Decides locally; what is left is work.
    fn decide(&mut self, objects: &[Desired]) -> Vec<Work> {
        let mut work = Vec::new();
        for desired in objects {
            let Some(known) = self.kinds.get(&desired.gvk).cloned() else {
                continue;
            };
            let name = NamespacedName::new(&desired.id.namespace, &desired.id.name);
            let seen = match self.beside.get(&desired.id) {
                Some(seen) => seen.clone(),
                None => known.kind.with(&name, |seen| seen.observed.clone()),
            };
            let record = self.records.objects.get(&desired.id);
            let gone = if seen.is_none() {
                known.kind.gone(&name)
            } else {
                None
            };
            let ended = seen.is_none() && has_ended(desired, record, gone.as_ref());
            let drift = !ended && is_drift(desired, record, seen.as_ref());
            let decision = match decide(desired, record, seen.as_ref()) {
                Decision::Create
                    if ended && self.rerun.rests(self.records, &desired.id, gone.as_ref()) =>
                {
                    Decision::Unchanged
                }
                Decision::Ask | Decision::Create if drift && self.held.contains(&desired.id) => {
                    Decision::Unchanged
                }
                Decision::Ask | Decision::Create if drift && self.warn => Decision::Warn,
                decision => decision,
            };
            match decision {
                Decision::Unchanged => {
                    if let Some(record) = self.records.objects.get_mut(&desired.id) {
                        record.secret = !desired.secrecy.is_open();
                    }
                }
                Decision::Skip => {
                    self.records
                        .objects
                        .insert(desired.id.clone(), Record::skipped(desired));
                }
                Decision::Create => {
                    work.push(Work::new(desired, known, None, drift, Verdict::Create));
                }
                Decision::Ask => work.push(Work::new(desired, known, seen, drift, Verdict::Update)),
                Decision::Warn => work.push(Work::new(desired, known, seen, true, Verdict::Warn)),
            }
        }
        for work in &mut work {
            work.replaced_before = self
                .records
                .was_replaced(&work.desired, self.rerun.revision);
        }
        work
    }

    /// A namespace that does not exist is told before anything is written. Where the user we act as may not see
    /// namespaces, the dry-run of an object there says what the user may know of it.
    async fn check_namespaces(&self, set: &Set, work: &mut [Work]) -> Result<(), Error> {
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
        for work in work
            .iter_mut()
            .filter(|work| work.verdict == Verdict::Create)
        {
            let namespace = work.desired.id.namespace.clone();
            if namespace.is_empty() || known.contains(&namespace) {
                continue;
            }
            match self.namespace_exists(&namespace).await? {
                Some(false) => faults.push(fault(&work.desired, "apply", no_namespace(&namespace))),
                found => {
                    work.tries = found.is_none();
                    known.insert(namespace);
                }
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(refused(faults))
        }
    }

    /// Returns whether a namespace exists, or nothing where the user we act as may not know.
    async fn namespace_exists(&self, namespace: &str) -> Result<Option<bool>, Error> {
        let resource = namespace_resource();
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

    /// Reads the live objects that must be looked into: for drift, clean-up and fields left to others.
    async fn look(&mut self, work: &mut [Work]) -> Result<(), Error> {
        let (applier, rules) = (self.applier, self.rules);
        let wanted = work.iter_mut().filter(|work| work.needs_look(rules));
        let looks = wanted.map(|work| async move {
            let live = applier.live(&work.known.resource, &work.desired.id).await;
            live.map(|live| work.looked(applier, live))
                .map_err(|cause| fault(&work.desired, "read", cause))
        });
        let faults = bounded(looks, applier.options.parallel, false).await.1;
        if !faults.is_empty() {
            return Err(refused(faults));
        }
        for work in work {
            if let Some(live) = &work.live {
                let left = left_to_others(rules, &work.desired, live, &applier.options.manager);
                let left =
                    left.or_else(|| work.desired.how.has_contract.then(|| work.desired.clone()));
                work.payload = left.and_then(|left| left.without_contract(live));
            }
        }
        Ok(())
    }

    /// Sends every write of the stage as a dry-run first, where that protects something.
    async fn preflight(&mut self, work: &mut [Work]) -> Result<(), Error> {
        let writes = work
            .iter()
            .filter(|work| work.verdict != Verdict::Warn)
            .count();
        let existing = work.iter().any(|work| work.verdict == Verdict::Update);
        let all = self.applier.options.preflight_always || existing && writes > 1;
        let (applier, force) = (self.applier, self.force);
        let wanted = work
            .iter_mut()
            .filter(|work| !work.accepted && (all || work.tries));
        let dry_runs = wanted.map(|work| async move {
            work.dry_run(applier, force)
                .await
                .map_err(|cause| fault(&work.desired, "dry-run", cause))
        });
        let faults = bounded(dry_runs, applier.options.parallel, false).await.1;
        if faults.is_empty() {
            Ok(())
        } else {
            Err(refused(faults))
        }
    }

    /// Takes out what turned out to need no write.
    fn settle(&mut self, work: &mut Vec<Work>) {
        let manager = &self.applier.options.manager;
        work.retain(|work| match work.verdict {
            Verdict::Unchanged => {
                if let Some(seen) = &work.seen {
                    self.records
                        .objects
                        .insert(work.desired.id.clone(), Record::of(&work.desired, seen));
                }
                false
            }
            Verdict::Skip => {
                self.records
                    .objects
                    .insert(work.desired.id.clone(), Record::skipped(&work.desired));
                false
            }
            Verdict::Warn if !work.looked => true,
            Verdict::Warn => {
                match &work.seen {
                    // Somebody else owns fields of ours now, but they are as Git says: nothing to tell.
                    Some(seen) if work.differing().is_empty() => {
                        self.records
                            .objects
                            .insert(work.desired.id.clone(), Record::of(&work.desired, seen));
                    }
                    _ => self.outcome.drifts.push(work.drift_report(manager, false)),
                }
                false
            }
            Verdict::Create | Verdict::Update | Verdict::Replace => true,
        });
    }

    /// Writes rank by rank; returns what is left to do because it turned out to exist.
    async fn write(&mut self, work: Vec<Work>) -> Result<Vec<Work>, Error> {
        let mut ranks: Vec<Vec<Work>> = Vec::new();
        for work in work {
            match ranks.last_mut() {
                Some(rank) if rank[0].desired.rank() == work.desired.rank() => rank.push(work),
                _ => ranks.push(vec![work]),
            }
        }
        let mut ranks = ranks.into_iter();
        while let Some(rank) = ranks.next() {
            let again = self.write_rank(rank).await?;
            if !again.is_empty() {
                return Ok(again.into_iter().chain(ranks.flatten()).collect());
            }
        }
        Ok(Vec::new())
    }

    async fn write_rank(&mut self, rank: Vec<Work>) -> Result<Vec<Work>, Error> {
        let (applier, force) = (self.applier, self.force);
        let writes = rank
            .into_iter()
            .enumerate()
            .map(|(place, mut work)| async move {
                match work.write(applier, force).await {
                    Ok(written) => Ok((place, work, written)),
                    Err(trouble) => {
                        let deleted = work
                            .deleted
                            .then(|| (work.desired.id.clone(), work.desired.digest));
                        Err((deleted, fault(&work.desired, "apply", trouble)))
                    }
                }
            });
        let (mut done, failed) = bounded(writes, applier.options.parallel, true).await;
        done.sort_by_key(|(place, ..)| *place);
        let mut again = Vec::new();
        for (_, work, written) in done {
            if work.deleted {
                self.remember_replaced(work.desired.id.clone(), work.desired.digest);
            }
            match written {
                Written::Done(action, live) => self.remember(&work, action, &live),
                Written::Exists => again.push(work),
            }
        }
        let mut faults = Vec::with_capacity(failed.len());
        for (deleted, fault) in failed {
            if let Some((id, digest)) = deleted {
                self.remember_replaced(id, digest);
            }
            faults.push(fault);
        }
        if faults.is_empty() {
            Ok(again)
        } else {
            Err(refused(faults))
        }
    }

    fn remember_replaced(&mut self, id: Id, desired: Digest) {
        self.records.replaced.insert(
            id,
            Replaced {
                revision: self.rerun.revision.into(),
                desired,
            },
        );
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

    fn remember(&mut self, work: &Work, action: Option<Action>, live: &Observed) {
        let record = Record::of(&work.desired, live);
        if record.ends != Ends::No && action == Some(Action::Created) {
            self.records
                .ran
                .insert(work.desired.id.clone(), self.rerun.ran());
        }
        self.records.objects.insert(work.desired.id.clone(), record);
        if let Ok(version) = live.resource_version.parse() {
            self.outcome
                .versions
                .push((work.desired.id.clone(), version));
        }
        if let Some(action) = action {
            self.outcome.changes.push(Change {
                id: work.desired.id.clone(),
                action,
            });
            if work.drift && work.is_edit() {
                self.outcome
                    .drifts
                    .push(work.drift_report(&self.applier.options.manager, true));
            }
        }
    }
}

/// Tells whether the live object changed and Git did not.
fn is_drift(desired: &Desired, record: Option<&Record>, live: Option<&Observed>) -> bool {
    let Some(record) =
        record.filter(|record| record.desired == desired.digest && !record.is_skipped())
    else {
        return false;
    };
    live.is_none_or(|live| !record.matches(live) && !live.flags.contains(Flags::RECONCILE_DISABLED))
}

/// Runs calls with at most `parallel` under way. With `stop`, a fault starts nothing new; what runs is finished.
async fn bounded<T, E, F>(
    calls: impl Iterator<Item = F>,
    parallel: usize,
    stop: bool,
) -> (Vec<T>, Vec<E>)
where
    F: Future<Output = Result<T, E>>,
{
    let (mut done, mut faults) = (Vec::new(), Vec::new());
    let mut running = FuturesUnordered::new();
    for call in calls {
        if stop && !faults.is_empty() {
            break;
        }
        running.push(call);
        if running.len() >= parallel.max(1) {
            take(running.next().await, &mut done, &mut faults);
        }
    }
    while let Some(result) = running.next().await {
        take(Some(result), &mut done, &mut faults);
    }
    (done, faults)
}

fn take<T, E>(result: Option<Result<T, E>>, done: &mut Vec<T>, faults: &mut Vec<E>) {
    match result {
        Some(Ok(value)) => done.push(value),
        Some(Err(fault)) => faults.push(fault),
        None => {}
    }
}

pub(crate) fn fault(desired: &Desired, step: &'static str, trouble: impl Into<Trouble>) -> Fault {
    let Trouble { cause, note } = trouble.into();
    let (id, origin, secrecy) = (
        desired.id.clone(),
        desired.origin.clone(),
        desired.secrecy.clone(),
    );
    Fault {
        id,
        origin,
        step,
        cause,
        note,
        secrecy,
    }
}

/// Returns faults in the order of their objects: calls end in any order, and the same faults must be told the same.
fn refused(mut faults: Vec<Fault>) -> Error {
    faults.sort_by(|one, other| one.id.cmp(&other.id));
    Error::Refused(faults)
}

fn no_namespace(namespace: &str) -> ClusterError {
    let message = format!("namespaces \"{namespace}\" not found");
    ClusterError::Refused(Box::new(Status::new(404, "NotFound", &message)))
}

fn conflict() -> ClusterError {
    let message = "the object is created and deleted by somebody else again and again";
    ClusterError::Refused(Box::new(Status::new(409, "Conflict", message)))
}
