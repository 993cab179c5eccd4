//! [`Store`]: all objects in memory, one revision counter, and per resource a log of changes for
//! watches.
//!
//! A write states the revision it is based on and is refused if there is a newer one, so no lock is
//! held while an object is processed. Each resource has its own lock, held only for a look-up or an
//! insertion; the counter is shared, so that a list and a watch that continues from it agree. The
//! log also answers reads at an earlier revision. Left out: disk.

pub(crate) mod key;
pub(crate) mod log;
pub(crate) mod stored;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lode_stdx::{Lock, SharedLock};
use tokio::sync::{mpsc, watch};

use self::key::Key;
use self::log::{Expired, Log, StoreChange};
use self::stored::{Draft, Stored};

/// All objects.
#[derive(Debug)]
pub(crate) struct Store {
    revision: AtomicU64,
    taps: Lock<Vec<mpsc::UnboundedSender<Noted>>>,
    resources: SharedLock<HashMap<Box<str>, Arc<ResourceStore>>>,
}

/// The objects of one resource (`deployments.apps`).
#[derive(Debug)]
pub(crate) struct ResourceStore {
    name: Arc<str>,
    inner: Lock<Inner>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<Key, Arc<Stored>>,
    log: Log,
}

/// A change and its resource.
#[derive(Debug, Clone)]
pub(crate) struct Noted {
    pub(crate) resource: Arc<str>,
    pub(crate) change: Arc<StoreChange>,
}

/// What a write is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// Nothing: the object is new.
    Absent,
    /// The object at this revision.
    Revision(u64),
}

/// The object is not what the write was based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clash {
    /// It already exists.
    Exists,
    /// There is a newer revision.
    Newer,
    /// It does not exist.
    Gone,
}

/// The objects at a revision.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) revision: u64,
    /// Ordered by namespace and name.
    pub(crate) objects: Vec<(Key, Arc<Stored>)>,
}

impl Store {
    /// Returns an empty store.
    pub(crate) fn new() -> Self {
        Self {
            revision: AtomicU64::new(1),
            taps: Lock::default(),
            resources: SharedLock::default(),
        }
    }

    /// Returns the newest revision.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::SeqCst)
    }

    /// Returns a resource by its name with group, created empty if absent.
    pub(crate) fn resource(&self, name: &str) -> Arc<ResourceStore> {
        let found = self.resources.read().get(name).map(Arc::clone);
        found.unwrap_or_else(|| {
            let mut resources = self.resources.write();
            Arc::clone(
                resources
                    .entry(name.into())
                    .or_insert_with(|| Arc::new(ResourceStore::new(name))),
            )
        })
    }

    /// Replaces an object if it is still the one that the write is based on.
    pub(crate) fn put(
        &self,
        resource: &ResourceStore,
        key: Key,
        from: From,
        draft: &Draft,
    ) -> Result<Arc<Stored>, Clash> {
        let mut inner = resource.inner.lock();
        let found = inner
            .objects
            .get_key_value(&key)
            .map(|(key, stored)| (key.clone(), Arc::clone(stored)));
        check(found.as_ref().map(|(_, stored)| &**stored), from)?;
        let (key, previous) = found.map_or((key, None), |(key, stored)| (key, Some(stored)));
        let revision = self.next();
        let stored = Arc::new(draft.after(previous.as_deref(), revision));
        inner.objects.insert(key.clone(), Arc::clone(&stored));
        let change = inner.log.note(StoreChange {
            key,
            object: Arc::clone(&stored),
            previous,
            deleted: false,
        });
        self.tell(resource, change);
        drop(inner);
        resource.changed.send_replace(revision);
        Ok(stored)
    }

    /// Removes an object. Returns its last state with the revision of the removal, as watches
    /// report it.
    pub(crate) fn remove(
        &self,
        resource: &ResourceStore,
        key: &Key,
        from: u64,
    ) -> Result<Arc<Stored>, Clash> {
        let mut inner = resource.inner.lock();
        check(
            inner.objects.get(key).map(AsRef::as_ref),
            From::Revision(from),
        )?;
        let Some((key, previous)) = inner.objects.remove_entry(key) else {
            return Err(Clash::Gone);
        };
        let revision = self.next();
        let last = Arc::new(previous.gone_at(revision));
        let change = StoreChange {
            key,
            object: Arc::clone(&last),
            previous: Some(previous),
            deleted: true,
        };
        let change = inner.log.note(change);
        self.tell(resource, change);
        drop(inner);
        resource.changed.send_replace(revision);
        Ok(last)
    }

    /// Returns a channel that receives every change of every resource from now on, in order per
    /// resource.
    pub(crate) fn tap(&self) -> mpsc::UnboundedReceiver<Noted> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.taps.lock().push(sender);
        receiver
    }

    fn tell(&self, resource: &ResourceStore, change: Arc<StoreChange>) {
        let noted = Noted {
            resource: Arc::clone(&resource.name),
            change,
        };
        self.taps
            .lock()
            .retain(|tap| tap.send(noted.clone()).is_ok());
    }

    /// Forgets all changes so far, as a compaction does.
    pub(crate) fn compact(&self) {
        let resources = self.resources.read();
        resources
            .values()
            .for_each(|resource| resource.compact(self.revision()));
    }

    fn next(&self) -> u64 {
        self.revision.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Returns a resource's objects in a namespace (all if it is empty) at the latest revision.
    pub(crate) fn list(&self, resource: &ResourceStore, namespace: &str) -> Snapshot {
        let inner = resource.inner.lock();
        // Nothing is written to this resource meanwhile, so a counter that runs ahead still
        // describes the list.
        Snapshot {
            revision: self.revision(),
            objects: inner.within(namespace),
        }
    }
}

impl ResourceStore {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            inner: Lock::default(),
            changed: watch::Sender::new(0),
        }
    }

    /// Returns its name with group.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns an object.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Stored>> {
        self.inner.lock().objects.get(key).map(Arc::clone)
    }

    /// Returns how many objects there are.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().objects.len()
    }

    /// Returns whether there is any object in a namespace.
    pub(crate) fn has_any_in(&self, namespace: &str) -> bool {
        let first = Key::new(namespace, "");
        self.inner
            .lock()
            .objects
            .range(first..)
            .next()
            .is_some_and(|(key, _)| key.namespace() == namespace)
    }

    /// Returns the objects in a namespace at a revision.
    pub(crate) fn at(&self, namespace: &str, revision: u64) -> Result<Snapshot, Expired> {
        let inner = self.inner.lock();
        let later = inner.log.since(revision)?.rev();
        let mut objects: BTreeMap<Key, Arc<Stored>> = inner.within(namespace).into_iter().collect();
        for change in
            later.filter(|change| namespace.is_empty() || change.key.namespace() == namespace)
        {
            match &change.previous {
                Some(previous) => drop(objects.insert(change.key.clone(), Arc::clone(previous))),
                None => drop(objects.remove(&change.key)),
            }
        }
        Ok(Snapshot {
            revision,
            objects: objects.into_iter().collect(),
        })
    }

    /// Returns up to `most` changes after a revision, oldest first.
    pub(crate) fn since(
        &self,
        revision: u64,
        most: usize,
    ) -> Result<Vec<Arc<StoreChange>>, Expired> {
        Ok(self
            .inner
            .lock()
            .log
            .since(revision)?
            .take(most)
            .map(Arc::clone)
            .collect())
    }

    /// Forgets all changes in the log, up to a revision.
    fn compact(&self, revision: u64) {
        self.inner.lock().log.compact(revision);
    }

    /// Returns the number of watches.
    pub(crate) fn watchers(&self) -> usize {
        self.changed.receiver_count()
    }

    /// Returns a channel that signals each new change.
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
        let first = Key::new(namespace, "");
        self.objects
            .range(first..)
            .take_while(|(key, _)| key.namespace() == namespace)
            .map(pair)
            .collect()
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn draft(name: &str, value: &str) -> Draft {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value}});
        Draft::new(&object, Box::default())
    }

    fn put(store: &Store, name: &str, value: &str) -> u64 {
        let resource = store.resource("configmaps");
        let key = Key::new("shop", name);
        let from = resource
            .get(&key)
            .map_or(From::Absent, |stored| From::Revision(stored.revision));
        store
            .put(&resource, key, from, &draft(name, value))
            .unwrap()
            .revision
    }

    fn values(snapshot: &Snapshot) -> Vec<String> {
        let value = |stored: &Stored| stored.value()["data"]["a"].as_str().unwrap().to_owned();
        snapshot
            .objects
            .iter()
            .map(|(key, stored)| format!("{}={}", key.name(), value(stored)))
            .collect()
    }

    #[test]
    fn a_write_from_an_old_revision_is_refused() {
        let store = Store::new();
        let (resource, key) = (store.resource("configmaps"), Key::new("shop", "a"));
        let first = put(&store, "a", "1");
        put(&store, "a", "2");
        let clash = |from| {
            store
                .put(&resource, key.clone(), from, &draft("a", "3"))
                .unwrap_err()
        };
        assert_eq!(
            (clash(From::Revision(first)), clash(From::Absent)),
            (Clash::Newer, Clash::Exists)
        );
        assert_eq!(
            store.remove(&resource, &key, first).unwrap_err(),
            Clash::Newer
        );
        let none = store.put(
            &resource,
            Key::new("shop", "b"),
            From::Revision(first),
            &draft("b", "1"),
        );
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
        store
            .remove(&resource, &Key::new("shop", "b"), second)
            .unwrap();
        let at = |revision| values(&resource.at("shop", revision).unwrap());
        assert_eq!(at(before), [""; 0]);
        assert_eq!(at(first), ["a=1"]);
        assert_eq!(at(third), ["a=2", "b=1"]);
        assert_eq!(values(&store.list(&resource, "")), ["a=2"]);
        store.compact();
        assert_eq!(resource.at("shop", third).unwrap_err(), Expired);
        assert_eq!(
            values(&resource.at("shop", store.revision()).unwrap()),
            ["a=2"]
        );
    }

    #[test]
    fn changes_are_read_in_order_and_not_too_many_at_once() {
        let store = Store::new();
        let resource = store.resource("configmaps");
        for round in 0..5 {
            put(&store, "a", &round.to_string());
        }
        let since = store.revision() - 3;
        let found = resource.since(since, 2).unwrap();
        assert_eq!(
            found
                .iter()
                .map(|change| change.revision())
                .collect::<Vec<_>>(),
            [since + 1, since + 2]
        );
    }

    #[test]
    fn forms_of_an_object_share_what_they_are_found_by() {
        let store = Store::new();
        put(&store, "a", "1");
        put(&store, "a", "2");
        let change = store
            .resource("configmaps")
            .since(store.revision() - 1, 1)
            .unwrap()
            .remove(0);
        assert!(Arc::ptr_eq(
            &change.object.index,
            &change.previous.as_ref().unwrap().index
        ));
    }

    #[test]
    fn only_the_namespace_asked_for_is_listed() {
        let store = Store::new();
        let resource = store.resource("configmaps");
        for namespace in ["a", "b", "bb"] {
            store
                .put(
                    &resource,
                    Key::new(namespace, "x"),
                    From::Absent,
                    &draft("x", namespace),
                )
                .unwrap();
        }
        assert_eq!(values(&store.list(&resource, "b")), ["x=b"]);
        assert!(
            resource.has_any_in("b") && !resource.has_any_in("c") && !resource.has_any_in("ab")
        );
        assert_eq!(store.list(&resource, "").objects.len(), 3);
    }
}
