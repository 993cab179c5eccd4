//! The one shared watch cache: digests, not objects.
//!
//! ```text
//! API server ─watch→ WatchedKind (per group, version, kind and selector) ─→ Seen per object (~200 bytes)
//! own write's answer ─put→ │
//!                          └─→ Changes: which owner has which objects to look at again
//! ```
//!
//! A kind is watched while a [`WatchedKind`] handle exists, selected by the owner label where that
//! suffices. What an object's owner needs is computed once, when the event or the response arrives,
//! and the object is dropped. The removal of a label arrives as a deletion; the owner then reads
//! the object and finds that it still exists.
//!
//! Owners of another kind have a cache beside this one ([`Cache::beside`]): their objects carry other
//! labels and are written by another manager.
//!
//! Left out on purpose: the objects themselves. Code that needs one reads it from the server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use lode_ambient::Ambient;
use lode_merge::{FieldManager, OwnFields};
use lode_object::{GroupVersionKind, OwnerLabels, Value};
use lode_stdx::Lock;
use tokio::sync::watch;

use crate::changes::Changes;
use crate::client::Client;
use crate::error::Error;
use crate::kind::{Feed, Number, Shelf, WatchedKind};
use crate::ledger::{Ledger, Watched};
use crate::resource::Resource;
use crate::seen::Seen;
use crate::side::Side;
use crate::watch::{self as follow, Subject};

/// The shared cache of one cluster.
pub struct Cache {
    client: Client,
    side: Arc<Side>,
    kinds: Lock<HashMap<WatchKey, Weak<WatchedKind>>>,
    /// Number of kinds created so far, by the caches beside this one too.
    numbers: Arc<AtomicU64>,
    ledger: Arc<Ledger>,
    changes: Arc<Changes>,
    ambient: Ambient,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct WatchKey {
    gvk: GroupVersionKind,
    namespace: Box<str>,
    labels: Box<str>,
    fields: Box<str>,
}

impl Cache {
    /// Creates an empty cache for the objects of Kustomizations: nothing is watched until requested.
    /// `manager` is the field manager whose fields are digested, `overrides` are further managers
    /// whose fields it takes over. `watches_max` limits how many kinds, and selections of their
    /// objects, may be watched for the owners in one namespace.
    #[must_use]
    pub fn new(
        client: Client,
        manager: &str,
        overrides: &[String],
        watches_max: usize,
        ambient: Ambient,
    ) -> Self {
        let own = OwnFields::Applied {
            overrides: overrides.to_vec(),
        };
        let manager = FieldManager {
            name: manager.to_owned(),
            own,
        };
        Self {
            client,
            side: Arc::new(Side {
                manager,
                labels: OwnerLabels::KUSTOMIZATION,
            }),
            kinds: Lock::default(),
            numbers: Arc::default(),
            ledger: Ledger::new(watches_max),
            changes: Arc::default(),
            ambient,
        }
    }

    /// Creates an empty cache for the objects of owners of another kind. It has changes of its own;
    /// what is watched counts towards the same limits.
    #[must_use]
    pub fn beside(&self, manager: FieldManager, labels: OwnerLabels) -> Self {
        Self {
            client: self.client.clone(),
            side: Arc::new(Side { manager, labels }),
            kinds: Lock::default(),
            numbers: self.numbers.clone(),
            ledger: self.ledger.clone(),
            changes: Arc::default(),
            ambient: self.ambient.clone(),
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

    /// Returns the manager whose fields are digested.
    #[must_use]
    pub fn manager(&self) -> &FieldManager {
        &self.side.manager
    }

    /// Returns the labels by which objects name their owner.
    #[must_use]
    pub fn labels(&self) -> OwnerLabels {
        self.side.labels
    }

    /// Returns what the cache would keep of an object that was read directly.
    #[must_use]
    pub fn digest(&self, object: &Value) -> Seen {
        Seen::of(object, &self.side, self.ambient.now().as_second())
    }

    /// Watches all objects of a kind that carry the owner label, for the owners in a namespace.
    ///
    /// # Errors
    /// The namespace has reached its limit of watches. The empty namespace stands for the operator
    /// itself and has no limit.
    pub fn owned(&self, resource: &Resource, holder: &str) -> Result<Arc<Watched>, Error> {
        self.kind(resource, ["", self.side.labels.name, ""], holder)
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
        let kinds: Vec<Arc<WatchedKind>> = self
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
        let key = WatchKey {
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

    fn start(&self, subject: Subject, number: Number) -> Arc<WatchedKind> {
        let shelf = Arc::new(Shelf {
            gvk: subject.resource.gvk.clone(),
            is_owned: &*subject.labels == self.side.labels.name,
            side: self.side.clone(),
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
        Arc::new(WatchedKind {
            number,
            shelf,
            is_synced,
            task,
        })
    }
}
