//! Installs a release.

use std::time::Duration;

use lode_api::helm_release::action::Install;
use lode_apply::{Desired, Set};
use lode_chart::release::{ApplyMethod, Event, Release, ReleaseStatus};
use lode_deliver::write_beside;
use lode_object::Object;
use serde_json::json;

use super::perform::{Around, Ended, perform};
use super::place::{PlaceOrder, refuse_others};
use super::recording::Recording;
use super::{ReleaseOrder, Written, crds};
use crate::acting::{Acting, ActionError, first_refused, refused};
use crate::objects::ReleaseObjects;
use crate::rendering::{Rendering, render};
use crate::state::State;

/// What this action calls itself in the history.
const ACTION: &str = "install";

/// Installs a release. What was written into the storage is in `written`, whatever the end.
///
/// # Errors
/// The reason, in Helm's words.
pub(crate) async fn install(
    acting: &Acting<'_>,
    state: &mut State,
    order: &ReleaseOrder,
    written: &mut Written,
    timeout: Duration,
) -> Result<(), ActionError> {
    let default = Install::default();
    let spec = acting.object.spec.install.as_deref().unwrap_or(&default);
    let (mut release, objects) = prepare(acting, state, order, spec).await?;
    if acting.object.spec.target_namespace.is_some() && spec.create_namespace.unwrap_or_default() {
        create_namespace(acting, state, timeout).await?;
    }
    if release.version > 1 {
        supersede(acting, order, written).await?;
    }

    let recording = Recording {
        action: ACTION,
        oci_digest: order.oci_digest.as_deref(),
        word: "Release",
    };
    let known = (&*order.revisions, 0);
    recording
        .begin(acting, (&release, &objects), known, written)
        .await?;
    let revision = release.key();
    let placing = PlaceOrder {
        objects: &objects,
        before: None,
        revision: &revision,
        waits: !spec.disable_wait.unwrap_or_default(),
        waits_for_jobs: !spec.disable_wait_for_jobs.unwrap_or_default(),
        timeout,
    };
    let hooks = Around {
        before: (Event::PreInstall, "failed pre-install: "),
        after: (Event::PostInstall, "failed post-install: "),
    };
    let hooks = (!spec.disable_hooks.unwrap_or_default()).then_some(hooks);
    let ended = perform(acting, state, &mut release, placing, hooks).await;
    let ended = ended.map_err(Ended::into_error);
    "Install complete".clone_into(&mut release.info.description);
    recording.end(acting, &mut release, ended, written).await
}

/// Applies definitions, renders, and checks whose the objects are.
async fn prepare(
    acting: &Acting<'_>,
    state: &mut State,
    order: &ReleaseOrder,
    spec: &Install,
) -> Result<(Release, ReleaseObjects), ActionError> {
    let policy = spec.crds().map_err(|error| error.to_string())?;
    crds::apply(acting, state, order, policy).await?;
    let version = version(acting, spec, order)?;
    let rendering = Rendering {
        version,
        is_upgrade: false,
        checks_schema: !spec.disable_schema_validation.unwrap_or_default(),
        values: &order.values.table,
    };
    let rendered = render(acting, state, order, rendering).await?;
    let objects = rendered.objects.scoped(&acting.applier).await?;
    if spec.disable_take_ownership.unwrap_or_default() {
        refuse_others(acting, &objects, None, ACTION).await?;
    }

    let now = acting.storage.now();
    let mut release = Release::new(
        &acting.storage.name,
        &acting.namespace,
        version,
        rendered.chart,
    );
    release.config.clone_from(&order.values.table);
    release.manifest = rendered.manifest;
    release.hooks = rendered.hooks;
    release.apply_method = Some(ApplyMethod::ServerSide);
    release.info.first_deployed = Some(now);
    release.info.last_deployed = Some(now);
    release.info.notes = rendered.notes;
    release.info.status = ReleaseStatus::PendingInstall;
    "Initial install underway".clone_into(&mut release.info.description);
    Ok((release, objects))
}

/// Returns the number of the revision: a name that was used before can be used again if the specification says so.
fn version(acting: &Acting<'_>, spec: &Install, order: &ReleaseOrder) -> Result<i64, ActionError> {
    lode_chart::release::validate_name(&acting.storage.name).map_err(|error| error.to_string())?;
    let Some(last) = order.revisions.first() else {
        return Ok(1);
    };
    let is_over = [ReleaseStatus::Uninstalled, ReleaseStatus::Failed]
        .iter()
        .any(|status| last.status == status.as_str());
    if spec.replace.unwrap_or_default() && is_over {
        return Ok(last.version + 1);
    }
    let text = "release name check failed: cannot reuse a name that is still in use";
    Err(text.to_owned().into())
}

/// Notes that the last revision of the name is replaced.
async fn supersede(
    acting: &Acting<'_>,
    order: &ReleaseOrder,
    written: &mut Written,
) -> Result<(), ActionError> {
    let Some(last) = order.revisions.first() else {
        return Ok(());
    };
    if let Some(mut stored) = acting.storage.read(last.version).await? {
        let release = &mut stored.release;
        release.info.status = ReleaseStatus::Superseded;
        "superseded by new release".clone_into(&mut release.info.description);
        acting.storage.update(release).await?;
        written.note(release, None, None);
    }
    Ok(())
}

/// Creates the namespace of the release, as Helm does.
async fn create_namespace(
    acting: &Acting<'_>,
    state: &mut State,
    timeout: Duration,
) -> Result<(), ActionError> {
    let name = &acting.namespace;
    let object = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"name": name}}});
    let object = Object::parse(object).map_err(|error| error.to_string())?;
    let desired = Desired::rendered(object, "namespace", "").cluster_scoped();
    // One that exists is left as it is.
    let namespaces = lode_cluster::Resource::namespaces();
    if acting
        .applier
        .live(&namespaces, &desired.id)
        .await?
        .is_some()
    {
        return Ok(());
    }
    let mut set = Set::in_order(vec![desired]);
    let terms = acting.terms("namespace", &acting.exprs, timeout);
    let outcome = write_beside(&terms, &mut state.delivery, &mut set).await;
    match &outcome.error {
        Some(error) => {
            Err(refused(error, first_refused(error, set.objects().iter()), false).into())
        }
        None => Ok(()),
    }
}
