//! Waiting for objects: those of an early stage, and those that must be healthy at the end (spec A9).
//!
//! Whoever has to wait parks: the run ends, and a change of what is waited for starts the next.

use std::time::Duration;

use lode_api::reasons;
use lode_api::shared::InventoryEntry;
use lode_apply::Ends;
use lode_object::{GroupVersionKind, Id, NamespacedName};
use lode_runtime::{Failure, name_of};
use lode_stdx::duration;
use tokio::time::Instant;

use crate::attempt::{End, Job};
use crate::controller::Kustomizations;
use crate::exprs::HealthExprs;
use crate::state::State;
use crate::wait::{self, Item, Looker, Purpose, Standing, Wait};

/// How long an early stage may take to become ready, as in Flux.
const STAGE_TIMEOUT: Duration = Duration::from_mins(1);

impl Kustomizations {
    /// Parks until the objects of an early stage are ready.
    pub(crate) async fn park_stage(
        &self,
        job: &Job<'_>,
        state: &mut State,
        waiting: Vec<(Id, GroupVersionKind)>,
    ) -> Result<(), Failure> {
        self.save_records(job.object, state).await;
        let (since, until) = match &state.wait {
            Some(wait) if wait.purpose == Purpose::Stage => (wait.since, wait.until),
            _ => (Instant::now(), Instant::now() + STAGE_TIMEOUT),
        };
        let mut items = Vec::new();
        for (id, gvk) in waiting {
            if let Some(known) = state.kinds.get(&gvk).cloned() {
                items.push(Item::new(id, gvk, known, &HealthExprs::default()));
            }
        }
        note_writes(&mut items, state);
        let mut wait = Wait {
            purpose: Purpose::Stage,
            items,
            until,
            since,
        };
        if let Some(before) = state.wait.take() {
            wait.resume(before);
        }
        let (wait, standing) = look(job, state, wait).await?;
        let late = Instant::now() >= until;
        match standing {
            Standing::Failed(failed) => {
                let text = format!(
                    "failed early due to stalled resources: [{}]",
                    wait::list(&failed, &state.records)
                );
                Err(Failure::new(reasons::RECONCILIATION_FAILED, text))
            }
            Standing::Waiting(waiting) if late => {
                let text = format!(
                    "timeout waiting for: [{}]",
                    wait::list(&waiting, &state.records)
                );
                Err(Failure::new(reasons::RECONCILIATION_FAILED, text))
            }
            Standing::Ready => {
                // It became ready in between: come again at once, and give the next stage its own time.
                state.wait = None;
                Ok(())
            }
            Standing::Waiting(_) => {
                state.wait = Some(wait);
                Ok(())
            }
        }
    }

    /// Looks at what must be healthy, or parks until it is.
    pub(crate) async fn check_health(
        &self,
        job: &Job<'_>,
        state: &mut State,
        inventory: Vec<InventoryEntry>,
    ) -> Result<End, Failure> {
        let mut items = self.to_be_healthy(job, state).await?;
        if items.is_empty() {
            return Ok(End::Done {
                health: None,
                inventory,
            });
        }
        let revision = &job.artifact.revision;
        job.facts
            .doing("Running health checks", revision, job.checked.timeout);
        job.facts.inventory(inventory.clone());
        let (since, until) = match &state.wait {
            Some(wait) if wait.purpose == Purpose::Health => (wait.since, wait.until),
            _ => (Instant::now(), Instant::now() + job.checked.timeout),
        };
        note_writes(&mut items, state);
        let mut wait = Wait {
            purpose: Purpose::Health,
            items,
            until,
            since,
        };
        if let Some(before) = state.wait.take() {
            wait.resume(before);
        }
        let (wait, standing) = look(job, state, wait).await?;
        let took = since.elapsed();
        let failed = |text: String| {
            let took = duration::format(crate::status::round(took));
            Err(Failure::new(
                reasons::HEALTH_CHECK_FAILED,
                format!("health check failed after {took}: {text}"),
            ))
        };
        match standing {
            Standing::Ready => Ok(End::Done {
                health: Some(took),
                inventory,
            }),
            Standing::Failed(objects) => failed(format!(
                "failed early due to stalled resources: [{}]",
                wait::list(&objects, &state.records)
            )),
            Standing::Waiting(objects) if Instant::now() >= until => failed(format!(
                "timeout waiting for: [{}]",
                wait::list(&objects, &state.records)
            )),
            Standing::Waiting(_) => {
                let until = wait.next_look();
                state.wait = Some(wait);
                Ok(End::Parked { until })
            }
        }
    }

    async fn to_be_healthy(&self, job: &Job<'_>, state: &State) -> Result<Vec<Item>, Failure> {
        let (object, exprs) = (job.object, &job.checked.exprs);
        if !object.spec.wait.unwrap_or_default() {
            return wait::named(object, &job.applier, &state.kinds, exprs).await;
        }
        let own = (self.own.resource().gvk.group_kind(), name_of(object));
        let mut items = Vec::new();
        for (id, record) in state
            .records
            .objects
            .iter()
            .filter(|(_, record)| !record.is_skipped())
        {
            // Waiting for ourselves to be ready would never end.
            if (
                id.group_kind(),
                NamespacedName::new(&id.namespace, &id.name),
            ) == own
            {
                continue;
            }
            let gvk = lode_apply::Records::gvk(id, record);
            if let Some(known) = state.kinds.get(&gvk).cloned() {
                let mut item = Item::new(id.clone(), gvk, known, exprs);
                item.gone_is_done =
                    record.ends != Ends::No || &*id.kind == "Job" && &*id.group == "batch";
                items.push(item);
            }
        }
        Ok(items)
    }
}

/// Looks at what is waited for. A look that fails does not end the wait, nor the time it was given.
async fn look(
    job: &Job<'_>,
    state: &mut State,
    mut wait: Wait,
) -> Result<(Wait, Standing), Failure> {
    let looker = Looker {
        applier: &job.applier,
        exprs: &job.checked.exprs,
    };
    match wait.standing(&looker, &job.owner).await {
        Ok(standing) => Ok((wait, standing)),
        Err(failure) => {
            state.wait = Some(wait);
            Err(failure)
        }
    }
}

/// What we wrote is judged by what came of it, not by what was there before.
fn note_writes(items: &mut [Item], state: &State) {
    let Some(attempt) = &state.attempt else {
        return;
    };
    for item in items {
        item.written = attempt.versions.get(&item.id).copied();
    }
}
