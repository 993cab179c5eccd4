//! Background work: serving custom resources, removing namespaces and dependents, releasing claims
//! and volumes, tracking roles.
//!
//! Each controller receives every change, in order, and writes like any client. One task runs them
//! all; another one simulates workloads, so that workloads delay nothing.

mod definitions;
mod finalizers;
mod garbage;
mod namespaces;
mod owned;
mod protection;
mod workloads;

use std::sync::Arc;

use lode_admit::Status;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use crate::api::Api;
use crate::store::Noted;

/// Starts all controllers, or only those that the API itself needs.
pub(crate) fn start(api: &Arc<Api>, all: bool) -> Vec<JoinHandle<()>> {
    // The task also receives what happens before it first runs.
    let core = tokio::spawn(run(
        Arc::clone(api),
        Core {
            all,
            ..Core::default()
        },
        api.store.tap(),
    ));
    let workloads = all.then(|| workloads::start(api));
    std::iter::once(core).chain(workloads).collect()
}

#[derive(Default)]
struct Core {
    /// Otherwise only the API's own: definitions and policy.
    all: bool,
    definitions: definitions::Definitions,
    garbage: garbage::Garbage,
}

async fn run(api: Arc<Api>, mut core: Core, mut changes: UnboundedReceiver<Noted>) {
    while let Some(noted) = changes.recv().await {
        note_policy(&api, &noted);
        note_service(&api, &noted);
        logged(&noted, core.definitions.note(&api, &noted));
        if core.all {
            logged(&noted, namespaces::note(&api, &noted));
            logged(&noted, core.garbage.note(&api, &noted));
            logged(&noted, protection::note(&api, &noted));
        }
        // Gives other tasks a turn on a single-threaded runtime.
        tokio::task::yield_now().await;
    }
}

fn logged(noted: &Noted, done: Result<(), Status>) {
    if let Err(status) = done {
        let key = &noted.change.key;
        tracing::warn!(resource = &*noted.resource, namespace = key.namespace(), name = key.name(), %status, "controller failed");
    }
}

fn note_policy(api: &Api, noted: &Noted) {
    let Some((plural, group)) = noted.resource.split_once('.') else {
        return;
    };
    if group != "rbac.authorization.k8s.io" {
        return;
    }
    let registry = api.registry();
    let Some(served) = registry.get(group, "v1", plural) else {
        return;
    };
    api.note_policy(
        served,
        &noted.change.key,
        &served.value(&noted.change.object),
    );
    if plural == "clusterroles" {
        aggregate(api);
    }
}

/// Updates the rules of aggregated cluster roles.
fn aggregate(api: &Api) {
    let Some(roles) =
        crate::handlers::inside::builtin(api, "rbac.authorization.k8s.io", "v1", "clusterroles")
    else {
        return;
    };

    let stale = api.policy(|policy| {
        let stale = policy.stale_aggregates().into_iter();
        let values =
            |rules: Vec<lode_rbac::Rule>| rules.iter().map(lode_rbac::Rule::to_value).collect();
        stale
            .map(|(name, rules)| (name.to_owned(), values(rules)))
            .collect::<Vec<(String, serde_json::Value)>>()
    });

    for (name, rules) in stale {
        let key = crate::store::key::Key::new("", &name);
        let done = crate::handlers::inside::change(
            api,
            &roles,
            &key,
            ("", "clusterrole-aggregation-controller"),
            |role| {
                role["rules"] = rules.clone();
            },
        );
        if let Err(status) = done {
            tracing::warn!(name, %status, "cluster role not aggregated");
        }
    }
}

fn note_service(api: &Api, noted: &Noted) {
    if &*noted.resource != "services" {
        return;
    }
    // Addresses that a Service gave up are released before its new ones are taken.
    if let Some(previous) = &noted.change.previous {
        api.addresses.note(&previous.value(), true);
    }
    if !noted.change.deleted {
        api.addresses.note(&noted.change.object.value(), false);
    }
}
