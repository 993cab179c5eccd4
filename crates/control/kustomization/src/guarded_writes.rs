//! Test: what is written of a Kustomization is written to the object that was looked at, and to nothing newer.

use std::sync::Arc;

use lode_api::Kustomization;
use lode_apply::Applier;
use lode_cluster::{Cache, Client, Discovery, Resource, Subject};
use lode_object::{NamespacedName, Value, meta};
use lode_runtime::{Backoff, Events, Memory, Metrics, Queue, Store};
use lode_sandbox::{Options as Cluster, Sandbox};
use serde_json::json;

use crate::controller::{Kustomizations, Parts};
use crate::options::Options;

const KIND: (&str, &str) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");

/// A cluster, and a controller of which nothing runs but what a test calls.
struct Played {
    sandbox: Sandbox,
    controller: Arc<Kustomizations>,
    _storage: tempfile::TempDir,
}

impl Played {
    async fn start() -> Self {
        let sandbox = Sandbox::start(Cluster::default()).await.unwrap();
        let storage = tempfile::tempdir().unwrap();
        let client = Client::connect(Some(sandbox.kubeconfig()), None)
            .await
            .unwrap();
        let cache = Arc::new(Cache::new(client.clone(), "kustomize-controller", &[], 100));
        let apply = lode_apply::Options {
            manager: "kustomize-controller".to_owned(),
            overrides: Vec::new(),
            custom_stage_kinds: Vec::new(),
            preflight_always: false,
            parallel: 1,
        };
        let parts = Parts {
            applier: Applier::new(client.clone(), Discovery::new(client.clone()), cache, apply),
            objects: mirror(&client),
            sources: mirror(&client),
            artifacts: Arc::new(lode_store::Store::open(storage.path()).unwrap()),
            records: Arc::new(lode_store::Records::open(storage.path())),
            events: Events::start(&client, "kustomize-controller"),
            metrics: Metrics::new(),
            memory: Memory::new(1 << 30, 1),
            custom_stage_kinds: Vec::new(),
            client,
        };
        let queue = Arc::new(Queue::new(Backoff::default()));
        Self {
            sandbox,
            controller: Kustomizations::new(parts, queue, Options::default()),
            _storage: storage,
        }
    }

    /// Makes the Kustomization `app`, and returns it as it is then.
    async fn make(&self, finalizers: &Value) -> Arc<Kustomization> {
        let object = json!({"apiVersion": KIND.0, "kind": KIND.1,
            "metadata": {"name": "app", "namespace": "default", "finalizers": finalizers},
            "spec": {"interval": "1h", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "app"}}});
        let made = self
            .sandbox
            .objects()
            .apply("somebody", &object)
            .await
            .unwrap();
        Arc::new(Kustomization::parse(&made).unwrap())
    }

    async fn live(&self) -> Kustomization {
        let live = self
            .sandbox
            .objects()
            .get(KIND, "default", "app")
            .await
            .unwrap();
        Kustomization::parse(&live.unwrap()).unwrap()
    }
}

fn mirror<S: lode_api::Kind + Send + Sync + 'static>(
    client: &Client,
) -> Arc<Store<lode_api::Resource<S>>>
where
    S::Status: Send + Sync,
{
    let names = S::NAMES;
    let subject = Subject {
        resource: Resource::known(&names.api_version(), names.kind, names.plural, true),
        namespace: "".into(),
        labels: "".into(),
        fields: "".into(),
    };
    let read =
        |object: &[u8]| lode_api::Resource::<S>::read(object).map_err(|error| error.to_string());
    Store::start(client.clone(), subject, read, |object| {
        NamespacedName::new(&object.metadata.namespace, &object.metadata.name)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_not_told_of_an_object_that_took_the_name() {
    let played = Played::start().await;
    let looked_at = played.make(&json!([])).await;
    played
        .sandbox
        .objects()
        .delete(KIND, "default", "app")
        .await
        .unwrap();
    let anew = played.make(&json!([])).await;
    assert_ne!(looked_at.metadata.uid, anew.metadata.uid);

    let mut status = looked_at.status.clone();
    status.last_applied_revision = Some("main@sha1:of-the-one-before".into());
    let refused = played
        .controller
        .write(&looked_at, status.clone())
        .await
        .unwrap_err();
    assert!(refused.is(409), "{refused}");
    assert_eq!(played.live().await.status.last_applied_revision, None);

    played.controller.write(&anew, status).await.unwrap();
    assert!(
        played.live().await.status.last_applied_revision.is_some(),
        "the object that was looked at is told"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_told_although_somebody_else_changed_the_object_meanwhile() {
    let played = Played::start().await;
    let looked_at = played.make(&json!([])).await;
    let note = json!({"metadata": {"annotations": {"somebody": "was here"}}});
    played
        .sandbox
        .objects()
        .patch("else", KIND, ("default", "app"), &note)
        .await
        .unwrap();
    let mut status = looked_at.status.clone();
    status.last_applied_revision = Some("main@sha1:1".into());
    played.controller.write(&looked_at, status).await.unwrap();
    let live = played.live().await;
    assert_eq!(
        live.status.last_applied_revision.as_deref(),
        Some("main@sha1:1")
    );
    assert_eq!(live.metadata.annotation("somebody"), Some("was here"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finalizer_of_somebody_else_that_came_meanwhile_stays() {
    let played = Played::start().await;
    let looked_at = played.make(&json!([meta::FINALIZER])).await;
    let both = json!({"metadata": {"finalizers": [meta::FINALIZER, "example.com/stay"]}});
    played
        .sandbox
        .objects()
        .patch("else", KIND, ("default", "app"), &both)
        .await
        .unwrap();

    let refused = played
        .controller
        .without_finalizer(&looked_at)
        .await
        .unwrap_err();
    assert!(refused.is(409), "{refused}");
    assert!(
        played
            .live()
            .await
            .metadata
            .has_finalizer("example.com/stay")
    );

    let now = played.live().await;
    played.controller.without_finalizer(&now).await.unwrap();
    let left = played.live().await.metadata.finalizers;
    assert_eq!(left, ["example.com/stay".into()], "only ours goes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_remembered_of_an_object_is_not_given_to_another_of_its_name() {
    let played = Played::start().await;
    let name = NamespacedName::new("default", "app");
    let mut state = played.controller.take(&name, "one");
    state.told_dependency = "told".to_owned();
    played.controller.give_back(&name, state);
    assert_eq!(played.controller.take(&name, "two").told_dependency, "");
    let state = played.controller.take(&name, "one");
    assert_eq!(
        (&*state.uid, &*state.told_dependency),
        ("one", ""),
        "it was forgotten"
    );
}
