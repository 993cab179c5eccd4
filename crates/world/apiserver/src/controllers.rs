//! What goes on beside requests: custom resources come to be served, namespaces and dependents go, claims and volumes
//! are let go, roles are noted.
//!
//! Each controller is told of every change, in order, and writes as any client would. One task runs them all; another
//! one plays the workloads, so that these hold up nothing.

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

/// Starts the controllers: all, or those without which an API is none.
pub(crate) fn start(api: &Arc<Api>, all: bool) -> Vec<JoinHandle<()>> {
    // What happens before a task first runs is told to it too.
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
    /// Else only what an API has of its own: definitions, and who may do what.
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
        // Others are served too where there is one thread.
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

/// Gives cluster roles the rules of those that they aggregate.
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
    // What a Service no longer has is free again, before what it has now is taken.
    if let Some(previous) = &noted.change.previous {
        api.addresses.note(&previous.value(), true);
    }
    if !noted.change.deleted {
        api.addresses.note(&noted.change.object.value(), false);
    }
}
