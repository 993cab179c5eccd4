//! What installations, upgrades and rollbacks have in common: bringing objects into the cluster and waiting for them.

use std::collections::HashSet;
use std::time::Duration;

use lode_apply::{Action, Applier, Correction, Desired};
use lode_cluster::Propagation;
use lode_deliver::{BuiltObjects, DeliveryTerms, bring_in};
use lode_object::Id;
use serde_json::json;

use super::origin;
use crate::acting::{
    Acting, ActionError, Deletion, STARTING_DELETE, first_refused, is_of, refused,
};
use crate::objects::{MANAGED_BY, RELEASE_NAME, RELEASE_NAMESPACE, ReleaseObjects};
use crate::state::State;
use crate::write_log::WriteLog;

/// How objects come into the cluster.
#[derive(Clone, Copy)]
pub(crate) struct PlaceOrder<'a> {
    /// What the release is to have.
    pub(crate) objects: &'a ReleaseObjects,
    /// What it had before; what is no longer there is deleted.
    pub(crate) before: Option<&'a ReleaseObjects>,
    /// Name of the record.
    pub(crate) revision: &'a str,
    pub(crate) waits: bool,
    pub(crate) waits_for_jobs: bool,
    pub(crate) timeout: Duration,
}

/// Writes the objects, deletes what is no longer there, and waits.
///
/// # Errors
/// An object is refused, or does not become ready: the reason, in Helm's words.
pub(crate) async fn place(
    acting: &Acting<'_>,
    state: &mut State,
    order: PlaceOrder<'_>,
) -> Result<(), ActionError> {
    let PlaceOrder {
        objects,
        before,
        revision,
        timeout,
        ..
    } = order;
    let terms = DeliveryTerms {
        // A release writes its objects, whatever became of those before.
        correction: Correction::Apply,
        ..acting.terms(revision, &acting.exprs, timeout)
    };
    state.delivery.end();
    state
        .delivery
        .begin(revision, acting.object.metadata.generation);
    let built = BuiltObjects {
        set: objects.set(),
        text_digest: String::new(),
    };
    let brought = bring_in(
        &terms,
        acting,
        &mut state.delivery,
        built,
        revision.to_owned(),
    )
    .await;
    // What was changed on the way is no live edit.
    let (_, changes) = acting.facts.take_drift();
    let error = brought.as_ref().err();
    let failed = error.and_then(|error| first_refused(error, objects.iter()));
    let is_failed_new = match failed {
        Some(failed) => is_new(acting, failed).await,
        None => false,
    };
    let created = changes.iter().filter(|it| it.action == Action::Created);
    let all: Vec<&Desired> = objects.iter().collect();
    if !all.is_empty() {
        let log = WriteLog {
            objects: &all,
            is_upgrade: before.is_some(),
            created: created.map(|change| &change.id).collect(),
            error,
            is_failed_new,
        };
        log.write(acting);
    }
    if let Some(error) = error {
        let creates = before.is_some() && is_failed_new;
        return Err(refused(error, failed, creates).into());
    }
    state.delivery.leave(objects.undetected());

    if let Some(before) = before {
        let removed = before.removed_by(objects);
        let deletion = Deletion {
            propagation: Propagation::Background,
            of: Some(&acting.storage.name),
            step: "deleting resource",
        };
        acting.delete(&removed, deletion).await?;
    }
    if !order.waits {
        return Ok(());
    }
    let targets = objects.targets(order.waits_for_jobs);
    acting
        .ready(state, revision, (&targets, &acting.exprs), timeout)
        .await
}

/// Returns whether an object does not exist; also if that cannot be found out.
async fn is_new(acting: &Acting<'_>, desired: &Desired) -> bool {
    match acting.applier.discovery().resolve(&desired.gvk).await {
        Ok(Some(resource)) => {
            let live = acting.applier.live(&resource, &desired.id).await;
            live.is_ok_and(|live| live.is_none())
        }
        _ => true,
    }
}

/// Deletes what an upgrade or rollback that failed has created.
pub(crate) async fn clean_up(
    acting: &Acting<'_>,
    objects: &ReleaseObjects,
    before: &ReleaseObjects,
) {
    let known = ids(before);
    let created = objects.iter().filter(|it| !known.contains(&it.id));
    let created: Vec<&Desired> = created.collect();
    let cleaned = json!({"cleaning_resources": created.len()});
    acting.log("cleanup on fail set", &cleaned);
    let deletion = Deletion {
        propagation: Propagation::Background,
        of: Some(&acting.storage.name),
        step: STARTING_DELETE,
    };
    // The error that led here is what is reported.
    let _ = acting.delete(&created, deletion).await;
    acting.log("resource cleanup complete", &"{}");
}

fn ids(objects: &ReleaseObjects) -> HashSet<&Id> {
    objects.iter().map(|desired| &desired.id).collect()
}

/// Refuses objects that exist and are not of the release.
///
/// # Errors
/// There is one, or the server cannot be asked.
pub(crate) async fn refuse_others(
    acting: &Acting<'_>,
    objects: &ReleaseObjects,
    before: Option<&ReleaseObjects>,
    action: &str,
) -> Result<(), ActionError> {
    let known = before.map(ids).unwrap_or_default();
    for desired in objects
        .iter()
        .filter(|desired| !known.contains(&desired.id))
    {
        if let Some(why) = foreign(acting, &acting.applier, desired).await? {
            let kind = &desired.id.kind;
            let id = &desired.id;
            let text = format!(
                "unable to continue with {action}: {kind} \"{}\" in namespace \"{}\" exists and cannot be imported into \
                 the current release: invalid ownership metadata; {why}",
                id.name, id.namespace
            );
            return Err(text.into());
        }
    }
    Ok(())
}

/// Returns why a live object is not of the release; nothing if it is, or does not exist.
async fn foreign(
    acting: &Acting<'_>,
    applier: &Applier,
    desired: &Desired,
) -> Result<Option<String>, ActionError> {
    let Some(resource) = applier.discovery().resolve(&desired.gvk).await? else {
        return Ok(None);
    };
    let Some(live) = applier.live(&resource, &desired.id).await? else {
        return Ok(None);
    };
    let origin = origin(acting);
    let (label, word) = MANAGED_BY;
    let is_labelled = live["metadata"]["labels"][label] == word;
    if is_labelled && is_of(&live, origin.name, origin.namespace) {
        return Ok(None);
    }

    let mut faults = Vec::new();
    let wanted = [
        ("label", "labels", label, word),
        ("annotation", "annotations", RELEASE_NAME, origin.name),
        (
            "annotation",
            "annotations",
            RELEASE_NAMESPACE,
            origin.namespace,
        ),
    ];
    for (what, place, key, want) in wanted {
        let found = live["metadata"][place][key].as_str();
        match found {
            Some(found) if found == want => {}
            Some(found) => faults.push(format!(
                "{what} validation error: key \"{key}\" must equal \"{want}\": current value is \"{found}\""
            )),
            None => faults.push(format!(
                "{what} validation error: missing key \"{key}\": must be set to \"{want}\""
            )),
        }
    }
    Ok(Some(faults.join("; ")))
}
