//! [`Api`]: what all requests share.

use std::sync::Arc;

use jiff::Timestamp;
use lode_rbac::Policy;
use lode_stdx::SharedLock;
use serde_json::Value;
use tokio::sync::watch;

use crate::addresses::Addresses;
use crate::auth::Users;
use crate::bodies::Bodies;
use crate::documents::Documents;
use crate::faults::Faults;
use crate::served::{Registry, Served};
use crate::store::Store;
use crate::store::key::Key;

/// What all requests share.
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) users: Users,
    pub(crate) addresses: Addresses,
    pub(crate) documents: Documents,
    pub(crate) bodies: Bodies,
    /// By which clients know the API, as PEM.
    pub(crate) certificate: Box<str>,
    registry: SharedLock<Arc<Registry>>,
    policy: SharedLock<Policy>,
    clock: Clock,
    pub(crate) faults: Option<Arc<dyn Faults>>,
    /// Ends the watches that are under way.
    pub(crate) end_watches: watch::Sender<()>,
}

/// What time it is; tests have their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

impl Api {
    /// Returns an API without objects.
    pub(crate) fn new(
        users: Users,
        certificate: &str,
        clock: Clock,
        faults: Option<Arc<dyn Faults>>,
    ) -> Self {
        let store = Store::new();
        let registry = Arc::new(Registry::new(&store, []));
        Self {
            store,
            users,
            certificate: certificate.into(),
            addresses: Addresses::default(),
            documents: Documents::default(),
            bodies: Bodies::default(),
            registry: SharedLock::new(registry),
            policy: SharedLock::default(),
            clock,
            faults,
            end_watches: watch::Sender::new(()),
        }
    }

    /// Returns the time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Returns what is served now.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.read())
    }

    /// Serves custom resources besides what Kubernetes has of its own, and no others.
    pub(crate) fn serve(&self, custom: impl IntoIterator<Item = Arc<Served>>) {
        let registry = Arc::new(Registry::new(&self.store, custom));
        self.documents.forget();
        *self.registry.write() = registry;
    }

    /// Asks what roles and bindings say.
    pub(crate) fn policy<R>(&self, ask: impl FnOnce(&Policy) -> R) -> R {
        ask(&self.policy.read())
    }

    /// Takes note of a role or a binding that was written: of what is stored now, as writes may overtake each other.
    pub(crate) fn note_policy(&self, served: &Served, key: &Key, last: &Value) {
        let mut policy = self.policy.write();
        match served.objects.get(key) {
            Some(stored) => policy.put(&served.value(&stored)),
            None => policy.remove(last),
        }
    }
}
