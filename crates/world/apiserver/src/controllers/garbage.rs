//! What nobody owns any more goes: the garbage collector.
//!
//! An object whose owners are all gone goes with the last of them. An owner that is deleted in the foreground waits for
//! the dependents that hold it; one that leaves its dependents behind waits until they no longer name it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lode_admit::Status;
use serde_json::Value;

use crate::api::Api;
use crate::call::{metadata_mut, text};
use crate::delete::{FOREGROUND, ORPHAN};
use crate::inside;
use crate::options::{DeleteOptions, Propagation};
use crate::served::Served;
use crate::store::{Key, Noted};

/// Who owns whom, as far as it was told.
#[derive(Default)]
pub(super) struct Garbage {
    /// Which objects name an owner, by its uid.
    dependents: HashMap<Box<str>, HashSet<Place>>,
    /// Where the objects are that others name, or that wait for others, by uid.
    living: HashMap<Box<str>, Place>,
}

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    resource: Arc<str>,
    key: Key,
}

impl Garbage {
    /// Takes note of a change.
    pub(super) fn note(&mut self, api: &Api, noted: &Noted) -> Result<(), Status> {
        let change = &noted.change;
        let place = Place { resource: Arc::clone(&noted.resource), key: change.key.clone() };
        let index = &change.object.index;
        let before = change.previous.iter().flat_map(|previous| &previous.index.owners);
        for owner in before.filter(|owner| change.deleted || !index.owners.contains(owner)) {
            self.forget(owner, &place);
        }
        if change.deleted {
            self.living.remove(&index.uid);
            self.gone(api, &index.uid)?;
            return index.owners.iter().try_for_each(|owner| self.dependent_gone(api, owner));
        }
        self.living.insert(index.uid.clone(), place.clone());
        for owner in &index.owners {
            self.dependents.entry(owner.clone()).or_default().insert(place.clone());
        }
        if !index.owners.is_empty() {
            self.collect(api, &place)?;
        }
        if index.deleting { self.release(api, &place) } else { Ok(()) }
    }

    fn forget(&mut self, owner: &str, place: &Place) {
        if let Some(dependents) = self.dependents.get_mut(owner) {
            dependents.remove(place);
            if dependents.is_empty() {
                self.dependents.remove(owner);
            }
        }
    }

    /// An owner is gone: what named it may be garbage.
    fn gone(&self, api: &Api, owner: &str) -> Result<(), Status> {
        let dependents: Vec<_> = self.dependents.get(owner).into_iter().flatten().cloned().collect();
        dependents.iter().try_for_each(|place| self.collect(api, place))
    }

    /// A dependent is gone: its owner may have waited for it.
    fn dependent_gone(&self, api: &Api, owner: &str) -> Result<(), Status> {
        match self.living.get(owner) {
            Some(place) => self.release(api, place),
            None => Ok(()),
        }
    }

    /// Deletes an object if none of its owners lives.
    fn collect(&self, api: &Api, place: &Place) -> Result<(), Status> {
        let Some((served, object)) = find(api, place) else { return Ok(()) };
        let owners = owners(&object);
        if owners.is_empty() || owners.iter().any(|owner| self.lives(api, owner, &place.key.namespace)) {
            return Ok(());
        }
        let held = has_finalizer(&object, FOREGROUND);
        let propagation = if held { Propagation::Foreground } else { Propagation::Background };
        let uid = Some(text(&object, "/metadata/uid").to_owned());
        let options = DeleteOptions { propagation: Some(propagation), uid, ..DeleteOptions::default() };
        inside::delete(api, &served, &place.key, &options)
    }

    /// Tells whether an owner lives; one in another namespace never does.
    fn lives(&self, api: &Api, owner: &Value, namespace: &str) -> bool {
        if let Some(place) = self.living.get(text(owner, "/uid")) {
            return place.key.namespace.is_empty() || *place.key.namespace == *namespace;
        }
        // It may be there and not have been told of yet.
        let (group, version) = match text(owner, "/apiVersion").split_once('/') {
            Some(parts) => parts,
            None => ("", text(owner, "/apiVersion")),
        };
        let registry = api.registry();
        let kind = text(owner, "/kind");
        let served = registry.iter().find(|served| {
            *served.resource.group == *group && *served.resource.version == *version && *served.kind.gvk.kind == *kind
        });
        // Of what is not served nothing can be told: it is left alone.
        let Some(served) = served else { return true };
        let key = Key::new(if served.kind.namespaced { namespace } else { "" }, text(owner, "/name"));
        served.objects.get(&key).is_some_and(|stored| *stored.index.uid == *text(owner, "/uid"))
    }

    /// Does for an object that is on its way out what its deletion waits for, and lets it go then.
    fn release(&self, api: &Api, place: &Place) -> Result<(), Status> {
        let Some((served, object)) = find(api, place) else { return Ok(()) };
        if object.pointer("/metadata/deletionTimestamp").is_none() {
            return Ok(());
        }
        let uid = text(&object, "/metadata/uid");
        let dependents: Vec<_> = self.dependents.get(uid).into_iter().flatten().cloned().collect();
        if has_finalizer(&object, ORPHAN) {
            for dependent in &dependents {
                disown(api, dependent, uid)?;
            }
            return drop_finalizer(api, &served, &place.key, ORPHAN);
        }
        if !has_finalizer(&object, FOREGROUND) {
            return Ok(());
        }
        let mut waits = false;
        for dependent in &dependents {
            let Some((served, object)) = find(api, dependent) else { continue };
            let names = owners(&object);
            let blocks = names
                .iter()
                .any(|owner| text(owner, "/uid") == uid && owner.get("blockOwnerDeletion") == Some(&Value::Bool(true)));
            waits |= blocks;
            if object.pointer("/metadata/deletionTimestamp").is_none() {
                let propagation = Some(if blocks { Propagation::Foreground } else { Propagation::Background });
                let uid = Some(text(&object, "/metadata/uid").to_owned());
                let options = DeleteOptions { propagation, uid, ..DeleteOptions::default() };
                inside::delete(api, &served, &dependent.key, &options)?;
            }
        }
        if waits { Ok(()) } else { drop_finalizer(api, &served, &place.key, FOREGROUND) }
    }
}

fn find(api: &Api, place: &Place) -> Option<(Arc<Served>, Value)> {
    let registry = api.registry();
    let served = registry.of_objects(&place.resource)?;
    let stored = served.objects.get(&place.key)?;
    Some((Arc::clone(served), served.value(&stored)))
}

fn owners(object: &Value) -> Vec<Value> {
    object.pointer("/metadata/ownerReferences").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    finalizers.is_some_and(|finalizers| finalizers.iter().any(|name| name == finalizer))
}

fn drop_finalizer(api: &Api, served: &Served, key: &Key, finalizer: &str) -> Result<(), Status> {
    inside::change(api, served, key, ("", inside::CONTROLLER_MANAGER), |object| {
        keep_items(object, "finalizers", |name| name != finalizer);
    })
}

/// Takes an owner out of a dependent.
fn disown(api: &Api, place: &Place, owner: &str) -> Result<(), Status> {
    let Some((served, _)) = find(api, place) else { return Ok(()) };
    inside::change(api, &served, &place.key, ("", inside::CONTROLLER_MANAGER), |object| {
        keep_items(object, "ownerReferences", |reference| text(reference, "/uid") != owner);
    })
}

fn keep_items(object: &mut Value, list: &str, keep: impl Fn(&Value) -> bool) {
    let metadata = metadata_mut(object);
    if let Some(items) = metadata.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(keep);
        if items.is_empty() {
            metadata.remove(list);
        }
    }
}
