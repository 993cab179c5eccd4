//! [`SourceArchive`]: the artifact store as one source sees it.
//!
//! What it reads and removes follows from what the object is (kind, namespace, name, uid), never from the paths that a
//! status names. Everything here that touches the disk runs on a thread that may block.

use std::sync::Arc;

use lode_api::reasons;
use lode_api::shared::Artifact;
use lode_api::{Kind, Resource};
use lode_object::NamespacedName;
use lode_runtime::{Failure, Reservation, name_of};
use lode_stdx::Digest;
use lode_store::{Error, Owner, Retention, Store, Stored, Verdict};
use lode_tree::{RepoPath, Tree};
use tracing::warn;

use crate::assemble::{ArtifactInput, AssembledArtifact, assemble};
use crate::contents::IncludedPart;
use crate::step::{self, broken};

/// The artifacts of one source.
#[derive(Debug, Clone)]
pub struct SourceArchive {
    store: Arc<Store>,
    owner: Owner,
}

impl SourceArchive {
    /// Returns the artifacts of an object.
    pub(crate) fn of<S: Kind>(store: &Arc<Store>, object: &Resource<S>) -> Result<Self, Failure> {
        let uid = &object.metadata.uid;
        Self::new(store, S::NAMES.singular, &name_of(object), uid)
    }

    /// Returns the artifacts of the source that a part is included from.
    pub(crate) fn of_part(store: &Arc<Store>, part: &IncludedPart) -> Result<Self, Failure> {
        Self::new(store, part.kind, &part.name, &part.uid)
    }

    fn new(
        store: &Arc<Store>,
        kind: &str,
        name: &NamespacedName,
        uid: &str,
    ) -> Result<Self, Failure> {
        let owner = Owner::new(kind, &name.namespace, &name.name, uid)
            .map_err(|error| step::store(reasons::DIRECTORY_CREATION_FAILED, error.to_string()))?;
        Ok(Self {
            store: store.clone(),
            owner,
        })
    }

    /// Opens an artifact of the source.
    pub async fn open(&self, artifact: &Artifact) -> Result<Arc<Tree>, Failure> {
        let path = artifact.path.to_string();
        let digest = artifact.digest.parse::<Digest>();
        self.on_thread(reasons::COPY_FAILURE, move |archive| {
            let digest = digest.map_err(|_| Error::Changed(path.clone()))?;
            archive.store.tree(&archive.owner, &path, digest)
        })
        .await
    }

    /// Returns whether an artifact is in the store as its status says.
    pub(crate) async fn verify(&self, artifact: &Artifact) -> Result<Verdict, Failure> {
        let path = artifact.path.to_string();
        let Ok(digest) = artifact.digest.parse::<Digest>() else {
            return Ok(Verdict::Changed);
        };
        self.on_thread(reasons::READ_OPERATION_FAILED, move |archive| {
            archive.store.verify(&archive.owner, &path, digest)
        })
        .await
    }

    /// Removes an artifact that does not have its digest any more.
    pub(crate) async fn remove(&self, artifact: &Artifact) -> Result<(), Failure> {
        let path = artifact.path.to_string();
        self.on_thread(reasons::READ_OPERATION_FAILED, move |archive| {
            archive.store.remove(&archive.owner, &path)
        })
        .await
    }

    /// Stores an artifact and keeps its tree in memory for those who want it now. Also returns the files that were left
    /// out of it for their names.
    pub(crate) async fn put(
        &self,
        file: String,
        input: ArtifactInput,
        place: Reservation,
    ) -> Result<(Stored, Vec<RepoPath>), Failure> {
        let archive = self.clone();
        let work = move || archive.put_now(&file, input);
        place
            .compute(work)
            .await
            .map_err(broken(step::store, reasons::ARCHIVE_OPERATION_FAILED))?
    }

    fn put_now(
        &self,
        file: &str,
        input: ArtifactInput,
    ) -> Result<(Stored, Vec<RepoPath>), Failure> {
        let (stored, left_out) = match assemble(input)? {
            AssembledArtifact::Tree { tree, left_out } => {
                (self.store.put(&self.owner, file, &tree), left_out)
            }
            AssembledArtifact::File(mut content) => {
                let stored = self.store.put_file(&self.owner, file, &mut *content);
                (stored, Vec::new())
            }
        };
        let stored = stored.map_err(failed(reasons::ARCHIVE_OPERATION_FAILED))?;
        Ok((stored, left_out))
    }

    /// Makes a name lead to an artifact.
    pub(crate) async fn link(&self, path: &str, name: &'static str) -> Result<(), Failure> {
        let path = path.to_owned();
        self.on_thread(reasons::SYMLINK_UPDATE_FAILED, move |archive| {
            archive.store.link(&archive.owner, &path, name)
        })
        .await
    }

    /// Returns the folder of the artifacts below the store.
    pub(crate) fn folder(&self) -> String {
        self.owner.folder()
    }

    /// Removes artifacts that are not needed any more. A failure is logged: the next run tries again.
    pub(crate) async fn collect(&self, current: &str, keep: Retention) {
        let current = current.to_owned();
        let removed = self
            .on_thread(reasons::GARBAGE_COLLECTION_FAILED, move |archive| {
                archive.store.collect(&archive.owner, Some(&current), keep)
            })
            .await;
        if let Err(failure) = removed {
            warn!(
                folder = self.owner.folder(),
                error = failure.message,
                "old artifacts not removed"
            );
        }
    }

    /// Removes all artifacts.
    pub(crate) async fn clear(&self) -> Result<(), Failure> {
        self.on_thread(reasons::GARBAGE_COLLECTION_FAILED, |archive| {
            archive.store.remove_all(&archive.owner)
        })
        .await
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        reason: &'static str,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let archive = self.clone();
        let answer = tokio::task::spawn_blocking(move || work(&archive)).await;
        answer
            .map_err(broken(step::store, reason))?
            .map_err(failed(reason))
    }
}

/// Returns the address of an artifact.
pub(crate) fn url(host: &str, path: &str) -> String {
    let host = host.trim_end_matches('/');
    if host.starts_with("http://") || host.starts_with("https://") {
        return format!("{host}/{path}");
    }
    format!("http://{host}/{path}")
}

fn failed(reason: &'static str) -> impl Fn(Error) -> Failure {
    move |error| step::store(reason, error.to_string())
}

#[cfg(test)]
mod tests {
    use lode_api::GitRepository;
    use lode_runtime::Memory;
    use lode_stdx::budget::Budget;
    use serde_json::json;

    use super::*;
    use crate::contents::{IgnoreRules, SourceContents};

    /// A store, and the archives of objects in it.
    struct Shelf {
        folder: tempfile::TempDir,
        store: Arc<Store>,
    }

    impl Shelf {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Arc::new(Store::open(folder.path()).unwrap());
            Self { folder, store }
        }

        fn of(&self, name: &str, uid: &str) -> SourceArchive {
            let metadata = json!({"name": name, "namespace": "ns", "uid": uid});
            let object = GitRepository::parse(&json!({"metadata": metadata})).unwrap();
            SourceArchive::of(&self.store, &object).unwrap()
        }

        fn files(&self, name: &str) -> Vec<String> {
            let folder = self.folder.path().join("artifacts/gitrepository/ns");
            let files = std::fs::read_dir(folder.join(name)).into_iter().flatten();
            let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
            names.sort();
            names
        }
    }

    async fn put(archive: &SourceArchive, file: &str, contents: SourceContents) -> Artifact {
        let input = ArtifactInput {
            contents,
            included: Vec::new(),
            budget: Arc::new(Budget::unlimited()),
        };
        let place = Memory::new(1 << 30, 1).reserve("ns", 1).await.unwrap();
        let (stored, _) = archive.put(file.to_owned(), input, place).await.unwrap();
        Artifact {
            path: stored.path.into(),
            digest: stored.digest.to_string().into(),
            ..Artifact::default()
        }
    }

    fn tree(text: &str) -> SourceContents {
        SourceContents::Tree {
            tree: [("a.yaml", text)].into_iter().collect(),
            ignore: IgnoreRules::Nothing,
        }
    }

    #[tokio::test]
    async fn what_is_put_is_verified_opened_and_removed() {
        let shelf = Shelf::new();
        let archive = shelf.of("a", "1");
        let artifact = put(&archive, "1.tar.gz", tree("x")).await;
        assert_eq!(archive.verify(&artifact).await, Ok(Verdict::Intact));
        assert_eq!(archive.open(&artifact).await.unwrap().len(), 1);
        archive.remove(&artifact).await.unwrap();
        assert_eq!(archive.verify(&artifact).await, Ok(Verdict::Missing));
        let failure = archive.open(&artifact).await.unwrap_err();
        assert_eq!(failure.reason, reasons::COPY_FAILURE);
    }

    #[tokio::test]
    async fn a_file_is_stored_as_it_is() {
        let shelf = Shelf::new();
        let archive = shelf.of("a", "1");
        let contents = SourceContents::File(Box::new(&b"index"[..]));
        let artifact = put(&archive, "index.yaml", contents).await;
        assert_eq!(*artifact.digest, *Digest::of(b"index").to_string());
        assert_eq!(archive.verify(&artifact).await, Ok(Verdict::Intact));
    }

    #[tokio::test]
    async fn a_digest_that_is_none_is_no_artifact() {
        let shelf = Shelf::new();
        let artifact = Artifact {
            path: "gitrepository/ns/a/1.tar.gz".into(),
            digest: "none".into(),
            ..Artifact::default()
        };
        let archive = shelf.of("a", "1");
        assert_eq!(archive.verify(&artifact).await, Ok(Verdict::Changed));
        assert!(archive.open(&artifact).await.is_err());
    }

    #[tokio::test]
    async fn the_path_of_another_source_reaches_nothing_of_it() {
        let shelf = Shelf::new();
        let artifact = put(&shelf.of("victim", "1"), "1.tar.gz", tree("x")).await;
        for thief in [shelf.of("thief", "2"), shelf.of("victim", "2")] {
            assert_eq!(thief.verify(&artifact).await, Ok(Verdict::Missing));
            assert!(thief.open(&artifact).await.is_err());
            thief.remove(&artifact).await.unwrap();
            thief.clear().await.unwrap();
        }
        assert_eq!(shelf.files("victim"), ["1.tar.gz"]);
    }

    #[tokio::test]
    async fn the_newest_artifacts_are_kept_and_all_go_with_the_object() {
        let shelf = Shelf::new();
        let archive = shelf.of("a", "1");
        for text in ["1", "2", "3"] {
            put(&archive, &format!("{text}.tar.gz"), tree(text)).await;
        }
        let keep = Retention {
            records: 1,
            ttl: std::time::Duration::ZERO,
        };
        archive.collect("gitrepository/ns/a/1.tar.gz", keep).await;
        let left = shelf.files("a");
        assert!(left.contains(&"1.tar.gz".to_owned()), "the current one");
        assert_eq!(left.len(), 2, "and the newest one: {left:?}");
        archive.clear().await.unwrap();
        assert_eq!(shelf.files("a"), [""; 0]);
    }

    #[test]
    fn an_object_without_a_uid_has_no_artifacts() {
        let shelf = Shelf::new();
        let object = GitRepository::parse(&json!({"metadata": {"name": "a", "namespace": "ns"}}));
        let failure = SourceArchive::of(&shelf.store, &object.unwrap()).unwrap_err();
        assert_eq!(failure.reason, reasons::DIRECTORY_CREATION_FAILED);
    }

    #[test]
    fn a_url_is_host_and_path() {
        let path = "gitrepository/ns/a/1.tar.gz";
        for (host, expected) in [
            (
                "127.0.0.1:9090",
                "http://127.0.0.1:9090/gitrepository/ns/a/1.tar.gz",
            ),
            (
                "source.ns.svc.cluster.local./",
                "http://source.ns.svc.cluster.local./gitrepository/ns/a/1.tar.gz",
            ),
            (
                "https://cdn.example.com/",
                "https://cdn.example.com/gitrepository/ns/a/1.tar.gz",
            ),
        ] {
            assert_eq!(url(host, path), expected);
        }
    }
}
