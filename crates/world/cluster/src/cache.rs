//! The one shared watch cache: digests, not objects.
//!
//! ```text
//! API server ─watch→ Kind (per group, version, kind and selector) ─→ Seen per object (~200 bytes)
//!                         │
//!                         └─→ Changes: which owner has which objects to look at again
//! ```
//!
//! A kind is watched while somebody holds its [`Kind`], selected by the owner label where that suffices. What an
//! object's owner needs is computed once, when the event arrives, and the object is dropped. A label that was removed
//! arrives as a deletion: the owner looks and finds that it is none.
//!
//! Left out on purpose: the objects themselves. Who needs one asks the server for it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lode_health::Health;
use lode_merge::Observed;
use lode_object::{GroupVersionKind, Id, NamespacedName, Value, meta};
use tokio::sync::{Notify, watch};

use crate::client::Client;
use crate::resource::Resource;
use crate::watch::{self as follow, Sink, Subject};

/// What the cache keeps of one object.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Identity, version, flags and digests.
    pub observed: Observed,
    /// Its health by the kind's own rules.
    pub health: Health,
    /// Whose it is by its labels.
    pub owner: Option<NamespacedName>,
}

/// Which owner has which objects to look at again.
#[derive(Default)]
pub struct Changes {
    waiting: Mutex<HashMap<NamespacedName, HashSet<Id>>>,
    arrived: Notify,
}

impl Changes {
    /// Waits until something changed and returns all that did since the last time.
    pub async fn next(&self) -> HashMap<NamespacedName, HashSet<Id>> {
        loop {
            let arrived = self.arrived.notified();
            let changed = std::mem::take(&mut *lock(&self.waiting));
            if !changed.is_empty() {
                return changed;
            }
            arrived.await;
        }
    }

    fn put(&self, owner: NamespacedName, id: Id) {
        lock(&self.waiting).entry(owner).or_default().insert(id);
        self.arrived.notify_one();
    }
}

/// The shared cache of one cluster.
pub struct Cache {
    client: Client,
    manager: Arc<str>,
    overrides: Arc<[String]>,
    kinds: Mutex<HashMap<Key, Weak<Kind>>>,
    changes: Arc<Changes>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    gvk: GroupVersionKind,
    namespace: Box<str>,
    labels: Box<str>,
    fields: Box<str>,
}

impl Cache {
    /// Starts empty: nothing is watched until somebody asks. `manager` is the field manager whose fields are
    /// digested, `overrides` are further managers whose fields it takes over.
    #[must_use]
    pub fn new(client: Client, manager: &str, overrides: &[String]) -> Self {
        Self {
            client,
            manager: manager.into(),
            overrides: overrides.into(),
            kinds: Mutex::default(),
            changes: Arc::default(),
        }
    }

    /// Returns where changes arrive.
    #[must_use]
    pub fn changes(&self) -> Arc<Changes> {
        self.changes.clone()
    }

    /// Watches all objects of a kind that carry the owner label.
    #[must_use]
    pub fn owned(&self, resource: &Resource) -> Arc<Kind> {
        self.kind(resource, "", meta::OWNER_NAME, "")
    }

    /// Watches one object, whoever owns it.
    #[must_use]
    pub fn one(&self, resource: &Resource, namespace: &str, name: &str) -> Arc<Kind> {
        self.kind(resource, namespace, "", &format!("metadata.name={name}"))
    }

    /// Watches what a label selector selects in a namespace.
    #[must_use]
    pub fn selected(&self, resource: &Resource, namespace: &str, labels: &str) -> Arc<Kind> {
        self.kind(resource, namespace, labels, "")
    }

    /// Returns how many kinds are watched and how many objects are known.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let kinds: Vec<Arc<Kind>> = lock(&self.kinds).values().filter_map(Weak::upgrade).collect();
        (kinds.len(), kinds.iter().map(|kind| lock(&kind.table).seen.len()).sum())
    }

    fn kind(&self, resource: &Resource, namespace: &str, labels: &str, fields: &str) -> Arc<Kind> {
        let key = Key {
            gvk: resource.gvk.clone(),
            namespace: namespace.into(),
            labels: labels.into(),
            fields: fields.into(),
        };
        let mut kinds = lock(&self.kinds);
        if let Some(kind) = kinds.get(&key).and_then(Weak::upgrade) {
            return kind;
        }
        kinds.retain(|_, kind| kind.strong_count() > 0);
        let subject = Subject {
            resource: resource.clone(),
            namespace: key.namespace.clone(),
            labels: key.labels.clone(),
            fields: key.fields.clone(),
        };
        let kind = self.start(subject);
        kinds.insert(key, Arc::downgrade(&kind));
        kind
    }

    fn start(&self, subject: Subject) -> Arc<Kind> {
        let table = Arc::new(Mutex::new(Table::default()));
        let (synced, is_synced) = watch::channel(false);
        let feed = Feed {
            gvk: subject.resource.gvk.clone(),
            manager: self.manager.clone(),
            overrides: self.overrides.clone(),
            table: table.clone(),
            changes: self.changes.clone(),
            synced,
            round: 0,
        };
        let task = tokio::spawn(follow::watch(self.client.clone(), subject, feed));
        Arc::new(Kind { table, is_synced, task })
    }
}

/// One watched kind; it is watched as long as this lives.
pub struct Kind {
    table: Arc<Mutex<Table>>,
    is_synced: watch::Receiver<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Kind {
    /// Waits until the first list is complete.
    pub async fn synced(&self) {
        // The sender lives in the watch task, which ends only when this is dropped.
        let _ = self.is_synced.clone().wait_for(|synced| *synced).await;
    }

    /// Returns what is known of an object.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Seen> {
        lock(&self.table).seen.get(&NamespacedName::new(namespace, name)).map(|(_, seen)| seen.clone())
    }

    /// Applies `read` to what is known of an object, without copying it.
    pub fn with<T>(&self, name: &NamespacedName, read: impl FnOnce(&Seen) -> T) -> Option<T> {
        lock(&self.table).seen.get(name).map(|(_, seen)| read(seen))
    }

    /// Returns all that is known, for small selections.
    #[must_use]
    pub fn all(&self) -> Vec<Seen> {
        lock(&self.table).seen.values().map(|(_, seen)| seen.clone()).collect()
    }

    /// Tells an owner of every change here, besides the one whose labels an object carries.
    pub fn subscribe(&self, owner: &NamespacedName) {
        lock(&self.table).subscribers.insert(owner.clone());
    }

    /// Ends [`Kind::subscribe`].
    pub fn unsubscribe(&self, owner: &NamespacedName) {
        lock(&self.table).subscribers.remove(owner);
    }
}

impl Drop for Kind {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Default)]
struct Table {
    /// By name: the list round it was last seen in, and what is known.
    seen: HashMap<NamespacedName, (u32, Seen)>,
    subscribers: HashSet<NamespacedName>,
}

/// Where one watch puts what it sees.
struct Feed {
    gvk: GroupVersionKind,
    manager: Arc<str>,
    overrides: Arc<[String]>,
    table: Arc<Mutex<Table>>,
    changes: Arc<Changes>,
    synced: watch::Sender<bool>,
    round: u32,
}

impl Feed {
    fn digest(&self, object: &[u8]) -> Option<(NamespacedName, Seen)> {
        let mut object: Value = serde_json::from_slice(object).ok()?;
        // Items of a list carry neither.
        if object.get("kind").is_none() {
            object["kind"] = (*self.gvk.kind).into();
            object["apiVersion"] = self.gvk.api_version().into();
        }
        let metadata = object.get("metadata")?;
        let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default();
        let name = NamespacedName::new(text("namespace"), text("name"));
        let label = |key: &str| metadata.get("labels")?.get(key)?.as_str();
        let owner = label(meta::OWNER_NAME).zip(label(meta::OWNER_NAMESPACE));
        let owner = owner.map(|(name, namespace)| NamespacedName::new(namespace, name));
        let observed = lode_merge::observe(&object, &self.manager, &self.overrides);
        let health = lode_health::compute(&object, jiff::Timestamp::now().as_second());
        Some((name, Seen { observed, health, owner }))
    }

    fn tell(&self, name: &NamespacedName, owners: impl IntoIterator<Item = NamespacedName>) {
        let owners: HashSet<NamespacedName> =
            owners.into_iter().chain(lock(&self.table).subscribers.iter().cloned()).collect();
        for owner in owners {
            self.changes.put(
                owner,
                Id {
                    namespace: name.namespace.clone(),
                    name: name.name.clone(),
                    group: self.gvk.group.clone(),
                    kind: self.gvk.kind.clone(),
                },
            );
        }
    }

    fn remove(&self, name: &NamespacedName) {
        let old = lock(&self.table).seen.remove(name);
        self.tell(name, old.and_then(|(_, seen)| seen.owner));
    }
}

impl Sink for Feed {
    fn restart(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    fn applied(&mut self, object: &[u8]) {
        let Some((name, seen)) = self.digest(object) else { return };
        let owner = seen.owner.clone();
        let old = lock(&self.table).seen.insert(name.clone(), (self.round, seen));
        let old = old.and_then(|(_, seen)| seen.owner);
        self.tell(&name, owner.into_iter().chain(old));
    }

    fn deleted(&mut self, object: &[u8]) {
        if let Some((name, _)) = self.digest(object) {
            self.remove(&name);
        }
    }

    fn synced(&mut self) {
        let gone: Vec<NamespacedName> = {
            let table = lock(&self.table);
            let gone = table.seen.iter().filter(|(_, (round, _))| *round != self.round);
            gone.map(|(name, _)| name.clone()).collect()
        };
        for name in gone {
            self.remove(&name);
        }
        self.synced.send_replace(true);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
