//! The small changes a kustomization makes to all of its resources: namespace, names, replicas.

use std::collections::HashMap;

use lode_object::Value;

use crate::config::Replicas;
use crate::error::{Error, FileCause, ObjectCause};
use crate::field::{Absent, Path};
use crate::render::Origin;
use crate::resource::{Identity, Resource};

/// Kinds whose names no prefix or suffix changes.
const FIXED_NAMES: [&str; 3] = ["CustomResourceDefinition", "APIService", "Namespace"];
/// Kinds that have replicas.
const SCALED: [&str; 4] = ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"];

/// Sets the namespace of every resource that can have one, and of what names it elsewhere.
pub(crate) fn namespace(resources: &mut [Resource], namespace: &str) -> Result<(), Error> {
    for resource in resources.iter_mut() {
        resource.remember();
        if !resource.is_cluster_scoped() {
            resource.set_metadata("namespace", namespace.into());
        }
        match resource.kind() {
            "RoleBinding" | "ClusterRoleBinding" => set_default_subjects(&mut resource.value, namespace),
            "Namespace" if resource.api_version() == "v1" => resource.set_metadata("name", namespace.into()),
            "APIService" if resource.api_version().starts_with("apiregistration.k8s.io/") => {
                set("spec/service/namespace", &mut resource.value, Absent::Null, namespace);
            }
            "CustomResourceDefinition" if resource.api_version().starts_with("apiextensions.k8s.io/") => {
                let path = "spec/conversion/webhook/clientConfig/service/namespace";
                set(path, &mut resource.value, Absent::Leave, namespace);
            }
            _ => {}
        }
    }
    no_twins(resources)
}

/// Puts `prefix` in front of names and `suffix` behind them.
pub(crate) fn rename(resources: &mut [Resource], prefix: &str, suffix: &str) {
    if prefix.is_empty() && suffix.is_empty() {
        return;
    }
    for resource in resources {
        let original = resource.past.first().map_or_else(|| resource.kind(), |first| &first.gvk.kind);
        if FIXED_NAMES.contains(&original) {
            continue;
        }
        resource.remember();
        let name = format!("{prefix}{}{suffix}", resource.name());
        resource.set_metadata("name", name.into());
        if !prefix.is_empty() {
            resource.prefixes.push(prefix.into());
        }
        if !suffix.is_empty() {
            resource.suffixes.push(suffix.into());
        }
    }
}

/// Sets the number of replicas of what is or was called `replicas.name`.
pub(crate) fn replicas(resources: &mut [Resource], replicas: &Replicas, by: &Origin) -> Result<(), Error> {
    let path = Path::parse("spec/replicas");
    let mut found = false;
    for resource in resources {
        let called = resource.name() == replicas.name || resource.past.iter().any(|past| *past.name == *replicas.name);
        if called && SCALED.contains(&resource.kind()) {
            found = true;
            let Ok(()) = path.visit(&mut resource.value, Absent::Null, &mut |value| {
                *value = replicas.count.into();
                Ok::<_, std::convert::Infallible>(())
            });
        }
    }
    if found { Ok(()) } else { Err(Error::file(by, FileCause::NoReplicas(replicas.name.clone()))) }
}

/// Only the account called `default` follows: others are named by a reference, which is resolved at the end.
fn set_default_subjects(value: &mut Value, namespace: &str) {
    let Some(Value::Array(subjects)) = value.get_mut("subjects") else { return };
    for subject in subjects.iter_mut().filter_map(Value::as_object_mut) {
        if subject.get("name").and_then(Value::as_str) == Some("default") {
            subject.insert("namespace".to_owned(), namespace.into());
        }
    }
}

fn set(path: &str, value: &mut Value, absent: Absent, text: &str) {
    let Ok(()) = Path::parse(path).visit(value, absent, &mut |value| {
        *value = text.into();
        Ok::<_, std::convert::Infallible>(())
    });
}

fn no_twins(resources: &[Resource]) -> Result<(), Error> {
    let mut seen: HashMap<Identity, &Resource> = HashMap::with_capacity(resources.len());
    for resource in resources {
        if let Some(twin) = seen.insert(resource.current(), resource) {
            let (id, origin) = (Box::new(resource.id()), resource.origin.clone());
            return Err(Error::Object { id, origin, cause: ObjectCause::NamespaceConflict(twin.origin.clone()) });
        }
    }
    Ok(())
}
