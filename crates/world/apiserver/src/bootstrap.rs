//! The initial objects of a cluster.

use lode_admit::Status;
use lode_object::json::text;
use serde_json::{Value, json};

use crate::api::Api;
use crate::handlers::inside;
use crate::store::key::Key;

/// Field manager of the initial objects.
const MANAGER: &str = "kube-apiserver";
const RBAC: &str = "rbac.authorization.k8s.io";
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Creates what every cluster has: namespaces, the API's own Service, roles.
///
/// # Errors
/// The first object that cannot be created, which would be a defect of this crate.
pub(crate) fn run(api: &Api, port: u16) -> Result<(), Status> {
    for name in NAMESPACES {
        create(
            api,
            ("", "namespaces"),
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
        )?;
    }
    create(api, ("", "services"), &service(port))?;
    for role in lode_rbac::bootstrap::objects() {
        let plural = format!("{}s", text(&role, "/kind").to_lowercase());
        create(api, (RBAC, &plural), &role)?;
    }
    Ok(())
}

fn create(api: &Api, (group, plural): (&str, &str), object: &Value) -> Result<(), Status> {
    let served = inside::builtin(api, group, "v1", plural);
    let served = served.ok_or_else(|| Status::internal(format!("{plural} are not served")))?;
    let key = Key::new("", text(object, "/metadata/name"));
    inside::create(api, &served, object.clone(), MANAGER)?;
    if group == RBAC {
        // The first request may arrive before the controllers have seen the change.
        api.note_policy(&served, &key, object);
    }
    Ok(())
}

fn service(port: u16) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1", "sessionAffinity": "None",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]},
    })
}
