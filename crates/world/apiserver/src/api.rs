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
    pub(crate) bodies: Bodies,
    /// The certificate that clients trust, as PEM.
    pub(crate) certificate: Box<str>,
    described: SharedLock<Described>,
    policy: SharedLock<Policy>,
    clock: Clock,
    pub(crate) faults: Option<Arc<dyn Faults>>,
    /// Ends all running watches.
    pub(crate) end_watches: watch::Sender<()>,
}

/// What is served, and the documents about it. They are replaced together: a document that a slow request builds from
/// what was served before stays with that, and is not shown to later requests.
#[derive(Clone)]
pub(crate) struct Described {
    pub(crate) registry: Arc<Registry>,
    pub(crate) documents: Arc<Documents>,
}

/// The current time; tests supply their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

impl Described {
    /// Returns a registry with documents that are still to be built.
    fn of(registry: Registry) -> Self {
        Self {
            registry: Arc::new(registry),
            documents: Arc::default(),
        }
    }
}

impl Api {
    /// Returns an API without objects.
    pub(crate) fn new(
        users: Users,
        certificate: &str,
        clock: Clock,
        faults: Option<Arc<dyn Faults>>,
    ) -> Self {
        let store = Store::new();
        let described = Described::of(Registry::new(&store, []));
        Self {
            store,
            users,
            certificate: certificate.into(),
            addresses: Addresses::default(),
            bodies: Bodies::default(),
            described: SharedLock::new(described),
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
        Arc::clone(&self.described.read().registry)
    }

    /// Returns what is currently served, with the documents about it.
    pub(crate) fn described(&self) -> Described {
        self.described.read().clone()
    }

    /// Serves these custom resources, and no others, in addition to the built-in ones.
    pub(crate) fn serve(&self, custom: impl IntoIterator<Item = Arc<Served>>) {
        *self.described.write() = Described::of(Registry::new(&self.store, custom));
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

#[cfg(test)]
mod tests {
    use lode_schema::ApiResource;

    use super::*;

    const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

    #[test]
    fn a_document_of_what_was_served_before_is_shown_to_no_later_request() {
        let clock: Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let api = Api::new(Users::default(), "", clock, None);
        let builtin = api.registry().iter().next().map(Arc::clone).unwrap();
        let resource = ApiResource {
            group: "toys.example.com".into(),
            ..builtin.resource.clone()
        };
        let toy = Served::new(
            &api.store,
            resource,
            builtin.kind.clone(),
            &builtin.stored_version,
            &builtin.versions,
        );

        // A slow request: what is served changes between its two steps.
        let before = api.described();
        api.serve([Arc::new(toy)]);
        let late = before.documents.groups(&before.registry, ACCEPT);

        let etag = || {
            let now = api.described();
            now.documents.groups(&now.registry, ACCEPT).etag
        };
        assert_ne!(late.etag, etag());
        assert_eq!(etag(), etag(), "built once");
    }
}
