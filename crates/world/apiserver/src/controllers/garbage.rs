//! The garbage collector: deletes objects whose owners are gone.
//!
//! An object is deleted once all its owners are gone. An owner deleted in the foreground waits for
//! the dependents that block it; one that orphans its dependents waits until they no longer refer
//! to it.

use std::sync::Arc;

use lode_admit::Status;
use lode_object::json::text;
use serde_json::Value;

use super::finalizers;
use super::owned::Owned;
use crate::api::Api;
use crate::fields::metadata_mut;
use crate::handlers::delete::{FOREGROUND, ORPHAN};
use crate::handlers::inside;
use crate::served::Served;
use crate::store::Noted;
use crate::store::key::Key;
use crate::store::log::StoreChange;
use crate::wire::options::{DeleteOptions, Propagation};

/// The known owner references.
#[derive(Default)]
pub(super) struct Garbage {
    dependents: Owned<ObjectPlace>,
}

/// Location of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct ObjectPlace {
    resource: Arc<str>,
    key: Key,
}

impl Garbage {
    /// Handles a change.
    pub(super) fn note(&mut self, api: &Api, noted: &Noted) -> Result<(), Status> {
        let change = &noted.change;
        let place = ObjectPlace {
            resource: Arc::clone(&noted.resource),
            key: change.key.clone(),
        };
        self.dependents.note(&place, change);
        let index = &change.object.index;
        if change.deleted {
            self.gone(api, &index.uid)?;
            return self.dependent_gone(api, change);
        }
        if !index.owners.is_empty() {
            collect(api, &place)?;
        }
        if index.deleting {
            self.release(api, &place)
        } else {
            Ok(())
        }
    }

    /// Handles the end of an owner: its dependents may be garbage.
    fn gone(&self, api: &Api, owner: &str) -> Result<(), Status> {
        let dependents: Vec<_> = self.dependents.of(owner).cloned().collect();
        dependents.iter().try_for_each(|place| collect(api, place))
    }

    /// Handles the end of a dependent: its owners may be waiting for it.
    fn dependent_gone(&self, api: &Api, change: &StoreChange) -> Result<(), Status> {
        if change.object.index.owners.is_empty() {
            return Ok(());
        }
        let owners = owners(&change.object.value());
        let places = owners
            .iter()
            .filter_map(|owner| place_of(api, owner, change.key.namespace()));
        places
            .into_iter()
            .try_for_each(|place| self.release(api, &place))
    }

    /// Does what the deletion of an object waits for, and then releases it.
    fn release(&self, api: &Api, place: &ObjectPlace) -> Result<(), Status> {
        let Some((served, object)) = find(api, place) else {
            return Ok(());
        };
        if object.pointer("/metadata/deletionTimestamp").is_none() {
            return Ok(());
        }
        let uid = text(&object, "/metadata/uid");
        let dependents: Vec<_> = self.dependents.of(uid).cloned().collect();
        if finalizers::holds(&object, ORPHAN) {
            for dependent in &dependents {
                disown(api, dependent, uid)?;
            }
            return finalizers::remove(
                api,
                &served,
                &place.key,
                ORPHAN,
                inside::CONTROLLER_MANAGER,
            );
        }
        if !finalizers::holds(&object, FOREGROUND) {
            return Ok(());
        }
        let mut waits = false;
        for dependent in &dependents {
            let Some((served, object)) = find(api, dependent) else {
                continue;
            };
            let names = owners(&object);
            let blocks = names.iter().any(|owner| {
                text(owner, "/uid") == uid
                    && owner.get("blockOwnerDeletion") == Some(&Value::Bool(true))
            });
            waits |= blocks;
            if object.pointer("/metadata/deletionTimestamp").is_none() {
                let propagation = Some(if blocks {
                    Propagation::Foreground
                } else {
                    Propagation::Background
                });
                let uid = Some(text(&object, "/metadata/uid").to_owned());
                let options = DeleteOptions {
                    propagation,
                    uid,
                    ..DeleteOptions::default()
                };
                inside::delete(api, &served, &dependent.key, &options)?;
            }
        }
        if waits {
            Ok(())
        } else {
            finalizers::remove(
                api,
                &served,
                &place.key,
                FOREGROUND,
                inside::CONTROLLER_MANAGER,
            )
        }
    }
}

/// Deletes an object if none of its owners exists.
fn collect(api: &Api, place: &ObjectPlace) -> Result<(), Status> {
    let Some((served, object)) = find(api, place) else {
        return Ok(());
    };
    let owners = owners(&object);
    if owners.is_empty()
        || owners
            .iter()
            .any(|owner| lives(api, owner, place.key.namespace()))
    {
        return Ok(());
    }
    let held = finalizers::holds(&object, FOREGROUND);
    let propagation = if held {
        Propagation::Foreground
    } else {
        Propagation::Background
    };
    let uid = Some(text(&object, "/metadata/uid").to_owned());
    let options = DeleteOptions {
        propagation: Some(propagation),
        uid,
        ..DeleteOptions::default()
    };
    inside::delete(api, &served, &place.key, &options)
}

/// Returns whether an owner exists; one in another namespace never does. If its kind is not served,
/// that is unknown and counts as yes.
fn lives(api: &Api, owner: &Value, namespace: &str) -> bool {
    let Some(place) = place_of(api, owner, namespace) else {
        return true;
    };
    let found = api.store.resource(&place.resource).get(&place.key);
    found.is_some_and(|stored| *stored.index.uid == *text(owner, "/uid"))
}

/// Returns the location of an owner that an object in a namespace names, if its kind is served.
fn place_of(api: &Api, owner: &Value, namespace: &str) -> Option<ObjectPlace> {
    let (group, version) = text(owner, "/apiVersion")
        .split_once('/')
        .unwrap_or(("", text(owner, "/apiVersion")));
    let (registry, kind) = (api.registry(), text(owner, "/kind"));
    let served = registry.iter().find(|served| {
        *served.resource.group == *group
            && *served.resource.version == *version
            && *served.kind.gvk.kind == *kind
    })?;
    let key = Key::new(
        if served.kind.namespaced {
            namespace
        } else {
            ""
        },
        text(owner, "/name"),
    );
    Some(ObjectPlace {
        resource: Arc::clone(served.objects.name()),
        key,
    })
}

fn find(api: &Api, place: &ObjectPlace) -> Option<(Arc<Served>, Value)> {
    let registry = api.registry();
    let served = registry.of_objects(&place.resource)?;
    let stored = served.objects.get(&place.key)?;
    Some((Arc::clone(served), served.value(&stored)))
}

fn owners(object: &Value) -> Vec<Value> {
    object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// Removes an owner reference from a dependent.
fn disown(api: &Api, place: &ObjectPlace, owner: &str) -> Result<(), Status> {
    let Some((served, _)) = find(api, place) else {
        return Ok(());
    };
    inside::change(
        api,
        &served,
        &place.key,
        ("", inside::CONTROLLER_MANAGER),
        |object| {
            let metadata = metadata_mut(object);
            let Some(owners) = metadata
                .get_mut("ownerReferences")
                .and_then(Value::as_array_mut)
            else {
                return;
            };
            owners.retain(|reference| text(reference, "/uid") != owner);
            if owners.is_empty() {
                metadata.remove("ownerReferences");
            }
        },
    )
}
