//! Protects claims while a pod uses them, and volumes while they are bound; otherwise removes the
//! finalizers they are created with.
//!
//! As on a real cluster, a pod uses a claim from the moment it is on a node until it is gone, and a
//! volume is bound while its status says so. Nothing here changes the phase of a bound volume, so a
//! volume whose claim is gone counts as no longer bound.

use lode_admit::Status;
use lode_admit::create::{PV_PROTECTION, PVC_PROTECTION};
use lode_object::json::{list, text};
use serde_json::Value;

use super::finalizers;
use crate::api::Api;
use crate::handlers::inside::{self, CONTROLLER_MANAGER};
use crate::store::Noted;
use crate::store::key::Key;

/// Handles a change.
pub(super) fn note(api: &Api, noted: &Noted) -> Result<(), Status> {
    let change = &noted.change;
    let is_going = !change.deleted && change.object.index.deleting;
    match &*noted.resource {
        CLAIMS if is_going => release_claim(api, &change.key),
        CLAIMS if change.deleted => release_volumes(api),
        VOLUMES if is_going => release_volume(api, &change.key),
        "pods" if change.deleted => {
            let pod = change.object.value();
            let claims: Vec<String> = claims_of(change.key.name(), &pod).collect();
            claims
                .iter()
                .try_for_each(|claim| release_claim(api, &Key::new(change.key.namespace(), claim)))
        }
        _ => Ok(()),
    }
}

/// Releases a claim that is being deleted, unless a pod uses it.
fn release_claim(api: &Api, key: &Key) -> Result<(), Status> {
    let Some(claims) = inside::builtin(api, "", "v1", CLAIMS) else {
        return Ok(());
    };
    let Some(stored) = claims.objects.get(key) else {
        return Ok(());
    };
    if !stored.index.deleting
        || !finalizers::holds(&claims.value(&stored), PVC_PROTECTION)
        || is_used(api, key)
    {
        return Ok(());
    }
    finalizers::remove(api, &claims, key, PVC_PROTECTION, CONTROLLER_MANAGER)
}

fn is_used(api: &Api, claim: &Key) -> bool {
    let Some(pods) = inside::builtin(api, "", "v1", "pods") else {
        return false;
    };
    let in_namespace = api.store.list(&pods.objects, claim.namespace()).objects;
    in_namespace.iter().any(|(key, stored)| {
        let pod = pods.value(stored);
        !text(&pod, "/spec/nodeName").is_empty()
            && claims_of(key.name(), &pod).any(|used| used == claim.name())
    })
}

/// Returns the claims of a pod's volumes: those it names, and those created for it.
fn claims_of<'p>(name: &'p str, pod: &'p Value) -> impl Iterator<Item = String> + 'p {
    let volumes = list(pod, "/spec/volumes").iter();
    volumes.filter_map(move |volume| {
        if volume.get("ephemeral").is_some_and(Value::is_object) {
            return Some(format!("{name}-{}", text(volume, "/name")));
        }
        volume
            .pointer("/persistentVolumeClaim/claimName")
            .and_then(Value::as_str)
            .map(str::to_owned)
    })
}

/// Handles the end of a claim: volumes that are being deleted may be waiting for it.
fn release_volumes(api: &Api) -> Result<(), Status> {
    let Some(volumes) = inside::builtin(api, "", "v1", VOLUMES) else {
        return Ok(());
    };
    let going = api
        .store
        .list(&volumes.objects, "")
        .objects
        .into_iter()
        .filter(|(_, stored)| stored.index.deleting);
    going
        .map(|(key, _)| key)
        .try_for_each(|key| release_volume(api, &key))
}

/// Releases a volume that is being deleted, unless it is bound.
fn release_volume(api: &Api, key: &Key) -> Result<(), Status> {
    let Some(volumes) = inside::builtin(api, "", "v1", VOLUMES) else {
        return Ok(());
    };
    let Some(stored) = volumes.objects.get(key) else {
        return Ok(());
    };
    let volume = volumes.value(&stored);
    if !stored.index.deleting
        || !finalizers::holds(&volume, PV_PROTECTION)
        || is_bound(api, &volume)
    {
        return Ok(());
    }
    finalizers::remove(api, &volumes, key, PV_PROTECTION, CONTROLLER_MANAGER)
}

fn is_bound(api: &Api, volume: &Value) -> bool {
    let Some(reference) = volume.pointer("/spec/claimRef") else {
        return false;
    };
    if text(volume, "/status/phase") != "Bound" {
        return false;
    }
    let Some(claims) = inside::builtin(api, "", "v1", CLAIMS) else {
        return false;
    };
    let claim = claims.objects.get(&Key::new(
        text(reference, "/namespace"),
        text(reference, "/name"),
    ));
    let uid = text(reference, "/uid");
    claim.is_some_and(|claim| uid.is_empty() || *claim.index.uid == *uid)
}

const CLAIMS: &str = "persistentvolumeclaims";
const VOLUMES: &str = "persistentvolumes";
