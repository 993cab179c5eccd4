//! [`Ledger`]: counts the watches of each namespace and enforces the limit.
//!
//! A watch is shared by all who need it and counts for each of their namespaces. Watches of the
//! operator itself are not counted.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use lode_object::NamespacedName;
use lode_stdx::Lock;

use crate::error::Error;
use crate::kind::{Number, WatchedKind};

/// The watches of each namespace.
pub(crate) struct Ledger {
    max: usize,
    held: Lock<Held>,
}

/// Watches by the namespace they are for.
type Held = HashMap<Box<str>, HashMap<Number, Weak<Watched>>>;

/// A kind that is watched for a namespace, as long as this lives.
pub struct Watched {
    kind: Arc<WatchedKind>,
    number: Number,
    namespace: Box<str>,
    ledger: Arc<Ledger>,
}

impl Ledger {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            held: Lock::default(),
        })
    }

    /// Returns a watched kind for a namespace, and starts the watch if the namespace is below its
    /// limit.
    pub(crate) fn hold(
        self: &Arc<Self>,
        namespace: &str,
        number: Number,
        kind: impl FnOnce() -> Arc<WatchedKind>,
    ) -> Result<Arc<Watched>, Error> {
        let mut held = self.held.lock();
        let own = held.entry(namespace.into()).or_default();
        if let Some(watched) = own.get(&number).and_then(Weak::upgrade) {
            return Ok(watched);
        }
        if !namespace.is_empty() && own.len() >= self.max {
            return Err(Error::TooManyWatches {
                namespace: namespace.into(),
                max: self.max,
            });
        }
        let watched = Arc::new(Watched {
            kind: kind(),
            number,
            namespace: namespace.into(),
            ledger: self.clone(),
        });
        own.insert(number, Arc::downgrade(&watched));
        Ok(watched)
    }

    fn release(&self, namespace: &str, number: Number) {
        let mut held = self.held.lock();
        let Some(own) = held.get_mut(namespace) else {
            return;
        };
        // Another holder may have started it again since the last one released it.
        if own
            .get(&number)
            .is_some_and(|watched| watched.strong_count() == 0)
        {
            own.remove(&number);
        }
        if own.is_empty() {
            held.remove(namespace);
        }
    }
}

impl Watched {
    /// Notifies an owner of every change of this kind, in addition to the owner in an object's
    /// labels, as long as the result lives.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, owner: &NamespacedName) -> Subscription {
        self.kind.add_subscriber(owner);
        Subscription {
            watched: self.clone(),
            owner: owner.clone(),
        }
    }
}

impl Deref for Watched {
    type Target = WatchedKind;

    fn deref(&self) -> &WatchedKind {
        &self.kind
    }
}

/// A subscription to a kind, which is watched as long as this lives.
pub struct Subscription {
    watched: Arc<Watched>,
    owner: NamespacedName,
}

impl Subscription {
    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> &Arc<Watched> {
        &self.watched
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.watched.remove_subscriber(&self.owner);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.ledger.release(&self.namespace, self.number);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Cache, Client, Error, Resource};

    async fn cache(max: usize) -> Cache {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = serde_json::json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": {}}]});
        std::fs::write(file.path(), config.to_string()).unwrap();
        Cache::new(
            Client::connect(Some(file.path()), None).await.unwrap(),
            "lode",
            &[],
            max,
            lode_ambient::Ambient::default(),
        )
    }

    #[tokio::test]
    async fn a_namespace_has_so_many_watches_and_others_have_theirs() {
        let cache = cache(2).await;
        let pods = Resource::pods();
        let one = |name: &str, holder: &str| cache.one(&pods, "shop", name, holder);
        let first = (one("a", "team").unwrap(), one("b", "team").unwrap());
        assert!(one("a", "team").is_ok(), "it is watched already");
        let error = one("c", "team").err().unwrap();
        assert!(
            matches!(error, Error::TooManyWatches { max: 2, .. }),
            "{error}"
        );
        assert!(
            error.to_string().contains("\"team\"")
                && error.to_string().contains("--watches-per-namespace")
        );
        let _others = (one("c", "other").unwrap(), one("a", "other").unwrap());
        let _own = (0..5)
            .map(|number| one(&format!("n{number}"), "").unwrap())
            .collect::<Vec<_>>();
        assert_eq!(cache.size().0, 8);

        drop(first);
        assert_eq!(cache.size().0, 7, "what nobody needs is watched no more");
        assert!(one("c", "team").is_ok());
    }
}
