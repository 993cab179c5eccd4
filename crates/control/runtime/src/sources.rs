//! [`Sources`]: artifacts of all kinds of sources, for the controllers that build from them.
//!
//! A builder names a source by kind and name, and gets its artifact and the tree in it. Only this
//! module knows which kinds exist and where an artifact is stored.

use std::sync::Arc;

use futures::future::BoxFuture;
use lode_api::conditions::{READY, STALLED, State};
use lode_api::names::Names;
use lode_api::shared::Artifact;
use lode_api::{Kind, Resource, SourceStatus, Status as _};
use lode_object::NamespacedName;
use lode_store::Owner;
use lode_tree::Tree;

use crate::memory::Memory;
use crate::store::Store;
use crate::users::Use;

/// Bytes of memory needed to open an artifact: one file at a time, and the index of all files.
const OPENING_BYTES: u64 = 64 << 20;

/// All sources, of all kinds that are served.
pub struct Sources {
    mirrors: Vec<Box<dyn Mirror>>,
    store: Arc<lode_store::Store>,
    memory: Memory,
}

/// A source in its newest known version.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its artifact; `None` if nothing was stored yet.
    pub artifact: Option<Artifact>,
    /// Why its artifact is not that of its newest specification; `None` if it is.
    pub unready: Option<String>,
    /// Its uid, which determines the artifacts that can belong to it.
    pub uid: Box<str>,
}

/// An artifact that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The artifact in the store differs from the status; the source stores it again.
    #[error(
        "artifact of revision {revision} cannot be read: {cause}; the source will store it again"
    )]
    Lost {
        /// Revision of the artifact.
        revision: String,
        /// The store's error.
        cause: String,
    },
    /// It cannot be opened now.
    #[error("{0}")]
    Other(String),
}

impl Sources {
    /// Starts without sources; the artifacts of sources that are added are in `store`.
    #[must_use]
    pub fn new(store: Arc<lode_store::Store>, memory: Memory) -> Self {
        Self {
            mirrors: Vec::new(),
            store,
            memory,
        }
    }

    /// Adds the sources of one kind.
    #[must_use]
    pub fn with<S>(mut self, objects: Arc<Store<Resource<S>>>) -> Self
    where
        S: Kind<Status: SourceStatus + Send + Sync> + Send + Sync + 'static,
    {
        self.mirrors.push(Box::new(objects));
        self
    }

    /// Returns a source, if it exists.
    #[must_use]
    pub fn find(&self, kind: &str, name: &NamespacedName) -> Option<Source> {
        self.mirrors
            .iter()
            .find(|mirror| mirror.names().kind == kind)?
            .find(name)
    }

    /// Waits until all sources are loaded.
    pub async fn synced(&self) {
        for mirror in &self.mirrors {
            mirror.synced().await;
        }
    }

    /// Calls `wake` for each source that is added, removed, has another artifact, or cannot be built from for another reason,
    /// forever.
    pub async fn follow(&self, wake: impl Fn(&Use) + Send + Sync) {
        futures::future::join_all(self.mirrors.iter().map(|mirror| mirror.follow(&wake))).await;
    }

    /// Opens an artifact's tree; all users share one.
    ///
    /// # Errors
    /// The artifact is not in the store, does not match its digest, or is too large for the memory
    /// budget.
    pub async fn open(&self, artifact: &Artifact, owner: &Owner) -> Result<Arc<Tree>, OpenError> {
        let revision = &artifact.revision;
        let digest = artifact.digest.parse().map_err(|error| {
            OpenError::Other(format!("artifact of revision {revision}: {error}"))
        })?;
        if let Some(tree) = self.store.tree_in_memory(owner, &artifact.path, digest) {
            return Ok(tree);
        }

        let bytes = OPENING_BYTES.min(self.memory.for_one());
        let place = self.memory.reserve(owner.namespace(), bytes).await;
        let place =
            place.map_err(|error| OpenError::Other(format!("opening the artifact {error}")))?;
        let (store, owner) = (self.store.clone(), owner.clone());
        let path = artifact.path.to_string();
        match place
            .compute(move || store.tree(&owner, &path, digest))
            .await
        {
            Ok(Ok(tree)) => Ok(tree),
            Ok(Err(cause)) => Err(OpenError::Lost {
                revision: revision.to_string(),
                cause: cause.to_string(),
            }),
            Err(error) => Err(OpenError::Other(format!("reading the artifact: {error}"))),
        }
    }
}

impl Sources {
    /// Reads an artifact that is one file, as it was stored; at most `max` bytes.
    ///
    /// # Errors
    /// The artifact is not in the store, does not match its digest, or is larger.
    pub async fn read(
        &self,
        artifact: &Artifact,
        owner: &Owner,
        max: u64,
    ) -> Result<Vec<u8>, OpenError> {
        let revision = artifact.revision.to_string();
        let digest = artifact.digest.parse().map_err(|error| {
            OpenError::Other(format!("artifact of revision {revision}: {error}"))
        })?;
        let (store, owner) = (self.store.clone(), owner.clone());
        let path = artifact.path.to_string();
        let read = move || store.file(&owner, &path, digest, max);
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(cause)) => Err(OpenError::Lost {
                revision,
                cause: cause.to_string(),
            }),
            Err(error) => Err(OpenError::Other(format!("reading the artifact: {error}"))),
        }
    }
}

/// The sources of one kind.
trait Mirror: Send + Sync {
    fn names(&self) -> Names;
    fn find(&self, name: &NamespacedName) -> Option<Source>;
    fn synced(&self) -> BoxFuture<'_, ()>;
    fn follow<'a>(&'a self, wake: &'a (dyn Fn(&Use) + Send + Sync)) -> BoxFuture<'a, ()>;
}

impl<S> Mirror for Arc<Store<Resource<S>>>
where
    S: Kind<Status: SourceStatus + Send + Sync> + Send + Sync + 'static,
{
    fn names(&self) -> Names {
        S::NAMES
    }

    fn find(&self, name: &NamespacedName) -> Option<Source> {
        let found = self.get(name)?;
        let artifact = found.status.artifact().cloned();
        Some(Source {
            artifact,
            unready: unready(&found),
            uid: found.metadata.uid.clone(),
        })
    }

    fn synced(&self) -> BoxFuture<'_, ()> {
        Box::pin(Store::synced(self))
    }

    fn follow<'a>(&'a self, wake: &'a (dyn Fn(&Use) + Send + Sync)) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut changes = self.changes();
            loop {
                let change = changes.next().await;
                let (old, new) = (change.old.as_deref(), change.new.as_deref());
                if holds(old) != holds(new) || is_news(old, new) {
                    wake(&Use::new(S::NAMES.kind, change.name));
                }
            }
        })
    }
}

/// Returns whether a source exists, and the digest of its artifact.
fn holds<S: Kind<Status: SourceStatus>>(source: Option<&Resource<S>>) -> (bool, Option<&str>) {
    let artifact = source.and_then(|source| source.status.artifact());
    (source.is_some(), artifact.map(|artifact| &*artifact.digest))
}

/// Returns why the artifact of a source is not that of its newest specification, in Flux's words.
fn unready<S: Kind<Status: SourceStatus>>(source: &Resource<S>) -> Option<String> {
    let status = &source.status;
    let message = |of: &str, is: State| {
        let condition = status.conditions().get(of);
        let condition = condition.filter(|condition| condition.status == is);
        condition.map(|condition| condition.message.to_string())
    };
    if status.observed_generation() != Some(source.metadata.generation) {
        let not_yet = || "latest generation of object has not been reconciled".to_owned();
        return Some(message(READY, State::False).unwrap_or_else(not_yet));
    }
    let stalled = message(STALLED, State::True);
    let no_artifact = || {
        let is_empty = status.artifact().is_none();
        is_empty.then(|| "does not have an artifact".to_owned())
    };
    stalled.or_else(no_artifact)
}

/// Returns whether a source can be built from now, or why it cannot is another reason than before.
fn is_news<S: Kind<Status: SourceStatus>>(
    old: Option<&Resource<S>>,
    new: Option<&Resource<S>>,
) -> bool {
    let why = |source: Option<&Resource<S>>| source.map(unready);
    new.is_some() && why(new) != why(old)
}

#[cfg(test)]
mod tests {
    use lode_api::GitRepository;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_source_is_not_ready_for_a_reason() {
        let source = |observed: i64, conditions: serde_json::Value| {
            let status = json!({"observedGeneration": observed, "conditions": conditions});
            let metadata = json!({"name": "a", "namespace": "ns", "generation": 2});
            let object = json!({"metadata": metadata, "status": status});
            GitRepository::parse(&object).unwrap()
        };
        let condition = |of: &str, is: &str| {
            json!({"type": of, "status": is, "reason": "R", "message": "no",
            "lastTransitionTime": "2026-01-02T03:04:05Z"})
        };
        let why = |observed: i64, conditions| unready(&source(observed, conditions)).unwrap();
        let latest = "latest generation of object has not been reconciled";
        assert_eq!(why(1, json!([])), latest);
        assert_eq!(why(1, json!([condition("Ready", "Unknown")])), latest);
        assert_eq!(why(1, json!([condition("Ready", "False")])), "no");
        assert_eq!(why(2, json!([condition("Stalled", "True")])), "no");
        assert_eq!(why(2, json!([])), "does not have an artifact");

        let mut ready = source(2, json!([condition("Ready", "False")]));
        ready.status.set_artifact(Some(Artifact::default()));
        assert_eq!(unready(&ready), None, "it holds what it is to hold");
        let before = source(1, json!([]));
        assert!(is_news(Some(&before), Some(&ready)));
        assert!(is_news(None, Some(&ready)) && !is_news(Some(&ready), Some(&ready)));
        let failed = source(1, json!([condition("Ready", "False")]));
        assert!(is_news(Some(&before), Some(&failed)) && !is_news(Some(&failed), None));
        assert!(!is_news(Some(&failed), Some(&failed)));
    }

    #[test]
    fn only_what_a_source_holds_matters_to_who_builds_from_it() {
        let source = |digest: Option<&str>, message: &str| {
            let mut status = json!({"conditions": [{"type": "Ready", "message": message}]});
            if let Some(digest) = digest {
                status["artifact"] = json!({"digest": digest});
            }
            let object = json!({"metadata": {"name": "a", "namespace": "ns"}, "status": status});
            GitRepository::parse(&object).unwrap()
        };
        let (empty, one) = (source(None, "a"), source(Some("1"), "a"));
        assert_ne!(
            holds::<lode_api::git_repository::Spec>(None),
            holds(Some(&empty))
        );
        assert_ne!(holds(Some(&empty)), holds(Some(&one)));
        assert_ne!(holds(Some(&one)), holds(Some(&source(Some("2"), "a"))));
        assert_eq!(holds(Some(&one)), holds(Some(&source(Some("1"), "b"))));
    }
}
