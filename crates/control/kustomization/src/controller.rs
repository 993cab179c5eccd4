//! [`Kustomizations`]: what all reconciles share, and what wakes them.
//!
//! ```text
//! own objects ──┐
//! sources ──────┤ index: who uses it ─→ queue ─→ reconcile (reconcile.rs)
//! dependencies ─┤                         ↑ timers
//! watch cache ──┴ drift and waits, looked at here: an event that changes nothing wakes nobody
//! ```

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lode_api::{GitRepository, Kind as _, Kustomization, Status as _};
use lode_apply::Applier;
use lode_cluster::{Client, Resource};
use lode_object::{Id, NamespacedName};
use lode_runtime::{Change, Events, Memory, Metrics, Next, Priority, Queue, Store};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::build;
use crate::options::Options;
use crate::state::State;

/// The Kustomization controller.
pub struct Kustomizations {
    pub(crate) client: Client,
    pub(crate) applier: Applier,
    pub(crate) resource: Resource,
    pub(crate) objects: Arc<Store<Kustomization>>,
    pub(crate) sources: Arc<Store<GitRepository>>,
    pub(crate) artifacts: Arc<lode_store::Store>,
    pub(crate) memory: Memory,
    pub(crate) records: Arc<lode_store::Records>,
    pub(crate) queue: Arc<Queue<NamespacedName>>,
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
    pub(crate) options: Options,
    pub(crate) build: build::Options,
    /// Whether the process ends.
    pub(crate) stopping: watch::Sender<bool>,
    states: Mutex<States>,
    index: Mutex<Index>,
    /// Words that nobody is told in whatever is said of a Kustomization: names that were built with values from Secrets.
    hidden: Mutex<HashMap<NamespacedName, BTreeSet<Box<str>>>>,
}

/// What the controller stands on.
pub struct Parts {
    /// Ourselves, at the API server.
    pub client: Client,
    /// Who applies.
    pub applier: Applier,
    /// The Kustomizations.
    pub objects: Arc<Store<Kustomization>>,
    /// The sources.
    pub sources: Arc<Store<GitRepository>>,
    /// The artifacts.
    pub artifacts: Arc<lode_store::Store>,
    /// Where records are kept.
    pub records: Arc<lode_store::Records>,
    /// Where events go.
    pub events: Events,
    /// Where figures go.
    pub metrics: Metrics,
    /// Kinds with an apply stage of their own.
    pub custom_stage_kinds: Vec<String>,
    /// What all work that computes shares.
    pub memory: Memory,
}

#[derive(Default)]
struct States {
    idle: HashMap<NamespacedName, Box<State>>,
    /// Objects that changed while their owner's reconcile ran: looked at when it ends.
    late: HashMap<NamespacedName, HashSet<Id>>,
}

/// Who has to be woken when something else changes.
#[derive(Default)]
struct Index {
    by_source: HashMap<NamespacedName, HashSet<NamespacedName>>,
    by_dependency: HashMap<NamespacedName, HashSet<NamespacedName>>,
}

impl Kustomizations {
    /// Puts the controller together; nothing runs yet.
    #[must_use]
    pub fn new(parts: Parts, queue: Arc<Queue<NamespacedName>>, options: Options) -> Arc<Self> {
        let names = lode_api::kustomization::Spec::NAMES;
        Arc::new(Self {
            client: parts.client,
            applier: parts.applier,
            resource: Resource::known(&names.api_version(), names.kind, names.plural, true),
            objects: parts.objects,
            sources: parts.sources,
            artifacts: parts.artifacts,
            records: parts.records,
            memory: parts.memory,
            queue,
            events: parts.events,
            metrics: parts.metrics,
            build: build::Options {
                strict: options.strict_substitution,
                limits: options.build_limits,
                custom_stage_kinds: parts.custom_stage_kinds,
                strict_fields: options.strict_fields,
            },
            options,
            stopping: watch::Sender::new(false),
            states: Mutex::default(),
            index: Mutex::default(),
            hidden: Mutex::default(),
        })
    }

    /// Turns what changes into work, for ever.
    pub async fn follow(self: Arc<Self>) {
        self.sources.synced().await;
        self.objects.synced().await;
        let (mut own, mut sources) = (self.objects.changes(), self.sources.changes());
        let cache = self.applier.cache().changes();
        loop {
            tokio::select! {
                change = own.next() => self.own_changed(&change),
                change = sources.next() => self.source_changed(&change),
                changed = cache.next() => changed.into_iter().for_each(|(owner, ids)| self.live_changed(&owner, ids)),
            }
        }
    }

    /// Wakes the Kustomizations of a namespace that take variables from a `ConfigMap` or Secret.
    pub fn config_changed(&self, kind: &str, name: &NamespacedName) {
        for object in self.objects.all() {
            let post_build = object.spec.post_build.as_deref();
            let uses = object.metadata.namespace == name.namespace
                && post_build.is_some_and(|post_build| {
                    post_build
                        .substitute_from
                        .iter()
                        .any(|from| &*from.kind == kind && from.name == name.name)
                });
            if uses {
                self.queue.add(key(&object), Priority::Change);
            }
        }
    }

    fn own_changed(&self, change: &Change<Kustomization>) {
        self.reindex(change);
        let Some(new) = &change.new else {
            lock(&self.states).idle.remove(&change.name);
            self.queue.forget(&change.name);
            self.metrics.forget("Kustomization", &change.name);
            self.wake_dependents(&change.name);
            return;
        };
        if let Some(priority) = change.urgency() {
            self.queue.add(change.name.clone(), priority);
        }
        let told = |object: &Kustomization| {
            (
                object.status.conditions().clone(),
                object.status.last_applied_revision.clone(),
            )
        };
        if change.old.as_ref().is_none_or(|old| told(old) != told(new)) {
            self.wake_dependents(&change.name);
        }
    }

    fn source_changed(&self, change: &Change<GitRepository>) {
        let revision = |source: &Option<Arc<GitRepository>>| {
            source.as_ref().and_then(|source| {
                source
                    .status
                    .artifact
                    .as_deref()
                    .map(|artifact| artifact.digest.clone())
            })
        };
        if revision(&change.old) == revision(&change.new)
            && change.old.is_some() == change.new.is_some()
        {
            return;
        }
        for user in lock(&self.index)
            .by_source
            .get(&change.name)
            .into_iter()
            .flatten()
        {
            self.queue.add(user.clone(), Priority::Change);
        }
    }

    fn wake_dependents(&self, name: &NamespacedName) {
        for dependent in lock(&self.index)
            .by_dependency
            .get(name)
            .into_iter()
            .flatten()
        {
            self.queue.add(dependent.clone(), Priority::Change);
        }
    }

    /// An applied object changed: does anybody wait for it, or has it left what was applied?
    fn live_changed(&self, owner: &NamespacedName, ids: HashSet<Id>) {
        let mut states = lock(&self.states);
        let Some(state) = states.idle.get(owner) else {
            if self.queue.is_running(owner) {
                states.late.entry(owner.clone()).or_default().extend(ids);
            }
            return;
        };
        if self.is_worth_a_run(state, &ids) {
            self.queue.add(owner.clone(), Priority::Change);
        } else {
            self.wind_clock(owner, state);
        }
    }

    fn is_worth_a_run(&self, state: &State, ids: &HashSet<Id>) -> bool {
        if state
            .wait
            .as_ref()
            .is_some_and(crate::wait::Wait::is_worth_a_look)
        {
            return true;
        }
        let left = self.applier.drifted(&state.records, &state.kinds, ids);
        // What was told and left is looked at whenever it changes: it may be as Git says again.
        left.iter().any(|id| state.fights.held(id).is_none())
            || state.told.iter().any(|told| ids.contains(&told.id))
    }

    /// Sees to a run when health that is waited for changes by time alone: what changed may have made it so.
    fn wind_clock(&self, name: &NamespacedName, state: &State) {
        let Some(wait) = &state.wait else { return };
        let at = wait.next_look();
        if at < wait.until {
            self.queue.add_after(
                name.clone(),
                at.saturating_duration_since(Instant::now()),
                Priority::Change,
            );
        }
    }

    /// Takes the state of a Kustomization for the time of its reconcile; that of another one of its name is forgotten.
    pub(crate) fn take(&self, name: &NamespacedName, uid: &str) -> Box<State> {
        let state = lock(&self.states)
            .idle
            .remove(name)
            .filter(|state| *state.uid == *uid);
        state.unwrap_or_else(|| {
            Box::new(State {
                uid: uid.into(),
                ..State::default()
            })
        })
    }

    /// Gives the state back; what changed in the meantime may ask for another run.
    pub(crate) fn give_back(&self, name: &NamespacedName, state: Box<State>) {
        let mut states = lock(&self.states);
        let late = states.late.remove(name).unwrap_or_default();
        if self.is_worth_a_run(&state, &late) {
            if late.is_empty() {
                self.queue.repeat(name.clone(), Priority::Change);
            } else {
                self.queue.add(name.clone(), Priority::Change);
            }
        } else if !late.is_empty() {
            self.wind_clock(name, &state);
        }
        states.idle.insert(name.clone(), state);
    }

    /// Has some words left out of whatever is told of a Kustomization from now on.
    pub(crate) fn hide_words(&self, name: &NamespacedName, words: Vec<Box<str>>) {
        if !words.is_empty() {
            lock(&self.hidden)
                .entry(name.clone())
                .or_default()
                .extend(words);
        }
    }

    /// Returns a message about a Kustomization without the words that nobody is told.
    pub(crate) fn discreet(&self, name: &NamespacedName, mut text: String) -> String {
        if let Some(words) = lock(&self.hidden).get(name) {
            // A longer word may hold a shorter one.
            let mut words: Vec<&Box<str>> = words
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

    pub(crate) fn drop_state(&self, name: &NamespacedName) {
        lock(&self.hidden).remove(name);
        let mut states = lock(&self.states);
        states.idle.remove(name);
        states.late.remove(name);
    }

    fn reindex(&self, change: &Change<Kustomization>) {
        let mut index = lock(&self.index);
        if let Some(old) = &change.old {
            let (source, dependencies) = uses(old);
            remove(&mut index.by_source, &source, &change.name);
            for name in &dependencies {
                remove(&mut index.by_dependency, name, &change.name);
            }
        }
        if let Some(new) = &change.new {
            let (source, dependencies) = uses(new);
            index
                .by_source
                .entry(source)
                .or_default()
                .insert(change.name.clone());
            for name in dependencies {
                index
                    .by_dependency
                    .entry(name)
                    .or_default()
                    .insert(change.name.clone());
            }
        }
    }
}

impl lode_runtime::Controller for Kustomizations {
    type Key = NamespacedName;
    const NAME: &'static str = "kustomization";

    async fn reconcile(&self, key: &NamespacedName) -> Next {
        Box::pin(self.reconcile_one(key)).await
    }

    fn stop(&self) {
        self.stopping.send_replace(true);
    }

    fn metrics(&self) -> Option<&Metrics> {
        Some(&self.metrics)
    }
}

/// Returns the source and the dependencies a Kustomization names, whether they exist or not.
fn uses(object: &Kustomization) -> (NamespacedName, Vec<NamespacedName>) {
    let own = &*object.metadata.namespace;
    let at = |namespace: &Option<Box<str>>, name: &str| {
        NamespacedName::new(namespace.as_deref().unwrap_or(own), name)
    };
    let source = &object.spec.source_ref;
    let dependencies = object
        .spec
        .depends_on
        .iter()
        .map(|on| at(&on.namespace, &on.name));
    (at(&source.namespace, &source.name), dependencies.collect())
}

pub(crate) fn key(object: &Kustomization) -> NamespacedName {
    NamespacedName::new(&object.metadata.namespace, &object.metadata.name)
}

fn remove(
    index: &mut HashMap<NamespacedName, HashSet<NamespacedName>>,
    at: &NamespacedName,
    name: &NamespacedName,
) {
    if let Some(names) = index.get_mut(at) {
        names.remove(name);
        if names.is_empty() {
            index.remove(at);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
