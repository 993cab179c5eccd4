//! Carries out plans: every write for workloads is made here.

use lode_admit::Status;
use serde_json::Value;

use super::node;
use super::plan::{Action, Plan, WorkloadKind, WorkloadPlace};
use super::scene::Scene;
use crate::api::Api;
use crate::handlers::inside::{self, CONTROLLER_MANAGER};
use crate::wire::options::{DeleteOptions, Propagation};

/// Carries out a plan. The status is written only if no action was taken that triggers another
/// round for the object.
pub(super) fn carry_out(
    api: &Api,
    scene: &Scene,
    place: &WorkloadPlace,
    plan: Plan,
) -> Result<(), Status> {
    let mut done = false;
    for action in plan.actions {
        done |= one(api, scene, place, action)?;
    }
    let Some(status) = plan.status.filter(|_| !done) else {
        return Ok(());
    };
    let Some(served) = scene.served(place.kind) else {
        return Ok(());
    };
    let manager = if matches!(place.kind, WorkloadKind::Pod | WorkloadKind::Node) {
        KUBELET
    } else {
        CONTROLLER_MANAGER
    };
    inside::change(api, served, &place.key, ("status", manager), |object| {
        object["status"] = status.clone();
        for (key, value) in &plan.annotations {
            object["metadata"]["annotations"][key] = value.clone();
        }
    })
}

/// Carries out one action. Returns whether it triggers another round for the object.
fn one(api: &Api, scene: &Scene, place: &WorkloadPlace, action: Action) -> Result<bool, Status> {
    match action {
        Action::Create(kind, object) => {
            let Some(served) = scene.served(kind) else {
                return Ok(false);
            };
            match inside::create(api, served, object, CONTROLLER_MANAGER) {
                // An existing claim of that name is used.
                Err(status) if status.code == 409 => Ok(false),
                created => created.map(|()| true),
            }
        }
        Action::Patch(kind, key, patch) => {
            let Some(served) = scene.served(kind) else {
                return Ok(false);
            };
            let edit = |object: &mut Value| json_patch::merge(object, &patch);
            inside::change(api, served, &key, ("", CONTROLLER_MANAGER), edit).map(|()| true)
        }
        Action::Delete { place, uid, now } => {
            let Some(served) = scene.served(place.kind) else {
                return Ok(false);
            };
            let grace_s = now.then_some(0);
            let propagation = Some(Propagation::Background);
            let options = DeleteOptions {
                propagation,
                uid: Some(uid),
                grace_s,
                ..DeleteOptions::default()
            };
            inside::delete(api, served, &place.key, &options).map(|()| true)
        }
        Action::Bind(node) => {
            let Some(served) = scene.served(place.kind) else {
                return Ok(false);
            };
            let since = super::pod::scheduled(api.now());
            let bound = inside::put(api, served, &place.key, |pod| {
                pod["spec"]["nodeName"] = node.clone().into();
                pod["status"]["conditions"] = Value::Array(vec![since.clone()]);
            });
            bound.map(|()| true)
        }
    }
}

/// Creates the node that runs all pods.
pub(super) fn furnish(api: &Api, scene: &Scene) -> Result<(), Status> {
    let Some(nodes) = scene.served(WorkloadKind::Node) else {
        return Ok(());
    };
    inside::create(api, nodes, node::node(), KUBELET)?;
    let status = node::status(api.now());
    inside::change(
        api,
        nodes,
        &node::place().key,
        ("status", KUBELET),
        |node| node["status"] = status.clone(),
    )
}

/// Logs a failure; the next change retries. In a namespace that is being deleted, creations fail as
/// expected.
pub(super) fn note_failure(place: &WorkloadPlace, done: Result<(), Status>) {
    let Err(status) = done else { return };
    let (kind, key) = (place.kind, &place.key);
    if matches!(status.code, 403 | 404) {
        tracing::debug!(?kind, namespace = key.namespace(), name = key.name(), %status, "workload not played");
    } else {
        tracing::warn!(?kind, namespace = key.namespace(), name = key.name(), %status, "workload not played");
    }
}

/// Field manager of what happens on nodes.
const KUBELET: &str = "kubelet";
