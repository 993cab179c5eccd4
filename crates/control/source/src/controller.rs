//! [`GitRepositories`]: what all reconciles share, and what wakes them.
//!
//! ```text
//! own objects ─┬─ asked for, new, changed ──────────────→ queue ─→ reconcile (reconcile.rs)
//!              └─ new artifact ─→ index: who includes it ───↑  ↑ timers
//! ```

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lode_api::git_repository::Spec;
use lode_api::{GitRepository, Kind as _};
use lode_cluster::{Client, Resource};
use lode_object::NamespacedName;
use lode_runtime::{Change, Controller, Events, Memory, Metrics, Next, Priority, Queue, Store};

use crate::fetch::Git;
use crate::include;
use crate::options::Options;
use crate::traffic::Traffic;

/// The kind, as metrics name it.
pub(crate) const KIND: &str = "GitRepository";
/// How often the objects kept for Git are looked through.
const COLLECT_EVERY: Duration = Duration::from_hours(1);

/// The `GitRepository` controller.
pub struct GitRepositories {
    pub(crate) client: Client,
    pub(crate) resource: Resource,
    pub(crate) objects: Arc<Store<GitRepository>>,
    pub(crate) artifacts: Arc<lode_store::Store>,
    pub(crate) git: Git,
    pub(crate) memory: Memory,
    pub(crate) traffic: Traffic,
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
    pub(crate) options: Options,
    queue: Arc<Queue<NamespacedName>>,
    index: Mutex<Index>,
}

/// What the controller stands on.
pub struct Parts {
    /// Ourselves, at the API server.
    pub client: Client,
    /// The repositories.
    pub objects: Arc<Store<GitRepository>>,
    /// The artifacts.
    pub artifacts: Arc<lode_store::Store>,
    /// Where events go.
    pub events: Events,
    /// Where figures go.
    pub metrics: Metrics,
    /// What all work that computes shares.
    pub memory: Memory,
}

/// Who includes a repository.
type Index = HashMap<NamespacedName, HashSet<NamespacedName>>;

impl GitRepositories {
    /// Puts the controller together; nothing runs yet.
    ///
    /// # Errors
    /// The folder for what Git fetches cannot be written.
    pub fn new(
        parts: Parts,
        queue: Arc<Queue<NamespacedName>>,
        options: Options,
    ) -> io::Result<Arc<Self>> {
        let names = Spec::NAMES;
        let parked = queue.clone();
        let traffic = Traffic::new(move |name| parked.add(name.clone(), Priority::Change));
        Ok(Arc::new(Self {
            client: parts.client,
            resource: Resource::known(&names.api_version(), names.kind, names.plural, true),
            objects: parts.objects,
            artifacts: parts.artifacts,
            git: Git::open(&options, parts.memory.clone())?,
            memory: parts.memory,
            traffic,
            events: parts.events,
            metrics: parts.metrics,
            options,
            queue,
            index: Mutex::default(),
        }))
    }

    /// Turns what changes into work, for ever.
    pub async fn follow(self: Arc<Self>) {
        // Whoever includes another waits for the whole list, or it would be told missing while the list is read.
        self.objects.synced().await;
        let mut changes = self.objects.changes();
        let mut collect = tokio::time::interval(COLLECT_EVERY);
        loop {
            tokio::select! {
                change = changes.next() => self.changed(&change),
                _ = collect.tick() => {
                    let controller = self.clone();
                    tokio::spawn(async move { controller.git.collect().await });
                }
            }
        }
    }

    fn changed(&self, change: &Change<GitRepository>) {
        reindex(&mut lock(&self.index), change);
        if change.new.is_none() {
            self.queue.forget(&change.name);
            self.metrics.forget(KIND, &change.name);
        }
        if supersedes(change) {
            self.traffic.call_back(&change.name);
        }
        if let Some(priority) = change.urgency() {
            self.queue.add(change.name.clone(), priority);
        }
        if matters_to_includers(change) {
            for includer in lock(&self.index).get(&change.name).into_iter().flatten() {
                self.queue.add(includer.clone(), Priority::Change);
            }
        }
    }
}

impl Controller for GitRepositories {
    type Key = NamespacedName;
    const NAME: &'static str = "gitrepository";

    async fn reconcile(&self, key: &NamespacedName) -> Next {
        Box::pin(self.reconcile_one(key)).await
    }

    fn stop(&self) {
        self.traffic.stop();
    }

    fn metrics(&self) -> Option<&Metrics> {
        Some(&self.metrics)
    }
}

pub(crate) fn key(object: &GitRepository) -> NamespacedName {
    NamespacedName::new(&object.metadata.namespace, &object.metadata.name)
}

/// Returns whether what is under way for a repository is not wanted any more: it is gone or going, or is to be another.
/// Who only asks again waits for what is under way.
fn supersedes(change: &Change<GitRepository>) -> bool {
    let Some(old) = &change.old else { return false };
    change.new.as_ref().is_none_or(|new| {
        let (old_meta, new_meta) = (&old.metadata, &new.metadata);
        old_meta.uid != new_meta.uid
            || old_meta.generation != new_meta.generation
            || old.deleting() != new.deleting()
    })
}

/// Tells whether a repository came or went, or its artifact or includes are others.
fn matters_to_includers(change: &Change<GitRepository>) -> bool {
    let facts = |object: &Option<Arc<GitRepository>>| {
        let object = object.as_ref()?;
        let artifact = object.status.artifact.as_deref();
        Some((
            artifact.map(|artifact| artifact.digest.clone()),
            object.spec.include.clone(),
        ))
    };
    facts(&change.old) != facts(&change.new)
}

fn reindex(index: &mut Index, change: &Change<GitRepository>) {
    for name in change.old.iter().flat_map(|old| include::included(old)) {
        if let Some(includers) = index.get_mut(&name) {
            includers.remove(&change.name);
            if includers.is_empty() {
                index.remove(&name);
            }
        }
    }
    for name in change.new.iter().flat_map(|new| include::included(new)) {
        index.entry(name).or_default().insert(change.name.clone());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(more: &Value) -> Arc<GitRepository> {
        let mut object = json!({"metadata": {"name": "a", "namespace": "ns", "generation": 1}});
        for (part, fields) in more.as_object().unwrap() {
            for (field, value) in fields.as_object().unwrap() {
                object[part][field] = value.clone();
            }
        }
        Arc::new(GitRepository::parse(&object).unwrap())
    }

    fn change(old: Option<&Value>, new: Option<&Value>) -> Change<GitRepository> {
        Change {
            name: NamespacedName::new("ns", "a"),
            old: old.map(object),
            new: new.map(object),
        }
    }

    fn ready() -> Value {
        json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    }

    #[test]
    fn what_is_under_way_ends_when_the_object_goes_or_is_another() {
        let plain = json!({});
        let asked = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "1"}}});
        let edited = json!({"metadata": {"generation": 2}});
        let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}});
        assert!(
            supersedes(&change(Some(&plain), Some(&edited)))
                && supersedes(&change(Some(&plain), Some(&deleted)))
        );
        assert!(supersedes(&change(Some(&plain), None)));
        assert!(
            !supersedes(&change(Some(&plain), Some(&asked))),
            "who asks every minute would never get an answer"
        );
        assert!(
            !supersedes(&change(Some(&plain), Some(&ready())))
                && !supersedes(&change(None, Some(&plain)))
        );
    }

    #[test]
    fn a_new_artifact_matters_to_includers_and_a_condition_does_not() {
        let stored = |digest: &str| json!({"status": {"artifact": {"digest": digest}}});
        assert!(matters_to_includers(&change(
            Some(&json!({})),
            Some(&stored("1"))
        )));
        assert!(matters_to_includers(&change(
            Some(&stored("1")),
            Some(&stored("2"))
        )));
        assert!(matters_to_includers(&change(Some(&stored("1")), None)));
        assert!(!matters_to_includers(&change(
            Some(&json!({})),
            Some(&ready())
        )));
    }

    #[test]
    fn the_index_follows_the_includes() {
        let includes = |name: &str| json!({"spec": {"include": [{"repository": {"name": name}}]}});
        let mut index = Index::new();
        reindex(&mut index, &change(None, Some(&includes("b"))));
        assert!(index[&NamespacedName::new("ns", "b")].contains(&NamespacedName::new("ns", "a")));
        reindex(
            &mut index,
            &change(Some(&includes("b")), Some(&includes("c"))),
        );
        assert_eq!(
            index.keys().map(|name| &*name.name).collect::<Vec<_>>(),
            ["c"]
        );
        reindex(&mut index, &change(Some(&includes("c")), None));
        assert!(index.is_empty());
    }
}
