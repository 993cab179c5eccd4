//! Reading and writing `metadata.managedFields`.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value};

use crate::{
    fields::Operation,
    set::{self, Set},
    updater::{Manager, Managers, Owned},
};

/// Managers, and when their sets last changed.
#[derive(Debug, Clone, Default)]
pub(super) struct ManagedState<'a> {
    pub(super) managers: Managers<'a>,
    pub(super) times: BTreeMap<Manager<'a>, Cow<'a, str>>,
}

/// Why entries cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    #[error("apiVersion must not be empty")]
    ApiVersion,
    #[error("missing fieldsType in managed fields entry {0}")]
    NoFieldsType(usize),
    #[error("invalid fieldsType {1:?} in managed fields entry {0}")]
    FieldsType(usize, String),
    #[error("error decoding set: {0}")]
    Set(#[from] set::Error),
}

impl<'a> ManagedState<'a> {
    /// Reads the entries of an object.
    pub(super) fn read(object: &'a Value) -> Result<Self, Error> {
        let mut state = Self::default();
        for (at, entry) in entries(object).unwrap_or_default().iter().enumerate() {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return Err(Error::Operation),
            };
            let version = text("apiVersion");
            match text("fieldsType") {
                _ if version.is_empty() => return Err(Error::ApiVersion),
                "FieldsV1" => {}
                "" => return Err(Error::NoFieldsType(at)),
                other => return Err(Error::FieldsType(at, other.to_owned())),
            }
            let manager = Manager {
                name: text("manager").into(),
                operation,
                api_version: if operation == Operation::Apply {
                    ""
                } else {
                    version
                }
                .into(),
                subresource: text("subresource").into(),
            };
            let set = Set::read(entry.get("fieldsV1").unwrap_or(&Value::Null))?;
            if let Some(time) = entry.get("time").and_then(Value::as_str) {
                state.times.insert(manager.clone(), time.into());
            }
            state.managers.insert(
                manager,
                Owned {
                    set,
                    version: version.into(),
                },
            );
        }
        Ok(state)
    }

    /// Reads the entries that count when an object is written: its own, if they can be read and the
    /// write is to the whole object; `[]` and `[{}]` mean that nobody owns anything.
    pub(super) fn of_update(live: Option<&'a Value>, new: &'a Value, subresource: &str) -> Self {
        let of_live = || {
            live.and_then(|live| Self::read(live).ok())
                .unwrap_or_default()
        };
        if !subresource.is_empty() {
            return of_live();
        }
        match entries(new) {
            Some([]) => Self::default(),
            Some([only]) if only.as_object().is_some_and(Map::is_empty) => Self::default(),
            _ => Self::read(new)
                .ok()
                .filter(|state| !state.managers.is_empty())
                .unwrap_or_else(of_live),
        }
    }

    /// Folds the oldest updaters into one per version if there are too many.
    pub(super) fn cap(&mut self) {
        let is_updater = |manager: &&Manager<'_>| manager.operation == Operation::Update;
        let mut updaters: Vec<_> = self.managers.keys().filter(is_updater).cloned().collect();
        let mut over = updaters.len().saturating_sub(UPDATERS_MAX);
        updaters.sort_by_key(|manager| self.times.get(manager).cloned().unwrap_or_default());
        let mut first: BTreeMap<Cow<'a, str>, Manager<'a>> = BTreeMap::new();
        for manager in updaters {
            if over == 0 {
                return;
            }
            let Some(version) = self
                .managers
                .get(&manager)
                .map(|owned| owned.version.clone())
            else {
                continue;
            };
            let Some(oldest) = first.get(&version) else {
                first.insert(version, manager);
                continue;
            };
            let ancient = Manager {
                name: ANCIENT.into(),
                operation: Operation::Update,
                api_version: version,
                subresource: "".into(),
            };
            let (oldest, folded) = (self.managers.remove(oldest), self.managers.remove(&manager));
            let into = self.managers.entry(ancient.clone());
            let into = into.or_insert_with(|| Owned {
                set: Set::default(),
                version: ancient.api_version.clone(),
            });
            for owned in [oldest, folded].into_iter().flatten() {
                into.set.unite(owned.set);
            }
            if let Some(time) = self.times.get(&manager).cloned() {
                self.times.insert(ancient, time);
            }
            over -= 1;
        }
    }

    /// Writes the entries into an object.
    pub(super) fn write(&self, object: &mut Value) {
        let Some(object) = object.as_object_mut() else {
            return;
        };
        let metadata = object
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        if metadata.is_null() {
            *metadata = Value::Object(Map::new());
        }
        let Some(metadata) = metadata.as_object_mut() else {
            return;
        };
        if self.managers.is_empty() {
            metadata.remove(KEY);
            return;
        }
        let mut managers: Vec<_> = self.managers.iter().collect();
        let time = |manager: &Manager<'a>| self.times.get(manager).cloned().unwrap_or_default();
        managers.sort_by(|(a, owned_a), (b, owned_b)| {
            let earlier = a
                .operation
                .cmp(&b.operation)
                .then_with(|| time(a).cmp(&time(b)))
                .then_with(|| a.name.cmp(&b.name));
            earlier
                .then_with(|| owned_a.version.cmp(&owned_b.version))
                .then_with(|| a.subresource.cmp(&b.subresource))
        });
        let entries = managers
            .into_iter()
            .map(|(manager, owned)| entry(manager, owned, &time(manager)));
        metadata.insert(KEY.to_owned(), entries.collect());
    }
}

fn entry(manager: &Manager<'_>, owned: &Owned<'_>, time: &str) -> Value {
    let operation = if manager.operation == Operation::Apply {
        "Apply"
    } else {
        "Update"
    };
    let mut entry = Map::new();
    for (key, text) in [
        ("manager", &*manager.name),
        ("operation", operation),
        ("apiVersion", &*owned.version),
        ("time", time),
        ("fieldsType", "FieldsV1"),
        ("subresource", &*manager.subresource),
    ] {
        if !text.is_empty() {
            entry.insert(key.to_owned(), text.into());
        }
    }
    entry.insert("fieldsV1".to_owned(), owned.set.to_value());
    Value::Object(entry)
}

/// Returns the object without its entries.
pub(super) fn without(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove(KEY);
    }
    object
}

pub(super) fn entries_mut(object: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let entries = object
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut(KEY))
        .and_then(Value::as_array_mut);
    entries
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

fn entries(object: &Value) -> Option<&[Value]> {
    object
        .get("metadata")?
        .get(KEY)?
        .as_array()
        .map(Vec::as_slice)
}

const KEY: &str = "managedFields";
/// Most updaters kept separate in an object.
const UPDATERS_MAX: usize = 10;
/// The manager that the oldest updaters are folded into.
const ANCIENT: &str = "ancient-changes";
