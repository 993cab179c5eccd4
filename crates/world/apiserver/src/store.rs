//! [`Store`]: all objects in memory, one revision counter, and per resource a log of changes that watches read.
//!
//! A write names the revision it was made from and is refused when there is a newer one, so no lock is held while an
//! object is worked on. Each resource has a lock of its own, held for a look-up or an insertion; the counter is shared,
//! so that a list and a watch that goes on from it agree. The log also tells how a resource looked at an earlier
//! revision. Left out: disk.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, watch};

use crate::stored::{Draft, Stored};

/// All objects.
#[derive(Debug)]
pub(crate) struct Store {
    revision: AtomicU64,
    taps: Mutex<Vec<mpsc::UnboundedSender<Noted>>>,
    resources: RwLock<HashMap<Box<str>, Arc<Resource>>>,
}

/// The objects of one resource (`deployments.apps`).
#[derive(Debug)]
pub(crate) struct Resource {
    name: Arc<str>,
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<Key, Arc<Stored>>,
    log: VecDeque<Arc<Change>>,
    /// Bytes of objects that only the log still holds.
    superseded_bytes: usize,
    /// The last change that the log no longer holds.
    forgotten: u64,
}

/// Which object: namespace (empty in the cluster's scope) and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
}

/// One change of an object.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) key: Key,
    /// The object; the last form it had if it went.
    pub(crate) object: Arc<Stored>,
    /// What it was before.
    pub(crate) previous: Option<Arc<Stored>>,
    pub(crate) deleted: bool,
    frames: [OnceLock<Bytes>; 3],
}

/// A change, and of which resource.
#[derive(Debug, Clone)]
pub(crate) struct Noted {
    pub(crate) resource: Arc<str>,
    pub(crate) change: Arc<Change>,
}

/// What a watch is told of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventType {
    Added,
    Modified,
    Deleted,
}

/// What a write was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// Nothing: the object is new.
    Absent,
    /// The object as of this revision.
    Revision(u64),
}

/// The object is not what the write was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clash {
    /// There is one already.
    Exists,
    /// There is a newer one.
    Newer,
    /// There is none.
    Gone,
}

/// The revision asked for is no longer known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expired;

/// What was found at a revision.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) revision: u64,
    /// In the order of namespace and name.
    pub(crate) objects: Vec<(Key, Arc<Stored>)>,
}

impl Store {
    /// Returns an empty store.
    pub(crate) fn new() -> Self {
        Self { revision: AtomicU64::new(1), taps: Mutex::default(), resources: RwLock::default() }
    }

    /// Returns the newest revision.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::SeqCst)
    }

    /// Returns a resource by its name with group; an empty one comes into being.
    pub(crate) fn resource(&self, name: &str) -> Arc<Resource> {
        let found = self.resources.read().unwrap_or_else(PoisonError::into_inner).get(name).map(Arc::clone);
        found.unwrap_or_else(|| {
            let mut resources = self.resources.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(resources.entry(name.into()).or_insert_with(|| Arc::new(Resource::new(name))))
        })
    }

    /// Puts an object in place of the one it was made from.
    pub(crate) fn put(&self, resource: &Resource, key: Key, from: From, draft: &Draft) -> Result<Arc<Stored>, Clash> {
        let mut inner = resource.lock();
        let previous = inner.objects.get(&key).map(Arc::clone);
        check(previous.as_deref(), from)?;
        let revision = self.next();
        let stored = Arc::new(draft.at(revision));
        inner.objects.insert(key.clone(), Arc::clone(&stored));
        let change = inner.note(Change::new(revision, key, Arc::clone(&stored), previous, false));
        self.tell(resource, change);
        drop(inner);
        resource.changed.send_replace(revision);
        Ok(stored)
    }

    /// Removes an object. Returns how it is told of: its last form, with the revision at which it went.
    pub(crate) fn remove(&self, resource: &Resource, key: &Key, from: u64) -> Result<Arc<Stored>, Clash> {
        let mut inner = resource.lock();
        check(inner.objects.get(key).map(AsRef::as_ref), From::Revision(from))?;
        let Some(previous) = inner.objects.remove(key) else { return Err(Clash::Gone) };
        let revision = self.next();
        let last = Arc::new(previous.gone_at(revision));
        let change = inner.note(Change::new(revision, key.clone(), Arc::clone(&last), Some(previous), true));
        self.tell(resource, change);
        drop(inner);
        resource.changed.send_replace(revision);
        Ok(last)
    }

    /// Returns what tells of every change of every resource from now on, each resource's in their order.
    pub(crate) fn tap(&self) -> mpsc::UnboundedReceiver<Noted> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.taps.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    fn tell(&self, resource: &Resource, change: Arc<Change>) {
        let noted = Noted { resource: Arc::clone(&resource.name), change };
        self.taps.lock().unwrap_or_else(PoisonError::into_inner).retain(|tap| tap.send(noted.clone()).is_ok());
    }

    /// Forgets all changes so far, as a compaction does.
    pub(crate) fn compact(&self) {
        let resources = self.resources.read().unwrap_or_else(PoisonError::into_inner);
        resources.values().for_each(|resource| resource.compact(self.revision()));
    }

    fn next(&self) -> u64 {
        self.revision.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Returns a resource's objects in a namespace (all where it is empty) at the newest revision.
    pub(crate) fn list(&self, resource: &Resource, namespace: &str) -> Snapshot {
        let inner = resource.lock();
        // Nothing is written here meanwhile, so the counter may run ahead but names what is listed.
        Snapshot { revision: self.revision(), objects: inner.within(namespace) }
    }
}

impl Resource {
    fn new(name: &str) -> Self {
        Self { name: name.into(), inner: Mutex::default(), changed: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns its name with group.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns an object.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Stored>> {
        self.lock().objects.get(key).map(Arc::clone)
    }

    /// Returns how many objects there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().objects.len()
    }

    /// Tells whether there is any object in a namespace.
    pub(crate) fn has_any_in(&self, namespace: &str) -> bool {
        let first = Key::new(namespace, "");
        self.lock().objects.range(first..).next().is_some_and(|(key, _)| *key.namespace == *namespace)
    }

    /// Returns the objects in a namespace as of a revision.
    pub(crate) fn at(&self, namespace: &str, revision: u64) -> Result<Snapshot, Expired> {
        let inner = self.lock();
        if revision < inner.forgotten {
            return Err(Expired);
        }
        let mut objects: BTreeMap<Key, Arc<Stored>> = inner.within(namespace).into_iter().collect();
        let later = inner.log.iter().rev().take_while(|change| change.revision > revision);
        for change in later.filter(|change| namespace.is_empty() || *change.key.namespace == *namespace) {
            match &change.previous {
                Some(previous) => drop(objects.insert(change.key.clone(), Arc::clone(previous))),
                None => drop(objects.remove(&change.key)),
            }
        }
        Ok(Snapshot { revision, objects: objects.into_iter().collect() })
    }

    /// Returns the changes after a revision, oldest first, and at most so many.
    pub(crate) fn since(&self, revision: u64, most: usize) -> Result<Vec<Arc<Change>>, Expired> {
        let inner = self.lock();
        if revision < inner.forgotten {
            return Err(Expired);
        }
        let start = inner.log.partition_point(|change| change.revision <= revision);
        Ok(inner.log.range(start..).take(most).map(Arc::clone).collect())
    }

    /// Forgets all changes that the log holds, and that there were none up to a revision.
    fn compact(&self, revision: u64) {
        let mut inner = self.lock();
        while inner.forget_oldest() {}
        inner.forgotten = inner.forgotten.max(revision);
    }

    /// Returns what tells of each new change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl Inner {
    fn within(&self, namespace: &str) -> Vec<(Key, Arc<Stored>)> {
        let pair = |(key, stored): (&Key, &Arc<Stored>)| (key.clone(), Arc::clone(stored));
        if namespace.is_empty() {
            return self.objects.iter().map(pair).collect();
        }
        let first = Key { namespace: namespace.into(), name: Box::default() };
        self.objects.range(first..).take_while(|(key, _)| *key.namespace == *namespace).map(pair).collect()
    }

    fn note(&mut self, change: Change) -> Arc<Change> {
        self.superseded_bytes += change.superseded_bytes();
        let change = Arc::new(change);
        self.log.push_back(Arc::clone(&change));
        while self.log.len() > LOG_MAX || self.superseded_bytes > LOG_BYTES_MAX && self.log.len() > 1 {
            self.forget_oldest();
        }
        change
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(change) = self.log.pop_front() else { return false };
        self.superseded_bytes = self.superseded_bytes.saturating_sub(change.superseded_bytes());
        self.forgotten = change.revision;
        true
    }
}

impl Key {
    /// Returns the key of an object.
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl Change {
    fn new(revision: u64, key: Key, object: Arc<Stored>, previous: Option<Arc<Stored>>, deleted: bool) -> Self {
        Self { revision, key, object, previous, deleted, frames: [const { OnceLock::new() }; 3] }
    }

    /// Returns the line that a watch sends for it; made once, however many watch.
    pub(crate) fn frame(&self, event: EventType) -> Bytes {
        self.frames[event as usize].get_or_init(|| frame(event, &self.told(event).bytes)).clone()
    }

    /// Returns the object that an event shows. Who no longer selects an object is told how it was, at the revision at
    /// which it left.
    pub(crate) fn told(&self, event: EventType) -> Arc<Stored> {
        match &self.previous {
            Some(previous) if event == EventType::Deleted && !self.deleted => Arc::new(previous.gone_at(self.revision)),
            _ => Arc::clone(&self.object),
        }
    }

    fn superseded_bytes(&self) -> usize {
        self.previous.as_ref().map_or(0, |previous| previous.bytes.len())
    }
}

impl EventType {
    /// Returns the word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// Returns the line that a watch sends.
pub(crate) fn frame(event: EventType, object: &[u8]) -> Bytes {
    let head = ["{\"type\":\"", event.as_str(), "\",\"object\":"].concat();
    let mut bytes = BytesMut::with_capacity(head.len() + object.len() + 2);
    for part in [head.as_bytes(), object, b"}\n"] {
        bytes.extend_from_slice(part);
    }
    bytes.freeze()
}

fn check(found: Option<&Stored>, from: From) -> Result<(), Clash> {
    match (found, from) {
        (None, From::Absent) => Ok(()),
        (Some(_), From::Absent) => Err(Clash::Exists),
        (None, From::Revision(_)) => Err(Clash::Gone),
        (Some(found), From::Revision(revision)) if found.revision == revision => Ok(()),
        (Some(_), From::Revision(_)) => Err(Clash::Newer),
    }
}

/// Changes that a resource remembers. A watch that is further behind starts anew.
const LOG_MAX: usize = 16_384;
/// Bytes of superseded objects that a resource remembers.
const LOG_BYTES_MAX: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn draft(name: &str, value: &str) -> Draft {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value}});
        Draft::new(&object, Box::default())
    }

    fn put(store: &Store, name: &str, value: &str) -> u64 {
        let resource = store.resource("configmaps");
        let key = Key::new("shop", name);
        let from = resource.get(&key).map_or(From::Absent, |stored| From::Revision(stored.revision));
        store.put(&resource, key, from, &draft(name, value)).unwrap().revision
    }

    fn values(snapshot: &Snapshot) -> Vec<String> {
        let value = |stored: &Stored| stored.value()["data"]["a"].as_str().unwrap().to_owned();
        snapshot.objects.iter().map(|(key, stored)| format!("{}={}", key.name, value(stored))).collect()
    }

    #[test]
    fn a_write_from_an_old_revision_is_refused() {
        let store = Store::new();
        let (resource, key) = (store.resource("configmaps"), Key::new("shop", "a"));
        let first = put(&store, "a", "1");
        put(&store, "a", "2");
        let clash = |from| store.put(&resource, key.clone(), from, &draft("a", "3")).unwrap_err();
        assert_eq!((clash(From::Revision(first)), clash(From::Absent)), (Clash::Newer, Clash::Exists));
        assert_eq!(store.remove(&resource, &key, first).unwrap_err(), Clash::Newer);
        let none = store.put(&resource, Key::new("shop", "b"), From::Revision(first), &draft("b", "1"));
        assert_eq!(none.unwrap_err(), Clash::Gone);
    }

    #[test]
    fn a_resource_is_known_as_it_was() {
        let store = Store::new();
        let resource = store.resource("configmaps");
        let before = store.revision();
        let first = put(&store, "a", "1");
        let second = put(&store, "b", "1");
        let third = put(&store, "a", "2");
        store.remove(&resource, &Key::new("shop", "b"), second).unwrap();
        let at = |revision| values(&resource.at("shop", revision).unwrap());
        assert_eq!(at(before), [""; 0]);
        assert_eq!(at(first), ["a=1"]);
        assert_eq!(at(third), ["a=2", "b=1"]);
        assert_eq!(values(&store.list(&resource, "")), ["a=2"]);
        store.compact();
        assert_eq!(resource.at("shop", third).unwrap_err(), Expired);
        assert_eq!(values(&resource.at("shop", store.revision()).unwrap()), ["a=2"]);
    }

    #[test]
    fn changes_come_in_order_and_old_ones_are_forgotten() {
        let store = Store::new();
        let resource = store.resource("configmaps");
        for round in 0..LOG_MAX + 10 {
            put(&store, "a", &round.to_string());
        }
        assert_eq!(resource.since(1, 10).unwrap_err(), Expired);
        let since = store.revision() - 3;
        let found = resource.since(since, 2).unwrap();
        assert_eq!(found.iter().map(|change| change.revision).collect::<Vec<_>>(), [since + 1, since + 2]);
    }

    #[test]
    fn only_the_namespace_asked_for_is_listed() {
        let store = Store::new();
        let resource = store.resource("configmaps");
        for namespace in ["a", "b", "bb"] {
            store.put(&resource, Key::new(namespace, "x"), From::Absent, &draft("x", namespace)).unwrap();
        }
        assert_eq!(values(&store.list(&resource, "b")), ["x=b"]);
        assert!(resource.has_any_in("b") && !resource.has_any_in("c") && !resource.has_any_in("ab"));
        assert_eq!(store.list(&resource, "").objects.len(), 3);
    }

    #[test]
    fn who_no_longer_selects_an_object_sees_how_it_was() {
        let store = Store::new();
        put(&store, "a", "1");
        let now = put(&store, "a", "2");
        let change = store.resource("configmaps").since(now - 1, 1).unwrap().remove(0);
        let frame: Value = serde_json::from_slice(&change.frame(EventType::Deleted)).unwrap();
        assert_eq!((&frame["type"], &frame["object"]["data"]["a"]), (&json!("DELETED"), &json!("1")));
        assert_eq!(frame["object"]["metadata"]["resourceVersion"], json!(now.to_string()));
    }
}
