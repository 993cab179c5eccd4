//! [`Own`]: the objects of one of our kinds, with all writes to them and events about them.
//!
//! ```text
//! Store ─get→ reconcile ─┬─ finalizer, status ─→ API server   (guarded by version and uid)
//!   ↑                    └─ event ─────────────→ Events
//!   └────── the answer to each write
//! ```
//!
//! - Every write includes the version that it was based on. A server does not compare the uid in a
//!   patch of a status, but it does compare the version; so results about an object are never
//!   written to another one with the same name, and a finalizer that another client added in the
//!   meantime stays.
//! - Words that are hidden for an object appear in none of its conditions and events.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use lode_ambient::Ambient;
use lode_api::{Kind, Resource};
use lode_cluster::{Client, Error, Subject, Target};
use lode_object::{NamespacedName, Value, merge_patch, meta};
use lode_stdx::Lock;
use serde_json::json;
use tracing::{debug, warn};

use crate::events::{Event, EventKind, Events, ObjectReference};
use crate::metrics::Metrics;
use crate::next::{Next, jitter};
use crate::store::Store;

/// How many times a status write is tried while others write to the same object.
const STATUS_TRIES: usize = 4;
/// How long a reconcile waits after a conflict: the watch delivers the changes in the meantime.
const CONFLICT_WAIT: Duration = Duration::from_millis(500);
/// Annotations of an object that are copied to its events, as in Flux.
const EVENT_METADATA: &str = "event.toolkit.fluxcd.io/";

/// The objects of one kind, at the API server and in memory.
pub struct Own<S: Kind> {
    client: Client,
    resource: lode_cluster::Resource,
    objects: Arc<Store<Resource<S>>>,
    events: Events,
    metrics: Metrics,
    ambient: Ambient,
    manager: &'static str,
    hidden: Lock<HashMap<NamespacedName, BTreeSet<Box<str>>>>,
}

/// The parts of an [`Own`].
pub struct OwnParts<S: Kind> {
    /// Our client of the API server.
    pub client: Client,
    /// The objects.
    pub objects: Arc<Store<Resource<S>>>,
    /// The event writer.
    pub events: Events,
    /// The metrics.
    pub metrics: Metrics,
    /// Times and random numbers.
    pub ambient: Ambient,
    /// Field manager of status and finalizers, as in Flux.
    pub manager: &'static str,
}

/// The content of a Kubernetes event about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Whether it is a warning.
    pub kind: EventKind,
    /// A stable word for the cause.
    pub reason: String,
    /// What happened, for people.
    pub message: String,
    /// Annotations of the event in the kind's group, for instance `revision`; empty values are left
    /// out.
    pub facts: Vec<(&'static str, String)>,
}

impl Told {
    /// Returns a normal event.
    pub fn normal(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(EventKind::Normal, reason, message)
    }

    /// Returns a warning.
    pub fn warning(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(EventKind::Warning, reason, message)
    }

    fn new(kind: EventKind, reason: impl Into<String>, message: impl Into<String>) -> Self {
        let (reason, message) = (reason.into(), message.into());
        Self {
            kind,
            reason,
            message,
            facts: Vec::new(),
        }
    }

    /// Returns one of the annotations; empty if there is none with this name.
    #[must_use]
    pub fn fact(&self, key: &str) -> &str {
        let found = self.facts.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| &**value).unwrap_or_default()
    }

    /// Adds the revision that the event is about.
    #[must_use]
    pub fn at(self, revision: impl Into<String>) -> Self {
        self.with("revision", revision)
    }

    /// Adds an annotation in the kind's group.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((key, value.into()));
        self
    }
}

impl<S: Kind + Send + Sync + 'static> Own<S>
where
    S::Status: Send + Sync + PartialEq,
{
    /// Starts mirroring the objects of a kind, in one namespace or (if empty) in all.
    #[must_use]
    pub fn mirror(client: &Client, namespace: &str, labels: &str) -> Arc<Store<Resource<S>>> {
        let subject = Subject {
            resource: resource::<S>(),
            namespace: namespace.into(),
            labels: labels.into(),
            fields: "".into(),
        };
        let read = |object: &[u8]| {
            Resource::read(object).map_err(|error| format!("{error}: {}", error.source))
        };
        Store::start(client.clone(), subject, read, name_of)
    }

    /// Combines the parts.
    #[must_use]
    pub fn new(parts: OwnParts<S>) -> Self {
        Self {
            client: parts.client,
            resource: resource::<S>(),
            objects: parts.objects,
            events: parts.events,
            metrics: parts.metrics,
            ambient: parts.ambient,
            manager: parts.manager,
            hidden: Lock::default(),
        }
    }

    /// Returns our client of the API server.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the kind as the API server serves it.
    pub fn resource(&self) -> &lode_cluster::Resource {
        &self.resource
    }

    /// Returns the mirror of the objects.
    pub fn objects(&self) -> &Arc<Store<Resource<S>>> {
        &self.objects
    }

    /// Returns the metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns what the machine tells: times and random numbers.
    pub fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// Returns the interval, longer or shorter by a random part of at most `percent`.
    pub fn jitter(&self, interval: Duration, percent: u8) -> Duration {
        jitter(interval, percent, self.ambient.random())
    }

    /// Returns the newest known version of the object, unless it is gone or replaced by another one
    /// with its name.
    pub fn latest(&self, object: &Resource<S>) -> Option<Arc<Resource<S>>> {
        let latest = self.objects.get(&name_of(object));
        latest.filter(|latest| latest.metadata.uid == object.metadata.uid)
    }

    /// Returns the object with our finalizer, which is added if missing: nothing may be created for
    /// an object before its removal can be handled.
    ///
    /// # Errors
    /// The write failed, or another client wrote to the object in the meantime (409).
    pub async fn with_finalizer(
        &self,
        object: &Arc<Resource<S>>,
    ) -> Result<Arc<Resource<S>>, Error> {
        if object.metadata.has_finalizer(meta::FINALIZER) {
            return Ok(object.clone());
        }
        let set = object.metadata.finalizers.iter().map(AsRef::as_ref);
        let finalizers: Vec<&str> = set.chain([meta::FINALIZER]).collect();
        self.write_finalizers(object, &finalizers).await
    }

    /// Removes our finalizer from an object, which may complete its deletion.
    ///
    /// # Errors
    /// As [`Own::with_finalizer`]; an object that is already gone is not an error.
    pub async fn without_finalizer(&self, object: &Resource<S>) -> Result<(), Error> {
        let set = object.metadata.finalizers.iter().map(AsRef::as_ref);
        let finalizers: Vec<&str> = set.filter(|name| *name != meta::FINALIZER).collect();
        match self.write_finalizers(object, &finalizers).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes the list of finalizers as a whole, so it must be based on the server's current list.
    async fn write_finalizers(
        &self,
        object: &Resource<S>,
        finalizers: &[&str],
    ) -> Result<Arc<Resource<S>>, Error> {
        let version = &object.metadata.resource_version;
        let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": version}});
        self.patch(object, "", &patch).await
    }

    /// Writes the differences to the newest known status; nothing if there are none.
    ///
    /// # Errors
    /// The write failed; the object is gone or replaced by another one with its name (404, 409).
    pub async fn write_status(
        &self,
        object: &Resource<S>,
        status: &S::Status,
    ) -> Result<(), Error> {
        let mut after = as_json(status);
        for condition in after["conditions"].as_array_mut().into_iter().flatten() {
            if let Some(Value::String(text)) = condition.get_mut("message") {
                *text = self.discreet(&name_of(object), std::mem::take(text));
            }
        }

        let mut latest = self.latest(object);
        for tries in 1.. {
            let base = latest.as_deref().unwrap_or(object);
            let Some(patch) = merge_patch(&as_json(&base.status), &after) else {
                return Ok(());
            };
            let version = &base.metadata.resource_version;
            let patch = json!({"metadata": {"resourceVersion": version}, "status": patch});
            match self.patch(object, "/status", &patch).await {
                Err(conflict) if conflict.is(409) && tries < STATUS_TRIES => {
                    latest = Some(self.read_again(object, conflict).await?);
                }
                done => return done.map(drop),
            }
        }
        Ok(())
    }

    /// Reads an object that another client wrote to in the meantime; if it is a different object
    /// now, the conflict stays.
    async fn read_again(
        &self,
        object: &Resource<S>,
        conflict: Error,
    ) -> Result<Arc<Resource<S>>, Error> {
        let (namespace, name) = (&object.metadata.namespace, &object.metadata.name);
        let live = self.client.get(&self.resource, namespace, name).await?;
        let live = Resource::<S>::parse(&live);
        let live = live.map_err(|error| Error::NotUnderstood(error.to_string()))?;
        if live.metadata.uid != object.metadata.uid {
            return Err(conflict);
        }
        Ok(self.take(live))
    }

    async fn patch(
        &self,
        object: &Resource<S>,
        subresource: &str,
        patch: &Value,
    ) -> Result<Arc<Resource<S>>, Error> {
        let (namespace, name) = (&object.metadata.namespace, &object.metadata.name);
        let target = Target {
            namespace,
            name,
            manager: self.manager,
            dry_run: false,
        };

        let answer = self
            .client
            .merge(&self.resource, target, subresource, patch)
            .await?;
        let new = Resource::read(&answer);
        Ok(self.take(new.map_err(|error| Error::NotUnderstood(error.to_string()))?))
    }

    fn take(&self, object: Resource<S>) -> Arc<Resource<S>> {
        let object = Arc::new(object);
        self.objects
            .put(object.clone(), &object.metadata.resource_version);
        object
    }

    /// Returns when to come back after a failed write: the next run works on the state at that
    /// time.
    pub fn postpone(&self, object: &Resource<S>, error: &Error) -> Next {
        let name = name_of(object);
        if error.is_not_found() {
            return Next::Idle;
        }
        if error.is(409) {
            debug!(kind = S::NAMES.kind, %name, %error, "object not written: another client wrote to it");
            return Next::After(CONFLICT_WAIT);
        }
        warn!(kind = S::NAMES.kind, %name, %error, "object not written, tried again");
        Next::Backoff
    }

    /// Sends an event about an object.
    pub fn emit(&self, about: &Resource<S>, told: Told) {
        let metadata = &about.metadata;
        let group = &self.resource.gvk.group;
        let own = metadata.annotations.iter();
        let own = own.filter(|(key, _)| key.starts_with(EVENT_METADATA));
        let mut annotations: BTreeMap<_, _> = own
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect();
        let facts = told
            .facts
            .into_iter()
            .filter(|(_, value)| !value.is_empty());
        annotations.extend(facts.map(|(key, value)| (format!("{group}/{key}"), value)));

        self.events.emit(Event {
            about: ObjectReference {
                api_version: self.resource.gvk.api_version(),
                kind: self.resource.gvk.kind.to_string(),
                namespace: metadata.namespace.to_string(),
                name: metadata.name.to_string(),
                uid: metadata.uid.to_string(),
                resource_version: metadata.resource_version.to_string(),
            },
            kind: told.kind,
            reason: told.reason.into(),
            message: self.discreet(&name_of(about), told.message),
            annotations,
        });
    }

    /// Hides words in all further messages about an object: names that were built with values from
    /// Secrets.
    pub fn hide_words(&self, name: &NamespacedName, words: Vec<Box<str>>) {
        if !words.is_empty() {
            self.hidden
                .lock()
                .entry(name.clone())
                .or_default()
                .extend(words);
        }
    }

    /// Returns a message about an object without the words that are hidden for it.
    pub fn discreet(&self, name: &NamespacedName, mut text: String) -> String {
        if let Some(words) = self.hidden.lock().get(name) {
            // The longest first: it may contain a shorter one.
            let mut words: Vec<_> = words
                .iter()
                .filter(|word| text.contains(&***word))
                .collect();
            words.sort_by_key(|word| std::cmp::Reverse(word.len()));
            for word in words {
                text = text.replace(&**word, "*");
            }
        }
        text
    }

    /// Records the duration of a reconcile.
    pub fn observe(&self, name: &NamespacedName, took: Duration) {
        self.metrics.observe(S::NAMES.kind, name, took);
    }

    /// Drops the data of a deleted object.
    pub fn forget(&self, name: &NamespacedName) {
        self.hidden.lock().remove(name);
        self.metrics.forget(S::NAMES.kind, name);
    }
}

/// Returns namespace and name of an object.
pub fn name_of<S: Kind>(object: &Resource<S>) -> NamespacedName {
    NamespacedName::new(&object.metadata.namespace, &object.metadata.name)
}

fn resource<S: Kind>() -> lode_cluster::Resource {
    let names = S::NAMES;
    lode_cluster::Resource::known(&names.api_version(), names.kind, names.plural, true)
}

fn as_json(status: &impl serde::Serialize) -> Value {
    // Types that came from JSON can be converted back to it.
    serde_json::to_value(status).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found_by_name_and_the_first_one_counts() {
        let told = Told::normal("Good", "yes").at("r1").with("revision", "r2");
        assert_eq!(told.kind, EventKind::Normal);
        assert_eq!(told.fact("revision"), "r1");
        assert_eq!(told.fact("digest"), "");
        assert_eq!(Told::warning("Bad", "no").kind, EventKind::Warning);
    }

    #[test]
    fn a_kind_is_served_under_its_names() {
        let resource = resource::<lode_api::kustomization::Spec>();
        assert_eq!(resource.gvk.api_version(), "kustomize.toolkit.fluxcd.io/v1");
        assert_eq!(&*resource.gvk.kind, "Kustomization");
    }
}
