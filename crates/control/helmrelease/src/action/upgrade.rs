//! Upgrades a release.

use std::time::Duration;

use lode_api::helm_release::action::Upgrade;
use lode_chart::release::{ApplyMethod, Event, Release, ReleaseStatus};
use lode_chart::values::merge;
use lode_object::Value;
use serde_json::{Map, json};

use super::perform::{Around, Ended, perform};
use super::place::{PlaceOrder, clean_up, refuse_others};
use super::recording::Recording;
use super::{ReleaseOrder, Written, crds, oci_digest_of};
use crate::acting::{Acting, ActionError};
use crate::objects::ReleaseObjects;
use crate::recorded::objects_of;
use crate::rendering::{Rendering, render};
use crate::state::State;

/// What this action calls itself in the history.
const ACTION: &str = "upgrade";

/// Upgrades a release. What was written into the storage is in `written`, whatever the end.
///
/// # Errors
/// The reason, in Helm's words.
pub(crate) async fn upgrade(
    acting: &Acting<'_>,
    state: &mut State,
    order: &ReleaseOrder,
    written: &mut Written,
    timeout: Duration,
) -> Result<(), ActionError> {
    let default = Upgrade::default();
    let spec = acting.object.spec.upgrade.as_deref().unwrap_or(&default);
    let PreparedUpgrade {
        mut release,
        mut current,
        objects,
        before,
    } = prepare(acting, state, order, spec).await?;
    let recording = Recording {
        action: ACTION,
        oci_digest: order.oci_digest.as_deref(),
        word: "Upgrade",
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
        before: (Event::PreUpgrade, "pre-upgrade hooks failed: "),
        after: (Event::PostUpgrade, "post-upgrade hooks failed: "),
    };
    let hooks = (!spec.disable_hooks.unwrap_or_default()).then_some(hooks);
    let performed = perform(acting, state, &mut release, placing, hooks).await;
    if let Err(ended) = &performed {
        let name = &release.name;
        acting.log(
            "warning: upgrade failed",
            &json!({"error": {}, "name": name}),
        );
        if spec.cleanup_on_fail.unwrap_or_default() && ended.is_late_failure() {
            clean_up(acting, &objects, &before).await;
        }
    }
    let oci = oci_digest_of(&acting.object.status, &current);
    match &performed {
        Ok(()) => {
            current.info.status = ReleaseStatus::Superseded;
            acting.storage.update(&current).await?;
            written.note(&current, None, oci);
            "Upgrade complete".clone_into(&mut release.info.description);
        }
        // Helm writes the release before it once more, so its observation is a new one.
        Err(Ended::AtObjects(ActionError::Failed(_))) => written.note(&current, None, oci),
        Err(_) => {}
    }
    let ended = performed.map_err(Ended::into_error);
    recording.end(acting, &mut release, ended, written).await
}

/// What an upgrade is about.
struct PreparedUpgrade {
    /// The revision that is made.
    release: Release,
    /// The revision that is deployed.
    current: Release,
    objects: ReleaseObjects,
    /// The objects of the revision that is deployed.
    before: ReleaseObjects,
}

/// Applies definitions, renders, and checks whose the objects are.
async fn prepare(
    acting: &Acting<'_>,
    state: &mut State,
    order: &ReleaseOrder,
    spec: &Upgrade,
) -> Result<PreparedUpgrade, ActionError> {
    let policy = spec.crds().map_err(|error| error.to_string())?;
    crds::apply(acting, state, order, policy).await?;
    let (last, current) = releases(acting, order).await?;
    let (config, shown) = values(spec, order, &current)?;
    log_begin(acting, spec, &last);
    let version = last.version + 1;
    let rendering = Rendering {
        version,
        is_upgrade: true,
        checks_schema: !spec.disable_schema_validation.unwrap_or_default(),
        values: &shown,
    };
    let rendered = render(acting, state, order, rendering).await?;
    let objects = rendered.objects.scoped(&acting.applier).await?;
    let before = objects_of(acting, &current).await?;
    if spec.disable_take_ownership.unwrap_or_default() {
        refuse_others(acting, &objects, Some(&before), "update").await?;
    }

    let mut release = Release::new(
        &acting.storage.name,
        &current.namespace,
        version,
        rendered.chart,
    );
    release.config = config;
    release.manifest = rendered.manifest;
    release.hooks = rendered.hooks;
    release.labels.clone_from(&last.labels);
    release.apply_method = Some(ApplyMethod::ServerSide);
    release.info.first_deployed = current.info.first_deployed;
    release.info.last_deployed = Some(acting.storage.now());
    release.info.notes = rendered.notes;
    release.info.status = ReleaseStatus::PendingUpgrade;
    "Preparing upgrade".clone_into(&mut release.info.description);
    Ok(PreparedUpgrade {
        release,
        current,
        objects,
        before,
    })
}

/// Logs in Helm's words what an upgrade starts from.
fn log_begin(acting: &Acting<'_>, spec: &Upgrade, last: &Release) {
    let name = json!({"name": last.name});
    acting.log("preparing upgrade", &name);
    let values = if spec.preserve_values.unwrap_or_default() {
        "reusing the old release's values"
    } else {
        "resetting values to the chart's original version"
    };
    acting.log(values, &"{}");
    let before = last.apply_method.map_or(json!(""), |method| json!(method));
    let method = json!({"previous_release_apply_method": before, "server_side_apply": true});
    acting.log("determined release apply method", &method);
    acting.log("performing update", &name);
    acting.log("creating upgraded release", &name);
}

/// Returns the last revision, and the one that is deployed: the last that is, else the last.
async fn releases(
    acting: &Acting<'_>,
    order: &ReleaseOrder,
) -> Result<(Release, Release), ActionError> {
    let none = || {
        ActionError::Failed(format!(
            "\"{}\" has no deployed releases",
            acting.storage.name
        ))
    };
    let last = order.revisions.first().ok_or_else(none)?;
    let stored = acting
        .storage
        .read(last.version)
        .await?
        .ok_or_else(none)?
        .release;
    if stored.info.status.is_pending() {
        let text = "another operation (install/upgrade/rollback) is in progress";
        return Err(text.to_owned().into());
    }
    if stored.info.status == ReleaseStatus::Deployed {
        return Ok((stored.clone(), stored));
    }
    let deployed = order
        .revisions
        .iter()
        .find(|revision| revision.status == ReleaseStatus::Deployed.as_str());
    let deployed = match deployed {
        Some(revision) => acting.storage.read(revision.version).await?,
        None => None,
    };
    match deployed {
        Some(deployed) => Ok((stored, deployed.release)),
        None if matches!(
            stored.info.status,
            ReleaseStatus::Failed | ReleaseStatus::Superseded
        ) =>
        {
            Ok((stored.clone(), stored))
        }
        None => Err(none()),
    }
}

/// Values by key.
type ValuesTable = Map<String, Value>;

/// Returns the values of the record, and those that win over the chart's own: where the last ones are kept, with all
/// that the last chart had.
fn values(
    spec: &Upgrade,
    order: &ReleaseOrder,
    current: &Release,
) -> Result<(ValuesTable, ValuesTable), ActionError> {
    let own = &order.values.table;
    if !spec.preserve_values.unwrap_or_default() {
        return Ok((own.clone(), own.clone()));
    }
    let mut config = current.config.clone();
    merge(&mut config, own.clone());
    let mut shown = current.chart.values().map_err(|error| error.to_string())?;
    merge(&mut shown, config.clone());
    Ok((config, shown))
}
