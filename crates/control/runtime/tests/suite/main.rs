//! The frame of controllers over the embedded API: what is written, reported and woken, whatever
//! the kind.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

mod cancellation;
mod events;
mod frame;
mod lease;
mod mirror;
mod own;
mod sources;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use lode_ambient::{Ambient, Source};
use lode_api::Kustomization;
use lode_api::kustomization::Spec;
use lode_cluster::Client;
use lode_object::{NamespacedName, Value};
use lode_runtime::{Events, Metrics, Own, OwnParts};
use lode_sandbox::{Options as Cluster, Sandbox};
use serde_json::json;
use tokio::time::timeout;

/// A machine on which it is always the same time.
struct Still;

impl Source for Still {
    fn now(&self) -> jiff::Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    fn since_boot(&self) -> Duration {
        Duration::from_hours(1)
    }

    fn random(&self) -> u64 {
        0
    }
}

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);
const KIND: (&str, &str) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");

/// A cluster, and the objects of one kind in it.
struct Played {
    sandbox: Sandbox,
    own: Arc<Own<Spec>>,
    events: Events,
}

impl Played {
    async fn start() -> Self {
        let sandbox = Sandbox::start(Cluster::default()).await.unwrap();
        let client = Client::connect(Some(sandbox.kubeconfig()), None)
            .await
            .unwrap();
        let events = Events::start(&client, "kustomize-controller", Ambient::default());
        let own = Own::new(OwnParts {
            objects: Own::mirror(&client, "", ""),
            events: events.clone(),
            metrics: Metrics::new(),
            ambient: Ambient::new(Still),
            manager: "gotk-kustomize-controller",
            client,
        });
        Self {
            sandbox,
            own: Arc::new(own),
            events,
        }
    }

    /// Creates the Kustomization `app` and returns it.
    async fn make(&self, metadata: &Value, spec: &Value) -> Arc<Kustomization> {
        let mut object = json!({"apiVersion": KIND.0, "kind": KIND.1,
            "metadata": {"name": "app", "namespace": "default"},
            "spec": {"interval": "1h", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "app"}}});
        for (part, more) in [("metadata", metadata), ("spec", spec)] {
            let fields = more.as_object().into_iter().flatten();
            let fields = fields.map(|(key, value)| (key.clone(), value.clone()));
            object[part].as_object_mut().unwrap().extend(fields);
        }
        let made = self
            .sandbox
            .objects()
            .apply("somebody", &object)
            .await
            .unwrap();
        Arc::new(Kustomization::parse(&made).unwrap())
    }

    async fn live(&self) -> Option<Kustomization> {
        let live = self
            .sandbox
            .objects()
            .get(KIND, "default", "app")
            .await
            .unwrap()?;
        Some(Kustomization::parse(&live).unwrap())
    }

    async fn patch(&self, patch: &Value) {
        let at = ("default", "app");
        self.sandbox
            .objects()
            .patch("else", KIND, at, patch)
            .await
            .unwrap();
    }

    /// Waits until the mirror has the object as the server does.
    async fn mirrored(&self) {
        let name = NamespacedName::new("default", "app");
        let version = |object: &Kustomization| object.metadata.resource_version.clone();
        let wait = async {
            loop {
                let mirrored = self.own.objects().get(&name);
                let live = self.live().await;
                if mirrored.as_deref().map(version) == live.as_ref().map(version) {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap();
    }

    /// Returns all events, once they are written.
    async fn events(&self) -> Vec<Value> {
        assert!(self.events.flush(PATIENCE).await);
        let objects = self.sandbox.objects();
        objects.list(("v1", "Event"), "default").await.unwrap()
    }
}
