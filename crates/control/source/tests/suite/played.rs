//! [`Played`]: a cluster with the controller of one kind of source, whose runs a test starts by hand.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lode_ambient::{Ambient, Source};
use lode_api::{Kind as _, Resource, SourceStatus as _, Status as _};
use lode_cluster::Client;
use lode_object::{NamespacedName, Value};
use lode_runtime::{
    Backoff, Controller as _, EventKind, Events, Frame, Memory, Metrics, Next, Own, OwnParts,
    Queue, Store,
};
use lode_sandbox::Sandbox;
use lode_source::{Origin, SourceOptions, SourceParts, SourceReconciler};
use lode_stdx::Digest;
use lode_stdx::budget::Limits;
use lode_store::Owner;
use lode_tree::Tree;
use serde_json::json;
use tempfile::TempDir;

/// What time it is in all tests.
pub(crate) const NOW: &str = "2026-01-02T03:04:05Z";
const NAMESPACE: &str = "default";
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// A machine on which it is always the same time.
struct Still;

impl Source for Still {
    fn now(&self) -> jiff::Timestamp {
        NOW.parse().unwrap()
    }

    fn since_boot(&self) -> Duration {
        Duration::from_hours(1)
    }

    fn random(&self) -> u64 {
        0
    }
}

/// A cluster and the controller of one kind.
pub(crate) struct Played<O: Origin> {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) own: Arc<Own<O::Spec>>,
    pub(crate) frame: Arc<Frame<SourceReconciler<O>>>,
    pub(crate) queue: Arc<Queue<NamespacedName>>,
    pub(crate) artifacts: Arc<lode_store::Store>,
    pub(crate) memory: Memory,
    events: Events,
    folder: TempDir,
}

/// What an origin is made with.
pub(crate) struct Stage<'a, O: Origin> {
    pub(crate) client: Client,
    pub(crate) objects: Arc<Store<Resource<O::Spec>>>,
    pub(crate) memory: Memory,
    pub(crate) artifacts: Arc<lode_store::Store>,
    pub(crate) folder: &'a Path,
}

impl<O: Origin> Played<O> {
    /// Starts the controller of an origin; the kind is served already.
    pub(crate) async fn start(
        sandbox: impl Into<Arc<Sandbox>>,
        origin: impl FnOnce(Stage<'_, O>) -> O,
    ) -> Self {
        Self::start_on(sandbox.into(), None, origin).await
    }

    /// As [`Played::start`], on the store of another controller.
    pub(crate) async fn start_on(
        sandbox: Arc<Sandbox>,
        store: Option<Arc<lode_store::Store>>,
        origin: impl FnOnce(Stage<'_, O>) -> O,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let client = Client::connect(Some(sandbox.kubeconfig()), None);
        let client = client.await.unwrap();
        let objects = Own::mirror(&client, "", "");
        let memory = Memory::new(1 << 30, 2);
        let open = || Arc::new(lode_store::Store::open(folder.path()).unwrap());
        let artifacts = store.unwrap_or_else(open);
        let origin = origin(Stage {
            client: client.clone(),
            objects: objects.clone(),
            memory: memory.clone(),
            artifacts: artifacts.clone(),
            folder: folder.path(),
        });

        let events = Events::start(&client, "source-controller", Ambient::default());
        let own = Arc::new(Own::new(OwnParts {
            client,
            objects,
            events: events.clone(),
            metrics: Metrics::new(),
            ambient: Ambient::new(Still),
            manager: "source-controller",
        }));
        let parts = SourceParts {
            own: own.clone(),
            origin,
            artifacts: artifacts.clone(),
            memory: memory.clone(),
            options: SourceOptions {
                storage_adv_addr: "store.example".to_owned(),
                artifact_retention_records: 1,
                artifact_retention_ttl: Duration::ZERO,
                interval_jitter_percent: 0,
                // Small enough that a test exceeds it soon.
                fetch: Limits {
                    bytes: 64 << 20,
                    ..lode_git::BUDGET
                },
                ..SourceOptions::default()
            },
        };
        let queue = Arc::new(Queue::new(Backoff::default()));
        let frame = SourceReconciler::frame(parts, queue.clone());
        tokio::spawn(frame.clone().follow());
        Self {
            sandbox,
            own,
            frame,
            queue,
            artifacts,
            memory,
            events,
            folder,
        }
    }

    /// Makes an object, or changes its specification.
    pub(crate) async fn apply(&self, name: &str, spec: &Value) {
        self.apply_as(name, &json!({}), spec).await;
    }

    /// Makes or changes an object with annotations.
    pub(crate) async fn apply_as(&self, name: &str, annotations: &Value, spec: &Value) {
        let names = O::Spec::NAMES;
        let metadata = json!({"name": name, "namespace": NAMESPACE, "annotations": annotations});
        let object = json!({"apiVersion": names.api_version(), "kind": names.kind, "metadata": metadata, "spec": spec});
        let objects = self.sandbox.objects();
        objects.apply("somebody", &object).await.unwrap();
    }

    /// Makes another object, for instance a Secret.
    pub(crate) async fn make(&self, object: &Value) {
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(NAMESPACE);
        let objects = self.sandbox.objects();
        objects.apply("somebody", &object).await.unwrap();
    }

    /// Asks for the deletion of an object.
    pub(crate) async fn delete(&self, name: &str) {
        let (version, kind) = kind::<O>();
        let objects = self.sandbox.objects();
        let deleted = objects.delete((&version, kind), NAMESPACE, name);
        deleted.await.unwrap();
    }

    /// Returns an object as the server has it.
    pub(crate) async fn live(&self, name: &str) -> Option<Resource<O::Spec>> {
        let (version, kind) = kind::<O>();
        let objects = self.sandbox.objects();
        let live = objects.get((&version, kind), NAMESPACE, name).await;
        live.unwrap().map(|live| Resource::parse(&live).unwrap())
    }

    /// Reconciles an object once the mirror has it as the server does.
    pub(crate) async fn run(&self, name: &str) -> Next {
        self.mirrored(name).await;
        self.frame.reconcile(&named(name)).await
    }

    /// Waits until the mirror has an object as the server does.
    pub(crate) async fn mirrored(&self, name: &str) {
        let version = |object: &Resource<O::Spec>| object.metadata.resource_version.clone();
        eventually(async || {
            let mirrored = self.own.objects().get(&named(name));
            let live = self.live(name).await;
            mirrored.as_deref().map(version) == live.as_ref().map(version)
        })
        .await;
    }

    /// Reconciles an object and returns what the server has then.
    pub(crate) async fn ran(&self, name: &str) -> Resource<O::Spec> {
        self.run(name).await;
        self.live(name).await.unwrap()
    }

    /// Returns the tree of the artifact of an object.
    pub(crate) async fn tree(&self, name: &str) -> Arc<Tree> {
        let (owner, path, digest) = self.artifact(name).await;
        self.artifacts.tree(&owner, &path, digest).unwrap()
    }

    /// Returns the bytes of the artifact of an object.
    pub(crate) async fn bytes(&self, name: &str) -> Vec<u8> {
        let (owner, path, digest) = self.artifact(name).await;
        self.artifacts
            .file(&owner, &path, digest, u64::MAX)
            .unwrap()
    }

    async fn artifact(&self, name: &str) -> (Owner, String, Digest) {
        let live = self.live(name).await.unwrap();
        let uid = &live.metadata.uid;
        let owner = Owner::new(O::Spec::NAMES.singular, NAMESPACE, name, uid).unwrap();
        let artifact = live.status.artifact().unwrap();
        (
            owner,
            artifact.path.to_string(),
            artifact.digest.parse().unwrap(),
        )
    }

    /// Returns the names of the artifacts of an object, sorted.
    pub(crate) fn files(&self, name: &str) -> Vec<String> {
        let kind = O::Spec::NAMES.singular;
        let folder = self.artifacts.served().join(kind).join(NAMESPACE);
        let files = std::fs::read_dir(folder.join(name)).into_iter().flatten();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    /// Returns the events about an object, as kind, reason and message.
    pub(crate) async fn events(&self, name: &str) -> Vec<(EventKind, String, String)> {
        assert!(self.events.flush(PATIENCE).await);
        let objects = self.sandbox.objects();
        let events = objects.list(("v1", "Event"), NAMESPACE).await.unwrap();
        let mut found = Vec::new();
        for event in events {
            if event["involvedObject"]["name"] != name {
                continue;
            }
            let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
            let kind = match event["type"].as_str() {
                Some("Warning") => EventKind::Warning,
                _ => EventKind::Normal,
            };
            found.push((kind, text("reason"), text("message")));
        }
        found
    }

    /// Returns the next object that is queued, if there is one.
    pub(crate) async fn queued(&self) -> Option<NamespacedName> {
        let next = tokio::time::timeout(PAUSE * 10, self.queue.next());
        next.await.ok().flatten()
    }

    /// Returns the folder where all is stored.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Returns status, reason and message of a condition.
pub(crate) fn condition<S: lode_api::Kind>(
    object: &Resource<S>,
    name: &str,
) -> Option<(lode_api::conditions::State, String, String)> {
    let found = object.status.conditions().get(name)?;
    let (reason, message) = (found.reason.to_string(), found.message.to_string());
    Some((found.status, reason, message))
}

/// Returns the reason of a condition; empty if it is not set.
pub(crate) fn reason<S: lode_api::Kind>(object: &Resource<S>, name: &str) -> String {
    let found = condition(object, name);
    found.map(|(_, reason, _)| reason).unwrap_or_default()
}

/// Returns the paths in a tree.
pub(crate) fn names(tree: &Tree) -> Vec<String> {
    tree.entries().map(|(path, _)| path.to_string()).collect()
}

/// Returns an object's name in the namespace of all tests.
pub(crate) fn named(name: &str) -> NamespacedName {
    NamespacedName::new(NAMESPACE, name)
}

/// Waits until something is so, with a bound.
pub(crate) async fn eventually(is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

fn kind<O: Origin>() -> (String, &'static str) {
    (O::Spec::NAMES.api_version(), O::Spec::NAMES.kind)
}
