//! Sources for those who build from them: found by kind and name, opened by digest, followed by what they hold.

use std::sync::{Arc, Mutex};

use lode_ambient::Ambient;
use lode_api::git_repository::Spec;
use lode_api::shared::Artifact;
use lode_api::{GitRepository, SourceStatus as _};
use lode_cluster::Client;
use lode_object::NamespacedName;
use lode_runtime::{Events, Memory, Metrics, OpenError, Own, OwnParts, Sources};
use lode_sandbox::{Options, Sandbox};
use lode_store::{Owner, Store};
use lode_tree::Tree;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use super::{PATIENCE, PAUSE};

const KIND: (&str, &str) = ("source.toolkit.fluxcd.io/v1", "GitRepository");

fn fleet() -> NamespacedName {
    NamespacedName::new("default", "fleet")
}

fn memory() -> Memory {
    Memory::new(1 << 30, 2)
}

/// A store with one artifact.
struct Shelf {
    folder: TempDir,
    store: Arc<Store>,
    owner: Owner,
    artifact: Artifact,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        let owner = Owner::new("gitrepository", "default", "fleet", "1").unwrap();
        let tree: Tree = [("a.yaml", "a")].into_iter().collect();
        let stored = store.put(&owner, "1.tar.gz", &tree).unwrap();
        let artifact = Artifact {
            path: stored.path.into(),
            digest: stored.digest.to_string().into(),
            revision: "main@sha1:1".into(),
            ..Artifact::default()
        };
        Self {
            folder,
            store,
            owner,
            artifact,
        }
    }

    fn sources(&self) -> Sources {
        Sources::new(self.store.clone(), memory())
    }
}

#[tokio::test]
async fn all_who_use_an_artifact_share_one_tree() {
    let shelf = Shelf::new();
    let sources = shelf.sources();
    let one = sources.open(&shelf.artifact, &shelf.owner).await.unwrap();
    let other = sources.open(&shelf.artifact, &shelf.owner).await.unwrap();
    assert!(Arc::ptr_eq(&one, &other));
    assert_eq!(one.len(), 1);
}

#[tokio::test]
async fn after_a_restart_an_artifact_is_read_from_the_disk() {
    let shelf = Shelf::new();
    let store = Arc::new(Store::open(shelf.folder.path()).unwrap());
    let sources = Sources::new(store, memory());
    let tree = sources.open(&shelf.artifact, &shelf.owner).await.unwrap();
    assert_eq!(tree.len(), 1);
}

#[tokio::test]
async fn an_artifact_that_the_store_does_not_hold_is_lost_by_its_revision() {
    let shelf = Shelf::new();
    let missing = Artifact {
        path: "gitrepository/default/fleet/2.tar.gz".into(),
        ..shelf.artifact.clone()
    };
    let another = Owner::new("gitrepository", "default", "fleet", "2").unwrap();
    for (artifact, owner) in [(&missing, &shelf.owner), (&shelf.artifact, &another)] {
        let error = shelf.sources().open(artifact, owner).await.unwrap_err();
        let OpenError::Lost { revision, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(revision, "main@sha1:1");
        let text = error.to_string();
        assert!(text.ends_with("the source will store it again"), "{text}");
    }
}

#[tokio::test]
async fn a_digest_that_cannot_be_read_is_told_with_the_revision() {
    let shelf = Shelf::new();
    let odd = Artifact {
        digest: "md5:1".into(),
        ..shelf.artifact.clone()
    };
    let error = shelf.sources().open(&odd, &shelf.owner).await.unwrap_err();
    assert!(matches!(&error, OpenError::Other(_)), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("artifact of revision main@sha1:1: ")
    );
}

/// A cluster with the sources in it.
struct Fleet {
    sandbox: Sandbox,
    own: Own<Spec>,
    sources: Arc<Sources>,
    _folder: TempDir,
}

impl Fleet {
    async fn start() -> Self {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let client = Client::connect(Some(sandbox.kubeconfig()), None);
        let client = client.await.unwrap();
        let objects = Own::mirror(&client, "", "");
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        let sources = Sources::new(store, memory()).with(objects.clone());
        let own = Own::new(OwnParts {
            objects,
            events: Events::start(&client, "source-controller", Ambient::default()),
            metrics: Metrics::new(),
            ambient: Ambient::default(),
            manager: "source-controller",
            client,
        });
        sources.synced().await;
        Self {
            sandbox,
            own,
            sources: Arc::new(sources),
            _folder: folder,
        }
    }

    async fn make(&self) -> GitRepository {
        let object = json!({"apiVersion": KIND.0, "kind": KIND.1,
            "metadata": {"name": "fleet", "namespace": "default"},
            "spec": {"interval": "1h", "url": "https://example.com/fleet.git"}});
        let made = self.sandbox.objects().apply("somebody", &object);
        GitRepository::parse(&made.await.unwrap()).unwrap()
    }

    /// Writes an artifact and an observed generation into the status.
    async fn hold(&self, digest: &str, generation: i64) {
        let objects = self.sandbox.objects();
        let live = objects.get(KIND, "default", "fleet").await.unwrap();
        let live = GitRepository::parse(&live.unwrap()).unwrap();
        let mut status = live.status.clone();
        status.observed_generation = Some(generation);
        status.set_artifact(Some(Artifact {
            digest: digest.into(),
            last_update_time: "2026-01-02T03:04:05Z".into(),
            path: "gitrepository/default/fleet/1.tar.gz".into(),
            revision: "main@sha1:1".into(),
            url: "http://store.example/gitrepository/default/fleet/1.tar.gz".into(),
            ..Artifact::default()
        }));
        self.own.write_status(&live, &status).await.unwrap();
    }
}

/// Waits until something is so.
async fn eventually(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_is_found_by_kind_and_name_with_what_it_holds() {
    let played = Fleet::start().await;
    let find = |kind| played.sources.find(kind, &fleet());
    assert!(find("GitRepository").is_none());
    let made = played.make().await;
    eventually(|| find("GitRepository").is_some()).await;
    let empty = find("GitRepository").unwrap();
    assert_eq!(empty.uid, made.metadata.uid);
    assert!(empty.artifact.is_none(), "nothing was stored yet");
    assert!(find("Bucket").is_none(), "another kind");

    played.hold("sha256:1", 1).await;
    let holds = || find("GitRepository").unwrap().artifact;
    eventually(|| holds().is_some()).await;
    assert_eq!(&*holds().unwrap().digest, "sha256:1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_is_woken_by_what_a_source_holds_and_by_nothing_else() {
    let played = Fleet::start().await;
    let woken = Arc::new(Mutex::new(Vec::new()));
    let (sources, list) = (played.sources.clone(), woken.clone());
    let follower = tokio::spawn(async move {
        let wake = |used: &lode_runtime::Use| list.lock().unwrap().push(used.clone());
        sources.follow(wake).await;
    });
    let count = || woken.lock().unwrap().len();

    played.make().await;
    eventually(|| count() == 1).await;
    played.hold("sha256:1", 1).await;
    eventually(|| count() == 2).await;
    // Another generation than that of the specification: nothing can be built from it.
    played.hold("sha256:1", 2).await;
    eventually(|| count() == 3).await;
    played.hold("sha256:2", 2).await;
    eventually(|| count() == 4).await;
    played.hold("sha256:2", 3).await;
    let objects = played.sandbox.objects();
    objects.delete(KIND, "default", "fleet").await.unwrap();
    eventually(|| count() == 5).await;

    let uses = woken.lock().unwrap().clone();
    assert!(uses.iter().all(|used| &*used.kind == "GitRepository"));
    assert!(uses.iter().all(|used| used.name == fleet()));
    follower.abort();
}
