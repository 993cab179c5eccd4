//! [`Api`]: the state that all requests share.

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

/// The state that all requests share.
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) users: Users,
    pub(crate) addresses: Addresses,
    pub(crate) documents: Documents,
    pub(crate) bodies: Bodies,
    /// The certificate that clients trust, as PEM.
    pub(crate) certificate: Box<str>,
    registry: SharedLock<Arc<Registry>>,
    policy: SharedLock<Policy>,
    clock: Clock,
    pub(crate) faults: Option<Arc<dyn Faults>>,
    /// Ends all running watches.
    pub(crate) end_watches: watch::Sender<()>,
}

/// The current time; tests supply their own.
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

    /// Returns what is currently served.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.read())
    }

    /// Serves these custom resources, and no others, in addition to the built-in ones.
    pub(crate) fn serve(&self, custom: impl IntoIterator<Item = Arc<Served>>) {
        let registry = Arc::new(Registry::new(&self.store, custom));
        self.documents.forget();
        *self.registry.write() = registry;
    }

    /// Queries the policy of roles and bindings.
    pub(crate) fn policy<R>(&self, ask: impl FnOnce(&Policy) -> R) -> R {
        ask(&self.policy.read())
    }

    /// Updates the policy after a role or a binding was written, from what is stored now, because
    /// notifications may arrive out of order.
    pub(crate) fn note_policy(&self, served: &Served, key: &Key, last: &Value) {
        let mut policy = self.policy.write();
        match served.objects.get(key) {
            Some(stored) => policy.put(&served.value(&stored)),
            None => policy.remove(last),
        }
    }
}
