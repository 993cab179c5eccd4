//! The one shared watch cache: digests, not objects.
//!
//! ```text
//! API server ─watch→ Kind (per group, version, kind and selector) ─→ Seen per object (~200 bytes)
//! own write's answer ─put→ │
//!                          └─→ Changes: which owner has which objects to look at again
//! ```
//!
//! A kind is watched while a [`Kind`] handle exists, selected by the owner label where that
//! suffices. What an object's owner needs is computed once, when the event or the response arrives,
//! and the object is dropped. The removal of a label arrives as a deletion; the owner then reads
//! the object and finds that it still exists.
//!
//! Left out on purpose: the objects themselves. Code that needs one reads it from the server.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use lode_ambient::Ambient;
use lode_merge::Observed;
use lode_object::{GroupVersionKind, Id, NamespacedName, Value, meta};
use lode_stdx::Lock;
use tokio::sync::{Notify, watch};

use crate::client::{Client, decode};
use crate::error::Error;
use crate::ledger::{Ledger, Number, Watched};
use crate::resource::Resource;
use crate::seen::{Gone, Seen, Table};
use crate::watch::{self as follow, Head, Sink, Subject, Told};

/// The objects that each owner must look at again.
#[derive(Default)]
pub struct Changes {
    waiting: Lock<HashMap<NamespacedName, HashSet<Id>>>,
    arrived: Notify,
}

impl Changes {
    /// Waits for changes and returns all since the last call.
    pub async fn next(&self) -> HashMap<NamespacedName, HashSet<Id>> {
        loop {
            let arrived = self.arrived.notified();
            let changed = std::mem::take(&mut *self.waiting.lock());
            if !changed.is_empty() {
                return changed;
            }
            arrived.await;
        }
    }

    fn put(&self, owner: NamespacedName, id: Id) {
        self.waiting.lock().entry(owner).or_default().insert(id);
        self.arrived.notify_one();
    }
}

/// The shared cache of one cluster.
pub struct Cache {
    client: Client,
    manager: Arc<str>,
    overrides: Arc<[String]>,
    kinds: Lock<HashMap<Key, Weak<Kind>>>,
    /// Number of kinds created so far.
    numbers: AtomicU64,
    ledger: Arc<Ledger>,
    changes: Arc<Changes>,
    ambient: Ambient,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    gvk: GroupVersionKind,
    namespace: Box<str>,
    labels: Box<str>,
    fields: Box<str>,
}

impl Cache {
    /// Creates an empty cache: nothing is watched until requested. `manager` is the field manager
    /// whose fields are digested, `overrides` are further managers whose fields it takes over.
    /// `watches_max` limits how many kinds, and selections of their objects, may be watched for the
    /// owners in one namespace.
    #[must_use]
    pub fn new(
        client: Client,
        manager: &str,
        overrides: &[String],
        watches_max: usize,
        ambient: Ambient,
    ) -> Self {
        Self {
            client,
            manager: manager.into(),
            overrides: overrides.into(),
            kinds: Lock::default(),
            numbers: AtomicU64::new(0),
            ledger: Ledger::new(watches_max),
            changes: Arc::default(),
            ambient,
        }
    }

    /// Returns the receiver of changes.
    #[must_use]
    pub fn changes(&self) -> Arc<Changes> {
        self.changes.clone()
    }

    /// Returns the times by which the cache judges health.
    #[must_use]
    pub fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// Returns what the cache would keep of an object that was read directly.
    #[must_use]
    pub fn digest(&self, object: &Value) -> Seen {
        Seen::of(
            object,
            &self.manager,
            &self.overrides,
            self.ambient.now().as_second(),
        )
    }

    /// Watches all objects of a kind that carry the owner label, for the owners in a namespace.
    ///
    /// # Errors
    /// The namespace has reached its limit of watches. The empty namespace stands for the operator
    /// itself and has no limit.
    pub fn owned(&self, resource: &Resource, holder: &str) -> Result<Arc<Watched>, Error> {
        self.kind(resource, ["", meta::OWNER_NAME, ""], holder)
    }

    /// Watches one object, whoever owns it.
    ///
    /// # Errors
    /// As [`Cache::owned`].
    pub fn one(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        holder: &str,
    ) -> Result<Arc<Watched>, Error> {
        self.kind(
            resource,
            [namespace, "", &format!("metadata.name={name}")],
            holder,
        )
    }

    /// Watches the objects that a label selector selects in a namespace.
    ///
    /// # Errors
    /// As [`Cache::owned`].
    pub fn selected(
        &self,
        resource: &Resource,
        namespace: &str,
        labels: &str,
        holder: &str,
    ) -> Result<Arc<Watched>, Error> {
        self.kind(resource, [namespace, labels, ""], holder)
    }

    /// Returns the number of watched kinds and of known objects.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let kinds: Vec<Arc<Kind>> = self
            .kinds
            .lock()
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        (
            kinds.len(),
            kinds.iter().map(|kind| kind.shelf.table.lock().len()).sum(),
        )
    }

    fn kind(
        &self,
        resource: &Resource,
        [namespace, labels, fields]: [&str; 3],
        holder: &str,
    ) -> Result<Arc<Watched>, Error> {
        let key = Key {
            gvk: resource.gvk.clone(),
            namespace: namespace.into(),
            labels: labels.into(),
            fields: fields.into(),
        };
        let mut kinds = self.kinds.lock();
        if let Some(kind) = kinds.get(&key).and_then(Weak::upgrade) {
            return self.ledger.hold(holder, kind.number, || kind);
        }
        kinds.retain(|_, kind| kind.strong_count() > 0);
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let subject = Subject {
            resource: resource.clone(),
            namespace: key.namespace.clone(),
            labels: key.labels.clone(),
            fields: key.fields.clone(),
        };
        self.ledger.hold(holder, number, || {
            let kind = self.start(subject, number);
            kinds.insert(key, Arc::downgrade(&kind));
            kind
        })
    }

    fn start(&self, subject: Subject, number: Number) -> Arc<Kind> {
        let shelf = Arc::new(Shelf {
            gvk: subject.resource.gvk.clone(),
            manager: self.manager.clone(),
            overrides: self.overrides.clone(),
            is_owned: &*subject.labels == meta::OWNER_NAME,
            table: Lock::default(),
            changes: self.changes.clone(),
            ambient: self.ambient.clone(),
        });
        let (synced, is_synced) = watch::channel(false);
        let feed = Feed {
            shelf: shelf.clone(),
            synced,
        };
        let task = tokio::spawn(follow::watch(self.client.clone(), subject, feed));
        Arc::new(Kind {
            number,
            shelf,
            is_synced,
            task,
        })
    }
}

/// One watched kind; the watch runs as long as this lives.
pub struct Kind {
    number: Number,
    shelf: Arc<Shelf>,
    is_synced: watch::Receiver<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Kind {
    /// Waits until the first list is complete.
    pub async fn synced(&self) {
        // The sender is in the watch task, which ends only when this is dropped.
        let _ = self.is_synced.clone().wait_for(|synced| *synced).await;
    }

    /// Returns whether the known objects are complete: false before the first list, and after the
    /// server has stopped serving the kind.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        *self.is_synced.borrow()
    }

    /// Returns what is known of an object.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Seen> {
        self.with(&NamespacedName::new(namespace, name), Seen::clone)
    }

    /// Applies `read` to what is known of an object, without copying it.
    pub fn with<T>(&self, name: &NamespacedName, read: impl FnOnce(&Seen) -> T) -> Option<T> {
        self.shelf.table.lock().get(name).map(read)
    }

    /// Returns how an object ended, for objects that end by themselves and whose end was seen.
    #[must_use]
    pub fn gone(&self, name: &NamespacedName) -> Option<Gone> {
        self.shelf.table.lock().gone(name).cloned()
    }

    /// Applies `read` to everything that is known, without copying it.
    pub fn with_all<T>(
        &self,
        read: impl FnOnce(&mut dyn Iterator<Item = (&NamespacedName, &Seen)>) -> T,
    ) -> T {
        read(&mut self.shelf.table.lock().all())
    }

    /// Returns whether the watch has reached a version: an object of that version that is not known
    /// here is gone.
    #[must_use]
    pub fn has_reached(&self, version: &str) -> bool {
        version
            .parse()
            .is_ok_and(|version| self.shelf.table.lock().reached() >= version)
    }

    /// Takes the response to our own write (the object's JSON) and returns what is kept of it. The
    /// watch reports the same version; whichever comes later is not parsed. The object's owner,
    /// which wrote it, is not notified; others are.
    ///
    /// # Errors
    /// The response is not an object.
    pub fn put(&self, answer: &[u8]) -> Result<Observed, Error> {
        self.shelf.put(answer)
    }

    pub(crate) fn add_subscriber(&self, owner: &NamespacedName) {
        *self
            .shelf
            .table
            .lock()
            .subscribers
            .entry(owner.clone())
            .or_default() += 1;
    }

    pub(crate) fn remove_subscriber(&self, owner: &NamespacedName) {
        let mut table = self.shelf.table.lock();
        // One owner may have several subscriptions: a new run's begins before that of the old one
        // ends.
        if let Some(times) = table.subscribers.get_mut(owner) {
            *times -= 1;
            if *times == 0 {
                table.subscribers.remove(owner);
            }
        }
    }
}

impl Drop for Kind {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is known of one kind, and who is notified of changes.
struct Shelf {
    gvk: GroupVersionKind,
    manager: Arc<str>,
    overrides: Arc<[String]>,
    /// Whether the watch selects by the owner label.
    is_owned: bool,
    table: Lock<Table>,
    changes: Arc<Changes>,
    ambient: Ambient,
}

impl Shelf {
    /// Parses an object for what is kept of it.
    fn digest(&self, object: &[u8]) -> Result<Seen, Error> {
        let mut object: Value = decode(object)?;
        // Items of a list have neither kind nor version.
        if object.get("kind").is_none() {
            object["kind"] = (*self.gvk.kind).into();
            object["apiVersion"] = self.gvk.api_version().into();
        }
        Ok(Seen::of(
            &object,
            &self.manager,
            &self.overrides,
            self.ambient.now().as_second(),
        ))
    }

    fn put(&self, answer: &[u8]) -> Result<Observed, Error> {
        let head = decode::<Told>(answer)?.metadata;
        let name = head.name();
        if let Some(known) = self.table.lock().same(&name, &head.version) {
            return Ok(known.observed.clone());
        }
        let seen = self.digest(answer)?;
        let (observed, writer) = (seen.observed.clone(), seen.owner.clone());
        // The watch never reports the end of an object that it does not select.
        if !self.is_owned || writer.is_none() {
            return Ok(observed);
        }
        let mut table = self.table.lock();
        let (taken, old) = table.put(name.clone(), &head.version, seen);
        if taken {
            let before = old
                .and_then(|seen| seen.owner)
                .filter(|owner| Some(owner) != writer.as_ref());
            self.tell(&table, &name, before);
        }
        Ok(observed)
    }

    fn tell(
        &self,
        table: &Table,
        name: &NamespacedName,
        owners: impl IntoIterator<Item = NamespacedName>,
    ) {
        let owners: HashSet<NamespacedName> = owners
            .into_iter()
            .chain(table.subscribers.keys().cloned())
            .collect();
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
}

/// Where one watch puts its events.
struct Feed {
    shelf: Arc<Shelf>,
    synced: watch::Sender<bool>,
}

impl Sink for Feed {
    fn restart(&mut self) {
        self.shelf.table.lock().restart();
    }

    fn applied(&mut self, head: &Head<'_>, object: &[u8]) {
        let name = head.name();
        if self.shelf.table.lock().is_known(&name, &head.version) {
            return;
        }
        // What the server sends is an object.
        let Ok(seen) = self.shelf.digest(object) else {
            return;
        };
        let owner = seen.owner.clone();
        let mut table = self.shelf.table.lock();
        let old = table
            .applied(name.clone(), &head.version, seen)
            .and_then(|seen| seen.owner);
        self.shelf.tell(&table, &name, owner.into_iter().chain(old));
    }

    fn deleted(&mut self, head: &Head<'_>, _: &[u8]) {
        let name = head.name();
        let mut table = self.shelf.table.lock();
        if let Some(old) = table.deleted(&name, &head.version) {
            self.shelf.tell(&table, &name, old.owner);
        }
    }

    fn synced(&mut self, version: &str) {
        let mut table = self.shelf.table.lock();
        for (name, old) in table.synced(version) {
            self.shelf.tell(&table, &name, old.owner);
        }
        drop(table);
        self.synced.send_replace(true);
    }

    fn lost(&mut self) {
        self.synced.send_replace(false);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shelf(is_owned: bool) -> Shelf {
        let gvk = GroupVersionKind {
            group: "".into(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
        };
        let (manager, overrides) = ("lode".into(), Arc::from([]));
        Shelf {
            gvk,
            manager,
            overrides,
            is_owned,
            table: Lock::default(),
            changes: Arc::default(),
            ambient: Ambient::default(),
        }
    }

    fn answer(version: &str, owner: Option<&str>) -> Vec<u8> {
        let labels =
            owner.map(|owner| json!({meta::OWNER_NAME: owner, meta::OWNER_NAMESPACE: "flux"}));
        json!({"metadata": {"namespace": "shop", "name": "web", "resourceVersion": version, "labels": labels}})
            .to_string()
            .into()
    }

    fn owner(name: &str) -> NamespacedName {
        NamespacedName::new("flux", name)
    }

    fn told(shelf: &Shelf) -> Vec<NamespacedName> {
        let mut told: Vec<_> = std::mem::take(&mut *shelf.changes.waiting.lock())
            .into_keys()
            .collect();
        told.sort();
        told
    }

    fn knows(shelf: &Shelf) -> bool {
        shelf
            .table
            .lock()
            .get(&NamespacedName::new("shop", "web"))
            .is_some()
    }

    #[test]
    fn of_an_answer_others_are_told_but_not_who_wrote() {
        let shelf = shelf(true);
        shelf
            .table
            .lock()
            .subscribers
            .insert(owner("subscriber"), 1);
        assert_eq!(
            &*shelf
                .put(&answer("7", Some("one")))
                .unwrap()
                .resource_version,
            "7"
        );
        assert_eq!(told(&shelf), [owner("subscriber")]);
        shelf.put(&answer("8", Some("two"))).unwrap();
        assert_eq!(
            told(&shelf),
            [owner("one"), owner("subscriber")],
            "it has changed hands"
        );
        shelf.put(&answer("8", Some("two"))).unwrap();
        assert_eq!(told(&shelf), [], "it is known");
    }

    #[test]
    fn what_the_watch_would_not_tell_is_not_kept() {
        let unlabelled = shelf(true);
        unlabelled.put(&answer("7", None)).unwrap();
        let selected = shelf(false);
        selected.put(&answer("7", Some("one"))).unwrap();
        assert!(!knows(&unlabelled) && !knows(&selected));
        assert!(unlabelled.put(b"{").is_err());
    }
}
