//! Gives new namespaces their initial objects, and empties those that are being deleted.

use lode_admit::Status;
use lode_object::json::text;
use serde_json::{Value, json};

use crate::api::Api;
use crate::handlers::inside::{self, CONTROLLER_MANAGER};
use crate::store::Noted;
use crate::store::key::Key;
use crate::wire::options::{DeleteOptions, Propagation};

/// Handles a change.
pub(super) fn note(api: &Api, noted: &Noted) -> Result<(), Status> {
    let change = &noted.change;
    if &*noted.resource == "namespaces" {
        if change.deleted {
            return Ok(());
        }
        return if change.object.index.deleting {
            empty(api, change.key.name())
        } else {
            furnish(api, change.key.name())
        };
    }
    // The last object of a namespace that is being deleted releases it.
    if change.deleted && !change.key.namespace().is_empty() && is_going(api, change.key.namespace())
    {
        return finish(api, change.key.namespace());
    }
    Ok(())
}

fn is_going(api: &Api, namespace: &str) -> bool {
    let stored = api
        .store
        .resource("namespaces")
        .get(&Key::new("", namespace));
    stored.is_some_and(|stored| stored.index.deleting)
}

/// Creates the service account that pods use, and the certificate with which they verify the API.
fn furnish(api: &Api, namespace: &str) -> Result<(), Status> {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}});
    let certificate = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"ca.crt": &*api.certificate},
        "metadata": {"name": "kube-root-ca.crt", "namespace": namespace, "annotations": {
            "kubernetes.io/description": "The certificate by which the API of this cluster is known."}},
    });
    for (plural, object) in [("serviceaccounts", account), ("configmaps", certificate)] {
        let key = Key::new(namespace, text(&object, "/metadata/name"));
        let Some(served) = inside::builtin(api, "", "v1", plural) else {
            continue;
        };
        if served.objects.get(&key).is_none() {
            absent_is_fine(inside::create(api, &served, object, CONTROLLER_MANAGER))?;
        }
    }
    Ok(())
}

/// The namespace may be gone meanwhile, or the object may already exist.
fn absent_is_fine(done: Result<(), Status>) -> Result<(), Status> {
    match done {
        Err(status) if matches!(status.code, 403 | 404 | 409) => Ok(()),
        done => done,
    }
}

/// Deletes everything in a namespace.
fn empty(api: &Api, namespace: &str) -> Result<(), Status> {
    let background = DeleteOptions {
        propagation: Some(Propagation::Background),
        ..DeleteOptions::default()
    };
    let registry = api.registry();
    for served in registry
        .iter()
        .filter(|served| served.kind.namespaced && served.is_storage())
    {
        for (key, stored) in api.store.list(&served.objects, namespace).objects {
            let options = DeleteOptions {
                uid: Some(stored.index.uid.to_string()),
                ..background.clone()
            };
            inside::delete(api, served, &key, &options)?;
        }
    }
    finish(api, namespace)
}

/// Releases a namespace once it is empty.
fn finish(api: &Api, namespace: &str) -> Result<(), Status> {
    let registry = api.registry();
    if registry
        .iter()
        .any(|served| served.kind.namespaced && served.objects.has_any_in(namespace))
    {
        return Ok(());
    }
    let Some(namespaces) = registry.get("", "v1", "namespaces") else {
        return Ok(());
    };

    let key = Key::new("", namespace);
    inside::change(
        api,
        namespaces,
        &key,
        ("finalize", CONTROLLER_MANAGER),
        |object| {
            if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
                spec.remove("finalizers");
            }
        },
    )
}
