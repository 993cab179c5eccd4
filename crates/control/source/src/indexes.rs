//! [`Indexes`]: the indexes of Helm repositories in memory, each read once for all charts that are looked up in it.
//!
//! An index belongs to the uid of its repository: whatever a status says, nobody sees the index of somebody else.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use lode_api::HelmRepository;
use lode_api::shared::Artifact;
use lode_fetch::{Index, IndexFile, IndexLimits};
use lode_runtime::{Memory, Reservation};
use lode_stdx::Lock;
use lode_stdx::budget::{self, Budget};
use lode_store::{Owner, Store};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::helm_repository::fetch::FetchedIndex;

/// One part in this many of the memory budget is for indexes that are kept.
const PART: u64 = 8;
/// How long an index is kept that nobody looks into.
const UNUSED: Duration = Duration::from_mins(15);
/// Bytes of memory that reading an index may need besides its text, twice: once read, and what is kept.
const READING_BYTES: u64 = 16 << 20;
/// What reading one index may cost.
const BUDGET: budget::Limits = budget::Limits {
    bytes: 4 << 30,
    nodes: 20_000_000,
    steps: 4_000_000_000,
};
/// Largest stored index that is read.
const STORED_MAX: u64 = 512 << 20;

/// The indexes of Helm repositories in memory.
pub struct Indexes {
    store: Arc<Store>,
    memory: Memory,
    held: Lock<HashMap<Box<str>, HeldIndex>>,
}

/// One index, by the uid of its repository.
struct HeldIndex {
    revision: Box<str>,
    /// Empty until the first who asks has read it; the others wait for that.
    index: Arc<OnceCell<Arc<Index>>>,
    used: Instant,
}

impl Indexes {
    /// Keeps nothing yet; stored indexes are in `store`.
    pub fn new(store: Arc<Store>, memory: Memory) -> Self {
        let held = Lock::default();
        Self {
            store,
            memory,
            held,
        }
    }

    /// Reads the text of an index that was fetched, once there is memory for it.
    pub(crate) async fn convert(
        &self,
        namespace: &str,
        fetched: FetchedIndex,
    ) -> Result<(Index, IndexFile), String> {
        let place = self.reserve(namespace, fetched.size).await?;
        let store = self.store.clone();
        let work = move || {
            let mut file = fetched.file;
            let mut text = Vec::new();
            let read = file.read_to_end(&mut text);
            read.map_err(|error| error.to_string())?;
            let (limits, budget) = (IndexLimits::default(), Budget::new(BUDGET));
            let read = lode_fetch::convert(&text, store.scratch(), &limits, &budget);
            read.map_err(|error| error.to_string())
        };
        let read = place.compute(work).await;
        read.map_err(|error| error.to_string())?
    }

    /// Keeps an index for those who look into it now.
    pub(crate) fn put(&self, uid: &str, revision: &str, index: Index) {
        let entry = HeldIndex {
            revision: revision.into(),
            index: Arc::new(OnceCell::new_with(Some(Arc::new(index)))),
            used: Instant::now(),
        };
        self.held.lock().insert(uid.into(), entry);
        self.trim(Instant::now());
    }

    /// Returns the index that a repository has stored.
    pub(crate) async fn of(
        &self,
        repository: &HelmRepository,
        artifact: &Artifact,
    ) -> Result<Arc<Index>, String> {
        let uid = &repository.metadata.uid;
        let cell = self.cell(uid, &artifact.revision);
        let index = cell
            .get_or_try_init(|| self.read(repository, artifact))
            .await?
            .clone();
        self.trim(Instant::now());
        Ok(index)
    }

    /// Returns the place of an index, which may be empty.
    fn cell(&self, uid: &str, revision: &str) -> Arc<OnceCell<Arc<Index>>> {
        let mut held = self.held.lock();
        let used = Instant::now();
        if let Some(entry) = held
            .get_mut(uid)
            .filter(|entry| &*entry.revision == revision)
        {
            entry.used = used;
            return entry.index.clone();
        }
        let index = Arc::<OnceCell<_>>::default();
        let entry = HeldIndex {
            revision: revision.into(),
            index: index.clone(),
            used,
        };
        held.insert(uid.into(), entry);
        index
    }

    /// Reads an index from the store, once there is memory for it.
    async fn read(
        &self,
        repository: &HelmRepository,
        artifact: &Artifact,
    ) -> Result<Arc<Index>, String> {
        let (name, namespace) = (&repository.metadata.name, &repository.metadata.namespace);
        let owner = Owner::new("helmrepository", namespace, name, &repository.metadata.uid);
        let owner = owner.map_err(|error| error.to_string())?;
        let digest = artifact.digest.parse();
        let digest = digest.map_err(|error| format!("artifact of the index: {error}"))?;

        let size = artifact.size.unwrap_or_default().unsigned_abs();
        let place = self.reserve(namespace, size).await?;
        let (store, path) = (self.store.clone(), artifact.path.to_string());
        let work = move || {
            let text = store.file(&owner, &path, digest, STORED_MAX);
            let text = text.map_err(|error| error.to_string())?;
            let (limits, budget) = (IndexLimits::default(), Budget::new(BUDGET));
            let index = Index::read(&text, &limits, &budget).map_err(|error| error.to_string())?;
            Ok(Arc::new(index))
        };
        place
            .compute(work)
            .await
            .map_err(|error| error.to_string())?
    }

    async fn reserve(&self, namespace: &str, size: u64) -> Result<Reservation, String> {
        let bytes = READING_BYTES.saturating_add(size.saturating_mul(2));
        // The size is an estimate: on a small machine one piece of work takes what there is.
        let bytes = bytes.min(self.memory.for_one());
        let place = self.memory.reserve(namespace, bytes).await;
        place.map_err(|error| error.to_string())
    }

    /// Drops what nobody uses, and what is too much, the longest unused first.
    fn trim(&self, now: Instant) {
        let limit = self.memory.total() / PART;
        let mut held = self.held.lock();
        held.retain(|_, entry| now.duration_since(entry.used) < UNUSED);
        let mut bytes: u64 = held.values().map(HeldIndex::bytes).sum();
        while bytes > limit {
            let oldest = held.iter().min_by_key(|(_, entry)| entry.used);
            let Some(uid) = oldest.map(|(uid, _)| uid.clone()) else {
                return;
            };
            let gone = held.remove(&uid);
            bytes = bytes.saturating_sub(gone.map_or(0, |entry| entry.bytes()));
        }
    }
}

impl HeldIndex {
    fn bytes(&self) -> u64 {
        self.index.get().map_or(0, |index| index.bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use lode_stdx::Digest;
    use serde_json::json;

    use super::*;

    const TEXT: &str = "apiVersion: v1\nentries:\n  app:\n  - {apiVersion: v2, name: app, version: 1.0.0, urls: [a.tgz]}\n";

    struct World {
        indexes: Indexes,
        _folder: tempfile::TempDir,
    }

    fn world() -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        World {
            indexes: Indexes::new(store, Memory::new(64 << 20, 2)),
            _folder: folder,
        }
    }

    impl World {
        async fn converted(&self) -> (Index, IndexFile) {
            let mut file = self.indexes.store.temporary().unwrap();
            file.write_all(TEXT.as_bytes()).unwrap();
            file.rewind().unwrap();
            let fetched = FetchedIndex {
                file,
                size: TEXT.len() as u64,
                digest: Digest::of(TEXT.as_bytes()),
            };
            self.indexes.convert("ns", fetched).await.unwrap()
        }

        /// Stores the index of a repository, as its controller does.
        async fn store(&self, uid: &str) -> (HelmRepository, Artifact) {
            let metadata = json!({"name": "charts", "namespace": "ns", "uid": uid});
            let object =
                HelmRepository::parse(&json!({"metadata": metadata, "spec": {"url": "http://x"}}));
            let owner = Owner::new("helmrepository", "ns", "charts", uid).unwrap();
            let (_, mut file) = self.converted().await;
            let stored = self
                .indexes
                .store
                .put_file(&owner, "index-1.yaml", &mut file);
            let stored = stored.unwrap();
            let artifact = Artifact {
                digest: stored.digest.to_string().into(),
                path: stored.path.into(),
                revision: "r1".into(),
                ..Artifact::default()
            };
            (object.unwrap(), artifact)
        }
    }

    #[tokio::test]
    async fn an_index_is_read_once_for_all_who_ask() {
        let world = world();
        let (object, artifact) = world.store("u1").await;
        let all = (0..8).map(|_| world.indexes.of(&object, &artifact));
        let all = futures::future::join_all(all).await;
        let first = all[0].as_ref().unwrap();
        assert!(first.find("app", "1.x").is_ok());
        assert!(
            all.iter()
                .all(|it| Arc::ptr_eq(it.as_ref().unwrap(), first))
        );
    }

    #[tokio::test]
    async fn what_was_just_fetched_needs_no_reading() {
        let world = world();
        let (object, artifact) = world.store("u1").await;
        let (index, _) = world.converted().await;
        world.indexes.put("u1", "r1", index);
        let gone = Artifact {
            path: "helmrepository/ns/charts/nothere".into(),
            ..artifact.clone()
        };
        assert!(world.indexes.of(&object, &gone).await.is_ok());
        let newer = Artifact {
            revision: "r2".into(),
            ..gone
        };
        assert!(world.indexes.of(&object, &newer).await.is_err());
        assert!(world.indexes.of(&object, &artifact).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_sees_the_index_of_another() {
        let world = world();
        let (_, artifact) = world.store("u1").await;
        let metadata = json!({"name": "charts", "namespace": "other", "uid": "u2"});
        let other = json!({"metadata": metadata, "spec": {"url": "http://x"}});
        let other = HelmRepository::parse(&other).unwrap();
        assert!(world.indexes.of(&other, &artifact).await.is_err());
    }

    #[tokio::test]
    async fn what_nobody_uses_is_dropped() {
        let world = world();
        for uid in ["u1", "u2"] {
            let (index, _) = world.converted().await;
            world.indexes.put(uid, "r1", index);
        }
        let held = || world.indexes.held.lock().len();
        world.indexes.trim(Instant::now() + UNUSED / 2);
        assert_eq!(held(), 2);
        world.indexes.trim(Instant::now() + UNUSED);
        assert_eq!(held(), 0);
    }
}
