//! Applying a whole set: stage by stage, and the shortcut when nothing changed.

use std::collections::{HashMap, HashSet};

use lode_merge::Observed;
use lode_object::{Id, NamespacedName};

use crate::applier::{Applier, Kinds};
use crate::decide::drifted;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::record::Records;
use crate::request::Request;
use crate::rerun::Rerun;
use crate::set::{STAGES, Set, WAITED};
use crate::stage::Run;

impl Applier {
    /// Brings the cluster to the set. Safe to run again after any end: what is done is not done twice.
    pub async fn apply<'a>(&'a self, request: Request<'a>) -> Outcome {
        let Request {
            set,
            records,
            kinds,
            rules,
            force,
            rerun,
            held,
            warn,
            correction,
            on_fault,
            ahead,
        } = request;
        let (beside, outcome) = (HashMap::new(), Outcome::default());
        let mut run = Run {
            applier: self,
            kinds,
            records,
            rules,
            force,
            rerun,
            held,
            warn,
            correction,
            on_fault,
            ahead,
            beside,
            outcome,
        };
        if let Err(error) = stages(&mut run, set).await {
            run.outcome.error = Some(self.explain(error, set, run.kinds).await);
        }
        run.outcome
    }

    /// Returns whether every remembered object is as it was left, so that there is nothing to do. Costs no call once the
    /// kinds are watched.
    ///
    /// # Errors
    /// The server cannot be asked where a kind lives.
    pub async fn is_unchanged(
        &self,
        records: &Records,
        kinds: &mut Kinds,
        rerun: &Rerun<'_>,
    ) -> Result<bool, Error> {
        for (id, record) in &records.objects {
            let Some(known) = self.know(&Records::gvk(id, record), kinds).await? else {
                return Ok(false);
            };
            // What may not be seen is no reason to believe that it is as it was.
            if !record.is_skipped() && !self.may_get(&known.resource, &id.namespace).await? {
                return Ok(false);
            }
            let name = NamespacedName::new(&id.namespace, &id.name);
            let same =
                |live: &Observed| record.is_skipped() || record.matches(live) && !to_clean(live);
            let same = known.kind.with(&name, |seen| same(&seen.observed));
            let rests =
                || record.is_skipped() || rerun.rests(records, id, known.kind.gone(&name).as_ref());
            if !same.unwrap_or_else(rests) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns which remembered objects have left what was applied, of those that the user we act as may see.
    ///
    /// # Errors
    /// The server could not be asked what the user may see.
    pub async fn drifted_in_sight(
        &self,
        records: &Records,
        kinds: &Kinds,
    ) -> Result<Vec<Id>, Error> {
        let mut left = self.drifted(records, kinds, records.objects.keys());
        let mut hidden = HashSet::new();
        for id in &left {
            let Some(known) = records
                .objects
                .get(id)
                .and_then(|record| kinds.get(&Records::gvk(id, record)))
            else {
                continue;
            };
            if !self.may_get(&known.resource, &id.namespace).await? {
                hidden.insert(id.clone());
            }
        }
        left.retain(|id| !hidden.contains(id));
        Ok(left)
    }

    /// Returns which of `ids` have left what was applied. Looks at the cache alone, with our own rights: it may wake
    /// somebody, but is never shown.
    #[must_use]
    pub fn drifted<'i>(
        &self,
        records: &Records,
        kinds: &Kinds,
        ids: impl IntoIterator<Item = &'i Id>,
    ) -> Vec<Id> {
        let left = |id: &&Id| {
            let Some(record) = records.objects.get(*id) else {
                return false;
            };
            let Some(known) = kinds.get(&Records::gvk(id, record)) else {
                return false;
            };
            let name = NamespacedName::new(&id.namespace, &id.name);
            let live = known
                .kind
                .with(&name, |seen| drifted(record, Some(&seen.observed), None));
            live.unwrap_or_else(|| drifted(record, None, known.kind.gone(&name).as_ref()))
        };
        ids.into_iter().filter(left).cloned().collect()
    }
}

fn to_clean(live: &Observed) -> bool {
    use lode_merge::Flags;
    live.deleting
        || live.flags.contains(Flags::NEEDS_CLEANUP) && !live.flags.contains(Flags::SSA_MERGE)
}

async fn stages(run: &mut Run<'_>, set: &mut Set) -> Result<(), Error> {
    for stage in 0..STAGES {
        let range = set.stage(stage);
        if range.is_empty() {
            continue;
        }
        run.stage(set, range.clone()).await?;
        if stage < WAITED {
            run.outcome.waiting = run.not_ready(&set.objects[range]).await?;
            if !run.outcome.waiting.is_empty() {
                return Ok(());
            }
        }
        if stage == 0 {
            // The server's own list of kinds lags behind a new definition by seconds.
            set.defines()
                .into_iter()
                .for_each(|resource| run.applier.discovery.learn(resource));
        }
    }
    Ok(())
}
