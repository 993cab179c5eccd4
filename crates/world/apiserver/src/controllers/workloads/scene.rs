//! [`Scene`]: all simulated objects and their owners; [`Seen`]: what is seen when one object is
//! processed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use lode_object::selector::LabelSelector;
use serde_json::Value;

use super::super::owned::Owned;
use super::plan::{WorkloadKind, WorkloadPlace};
use crate::api::Api;
use crate::handlers::inside;
use crate::served::Served;
use crate::store::key::Key;
use crate::store::log::StoreChange;

/// The simulated objects and their owners, as far as known.
pub(super) struct Scene {
    served: HashMap<WorkloadKind, Arc<Served>>,
    owned: Owned<WorkloadPlace>,
    /// Location of each possible owner, by uid.
    owners: HashMap<Box<str>, WorkloadPlace>,
    /// Pods that could not be scheduled.
    waiting: BTreeSet<WorkloadPlace>,
}

/// What is seen when one object is processed.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) object: Value,
    /// The objects it controls; for a budget, its pods.
    pub(super) children: Vec<Value>,
    /// For an unscheduled pod, the available nodes.
    pub(super) nodes: Vec<Value>,
    pub(super) now: Timestamp,
}

impl Scene {
    /// Returns an empty scene.
    pub(super) fn new(api: &Api) -> Self {
        let served = WorkloadKind::ALL
            .iter()
            .filter_map(|(kind, [group, version, plural])| {
                Some((*kind, inside::builtin(api, group, version, plural)?))
            });
        Self {
            served: served.collect(),
            owned: Owned::default(),
            owners: HashMap::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// Returns the resource of a kind.
    pub(super) fn served(&self, kind: WorkloadKind) -> Option<&Arc<Served>> {
        self.served.get(&kind)
    }

    /// Records a change.
    pub(super) fn note(&mut self, place: &WorkloadPlace, change: &StoreChange) {
        let index = &change.object.index;
        self.owned.note(place, change);
        if place.kind == WorkloadKind::Pod {
            let field = |name: &str| {
                index
                    .fields
                    .iter()
                    .any(|(field, value)| field == name && !value.is_empty())
            };
            if change.deleted || field("spec.nodeName") {
                self.waiting.remove(place);
            } else {
                self.waiting.insert(place.clone());
            }
        }
        if change.deleted {
            self.owners.remove(&index.uid);
            return;
        }
        if place.kind >= WorkloadKind::ReplicaSet {
            self.owners.insert(index.uid.clone(), place.clone());
        }
    }

    /// Returns the objects to process after a change: the object, its present and former owner, and
    /// those that count it.
    pub(super) fn affected(
        &self,
        place: &WorkloadPlace,
        change: &StoreChange,
    ) -> Vec<WorkloadPlace> {
        let mut affected = Vec::new();
        if !change.deleted {
            affected.push(place.clone());
        }
        let before = change
            .previous
            .iter()
            .flat_map(|previous| &previous.index.owners);
        let owners = change.object.index.owners.iter().chain(before);
        affected.extend(owners.filter_map(|owner| self.owners.get(owner)).cloned());
        match place.kind {
            WorkloadKind::Pod => affected.extend(self.budgets(place.key.namespace())),
            WorkloadKind::Node => affected.extend(self.waiting.iter().cloned()),
            _ => {}
        }
        affected
    }

    fn budgets(&self, namespace: &str) -> Vec<WorkloadPlace> {
        let Some(served) = self.served(WorkloadKind::Budget) else {
            return Vec::new();
        };
        let Ok(snapshot) = served.objects.at(namespace, u64::MAX) else {
            return Vec::new();
        };
        snapshot
            .objects
            .into_iter()
            .map(|(key, _)| WorkloadPlace {
                kind: WorkloadKind::Budget,
                key,
            })
            .collect()
    }

    /// Returns what is seen of an object; nothing if it is gone.
    pub(super) fn seen(&self, place: &WorkloadPlace, now: Timestamp) -> Option<Seen> {
        let object = self.object(place)?;
        let uid = lode_object::json::text(&object, "/metadata/uid");
        let (mut children, mut nodes) = (Vec::new(), Vec::new());
        match place.kind {
            WorkloadKind::Budget => {
                children = self.selected(&place.key, &object["spec"]["selector"]);
            }
            WorkloadKind::Pod if object["spec"].get("nodeName").is_none() => {
                nodes = self.all(WorkloadKind::Node, "");
            }
            _ => {
                let owned = self.owned.of(uid).filter_map(|place| self.object(place));
                children = owned
                    .filter(|child| super::object::controls(&object, child))
                    .collect();
            }
        }
        Some(Seen {
            object,
            children,
            nodes,
            now,
        })
    }

    fn object(&self, place: &WorkloadPlace) -> Option<Value> {
        let served = self.served(place.kind)?;
        served
            .objects
            .get(&place.key)
            .map(|stored| served.value(&stored))
    }

    fn all(&self, kind: WorkloadKind, namespace: &str) -> Vec<Value> {
        let Some(served) = self.served(kind) else {
            return Vec::new();
        };
        let Ok(snapshot) = served.objects.at(namespace, u64::MAX) else {
            return Vec::new();
        };
        snapshot
            .objects
            .iter()
            .map(|(_, stored)| served.value(stored))
            .collect()
    }

    /// Returns the pods that an object's selector selects; none if it has no selector.
    fn selected(&self, key: &Key, selector: &Value) -> Vec<Value> {
        let Some(selector) = selector
            .as_object()
            .and_then(|_| LabelSelector::from_value(selector).ok())
        else {
            return Vec::new();
        };
        let pods = self.all(WorkloadKind::Pod, key.namespace()).into_iter();
        let matches = |pod: &Value| {
            let label = |key: &str| pod["metadata"]["labels"].get(key).and_then(Value::as_str);
            selector.matches(label)
        };
        pods.filter(matches).collect()
    }
}
