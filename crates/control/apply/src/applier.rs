//! [`Applier`]: whom to ask and how, and the kinds of one set.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use lode_cluster::{
    Cache, Client, Discovery, Error as ClusterError, Resource, Reviews, Seen, Target, Watched,
};
use lode_merge::Observed;
use lode_object::{GroupVersionKind, Id, NamespacedName, Value};

use crate::desired::Desired;
use crate::error::Error;
use crate::set::Set;

/// How long a kind's first list may take.
const SYNC_TIMEOUT: Duration = Duration::from_secs(20);

/// What holds for every set.
#[derive(Debug, Clone)]
pub struct Options {
    /// Field manager of applied fields.
    pub manager: String,
    /// Further managers whose fields are taken over.
    pub overrides: Vec<String>,
    /// Kinds with a stage of their own, between classes and the rest.
    pub custom_stage_kinds: Vec<String>,
    /// What is tried before anything is written.
    pub preflight: Preflight,
    /// How many calls of one set may be under way at once.
    pub parallel: usize,
}

/// What is tried before anything is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Preflight {
    /// Every write, as Flux does.
    Always,
    /// All writes of a stage that changes something which exists, unless it is the only one.
    #[default]
    Changes,
    /// Nothing, as Helm does: what was not looked at before is found out by the write.
    Never,
}

/// Applies sets of objects to one cluster, as one user.
#[derive(Clone)]
pub struct Applier {
    pub(crate) client: Client,
    pub(crate) discovery: Discovery,
    pub(crate) cache: Arc<Cache>,
    /// What an account may see of the cache.
    reviews: Arc<Reviews>,
    pub(crate) namespaces: Option<Arc<Watched>>,
    /// The namespace of whom we apply for: what is watched counts for it. Empty for ourselves.
    holder: Arc<str>,
    pub(crate) options: Arc<Options>,
}

/// A kind as it is needed here: where it lives and what is seen of it.
#[derive(Clone)]
pub struct Known {
    /// Where it lives.
    pub resource: Arc<Resource>,
    /// What the shared cache sees of it; held so that it goes on being watched.
    pub kind: Arc<Watched>,
}

/// The kinds one owner's objects are of. Held as long as the owner lives: that keeps them watched.
pub type Kinds = HashMap<GroupVersionKind, Known>;

impl Applier {
    /// Makes an applier that acts as ourselves.
    #[must_use]
    pub fn new(client: Client, discovery: Discovery, cache: Arc<Cache>, options: Options) -> Self {
        // We ourselves have no bound.
        let namespaces = cache.selected(&Resource::namespaces(), "", "", "").ok();
        let reviews = Arc::new(Reviews::new(client.clone()));
        Self {
            client,
            discovery,
            cache,
            reviews,
            namespaces,
            holder: "".into(),
            options: Arc::new(options),
        }
    }

    /// Returns an applier for owners of another kind, whose objects the given cache sees.
    #[must_use]
    pub fn beside(&self, cache: Arc<Cache>, options: Options) -> Self {
        Self {
            cache,
            options: Arc::new(options),
            ..self.clone()
        }
    }

    /// Returns the same applier working for an owner in a namespace: as its service account if it has one, and what is
    /// watched for it counts in its namespace.
    ///
    /// # Errors
    /// The account's name cannot be sent.
    pub fn acting_for(&self, namespace: &str, account: Option<&str>) -> Result<Self, Error> {
        Ok(Self {
            client: match account {
                Some(account) => self.client.as_service_account(namespace, account)?,
                None => self.client.clone(),
            },
            holder: namespace.into(),
            ..self.clone()
        })
    }

    /// Returns who calls as the user we act as.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns whether what the shared cache sees of objects with known names may be used for the user we act as. The
    /// cache sees with our own rights; nothing of it is reported or acted on for an account that may not see the same itself.
    ///
    /// # Errors
    /// The server could not be asked.
    pub async fn may_get(
        &self,
        resource: &Resource,
        namespace: &str,
    ) -> Result<bool, ClusterError> {
        match self.client.account() {
            None => Ok(true),
            Some(account) => self.reviews.may_get(account, resource, namespace).await,
        }
    }

    /// Returns whether what a selector finds in the shared cache may be used for the user we act as.
    ///
    /// # Errors
    /// The server could not be asked.
    pub async fn may_watch(
        &self,
        resource: &Resource,
        namespace: &str,
    ) -> Result<bool, ClusterError> {
        match self.client.account() {
            None => Ok(true),
            Some(account) => self.reviews.may_watch(account, resource, namespace).await,
        }
    }

    /// Returns what the user we act as can see of an object: what the cache knows where it may be used, else what the
    /// user itself reads.
    ///
    /// # Errors
    /// The server could not be asked, or does not let the user read.
    pub async fn see(&self, known: &Known, id: &Id) -> Result<Option<Seen>, ClusterError> {
        if self.may_get(&known.resource, &id.namespace).await? {
            return Ok(known
                .kind
                .with(&NamespacedName::new(&id.namespace, &id.name), Seen::clone));
        }
        Ok(self
            .live(&known.resource, id)
            .await?
            .map(|live| self.cache.digest(&live)))
    }

    /// Returns the shared cache.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Returns which kinds the server serves.
    #[must_use]
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// Finds a kind and makes sure that it is watched, or tells that the server does not serve it.
    ///
    /// # Errors
    /// The server cannot be asked, or its list does not come.
    pub async fn know(
        &self,
        gvk: &GroupVersionKind,
        kinds: &mut Kinds,
    ) -> Result<Option<Known>, Error> {
        let resource = match kinds.get(gvk) {
            Some(known) if known.kind.is_synced() => return Ok(Some(known.clone())),
            // It was served once and its watch was refused.
            Some(_) => self.discovery.ask_again(gvk).await?,
            None => self.discovery.resolve(gvk).await?,
        };
        let Some(resource) = resource else {
            kinds.remove(gvk);
            return Ok(None);
        };
        let kind = self.cache.owned(&resource, &self.holder)?;
        let synced = tokio::time::timeout(SYNC_TIMEOUT, kind.synced()).await;
        synced.map_err(|_| Error::NotSynced(gvk.clone()))?;
        let known = Known { resource, kind };
        kinds.insert(gvk.clone(), known.clone());
        Ok(Some(known))
    }

    /// Reads a live object as the user we act as; nothing when it does not exist.
    ///
    /// # Errors
    /// The server cannot be asked, or does not let the user read.
    pub async fn live(&self, resource: &Resource, id: &Id) -> Result<Option<Value>, ClusterError> {
        match self.client.get(resource, &id.namespace, &id.name).await {
            Ok(live) => Ok(Some(live)),
            Err(error) if error.is_not_found() && !error.is_unserved() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks again for the kinds of objects that a server refused because it does not know their kind, and says so where
    /// it still does not.
    pub(crate) async fn explain(&self, error: Error, set: &Set, kinds: &mut Kinds) -> Error {
        let Error::Refused(faults) = &error else {
            return error;
        };
        let refused: HashSet<&Id> = faults
            .iter()
            .filter(|fault| fault.cause.is_unserved())
            .map(|fault| &fault.id)
            .collect();
        let mut unserved = Vec::new();
        for desired in set
            .objects()
            .iter()
            .filter(|desired| refused.contains(&desired.id))
        {
            // Served or not, what is known of it is of before.
            kinds.remove(&desired.gvk);
            if let Ok(None) = self.discovery.ask_again(&desired.gvk).await {
                unserved.push((
                    desired.id.clone(),
                    desired.gvk.clone(),
                    desired.origin.clone(),
                ));
            }
        }
        if unserved.is_empty() {
            error
        } else {
            Error::Unserved(unserved)
        }
    }

    pub(crate) fn observe(&self, live: &Value) -> Observed {
        self.cache.manager().observe(live)
    }

    pub(crate) fn target<'a>(&'a self, desired: &'a Desired, dry_run: bool) -> Target<'a> {
        Target {
            namespace: &desired.id.namespace,
            name: &desired.id.name,
            manager: &self.options.manager,
            dry_run,
        }
    }
}
