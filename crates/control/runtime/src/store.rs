//! [`Store`]: the typed mirror of one of our own kinds, in memory.
//!
//! ```text
//! API server ─watch→ Store (Arc<T> per object) ─→ Changes (one subscriber each)
//! own write's answer ─put→ ↑
//! ```
//!
//! An object only ever gets newer: watch events with versions older than the response to our own
//! write are dropped, so a reconcile after a status write never works on the state before it.
//! Objects that cannot be parsed are logged and skipped; the others are not affected.
//!
//! Left out on purpose: other kinds (`lode_cluster::Cache` keeps digests of them), filters and
//! indexes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use lode_cluster::{Client, Fresh, Head, Sink, Subject};
use lode_object::NamespacedName;
use lode_stdx::Lock;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tracing::warn;

/// All objects of one of our kinds, in their newest known versions.
pub struct Store<T> {
    mirror: Arc<Mirror<T>>,
    name_of: fn(&T) -> NamespacedName,
    is_synced: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

/// Parses one object from its JSON. Objects of a list have neither `kind` nor `apiVersion`.
pub type Parse<T> = fn(&[u8]) -> Result<T, String>;

impl<T: Send + Sync + 'static> Store<T> {
    /// Starts mirroring a subject; it is watched as long as the store lives.
    #[must_use]
    pub fn start(
        client: Client,
        subject: Subject,
        parse: Parse<T>,
        name_of: fn(&T) -> NamespacedName,
    ) -> Arc<Self> {
        let (synced, is_synced) = watch::channel(false);
        let mirror = Arc::new(Mirror::default());
        let kind = subject.resource.gvk.kind.clone();
        let feed = Feed {
            kind,
            parse,
            mirror: mirror.clone(),
            synced,
        };

        let task = tokio::spawn(lode_cluster::watch(client, subject, feed));
        Arc::new(Self {
            mirror,
            name_of,
            is_synced,
            task,
        })
    }

    /// Returns an object.
    #[must_use]
    pub fn get(&self, name: &NamespacedName) -> Option<Arc<T>> {
        self.mirror.table.lock().objects.get(name).cloned()
    }

    /// Returns all objects, unordered.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<T>> {
        let table = self.mirror.table.lock();
        table
            .objects
            .iter()
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// Returns how many objects there are.
    pub fn len(&self) -> usize {
        self.mirror.table.lock().objects.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until the first list is complete.
    pub async fn synced(&self) {
        // The sender belongs to the watch task, which ends only when the store does.
        let _ = self.is_synced.clone().wait_for(|synced| *synced).await;
    }

    /// Returns whether the first list is complete.
    pub fn is_synced(&self) -> bool {
        *self.is_synced.borrow()
    }

    /// Subscribes to changes; existing objects come first, as new ones.
    #[must_use]
    pub fn changes(&self) -> Changes<T> {
        self.mirror.subscribe()
    }

    /// Stores the server's response to our own write, with its `metadata.resourceVersion`, at once:
    /// the watch delivers the same a moment later. Returns whether it was stored: it is not if
    /// something at least as new is already known, or if the object is unknown (it may have been
    /// deleted in the meantime).
    pub fn put(&self, object: impl Into<Arc<T>>, version: &str) -> bool {
        let object = object.into();
        let name = (self.name_of)(&object);
        self.mirror.put(&name, &object, version)
    }
}

impl<T> Drop for Store<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A changed object.
#[derive(Debug)]
pub struct Change<T> {
    /// Its name.
    pub name: NamespacedName,
    /// The version last delivered to the subscriber; `None` if it is new to them.
    pub old: Option<Arc<T>>,
    /// The current version; `None` if it is gone.
    pub new: Option<Arc<T>>,
}

/// One subscription to a [`Store`]. Changes of an object that were not fetched yet are combined, so
/// the memory is bounded by the number of objects. An object deleted and created again may
/// therefore look like a changed one: compare uids.
pub struct Changes<T> {
    mailbox: Arc<Mailbox<T>>,
}

impl<T> Changes<T> {
    /// Waits for the next change, in the order in which objects changed first. Dropping the future
    /// loses none.
    pub async fn next(&mut self) -> Change<T> {
        loop {
            // There is only one receiver, so a permit left by an earlier change costs at most one
            // more check.
            let arrived = self.mailbox.arrived.notified();
            if let Some(change) = self.mailbox.waiting.lock().pop() {
                return change;
            }
            arrived.await;
        }
    }
}

/// The changes a subscriber has not fetched yet.
struct Mailbox<T> {
    waiting: Lock<Waiting<T>>,
    arrived: Notify,
}

struct Waiting<T> {
    /// Names in `changes`, each once.
    order: VecDeque<NamespacedName>,
    changes: HashMap<NamespacedName, OldAndNew<T>>,
}

type OldAndNew<T> = (Option<Arc<T>>, Option<Arc<T>>);

impl<T> Waiting<T> {
    fn push(&mut self, name: &NamespacedName, old: Option<Arc<T>>, new: Option<Arc<T>>) {
        if let Some(change) = self.changes.get_mut(name) {
            change.1 = new;
        } else {
            self.changes.insert(name.clone(), (old, new));
            self.order.push_back(name.clone());
        }
    }

    fn pop(&mut self) -> Option<Change<T>> {
        while let Some(name) = self.order.pop_front() {
            match self.changes.remove(&name) {
                // It was created and deleted before the subscriber saw it.
                None | Some((None, None)) => {}
                Some((old, new)) => return Some(Change { name, old, new }),
            }
        }
        None
    }
}

/// The store without its watch.
struct Mirror<T> {
    table: Lock<MirrorTable<T>>,
}

struct MirrorTable<T> {
    objects: Fresh<Arc<T>>,
    subscribers: Vec<Weak<Mailbox<T>>>,
}

impl<T> Default for Mirror<T> {
    fn default() -> Self {
        let table = MirrorTable {
            objects: Fresh::default(),
            subscribers: Vec::new(),
        };
        Self {
            table: Lock::new(table),
        }
    }
}

impl<T> Mirror<T> {
    fn subscribe(&self) -> Changes<T> {
        let waiting = Waiting {
            order: VecDeque::new(),
            changes: HashMap::new(),
        };
        let mailbox = Arc::new(Mailbox {
            waiting: Lock::new(waiting),
            arrived: Notify::new(),
        });
        let mut table = self.table.lock();
        let mut all = mailbox.waiting.lock();
        for (name, object) in table.objects.iter() {
            all.push(name, None, Some(object.clone()));
        }
        drop(all);
        table.subscribers.push(Arc::downgrade(&mailbox));
        Changes { mailbox }
    }

    /// Stores the response to an own write.
    fn put(&self, name: &NamespacedName, object: &Arc<T>, version: &str) -> bool {
        let mut table = self.table.lock();
        let Some(old) = table.objects.update(name, version, object.clone()) else {
            return false;
        };
        table.tell(name, Some(&old), Some(object));
        true
    }

    /// Returns whether the watch delivers something already known, mostly from the response to our
    /// own write.
    fn is_known(&self, name: &NamespacedName, version: &str) -> bool {
        self.table.lock().objects.is_known(name, version)
    }

    /// Stores an object delivered by the watch.
    fn applied(&self, name: &NamespacedName, object: &Arc<T>, version: &str) {
        let mut table = self.table.lock();
        // The response to an own write may have arrived since the event was first checked.
        if table.objects.is_known(name, version) {
            return;
        }
        let old = table.objects.applied(name.clone(), version, object.clone());
        table.tell(name, old.as_ref(), Some(object));
    }

    /// Keeps an object that exists but cannot be parsed.
    fn keep(&self, name: &NamespacedName) {
        self.table.lock().objects.keep(name);
    }

    fn deleted(&self, name: &NamespacedName, version: &str) {
        let mut table = self.table.lock();
        if let Some(old) = table.objects.deleted(name, version) {
            table.tell(name, Some(&old), None);
        }
    }

    fn restart(&self) {
        self.table.lock().objects.restart();
    }

    /// Removes objects missing from the list that ends now.
    fn synced(&self, version: &str) {
        let mut table = self.table.lock();
        for (name, old) in table.objects.synced(version) {
            table.tell(&name, Some(&old), None);
        }
    }
}

impl<T> MirrorTable<T> {
    fn tell(&mut self, name: &NamespacedName, old: Option<&Arc<T>>, new: Option<&Arc<T>>) {
        self.subscribers.retain(|subscriber| {
            let Some(mailbox) = subscriber.upgrade() else {
                return false;
            };
            mailbox
                .waiting
                .lock()
                .push(name, old.cloned(), new.cloned());
            mailbox.arrived.notify_one();
            true
        });
    }
}

/// Receives the watch's events.
struct Feed<T> {
    kind: Box<str>,
    parse: Parse<T>,
    mirror: Arc<Mirror<T>>,
    synced: watch::Sender<bool>,
}

impl<T: Send + Sync> Sink for Feed<T> {
    fn restart(&mut self) {
        self.mirror.restart();
    }

    fn applied(&mut self, head: &Head<'_>, object: &[u8]) {
        let (name, version) = (head.name(), &*head.version);
        if self.mirror.is_known(&name, version) {
            return;
        }
        match (self.parse)(object) {
            Ok(object) => self.mirror.applied(&name, &Arc::new(object), version),
            Err(error) => {
                warn!(kind = %self.kind, %name, error, "object that cannot be read skipped");
                self.mirror.keep(&name);
            }
        }
    }

    fn deleted(&mut self, head: &Head<'_>, _: &[u8]) {
        self.mirror.deleted(&head.name(), &head.version);
    }

    fn synced(&mut self, version: &str) {
        self.mirror.synced(version);
        self.synced.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::{Value, json};

    use super::*;

    fn feed() -> (Feed<Value>, Arc<Mirror<Value>>) {
        let mirror = Arc::new(Mirror::default());
        let parse = |json: &[u8]| {
            let object: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
            if object["bad"].is_null() {
                Ok(object)
            } else {
                Err("it is bad".to_owned())
            }
        };
        (
            Feed {
                kind: "Thing".into(),
                parse,
                mirror: mirror.clone(),
                synced: watch::Sender::new(false),
            },
            mirror,
        )
    }

    fn object(name: &str, version: u64) -> Value {
        json!({"metadata": {"name": name, "namespace": "shop", "resourceVersion": version.to_string()}})
    }

    fn head(object: &Value) -> Head<'_> {
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().into();
        Head {
            namespace: text("namespace"),
            name: text("name"),
            version: text("resourceVersion"),
        }
    }

    fn applied(feed: &mut Feed<Value>, object: &Value) {
        feed.applied(&head(object), object.to_string().as_bytes());
    }

    fn deleted(feed: &mut Feed<Value>, object: &Value) {
        feed.deleted(&head(object), b"");
    }

    fn named(name: &str) -> NamespacedName {
        NamespacedName::new("shop", name)
    }

    fn version(object: Option<&Arc<Value>>) -> u64 {
        object.map_or(0, |object| {
            let version = object["metadata"]["resourceVersion"].as_str().unwrap();
            version.parse().unwrap()
        })
    }

    fn known(mirror: &Mirror<Value>, name: &str) -> u64 {
        version(mirror.table.lock().objects.get(&named(name)))
    }

    fn put(mirror: &Mirror<Value>, name: &str, version: u64) -> bool {
        mirror.put(
            &named(name),
            &Arc::new(object(name, version)),
            &version.to_string(),
        )
    }

    /// Returns name, old version and new version of each waiting change; 0 for none.
    fn fetch(changes: &mut Changes<Value>) -> Vec<(String, u64, u64)> {
        std::iter::from_fn(|| changes.next().now_or_never())
            .map(|it| {
                (
                    it.name.name.into_string(),
                    version(it.old.as_ref()),
                    version(it.new.as_ref()),
                )
            })
            .collect()
    }

    fn told(name: &str, old: u64, new: u64) -> (String, u64, u64) {
        (name.to_owned(), old, new)
    }

    #[test]
    fn a_late_event_of_an_older_version_is_dropped() {
        let (mut feed, mirror) = feed();
        let mut changes = mirror.subscribe();
        applied(&mut feed, &object("a", 5));
        assert!(put(&mirror, "a", 9));
        applied(&mut feed, &object("a", 7));
        applied(&mut feed, &object("a", 9));
        assert_eq!(known(&mirror, "a"), 9);
        assert_eq!(fetch(&mut changes), [told("a", 0, 9)]);
        applied(&mut feed, &object("a", 9));
        assert_eq!(fetch(&mut changes), [], "the same version is no change");
        applied(&mut feed, &object("a", 10));
        assert_eq!(fetch(&mut changes), [told("a", 9, 10)]);
    }

    #[test]
    fn versions_compare_as_numbers() {
        let (mut feed, mirror) = feed();
        applied(&mut feed, &object("a", 99));
        assert!(put(&mirror, "a", 100));
        assert!(!put(&mirror, "a", 99));
        assert_eq!(known(&mirror, "a"), 100);
    }

    #[test]
    fn an_answer_to_a_write_does_not_bring_back_what_is_gone() {
        let (mut feed, mirror) = feed();
        applied(&mut feed, &object("a", 5));
        deleted(&mut feed, &object("a", 8));
        assert!(!put(&mirror, "a", 7));
        assert_eq!(known(&mirror, "a"), 0);
    }

    #[test]
    fn a_deletion_of_an_earlier_object_of_the_name_is_dropped() {
        let (mut feed, mirror) = feed();
        applied(&mut feed, &object("a", 5));
        assert!(put(&mirror, "a", 12));
        deleted(&mut feed, &object("a", 8));
        assert_eq!(known(&mirror, "a"), 12);
        deleted(&mut feed, &object("a", 13));
        assert_eq!(known(&mirror, "a"), 0);
    }

    #[test]
    fn what_a_new_list_does_not_show_is_gone() {
        let (mut feed, mirror) = feed();
        feed.restart();
        applied(&mut feed, &object("a", 5));
        applied(&mut feed, &object("b", 6));
        applied(&mut feed, &object("c", 6));
        feed.synced("");
        let mut changes = mirror.subscribe();
        fetch(&mut changes);
        feed.restart();
        assert!(
            put(&mirror, "b", 8),
            "an answer that comes late does not keep it"
        );
        applied(&mut feed, &object("a", 5));
        applied(
            &mut feed,
            &json!({"metadata": {"name": "c", "namespace": "shop"}, "bad": 1}),
        );
        feed.synced("");
        assert_eq!(fetch(&mut changes), [told("b", 6, 0)]);
        assert_eq!(
            known(&mirror, "c"),
            6,
            "what cannot be read now is still there"
        );
    }

    #[test]
    fn a_restored_server_may_count_from_an_earlier_number() {
        let (mut feed, mirror) = feed();
        feed.restart();
        applied(&mut feed, &object("a", 500));
        feed.synced("");
        feed.restart();
        applied(&mut feed, &object("a", 20));
        feed.synced("");
        assert_eq!(known(&mirror, "a"), 20);
    }

    #[test]
    fn a_bad_object_does_not_stop_the_kind() {
        let (mut feed, mirror) = feed();
        applied(
            &mut feed,
            &json!({"metadata": {"name": "x", "namespace": "shop", "resourceVersion": "4"}, "bad": true}),
        );
        applied(&mut feed, &object("a", 5));
        feed.synced("");
        assert_eq!((known(&mirror, "x"), known(&mirror, "a")), (0, 5));
        assert!(*feed.synced.borrow());
    }

    #[test]
    fn subscribers_hear_first_what_is_there_then_what_changes_as_one() {
        let (mut feed, mirror) = feed();
        applied(&mut feed, &object("a", 1));
        let mut changes = mirror.subscribe();
        let mut second = mirror.subscribe();
        assert_eq!(fetch(&mut second), [told("a", 0, 1)]);
        applied(&mut feed, &object("b", 2));
        applied(&mut feed, &object("a", 3));
        applied(&mut feed, &object("c", 4));
        deleted(&mut feed, &object("c", 5));
        assert_eq!(fetch(&mut changes), [told("a", 0, 3), told("b", 0, 2)]);
        assert_eq!(fetch(&mut second), [told("b", 0, 2), told("a", 1, 3)]);
        deleted(&mut feed, &object("a", 6));
        assert_eq!(fetch(&mut changes), [told("a", 3, 0)]);
        drop(second);
        deleted(&mut feed, &object("b", 7));
        assert_eq!(mirror.table.lock().subscribers.len(), 1);
    }

    #[tokio::test]
    async fn a_subscriber_wakes_when_something_changes() {
        let (mut feed, mirror) = feed();
        let mut changes = mirror.subscribe();
        let waiter = tokio::spawn(async move { changes.next().await.name });
        tokio::task::yield_now().await;
        applied(&mut feed, &object("a", 1));
        assert_eq!(waiter.await.unwrap(), named("a"));
    }

    #[test]
    fn an_object_that_came_and_went_before_anybody_looked_is_no_change() {
        let (mut feed, mirror) = feed();
        let mut changes = mirror.subscribe();
        applied(&mut feed, &object("a", 1));
        deleted(&mut feed, &object("a", 2));
        assert_eq!(fetch(&mut changes), []);
        applied(&mut feed, &object("a", 3));
        assert_eq!(fetch(&mut changes), [told("a", 0, 3)]);
    }

    #[test]
    fn subscribers_fetch_at_their_own_pace() {
        let (mut feed, mirror) = feed();
        let mut quick = mirror.subscribe();
        let mut slow = mirror.subscribe();
        applied(&mut feed, &object("a", 1));
        assert_eq!(fetch(&mut quick), [told("a", 0, 1)]);
        applied(&mut feed, &object("a", 2));
        applied(&mut feed, &object("b", 3));
        assert_eq!(fetch(&mut quick), [told("a", 1, 2), told("b", 0, 3)]);
        assert_eq!(fetch(&mut slow), [told("a", 0, 2), told("b", 0, 3)]);
    }

    #[test]
    fn who_subscribes_no_more_is_forgotten_with_the_next_change() {
        let (mut feed, mirror) = feed();
        drop(mirror.subscribe());
        let _kept = mirror.subscribe();
        assert_eq!(mirror.table.lock().subscribers.len(), 2);
        applied(&mut feed, &object("a", 1));
        assert_eq!(mirror.table.lock().subscribers.len(), 1);
    }

    #[test]
    fn an_answer_of_our_own_write_is_told_once() {
        let (mut feed, mirror) = feed();
        applied(&mut feed, &object("a", 1));
        let mut changes = mirror.subscribe();
        assert_eq!(fetch(&mut changes), [told("a", 0, 1)]);
        assert!(put(&mirror, "a", 2));
        applied(&mut feed, &object("a", 2));
        assert_eq!(fetch(&mut changes), [told("a", 1, 2)]);
        assert_eq!(fetch(&mut changes), []);
    }
}
