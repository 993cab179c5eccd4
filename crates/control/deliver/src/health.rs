//! Waiting for objects: those of an early stage, and those that must be healthy at the end (spec A9).
//!
//! A delivery that has to wait parks: the run ends, and a change of what is waited for starts the next.

use std::time::Duration;

use lode_api::reasons;
use lode_api::shared::{InventoryEntry, ObjRef};
use lode_object::{GroupVersionKind, Id};
use lode_runtime::Failure;
use lode_stdx::duration;
use tokio::time::Instant;

use crate::checks::{named, to_be_healthy};
use crate::end::DeliveryEnd;
use crate::owner::{DeliveryNews, DeliveryOwner};
use crate::state::DeliveryState;
use crate::terms::DeliveryTerms;
use crate::wait::awaited::{Awaited, in_full, in_plain};
use crate::wait::exprs::HealthExprs;
use crate::wait::item::WaitItem;
use crate::wait::looker::Looker;
use crate::wait::{Wait, WaitPurpose, WaitStanding};
use crate::write::UnreadyObject;

/// How long an early stage may take to become ready, as in Flux.
const STAGE_TIMEOUT: Duration = Duration::from_mins(1);

/// Parks until the objects of an early stage are ready.
///
/// # Errors
/// One of them cannot become ready or does not in time, or cannot be looked at.
pub(crate) async fn await_stage(
    terms: &DeliveryTerms<'_>,
    state: &mut DeliveryState,
    unready: Vec<UnreadyObject>,
) -> Result<DeliveryEnd, Failure> {
    state.save(terms).await;
    let items = unready.into_iter().filter_map(|(id, gvk)| {
        let known = state.kinds.get(&gvk)?.clone();
        Some(WaitItem::new(id, gvk, known, &HealthExprs::default()))
    });
    let items = state.with_writes(items.collect());
    let looked = look(terms, state, WaitPurpose::Stage, items, STAGE_TIMEOUT).await?;
    match looked {
        Looked::Refused { text, .. } => Err(Failure::new(reasons::RECONCILIATION_FAILED, text)),
        // It became ready in between: come again at once, and give the next stage its own time.
        Looked::Ready { .. } => Ok(DeliveryEnd::Parked {
            until: Instant::now(),
            awaited: Vec::new(),
        }),
        Looked::Waiting { until, awaited } => Ok(DeliveryEnd::Parked { until, awaited }),
    }
}

/// Looks at what must be healthy in the end, or parks until it is.
///
/// # Errors
/// An object cannot become healthy or does not in time, or cannot be looked at.
pub(crate) async fn await_health<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
    inventory: Vec<InventoryEntry>,
) -> Result<DeliveryEnd, Failure> {
    let items = to_be_healthy(terms, state).await?;
    if items.is_empty() {
        return Ok(DeliveryEnd::Done {
            health: None,
            inventory,
        });
    }
    owner.hear(DeliveryNews::Doing("Running health checks"));
    owner.hear(DeliveryNews::Inventory(inventory.clone()));

    let items = state.with_writes(items);
    let looked = look(terms, state, WaitPurpose::Health, items, terms.timeout).await?;
    match looked {
        Looked::Ready { took } => Ok(DeliveryEnd::Done {
            health: Some(took),
            inventory,
        }),
        Looked::Waiting { until, awaited } => Ok(DeliveryEnd::Parked { until, awaited }),
        Looked::Refused { text, took, .. } => {
            let took = duration::format(duration::rounded(took));
            let text = format!("health check failed after {took}: {text}");
            Err(Failure::new(reasons::HEALTH_CHECK_FAILED, text))
        }
    }
}

/// An object that an owner waits for in a step of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitTarget {
    /// Which object.
    pub id: Id,
    /// Its kind in the version it was written in.
    pub gvk: GroupVersionKind,
    /// It carries the labels of the owner: what changes it wakes the owner without more.
    pub is_labelled: bool,
}

/// How a wait stands that an owner began itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitEnd {
    /// All are ready.
    Ready,
    /// It goes on: the change of an object starts the next run, or at last the clock.
    Waiting {
        /// When to look again at the latest.
        until: Instant,
        /// What is waited for.
        awaited: Vec<Awaited>,
    },
    /// Some cannot become ready, or did not in time.
    Refused {
        /// Flux's words for it, with the state of each object.
        text: String,
        /// Why each object is as it is, as far as that is known.
        reasons: String,
    },
}

/// Looks at objects that must become ready. The time begins with the first look of one purpose.
///
/// # Errors
/// An object cannot be looked at, or its kind is not served.
pub async fn await_objects(
    terms: &DeliveryTerms<'_>,
    state: &mut DeliveryState,
    purpose: WaitPurpose,
    objects: &[WaitTarget],
) -> Result<WaitEnd, Failure> {
    let mut items = Vec::with_capacity(objects.len());
    for target in objects {
        let mut item = item(terms, state, target).await?;
        item.gone_is_done = &*target.id.kind == "Job" && &*target.id.group == "batch";
        items.push(item);
    }

    let items = state.with_writes(items);
    let looked = look(terms, state, purpose, items, terms.timeout).await?;
    Ok(match looked {
        Looked::Ready { .. } => WaitEnd::Ready,
        Looked::Waiting { until, awaited } => WaitEnd::Waiting { until, awaited },
        Looked::Refused { plain, text, .. } => WaitEnd::Refused {
            text: plain,
            reasons: text,
        },
    })
}

async fn item(
    terms: &DeliveryTerms<'_>,
    state: &mut DeliveryState,
    target: &WaitTarget,
) -> Result<WaitItem, Failure> {
    let WaitTarget { id, gvk, .. } = target;
    if !target.is_labelled {
        let reference = ObjRef {
            api_version: Some(gvk.api_version().into()),
            kind: gvk.kind.clone(),
            name: id.name.clone(),
            namespace: Some(id.namespace.clone()),
        };
        return named(terms, state, &reference).await;
    }
    let Some(known) = terms.applier.know(gvk, &mut state.kinds).await? else {
        let text = format!("can't determine status for {id}: the server does not serve {gvk}");
        return Err(Failure::new(reasons::HEALTH_CHECK_FAILED, text));
    };
    Ok(WaitItem::new(id.clone(), gvk.clone(), known, terms.exprs))
}

/// What a look at all objects of a wait came to.
enum Looked {
    /// All are ready.
    Ready { took: Duration },
    /// The wait goes on.
    Waiting {
        until: Instant,
        awaited: Vec<Awaited>,
    },
    /// Some cannot become ready, or did not in time: Flux's words for it, with reasons and without.
    Refused {
        text: String,
        plain: String,
        took: Duration,
    },
}

/// Looks at what is waited for. A look that fails ends neither the wait nor the time it was given.
async fn look(
    terms: &DeliveryTerms<'_>,
    state: &mut DeliveryState,
    purpose: WaitPurpose,
    items: Vec<WaitItem>,
    timeout: Duration,
) -> Result<Looked, Failure> {
    let looker = Looker {
        applier: terms.applier,
        exprs: terms.exprs,
    };
    let mut wait = Wait::new(purpose, items, timeout, state.wait.take(), terms.ambient());
    let standing = match wait.standing(&looker, terms.owner).await {
        Ok(standing) => standing,
        Err(failure) => {
            state.wait = Some(wait);
            return Err(failure);
        }
    };

    let took = wait.since.elapsed();
    Ok(match standing {
        WaitStanding::Ready => Looked::Ready { took },
        WaitStanding::Failed(failed) => {
            let say = |list: String| format!("failed early due to stalled resources: [{list}]");
            let (text, plain) = (say(in_full(&failed)), say(in_plain(&failed)));
            Looked::Refused { text, plain, took }
        }
        WaitStanding::Waiting(awaited) if wait.is_over() => {
            let say = |list: String| format!("timeout waiting for: [{list}]");
            let (text, plain) = (say(in_full(&awaited)), say(in_plain(&awaited)));
            Looked::Refused { text, plain, took }
        }
        WaitStanding::Waiting(awaited) => {
            let until = wait.next_look();
            state.wait = Some(wait);
            Looked::Waiting { until, awaited }
        }
    })
}
