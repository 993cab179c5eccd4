//! Uninstalls a release.

use std::time::Duration;

use lode_api::helm_release::action::{DeletionPropagation, Uninstall};
use lode_apply::Desired;
use lode_chart::manifest::{UNINSTALL_ORDER, by_kind};
use lode_chart::release::{Event, Release, ReleaseStatus};
use lode_cluster::Propagation;
use lode_object::OwnerLabels;
use serde_json::json;

use super::{Written, oci_digest_of};
use crate::acting::{Acting, ActionError, Deletion, STARTING_DELETE};
use crate::hooks;
use crate::objects::ReleaseObjects;
use crate::recorded::objects_of;
use crate::state::State;
use crate::storage::Revision;

/// What is uninstalled.
pub(crate) struct UninstallOrder<'a> {
    /// What the storage has, the newest first.
    pub(crate) revisions: &'a [Revision],
    /// What the action calls itself in the history.
    pub(crate) action: &'static str,
}

/// How an uninstallation ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Uninstalled {
    /// It was done.
    Done,
    /// There was nothing.
    NotFound,
    /// It had been done before, and its history is kept.
    Before,
}

/// Uninstalls a release. What was written into the storage is in `written`, whatever the end.
///
/// # Errors
/// The reason, in Helm's words.
pub(crate) async fn uninstall(
    acting: &Acting<'_>,
    state: &mut State,
    order: UninstallOrder<'_>,
    written: &mut Written,
    timeout: Duration,
) -> Result<Uninstalled, ActionError> {
    let default = Uninstall::default();
    let spec = acting.object.spec.uninstall.as_deref().unwrap_or(&default);
    let keeps_history = spec.keep_history.unwrap_or_default();
    let last = order.revisions.first().map_or(0, |last| last.version);
    let Some(stored) = acting.storage.read(last).await? else {
        return Ok(Uninstalled::NotFound);
    };
    let mut release = stored.release;
    let oci = oci_digest_of(&acting.object.status, &release);
    let is_over = release.info.status == ReleaseStatus::Uninstalled;
    if is_over && keeps_history {
        return Ok(Uninstalled::Before);
    }

    if is_over {
        written.note(&release, Some(order.action), oci);
    } else {
        let objects = own_objects(acting, &release).await?;
        release.info.status = ReleaseStatus::Uninstalling;
        release.info.deleted = Some(acting.storage.now());
        "Deletion in progress (or silently failed)".clone_into(&mut release.info.description);
        let noted = |release: &Release| written.note(release, Some(order.action), oci);
        perform(
            acting,
            state,
            (&mut release, &objects, noted),
            spec,
            timeout,
        )
        .await?;
    }
    if !keeps_history {
        purge(acting, order.revisions).await?;
        return Ok(Uninstalled::Done);
    }
    release.info.status = ReleaseStatus::Uninstalled;
    "Uninstallation complete".clone_into(&mut release.info.description);
    acting.storage.update(&release).await?;
    written.note(&release, Some(order.action), oci);
    Ok(Uninstalled::Done)
}

/// Returns the objects of a release. The status that names it is not ours alone to write: what another object made is
/// left to it.
async fn own_objects(
    acting: &Acting<'_>,
    release: &Release,
) -> Result<ReleaseObjects, ActionError> {
    let objects = objects_of(acting, release).await?;
    let other = objects.iter().find_map(|desired| {
        let owner = OwnerLabels::RELEASE.owner_of(&desired.value());
        owner.filter(|owner| *owner != acting.owner)
    });
    match other {
        Some(other) => {
            let name = &release.name;
            Err(format!("release {name} is made by HelmRelease {other}").into())
        }
        None => Ok(objects),
    }
}

async fn perform(
    acting: &Acting<'_>,
    state: &mut State,
    (release, objects, noted): (&mut Release, &ReleaseObjects, impl FnOnce(&Release)),
    spec: &Uninstall,
    timeout: Duration,
) -> Result<(), ActionError> {
    let with_hooks = !spec.disable_hooks.unwrap_or_default();
    let all: &(dyn Fn(&str) -> bool + Sync) = &|_| true;
    if with_hooks {
        hooks::run(acting, state, release, (Event::PreDelete, all), timeout).await?;
    }
    // As in Helm, the objects go even if this cannot be stored: a namespace that is deleted together with the release
    // may have taken the record already, and nobody else knows what it made elsewhere.
    match acting.storage.update(release).await {
        Ok(_) => noted(release),
        Err(error) => acting.log(
            "uninstall: Failed to store updated release",
            &json!({"error": error.to_string()}),
        ),
    }
    let waits = !spec.disable_wait.unwrap_or_default();
    delete(acting, state, (objects, spec), waits.then_some(timeout)).await?;
    if with_hooks {
        hooks::run(acting, state, release, (Event::PostDelete, all), timeout).await?;
    }
    Ok(())
}

/// Deletes the objects of a release, and waits for them to be gone if there is time for that.
async fn delete(
    acting: &Acting<'_>,
    state: &mut State,
    (objects, spec): (&ReleaseObjects, &Uninstall),
    waits: Option<Duration>,
) -> Result<(), ActionError> {
    let nothing = ReleaseObjects::default();
    let mut removed: Vec<&Desired> = objects.removed_by(&nothing);
    removed.sort_by(|a, b| by_kind(&UNINSTALL_ORDER, &a.id.kind, &b.id.kind));
    let propagation = match spec.deletion_propagation() {
        Ok(DeletionPropagation::Foreground) => Propagation::Foreground,
        Ok(DeletionPropagation::Orphan) => Propagation::Orphan,
        _ => Propagation::Background,
    };
    let name = acting.storage.name.as_str();
    let deletion = Deletion {
        propagation,
        of: Some(name),
        step: STARTING_DELETE,
    };
    let deleted = acting.delete(&removed, deletion).await;
    let failed = format!("failed to delete release: {name}: ");
    let deleted = deleted.map_err(|error| error.after(&failed))?;
    match waits {
        Some(timeout) => acting.gone(state, &deleted, timeout).await,
        None => Ok(()),
    }
}

/// Deletes all revisions.
async fn purge(acting: &Acting<'_>, revisions: &[Revision]) -> Result<(), ActionError> {
    for revision in revisions.iter().rev() {
        acting.storage.delete(revision.version).await?;
    }
    Ok(())
}
