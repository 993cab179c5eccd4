//! Rolls a release back to an earlier revision.

use std::time::Duration;

use lode_api::helm_release::action::Rollback;
use lode_api::helm_release::status::Snapshot;
use lode_chart::release::{ApplyMethod, Event, Release, ReleaseStatus};

use super::perform::{Around, Ended, perform};
use super::place::{PlaceOrder, clean_up};
use super::recording::Recording;
use super::{ReleaseOrder, Written, oci_digest_of};
use crate::acting::{Acting, ActionError};
use crate::recorded::objects_of;
use crate::state::State;

/// What this action calls itself in the history.
const ACTION: &str = "rollback";

/// Rolls back. What was written into the storage is in `written`, whatever the end.
///
/// # Errors
/// The reason, in Helm's words.
pub(crate) async fn rollback(
    acting: &Acting<'_>,
    state: &mut State,
    (order, to): (&ReleaseOrder, &Snapshot),
    written: &mut Written,
    timeout: Duration,
) -> Result<(), ActionError> {
    let default = Rollback::default();
    let spec = acting.object.spec.rollback.as_deref().unwrap_or(&default);
    let last = order
        .revisions
        .first()
        .map_or(0, |revision| revision.version);
    let current = stored(acting, last).await?;
    let previous = stored(acting, to.version.0).await?;
    let objects = objects_of(acting, &previous).await?;
    let before = objects_of(acting, &current).await?;
    let mut release = again(acting, &previous, &current);

    let recording = Recording {
        action: ACTION,
        oci_digest: to.oci_digest.as_deref(),
        word: "Rollback",
    };
    let known = (&*order.revisions, acting.object.spec.max_history());
    recording
        .begin(acting, (&release, &objects), known, written)
        .await?;
    let revision = release.key();
    let placing = PlaceOrder {
        objects: &objects,
        before: Some(&before),
        revision: &revision,
        waits: !spec.disable_wait.unwrap_or_default(),
        waits_for_jobs: !spec.disable_wait_for_jobs.unwrap_or_default(),
        timeout,
    };
    let hooks = Around {
        before: (Event::PreRollback, ""),
        after: (Event::PostRollback, ""),
    };
    let hooks = (!spec.disable_hooks.unwrap_or_default()).then_some(hooks);
    let ended = perform(acting, state, &mut release, placing, hooks).await;
    let cleans_up = spec.cleanup_on_fail.unwrap_or_default();
    if cleans_up && ended.as_ref().is_err_and(Ended::is_late_failure) {
        clean_up(acting, &objects, &before).await;
    }
    let ended = ended.map_err(Ended::into_error);
    if ended.is_ok() {
        supersede(acting, order, written).await?;
    }
    recording.end(acting, &mut release, ended, written).await
}

async fn stored(acting: &Acting<'_>, version: i64) -> Result<Release, ActionError> {
    let stored = acting.storage.read(version).await?;
    let missing = || ActionError::Failed(format!("release has no {version} version"));
    Ok(stored.ok_or_else(missing)?.release)
}

/// Returns an earlier revision as the next one.
fn again(acting: &Acting<'_>, previous: &Release, current: &Release) -> Release {
    let mut release = Release {
        version: current.version + 1,
        namespace: current.namespace.clone(),
        apply_method: Some(ApplyMethod::ServerSide),
        ..previous.clone()
    };
    release.info.first_deployed = current.info.first_deployed;
    release.info.last_deployed = Some(acting.storage.now());
    release.info.status = ReleaseStatus::PendingRollback;
    release.info.description = format!("Rollback to {}", previous.version);
    release
}

/// Notes that no earlier revision is deployed any more.
async fn supersede(
    acting: &Acting<'_>,
    order: &ReleaseOrder,
    written: &mut Written,
) -> Result<(), ActionError> {
    let deployed = order.revisions.iter();
    let deployed = deployed.filter(|revision| revision.status == ReleaseStatus::Deployed.as_str());
    for revision in deployed {
        if let Some(mut stored) = acting.storage.read(revision.version).await? {
            stored.release.info.status = ReleaseStatus::Superseded;
            acting.storage.update(&stored.release).await?;
            let oci = oci_digest_of(&acting.object.status, &stored.release);
            written.note(&stored.release, Some(ACTION), oci);
        }
    }
    Ok(())
}
