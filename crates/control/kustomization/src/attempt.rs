//! One attempt: source, dependencies, build, apply, prune, health (spec A4, steps 3 to 11).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use lode_api::kustomization::Spec;
use lode_api::shared::{Artifact, InventoryEntry};
use lode_api::{Kind as _, Kustomization, Status as _, conditions, reasons};
use lode_apply::{Ahead, Applier, Desired, Request, Rerun, Set, change_log};
use lode_object::{Id, NamespacedName, meta};
use lode_runtime::{
    Dependency, Draft, Failure, Retry, Told, check_dependencies, is_asked, name_of,
};
use lode_store::Owner;
use tokio::time::Instant;

use crate::build::{self, Built};
use crate::controller::Kustomizations;
use crate::facts::Facts;
use crate::gather;
use crate::kept::Kept;
use crate::state::State;
use crate::status::{added, entries, entry, recorded, with_inventory};
use crate::unserved;
use crate::validate::Checked;

/// Where the store keeps our records.
pub(crate) const RECORDS: &str = "kustomization";

/// How an attempt ended, for now.
pub enum End {
    /// The revision is applied and healthy; how long health took, and the inventory.
    Done {
        health: Option<Duration>,
        inventory: Vec<InventoryEntry>,
    },
    /// Objects must become ready first; their change wakes us, or at last the clock.
    Parked { until: Instant },
    /// Live edits were seen to, nothing else was due.
    TouchedUp,
}

/// What one attempt works with.
pub(crate) struct Job<'a> {
    pub(crate) object: &'a Arc<Kustomization>,
    pub(crate) checked: &'a Checked,
    pub(crate) facts: &'a Facts,
    pub(crate) applier: Applier,
    pub(crate) artifact: Artifact,
    /// Whose artifacts that may be among.
    pub(crate) from: Owner,
    pub(crate) owner: NamespacedName,
}

impl Kustomizations {
    /// Brings the revision of the source about, or goes on with it.
    pub(crate) async fn bring(
        &self,
        object: &Arc<Kustomization>,
        state: &mut State,
        checked: &Checked,
        facts: &Facts,
    ) -> Result<End, Failure> {
        let applier = self.acting_for(object)?;
        let (artifact, from) = gather::artifact(&self.sources, &checked.source, &self.options)?;
        let revision = artifact.revision.to_string();
        let read = self.read_dependencies(object, checked, &applier).await?;
        let find = |name: &NamespacedName| {
            read.get(name)
                .cloned()
                .unwrap_or_else(|| self.own.objects().get(name))
        };
        let is_current = |found: &Kustomization| {
            source(object) != source(found)
                || found.status.last_applied_revision.as_deref() == Some(&*revision)
        };
        check_dependencies(object, &checked.dependencies, find, is_current)?;
        let job = Job {
            object,
            checked,
            facts,
            applier,
            artifact,
            from,
            owner: name_of(object),
        };
        facts.doing("Fetching manifests", &revision, checked.timeout);
        self.load_records(object, state).await;
        let set = match self.desired(&job, state).await {
            Ok(set) => set,
            Err(failure) => {
                if failure.retry != Retry::Dropped {
                    self.hold_last_applied(&job, state).await;
                }
                return Err(failure);
            }
        };
        if state.attempt.is_none() && set.is_same && is_touch_up(object, state, &revision) {
            return self.touch_up(&job, state, true).await;
        }
        state.attempt(object, &revision);
        if let Some(built) = &set.built {
            self.tell_dropped(&job, state, &built.dropped, &revision);
            self.tell_unserved(&job, state, &built.set, &revision);
        }
        let inventory = self.bring_about(&job, state, set).await?;
        let Some(inventory) = inventory else {
            let until = state
                .wait
                .as_ref()
                .map_or_else(Instant::now, crate::wait::Wait::next_look);
            return Ok(End::Parked { until });
        };
        self.check_health(&job, state, inventory).await
    }

    /// Reads what expressions look into in other namespaces as the account that asks: an expression tells whatever it
    /// wants of the whole object. Without an account, and in one's own namespace, the mirror tells.
    async fn read_dependencies(
        &self,
        object: &Kustomization,
        checked: &Checked,
        applier: &Applier,
    ) -> Result<HashMap<NamespacedName, Option<Arc<Kustomization>>>, Failure> {
        let mut read = HashMap::new();
        if applier.client().account().is_none() {
            return Ok(read);
        }
        let elsewhere = |dependency: &&Dependency| {
            dependency.ready.is_some() && dependency.name.namespace != object.metadata.namespace
        };
        for dependency in checked.dependencies.iter().filter(elsewhere) {
            let NamespacedName { namespace, name } = &dependency.name;
            let found = match applier
                .client()
                .get(self.own.resource(), namespace, name)
                .await
            {
                Ok(found) => Kustomization::parse(&found).ok().map(Arc::new),
                Err(error) if error.is_not_found() => None,
                Err(error) if error.is(403) => {
                    let text = format!("can't access 'Kustomization/{}': {error}", dependency.name);
                    return Err(Failure::new(reasons::ACCESS_DENIED, text));
                }
                Err(error) => return Err(error.into()),
            };
            read.insert(dependency.name.clone(), found);
        }
        Ok(read)
    }

    /// Returns who applies, reads and deletes for a Kustomization: its account, where it has one.
    pub(crate) fn acting_for(&self, object: &Kustomization) -> Result<Applier, Failure> {
        let namespace = &*object.metadata.namespace;
        let applier = match self.options.account(object) {
            Some(account) => self.applier.as_service_account(namespace, account)?,
            None => self.applier.clone(),
        };
        Ok(applier.working_for(namespace))
    }

    /// What is remembered from before a restart.
    async fn load_records(&self, object: &Kustomization, state: &mut State) {
        // Before the first inventory nothing was applied that could be remembered.
        if std::mem::replace(&mut state.loaded, true) || object.status.inventory.is_none() {
            return;
        }
        let (store, uid) = (self.records.clone(), object.metadata.uid.to_string());
        let bytes = tokio::task::spawn_blocking(move || store.get(RECORDS, &uid)).await;
        let records = bytes.ok().and_then(Result::ok).flatten();
        let records = records.and_then(|bytes| lode_apply::Records::decode(&bytes));
        if let Some(records) = records {
            state.stored = Some(records.fingerprint());
            state.records = records;
        }
    }

    pub(crate) async fn save_records(&self, object: &Kustomization, state: &mut State) {
        let fingerprint = state.records.fingerprint();
        if state.stored == Some(fingerprint) {
            return;
        }
        let (store, uid, bytes) = (
            self.records.clone(),
            object.metadata.uid.to_string(),
            state.records.encode(),
        );
        let saved = tokio::task::spawn_blocking(move || store.put(RECORDS, &uid, &bytes)).await;
        match saved {
            Ok(Ok(())) => state.stored = Some(fingerprint),
            Ok(Err(error)) => {
                tracing::warn!(name = %name_of(object), %error, "records not kept; a restart will ask again");
            }
            Err(error) => tracing::warn!(name = %name_of(object), %error, "records not kept"),
        }
    }

    /// Finds out what is desired, building only when something that was read has changed.
    async fn desired(&self, job: &Job<'_>, state: &mut State) -> Result<Wanted, Failure> {
        let Job {
            object,
            checked,
            facts,
            artifact,
            ..
        } = job;
        let revision = artifact.revision.to_string();
        // What is wrong from here on is told as a fault of building at this revision.
        let building = || {
            facts.doing("Building manifests", &revision, checked.timeout);
            facts.attempted(&revision);
        };
        if object.spec.kube_config.is_some() {
            building();
            gather::refuse_remote_cluster(self.own.client(), object).await?;
        }
        let vars = gather::variables(self.own.client(), object)
            .await
            .inspect_err(|_| building())?;
        facts.secrets(vars.secrets.clone());
        let spec = build::inputs(object, &vars, &self.build);
        let inputs = format!("{spec} {}", artifact.digest);
        if state.records.inputs == inputs && !state.records.objects.is_empty() {
            building();
            return Ok(Wanted {
                inputs,
                spec,
                built: None,
                is_same: true,
            });
        }
        let tree = self
            .while_wanted(object, gather::tree(&self.sources, artifact, &job.from))
            .await?;
        if let Some((read_by, reads)) = &state.reads
            && *read_by == spec
            && reads.holds_in(&*tree)
        {
            building();
            return Ok(Wanted {
                inputs,
                spec,
                built: None,
                is_same: true,
            });
        }
        let built = self
            .build_within(object, tree, vars, state.build_bytes)
            .await;
        if let Ok(built) = &built {
            state.build_bytes = built.bytes;
        }
        if !built
            .as_ref()
            .is_err_and(|failure| failure.reason == reasons::ARTIFACT_FAILED)
        {
            building();
        }
        Ok(Wanted {
            inputs,
            spec,
            built: Some(built?),
            is_same: false,
        })
    }

    /// A revision that cannot be brought about is no reason to let go of the one before it.
    async fn hold_last_applied(&self, job: &Job<'_>, state: &mut State) {
        if state.kept.is_empty() || state.records.inputs.is_empty() {
            return;
        }
        // What the failed revision deleted and created again stays: to go back would delete it once more.
        if let Err(failure) = self.touch_up(job, state, false).await {
            let error = self
                .own
                .discreet(&job.owner, job.facts.known().mask(&failure).message);
            tracing::warn!(name = %job.owner, error, "drift from the last applied revision not corrected");
        }
    }

    /// Brings back the objects that have left what was applied, and only those.
    async fn touch_up(
        &self,
        job: &Job<'_>,
        state: &mut State,
        force: bool,
    ) -> Result<End, Failure> {
        let left = job
            .applier
            .drifted_in_sight(&state.records, &state.kinds)
            .await?;
        let left: HashSet<Id> = left.into_iter().collect();
        state.told.retain(|told| left.contains(&told.id));
        let left: HashSet<Id> = left
            .into_iter()
            .filter(|id| state.fights.held(id).is_none())
            .collect();
        if left.is_empty() {
            return Ok(End::TouchedUp);
        }
        let objects = self.kept(job, state).await?;
        let objects = objects
            .into_iter()
            .filter(|desired| left.contains(&desired.id))
            .collect();
        let mut set = Set::new(objects, &self.build.custom_stage_kinds);
        let revision = state.records.revision.clone();
        let outcome = self
            .apply(job, state, &mut set, None, (&revision, force))
            .await;
        self.tell_drifts(job, state, &outcome, &revision);
        self.emit_changes(job.object, &outcome.changes, &revision);
        self.save_records(job.object, state).await;
        match outcome.error {
            Some(error) => Err(error.into()),
            None => Ok(End::TouchedUp),
        }
    }

    /// Returns the objects last applied, building them again where that is all that is left of them.
    async fn kept(&self, job: &Job<'_>, state: &mut State) -> Result<Vec<Desired>, Failure> {
        if state.kept.is_empty() {
            let tree = self
                .while_wanted(
                    job.object,
                    gather::tree(&self.sources, &job.artifact, &job.from),
                )
                .await?;
            let vars = gather::variables(self.own.client(), job.object).await?;
            let built = self
                .build_within(job.object, tree, vars, state.build_bytes)
                .await?;
            state.kept = Kept::of(&built.set);
            return Ok(built.set.into_objects());
        }
        Ok(state.kept.objects(&job.owner, |_| true))
    }

    /// Has names left out of what is told that values from Secrets went into.
    fn hide(&self, job: &Job<'_>, set: &Set) {
        self.own.hide_words(&job.owner, set.hidden());
    }

    /// Applies and prunes; returns the inventory, or nothing while an early stage is not ready.
    async fn bring_about(
        &self,
        job: &Job<'_>,
        state: &mut State,
        wanted: Wanted,
    ) -> Result<Option<Vec<InventoryEntry>>, Failure> {
        let Job {
            object,
            checked,
            facts,
            artifact,
            ..
        } = job;
        let revision = artifact.revision.to_string();
        facts.doing("Detecting drift", &revision, checked.timeout);
        let Wanted {
            inputs,
            spec,
            built,
            ..
        } = wanted;
        let old = object
            .status
            .inventory
            .as_ref()
            .map(|inventory| inventory.entries.clone())
            .unwrap_or_default();
        let unchanged = built.is_none() && self.is_unchanged(job, state, &revision).await?;
        if unchanged {
            state.records.inputs = inputs;
            state.records.revision.clone_from(&revision);
            facts.built(&state.records.text_digest);
            self.save_records(object, state).await;
            return Ok(Some(in_order(&old, recorded(&state.records))));
        }
        let (mut set, text_digest, reads) = if let Some(Built {
            set,
            text_digest,
            reads,
            ..
        }) = built
        {
            (set, text_digest, Some((spec, reads)))
        } else {
            let objects = self.kept(job, state).await?;
            let set = Set::new(objects, &self.build.custom_stage_kinds);
            (set, state.records.text_digest.clone(), state.reads.take())
        };
        facts.built(&text_digest);
        self.hide(job, &set);
        // From here on the records are of no one revision: nothing may be concluded from what they were made from.
        let before = (
            std::mem::take(&mut state.records.inputs),
            state.reads.take(),
        );
        let outcome = self
            .apply(job, state, &mut set, Some(&old), (&revision, true))
            .await;
        if outcome.error.is_some() && outcome.changes.is_empty() {
            (state.records.inputs, state.reads) = before;
        }
        self.tell_drifts(job, state, &outcome, &revision);
        if let Some(attempt) = &mut state.attempt {
            attempt.changes.extend(outcome.changes);
            attempt.versions.extend(outcome.versions);
        }
        let ids: HashSet<&Id> = set.objects().iter().map(|desired| &desired.id).collect();
        // Whatever fails from here on, what was written stays in the inventory.
        let written = state
            .records
            .objects
            .iter()
            .filter(|(id, _)| ids.contains(id));
        let written: Vec<_> = written
            .map(|(id, record)| entry(id, &record.version))
            .collect();
        facts.inventory(with(&old, &written));
        if let Some(error) = outcome.error {
            self.save_records(object, state).await;
            self.hold_last_applied(job, state).await;
            let failure = Failure::from(error);
            let changes = state
                .attempt
                .as_ref()
                .map(|attempt| change_log(&attempt.changes))
                .unwrap_or_default();
            return Err(Failure {
                message: format!("{}\n{changes}", failure.message),
                ..failure
            });
        }
        if !outcome.waiting.is_empty() {
            return self
                .park_stage(job, state, outcome.waiting)
                .await
                .map(|()| None);
        }
        let changes = state
            .attempt
            .as_mut()
            .map(|attempt| std::mem::take(&mut attempt.changes))
            .unwrap_or_default();
        if !changes.is_empty() {
            facts.changed();
        }
        self.emit_changes(object, &changes, &revision);
        let inventory = self.prune(job, state, &set, &old).await?;
        state.keep_only(&ids);
        state.reads = reads;
        state.records.inputs = inputs;
        state.records.text_digest = text_digest;
        state.records.revision = revision;
        state.kept = Kept::of(&set);
        self.save_records(object, state).await;
        Ok(Some(inventory))
    }

    async fn apply(
        &self,
        job: &Job<'_>,
        state: &mut State,
        set: &mut Set,
        old: Option<&[InventoryEntry]>,
        (revision, force): (&str, bool),
    ) -> lode_apply::Outcome {
        let object = job.object;
        let held = if is_asked(object) {
            HashSet::new()
        } else {
            state.fights.held_now()
        };
        let more = old
            .map(|old| added(old, &entries(set)))
            .filter(|more| !more.is_empty());
        let ahead: Option<Ahead<'_>> = more.map(|more| -> Ahead<'_> {
            let inventory = with(old.unwrap_or_default(), &more);
            Box::new(move || Box::pin(self.write_ahead(object, inventory)))
        });
        let warn = object
            .metadata
            .annotation(meta::DRIFT)
            .is_some_and(|mode| mode.eq_ignore_ascii_case("warn"));
        let request = Request {
            rerun: self.rerun(job, revision),
            held: &held,
            set,
            records: &mut state.records,
            kinds: &mut state.kinds,
            rules: &job.checked.rules,
            force: force && object.spec.force.unwrap_or_default(),
            warn,
            ahead,
        };
        job.applier.apply(request).await
    }

    async fn is_unchanged(
        &self,
        job: &Job<'_>,
        state: &mut State,
        revision: &str,
    ) -> Result<bool, Failure> {
        let rerun = self.rerun(job, revision);
        Ok(job
            .applier
            .is_unchanged(&state.records, &mut state.kinds, &rerun)
            .await?)
    }

    /// When what has ended is due again: as often as a reconcile by the clock, whose time is spread.
    fn rerun<'r>(&self, job: &Job<'_>, revision: &'r str) -> Rerun<'r> {
        let percent = u32::from(self.options.interval_jitter_percent.min(100));
        let every = job.checked.interval / 100 * (100 - percent);
        Rerun {
            revision,
            now_s: self.own.ambient().now().as_second(),
            // Both times are of whole seconds.
            every_s: i64::try_from(every.as_secs())
                .unwrap_or(i64::MAX)
                .saturating_sub(1),
            is_asked: is_asked(job.object),
        }
    }

    /// Writes down what is about to be created, so that nothing is orphaned when we end before its end.
    async fn write_ahead(
        &self,
        object: &Kustomization,
        inventory: Vec<InventoryEntry>,
    ) -> Result<(), lode_cluster::Error> {
        let now = self.own.ambient().now_text();
        let draft = with_inventory(Draft::new(object, &now), inventory);
        self.own.write_status(object, &draft.status).await
    }

    /// Removes what is no longer named; returns the inventory that is left.
    async fn prune(
        &self,
        job: &Job<'_>,
        state: &mut State,
        set: &Set,
        old: &[InventoryEntry],
    ) -> Result<Vec<InventoryEntry>, Failure> {
        let new = entries(set);
        let stale: Vec<(Id, Box<str>)> = added(&new, old)
            .into_iter()
            .filter_map(|entry| Some((Id::parse_inventory(&entry.id).ok()?, entry.v)))
            .collect();
        if stale.is_empty() || !job.object.spec.prune {
            return Ok(new);
        }
        let pruned = job
            .applier
            .prune(&job.owner, &stale, &mut state.kinds)
            .await?;
        if !pruned.changes.is_empty() {
            job.facts.changed();
        }
        self.emit_changes(job.object, &pruned.changes, &job.artifact.revision);
        if pruned.kept.is_empty() {
            return Ok(new);
        }
        let kept: Vec<InventoryEntry> = old
            .iter()
            .filter(|entry| {
                pruned
                    .kept
                    .iter()
                    .any(|fault| fault.id.inventory() == *entry.id)
            })
            .cloned()
            .collect();
        job.facts.inventory(with(&new, &kept));
        let faults = pruned
            .kept
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n");
        Err(Failure::new(reasons::PRUNE_FAILED, faults))
    }

    /// Tells which fields were dropped, once for each revision.
    fn tell_dropped(&self, job: &Job<'_>, state: &mut State, dropped: &[String], revision: &str) {
        let of = format!("{revision} {}", job.object.metadata.generation);
        if dropped.is_empty() || state.told_dropped == of {
            return;
        }
        state.told_dropped = of;
        let text = format!(
            "fields that their kinds do not have were dropped:\n{}\nhint: correct or remove them; --strict-fields \
             refuses them",
            dropped.join("\n")
        );
        self.own.emit(
            job.object,
            Told::warning(reasons::UNKNOWN_FIELDS, text).at(revision),
        );
    }

    /// Tells which objects are of kinds that nobody serves, once for each revision.
    fn tell_unserved(&self, job: &Job<'_>, state: &mut State, set: &Set, revision: &str) {
        let of = format!("{revision} {}", job.object.metadata.generation);
        if state.told_unserved == of {
            return;
        }
        state.told_unserved = of;
        if let Some(text) = unserved::text(set) {
            self.own.emit(
                job.object,
                Told::warning(reasons::KIND_NOT_SERVED, text).at(revision),
            );
        }
    }

    fn tell_drifts(
        &self,
        job: &Job<'_>,
        state: &mut State,
        outcome: &lode_apply::Outcome,
        revision: &str,
    ) {
        let before = std::mem::take(&mut state.told);
        for drift in &outcome.drifts {
            let known = before.contains(drift);
            if drift.corrected {
                state.fights.note(&drift.id, job.checked.interval);
            } else {
                state.told.push(drift.clone());
            }
            if known {
                continue;
            }
            let text = drift.to_string();
            let (told, what) = if drift.corrected {
                (Told::normal("DriftCorrected", text), "corrected")
            } else {
                (Told::warning("DriftDetected", text), "told")
            };
            self.own.emit(job.object, told.at(revision));
            self.own.metrics().drift(Spec::NAMES.kind, &job.owner, what);
        }
    }
}

/// Nothing is new and nothing is due: what woke us can only be the cluster.
fn is_touch_up(object: &Kustomization, state: &State, revision: &str) -> bool {
    state.due.is_some_and(|due| due > Instant::now())
        && object
            .status
            .conditions()
            .is(conditions::READY, conditions::State::True)
        && object.status.last_applied_revision.as_deref() == Some(revision)
        && object.status.observed_generation() == Some(object.metadata.generation)
        && !is_asked(object)
}

/// What an attempt is to bring about.
struct Wanted {
    /// Digest of everything it is made from.
    inputs: String,
    /// The same without the source.
    spec: String,
    /// The objects, unless they are those of the last time.
    built: Option<Built>,
    is_same: bool,
}

fn with(entries: &[InventoryEntry], more: &[InventoryEntry]) -> Vec<InventoryEntry> {
    entries
        .iter()
        .cloned()
        .chain(added(entries, more))
        .collect()
}

/// Keeps the order an inventory was written in, so that an unchanged set makes no unequal status.
fn in_order(old: &[InventoryEntry], new: Vec<InventoryEntry>) -> Vec<InventoryEntry> {
    let same = old.len() == new.len() && added(old, &new).is_empty();
    if same { old.to_vec() } else { new }
}

/// Returns kind, namespace and name of the source.
fn source(object: &Kustomization) -> (&str, &str, &str) {
    let reference = &object.spec.source_ref;
    let own = &*object.metadata.namespace;
    (
        &reference.kind,
        reference.namespace.as_deref().unwrap_or(own),
        &reference.name,
    )
}
