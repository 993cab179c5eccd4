//! Live edits of the objects of a release: found by watch, told, and undone by a patch where that is asked for.

use lode_api::conditions::{DRIFTED, State as Is};
use lode_apply::{Change, Drift, change_log};
use lode_deliver::{DeliveryTerms, DriftMode, touch_up};
use lode_runtime::{Failure, Told};

use crate::acting::Acting;
use crate::reasons::{DRIFT_CORRECTED, DRIFT_CORRECTION_FAILED, DRIFT_DETECTED, NO_DRIFT_DETECTED};
use crate::recorded::{recorded_set, unknown};
use crate::snapshot::Observed as _;
use crate::state::State;
use crate::working::Working;

/// Compares the objects of the last release with the cluster, as far as anything has changed, and brings them back if
/// that is asked for.
///
/// # Errors
/// The state of the cluster cannot be found out.
pub(crate) async fn see_to(
    acting: &Acting<'_>,
    state: &mut State,
    working: &mut Working,
) -> Result<(), Failure> {
    state.detects_drift = acting.drift != DriftMode::Ignore;
    if !state.detects_drift {
        return Ok(());
    }
    let Some(latest) = working.latest().cloned() else {
        return Ok(());
    };
    let revision = format!("sh.helm.release.v1.{}.v{}", latest.name, latest.version.0);
    let terms = acting.terms(&revision, &acting.exprs, acting.interval);
    remember(acting, state, &terms).await?;
    let touched = touch_up(&terms, acting, &mut state.delivery).await;
    let (drifts, changes) = acting.facts.take_drift();
    let name = latest.full_name();
    if !drifts.is_empty() {
        let text = format!(
            "Cluster state of release {name} has drifted from the desired state:\n{}",
            summary(&drifts)
        );
        working.tell_of(Told::warning(DRIFT_DETECTED, &text), &latest);
        working.set(DRIFTED, Is::True, DRIFT_DETECTED, &text);
    }
    if let Err(failure) = touched {
        let part = if changes.is_empty() { "" } else { "partially " };
        let text = format!("Failed to {part}correct cluster state of release {name}:\n{failure}");
        working.tell_of(Told::warning(DRIFT_CORRECTION_FAILED, text), &latest);
        return Ok(());
    }
    told(working, &name, &changes, &latest);
    if state.delivery.drifts_left().is_empty() {
        let text = "No drift detected against the cluster state";
        working.set(DRIFTED, Is::False, NO_DRIFT_DETECTED, text);
    }
    Ok(())
}

/// Makes sure that the objects of the last release are known and watched: after a restart they are not.
async fn remember(
    acting: &Acting<'_>,
    state: &mut State,
    terms: &DeliveryTerms<'_>,
) -> Result<(), Failure> {
    state.delivery.load(terms).await;
    if state.delivery.inputs() != terms.revision || !state.delivery.has_objects() {
        let set = recorded_set(acting).await?;
        state.delivery.assume(&set, terms.revision.to_owned());
    }
    let watched = state.delivery.watch(&acting.applier).await;
    watched.map_err(|error| unknown(&error.to_string()))
}

fn told(
    working: &mut Working,
    name: &str,
    changes: &[Change],
    latest: &lode_api::helm_release::status::Snapshot,
) {
    if changes.is_empty() {
        return;
    }
    let log = change_log(changes);
    let text = format!("Cluster state of release {name} has been corrected:\n{log}");
    working.tell_of(Told::normal(DRIFT_CORRECTED, text), latest);
}

/// Says of each object how many fields differ, in Flux's words.
fn summary(drifts: &[Drift]) -> String {
    let line = |drift: &Drift| match drift.operations {
        Some(operations) if !drift.fields.is_empty() => format!(
            "{} changed ({} additions, {} changes, {} removals)",
            drift.id, operations.additions, operations.changes, operations.removals
        ),
        _ if drift.fields.is_empty() => format!("{} removed", drift.id),
        _ => format!("{} changed ({} fields)", drift.id, drift.fields.len()),
    };
    drifts.iter().map(line).collect::<Vec<_>>().join("\n")
}
