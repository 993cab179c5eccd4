//! Definitions of custom resources: accepts their names, serves what they define, and removes it
//! with them.

use std::collections::HashMap;
use std::sync::Arc;

use lode_admit::custom::{self, Definition, Names};
use lode_admit::{Kind, Status};
use lode_object::json::{int, list, text};
use lode_schema::{ApiResource, Subresource};
use lode_stdx::time::rfc3339;
use serde_json::Value;

use super::finalizers;
use crate::api::Api;
use crate::handlers::delete::CLEANUP;
use crate::handlers::inside;
use crate::served::Served;
use crate::store::Noted;
use crate::store::key::Key;
use crate::wire::options::{DeleteOptions, Propagation};

/// The last read version of each definition, so that a change only costs the changed one.
#[derive(Default)]
pub(super) struct Definitions {
    read: HashMap<Box<str>, ReadDefinition>,
}

struct ReadDefinition {
    generation: i64,
    names: Names,
    group: Box<str>,
    served: Vec<Arc<Served>>,
}

impl Definitions {
    /// Handles a change.
    pub(super) fn note(&mut self, api: &Api, noted: &Noted) -> Result<(), Status> {
        let change = &noted.change;
        if &*noted.resource != DEFINITIONS {
            return if change.deleted {
                self.note_object_gone(api, &noted.resource)
            } else {
                Ok(())
            };
        }
        if change.deleted {
            if self.read.remove(change.key.name()).is_some() {
                self.serve(api);
            }
            return Ok(());
        }
        let Some(served) = definitions(api) else {
            return Ok(());
        };
        let definition = served.value(&change.object);
        if change.object.index.deleting {
            return self.clean_up(api, &served, &definition);
        }
        self.establish(api, &served, &change.key, &definition)?;
        self.read(api, change.key.name(), &definition);
        Ok(())
    }

    /// Writes into a definition's status whether its names are accepted, and that it is served.
    fn establish(
        &self,
        api: &Api,
        served: &Served,
        key: &Key,
        definition: &Value,
    ) -> Result<(), Status> {
        let group = text(definition, "/spec/group");
        let others = self
            .read
            .iter()
            .filter(|(name, other)| ***name != *key.name() && *other.group == *group);
        let others: Vec<Names> = others.map(|(_, other)| other.names.clone()).collect();
        let accepted = custom::accept(definition, &others, &rfc3339(api.now()));
        if definition.get("status") == Some(&accepted) {
            return Ok(());
        }
        inside::change(api, served, key, ("status", MANAGER), |definition| {
            definition["status"] = accepted.clone();
        })
    }

    fn read(&mut self, api: &Api, name: &str, definition: &Value) {
        let generation = int(definition, "/metadata/generation").unwrap_or_default();
        if !is_established(definition)
            || self
                .read
                .get(name)
                .is_some_and(|read| read.generation == generation)
        {
            return;
        }
        match Definition::read(definition) {
            Ok(read) => {
                let served = served(api, &read);
                let read = ReadDefinition {
                    generation,
                    names: read.names,
                    group: read.group,
                    served,
                };
                self.read.insert(name.into(), read);
                self.serve(api);
            }
            Err(errors) => {
                let errors = errors
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; ");
                tracing::warn!(name, %errors, "definition not served");
            }
        }
    }

    fn serve(&self, api: &Api) {
        let mut read: Vec<_> = self.read.iter().collect();
        read.sort_by_key(|(name, _)| *name);
        api.serve(
            read.into_iter()
                .flat_map(|(_, read)| read.served.iter().map(Arc::clone)),
        );
    }

    /// Deletes all objects of a definition that is being deleted, and then releases it.
    fn clean_up(&self, api: &Api, served: &Served, definition: &Value) -> Result<(), Status> {
        let name = text(definition, "/metadata/name");
        let options = DeleteOptions {
            propagation: Some(Propagation::Background),
            ..DeleteOptions::default()
        };
        let custom = self.read.get(name).and_then(|read| read.served.first());
        if let Some(custom) = custom {
            for (key, _) in api.store.list(&custom.objects, "").objects {
                inside::delete(api, custom, &key, &options)?;
            }
            if custom.objects.len() > 0 {
                return Ok(());
            }
        }
        finalizers::remove(api, served, &Key::new("", name), CLEANUP, MANAGER)
    }

    /// Releases a definition that is being deleted after its last object is gone.
    fn note_object_gone(&self, api: &Api, resource: &str) -> Result<(), Status> {
        if !self.read.contains_key(resource) {
            return Ok(());
        }
        let Some(served) = definitions(api) else {
            return Ok(());
        };
        // A definition has the name of its resource.
        match served.objects.get(&Key::new("", resource)) {
            Some(stored) if stored.index.deleting => {
                self.clean_up(api, &served, &served.value(&stored))
            }
            _ => Ok(()),
        }
    }
}

fn definitions(api: &Api) -> Option<Arc<Served>> {
    inside::builtin(
        api,
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
    )
}

fn is_established(definition: &Value) -> bool {
    let conditions = list(definition, "/status/conditions").iter();
    let mut established = conditions.filter(|condition| text(condition, "/type") == "Established");
    established.any(|condition| text(condition, "/status") == "True")
}

fn served(api: &Api, definition: &Definition) -> Vec<Arc<Served>> {
    let versions: Arc<[Kind]> = definition.kinds().collect();
    let stored = definition
        .storage()
        .map(|version| format!("{}/{}", definition.group, version.name));
    let stored = stored.unwrap_or_default();
    let serve = |kind: &Kind| {
        let resource = resource(definition, kind);
        Arc::new(Served::new(
            &api.store,
            resource,
            kind.clone(),
            &stored,
            &versions,
        ))
    };
    versions.iter().map(serve).collect()
}

fn resource(definition: &Definition, kind: &Kind) -> ApiResource {
    let names = &definition.names;
    let texts = |texts: &[&str]| texts.iter().map(|text| Box::from(*text)).collect();
    let below = |name: &str, group: &str, version: &str, kind: &str| Subresource {
        name: name.into(),
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        verbs: texts(&["get", "patch", "update"]),
    };
    let status = kind
        .status
        .then(|| below("status", &kind.gvk.group, &kind.gvk.version, &kind.gvk.kind));
    let scale = kind.custom().is_some_and(|ty| ty.scale.is_some());
    let scale = scale.then(|| below("scale", "autoscaling", "v1", "Scale"));
    ApiResource {
        group: kind.gvk.group.clone(),
        version: kind.gvk.version.clone(),
        kind: kind.gvk.kind.clone(),
        plural: names.plural.clone(),
        singular: names.singular.clone(),
        namespaced: definition.namespaced,
        verbs: texts(&[
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "create",
            "update",
            "watch",
        ]),
        short_names: names.short_names.clone(),
        categories: names.categories.clone(),
        subresources: status.into_iter().chain(scale).collect(),
        storage_version_hash: Box::default(),
    }
}

const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";
const MANAGER: &str = "kube-apiserver";
