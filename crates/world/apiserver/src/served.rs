//! [`Served`]: one resource in one served version; [`Registry`]: all of them.
//!
//! A registry is immutable: it is replaced when the definitions of custom resources change.
//! Versions of a resource share their objects, which are stored in one of the versions.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use lode_admit::decode::{self, FieldValidation};
use lode_admit::{Kind, convert, custom};
use lode_schema::{ApiResource, resources};
use serde_json::Value;

use crate::store::stored::Stored;
use crate::store::{self, Store};
use lode_describe::discovery::Catalogue;

/// One resource in one served version.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) resource: ApiResource,
    pub(crate) kind: Kind,
    /// Group and version, as in objects.
    pub(crate) api_version: Box<str>,
    /// The version in which its objects are stored.
    pub(crate) stored_version: Box<str>,
    /// Its objects, shared by all versions.
    pub(crate) objects: Arc<store::ResourceStore>,
    /// Its kind in every served version, including this one.
    pub(crate) versions: Arc<[Kind]>,
    /// The beginning of a stored object's text in this version.
    head: Box<str>,
}

/// Everything that is served.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// In the order of discovery.
    all: Vec<Arc<Served>>,
    by_path: HashMap<[Box<str>; 3], usize>,
    /// By the resource name with group under which objects are stored; the version they are stored
    /// in.
    by_objects: HashMap<Box<str>, usize>,
}

impl Served {
    /// Returns a resource whose objects are stored in one of its versions; `versions` are all of
    /// them.
    pub(crate) fn new(
        store: &Store,
        resource: ApiResource,
        kind: Kind,
        stored_version: &str,
        versions: &Arc<[Kind]>,
    ) -> Self {
        let api_version = kind.gvk.api_version();
        let stored_group = stored_version
            .rsplit_once('/')
            .map_or("", |(group, _)| group);
        let place = if stored_group.is_empty() {
            kind.plural.to_string()
        } else {
            format!("{}.{stored_group}", kind.plural)
        };
        Self {
            head: format!(
                "{{\"apiVersion\":{api_version:?},\"kind\":{:?},",
                kind.gvk.kind
            )
            .into(),
            objects: store.resource(&place),
            stored_version: stored_version.into(),
            versions: Arc::clone(versions),
            api_version: api_version.into(),
            kind,
            resource,
        }
    }

    /// Returns an object in this version.
    pub(crate) fn value(&self, stored: &Stored) -> Value {
        let mut value = stored.value();
        if !self.is_native(stored) {
            convert::to(&self.api_version, &mut value);
            // A field that one version always writes may be absent in another.
            if let Ok(decoded) = decode::value(&self.kind, &value, FieldValidation::Ignore) {
                value = decoded.object;
            }
            // Versions of a definition differ in the fields they declare.
            if let Some(ty) = self.kind.custom() {
                custom::prune(ty, &mut value);
                custom::default(ty, &mut value);
            }
        }
        value
    }

    /// Returns its JSON.
    pub(crate) fn bytes(&self, stored: &Stored) -> Bytes {
        if self.is_native(stored) {
            Bytes::copy_from_slice(stored.text())
        } else {
            self.value(stored).to_string().into()
        }
    }

    /// Returns whether an object is stored in the form of this version.
    pub(crate) fn is_native(&self, stored: &Stored) -> bool {
        stored.text().starts_with(self.head.as_bytes())
    }

    /// Returns whether this version is the storage version.
    pub(crate) fn is_storage(&self) -> bool {
        self.stored_version == self.api_version
    }

    /// Returns the deprecation warning of this version, if it is deprecated.
    pub(crate) fn deprecation(&self) -> Option<&str> {
        match (&*self.api_version, &*self.resource.plural) {
            ("v1", "endpoints") => {
                Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
            }
            ("v1", "componentstatuses") => Some("v1 ComponentStatus is deprecated in v1.19+"),
            _ => self.kind.custom()?.deprecation.as_deref(),
        }
    }

    /// Returns whether this is a custom resource.
    pub(crate) fn is_custom(&self) -> bool {
        self.kind.is_custom()
    }
}

impl Registry {
    /// Returns the built-in resources followed by the given ones.
    pub(crate) fn new(store: &Store, custom: impl IntoIterator<Item = Arc<Served>>) -> Self {
        let builtin = resources().iter().filter_map(|resource| {
            let kind = Kind::builtin(resource)?;
            let stored = convert::stored_version(&kind.gvk);
            let versions = builtin_versions(resource, &stored);
            Some(Arc::new(Served::new(
                store,
                resource.clone(),
                kind,
                &stored,
                &versions,
            )))
        });
        let all: Vec<_> = builtin.chain(custom).collect();
        let path = |served: &Served| {
            [
                &served.resource.group,
                &served.resource.version,
                &served.resource.plural,
            ]
            .map(Clone::clone)
        };
        let by_path = all
            .iter()
            .enumerate()
            .map(|(at, served)| (path(served), at))
            .collect();
        let stored = all
            .iter()
            .enumerate()
            .filter(|(_, served)| served.is_storage());
        let by_objects = stored
            .map(|(at, served)| (served.objects.name().as_ref().into(), at))
            .collect();
        Self {
            all,
            by_path,
            by_objects,
        }
    }

    /// Returns the resource of a path.
    pub(crate) fn get(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Served>> {
        let at = self
            .by_path
            .get(&[group, version, plural].map(Into::into))?;
        self.all.get(*at)
    }

    /// Returns the version in which the objects of a resource are stored.
    pub(crate) fn of_objects(&self, name: &str) -> Option<&Arc<Served>> {
        self.all.get(*self.by_objects.get(name)?)
    }

    /// Returns all, in the order of discovery.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.all.iter()
    }

    /// Returns the content of discovery.
    pub(crate) fn catalogue(&self) -> Catalogue<'_> {
        Catalogue::of(self.all.iter().map(|served| &served.resource))
    }

    /// Returns whether any version of a group is served.
    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.all
            .iter()
            .any(|served| *served.resource.group == *group)
    }
}

/// Returns the kinds of the built-in resources that share their objects.
fn builtin_versions(resource: &ApiResource, stored: &str) -> Arc<[Kind]> {
    let same = resources()
        .iter()
        .filter(|other| other.plural == resource.plural)
        .filter_map(Kind::builtin);
    same.filter(|kind| convert::stored_version(&kind.gvk) == stored)
        .collect()
}
