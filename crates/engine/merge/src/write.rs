//! A write as the API server processes it, with the resulting ownership in the object itself
//! (`metadata.managedFields`).
//!
//! [`apply`] is a server-side apply, [`update`] any other write. Input: the live object, the
//! written object, the [`Endpoint`] and the [`Request`]. Output: the object to store, or the
//! [`Refusal`] in the API server's words. Left out: everything else the server does to an object
//! (defaults, validation, admission); [`keep_times`] runs after that.

mod endpoint;
mod last_applied;
mod managed;
mod refusal;
mod scale;

use std::borrow::Cow;

use lode_schema::{fields, fields::written};
use serde_json::{Value, json};

pub use endpoint::Endpoint;
pub use refusal::{Refusal, RefusalCause};
pub use scale::Scaled;

use crate::{
    fields::Operation,
    set::{Element, Set},
    typed::{Duplicates, Typed},
    updater::{Error, Manager, Owned, Updater, Versions, Write},
};
use managed::ManagedState;

/// Who writes, and when.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// The field manager; empty means `unknown`.
    pub manager: &'r str,
    /// Whether an apply may take fields owned by others.
    pub force: bool,
    /// The current time, to the second (RFC 3339).
    pub now: &'r str,
}

/// Applies a patch to a live object, or creates the object if there is none.
///
/// # Errors
/// The patch is for another kind, or does not match its type; other managers own fields it would
/// change.
pub fn apply(
    live: Option<&Value>,
    patch: &Value,
    to: &Endpoint<'_>,
    request: Request<'_>,
) -> Result<Value, Refusal> {
    check(patch, to)?;
    let nothing = json!({"apiVersion": to.api_version, "kind": to.kind});
    let original = live.unwrap_or(&nothing);
    let bare = managed::without(original);
    let (config, live) = (
        Typed::new(patch, to.schema, to.ty),
        Typed::new(&bare, to.schema, to.ty),
    );
    config
        .validate(Duplicates::Refused)
        .map_err(|errors| refusal::untyped("patch", patch, to, &errors))?;
    live.validate(Duplicates::Allowed)
        .map_err(|errors| refusal::untyped("live", original, to, &errors))?;

    let empty = zero(to);
    let empty = Typed::new(&empty, to.schema, to.ty);
    let only = [(to.api_version, to.schema, to.ty)];
    let only = Versions(&only);
    let writes = Writes::new(to, &only, request.now);
    let mut state = ManagedState::read(original).map_err(|error| refusal::undecodable(&error))?;
    if state.managers.is_empty() {
        state = writes
            .own(&empty, &live, state, BEFORE_FIRST_APPLY)
            .map_err(|error| refusal::failed(&error))?;
    }
    let manager = manager(request.manager, Operation::Apply, to);
    let object = writes.apply(
        &live,
        &config,
        &mut state,
        Write {
            manager: &manager,
            version: to.api_version,
            force: request.force,
        },
    )?;
    strip(&mut state, &manager);
    if object.is_some() {
        state.times.insert(manager, Cow::Borrowed(request.now));
    }
    let mut object = object.unwrap_or_else(|| bare.clone());
    if request.manager == KUBECTL {
        last_applied::refresh(&mut object, patch);
    }
    state.write(&mut object);
    Ok(object)
}

/// Returns the object to store when `new` is written over `live`, or created.
///
/// If ownership cannot be determined because the object does not match its type, it is lost and the
/// write continues.
#[must_use]
pub fn update(live: Option<&Value>, new: &Value, to: &Endpoint<'_>, request: Request<'_>) -> Value {
    let mut object = managed::without(new);
    let state = ManagedState::of_update(live, new, to.subresource);
    if state.managers.is_empty() && live.is_some() {
        // Nobody uses apply: nothing is tracked.
        return object;
    }
    let (before, after) = (
        live.map_or_else(|| zero(to), managed::without),
        object.clone(),
    );
    let (before, after) = (
        Typed::new(&before, to.schema, to.ty),
        Typed::new(&after, to.schema, to.ty),
    );
    let fits = |typed: &Typed<'_>| typed.validate(Duplicates::Allowed).is_ok();
    let only = [(to.api_version, to.schema, to.ty)];
    let only = Versions(&only);
    if fits(&before)
        && fits(&after)
        && let Ok(state) =
            Writes::new(to, &only, request.now).own(&before, &after, state, request.manager)
    {
        state.write(&mut object);
    }
    object
}

/// Restores the times of the live object if nothing else changed, so that nothing is stored.
pub fn keep_times(live: &Value, object: &mut Value) {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        managed::entries_mut(&mut object).for_each(|entry| drop(entry.remove("time")));
        object
    };
    if crate::order::equal(&timeless(live), &timeless(object)) {
        *object = live.clone();
    }
}

/// Refuses a patch for another kind, or one that contains ownership.
fn check(patch: &Value, to: &Endpoint<'_>) -> Result<(), Refusal> {
    let text = |key: &str| patch.get(key).and_then(Value::as_str).unwrap_or_default();
    if (text("apiVersion"), text("kind")) != (to.api_version, to.kind) {
        let shown = refusal::kind(text("apiVersion"), text("kind"));
        return Err(Refusal::bad_request(format!(
            "invalid object type: {shown}"
        )));
    }
    if patch
        .pointer("/metadata/managedFields")
        .is_some_and(Value::is_array)
    {
        return Err(Refusal::bad_request(
            "metadata.managedFields must be nil".to_owned(),
        ));
    }
    Ok(())
}

/// State shared by the writes of one request.
struct Writes<'w> {
    to: &'w Endpoint<'w>,
    updater: Updater<'w>,
    now: &'w str,
}

impl<'w> Writes<'w> {
    fn new(to: &'w Endpoint<'w>, only: &'w Versions<'w>, now: &'w str) -> Self {
        let converter = to.converter.unwrap_or(only);
        Self {
            to,
            updater: Updater {
                converter,
                filters: to.resets.clone(),
            },
            now,
        }
    }

    /// Makes a manager own the fields it applies. Returns the object if it changed.
    fn apply<'a>(
        &'a self,
        live: &'a Typed<'_>,
        config: &'a Typed<'_>,
        state: &mut ManagedState<'a>,
        write: Write<'_, 'a>,
    ) -> Result<Option<Value>, Refusal> {
        let applied = match self
            .updater
            .apply(live, config, state.managers.clone(), write)
        {
            Err(Error::Conflicts(conflicts)) if write.manager.name == KUBECTL => {
                let left = last_applied::not_allowed(conflicts, live, self.to);
                if !left.is_empty() {
                    return Err(refusal::conflicts(&left));
                }
                self.updater.apply(
                    live,
                    config,
                    state.managers.clone(),
                    Write {
                        force: true,
                        ..write
                    },
                )
            }
            other => other,
        };
        let applied = applied.map_err(|error| refusal::failed(&error))?;
        state.managers = applied.managers;
        Ok(applied.object)
    }

    /// Makes a manager own the differences between two objects. Its older entry loses the changed
    /// fields like everyone else's.
    fn own<'a>(
        &'a self,
        live: &'a Typed<'_>,
        new: &'a Typed<'_>,
        mut state: ManagedState<'a>,
        name: &'a str,
    ) -> Result<ManagedState<'a>, Error<'a>>
    where
        'w: 'a,
    {
        let this = manager(THIS_WRITE, Operation::Update, self.to);
        let write = Write {
            manager: &this,
            version: self.to.api_version,
            force: true,
        };
        state.managers = self.updater.update(live, new, state.managers, write)?;
        strip(&mut state, &this);
        if let Some(changed) = state.managers.remove(&this) {
            let manager = manager(name, Operation::Update, self.to);
            match state.managers.get_mut(&manager) {
                Some(owned) => owned.set.unite(changed.set),
                None => drop(state.managers.insert(manager.clone(), changed)),
            }
            state.times.insert(manager, Cow::Borrowed(self.now));
        }
        state.cap();
        Ok(state)
    }
}

fn manager<'a>(name: &'a str, operation: Operation, to: &Endpoint<'a>) -> Manager<'a> {
    let version = if operation == Operation::Update {
        to.api_version
    } else {
        ""
    };
    Manager {
        name: if name.is_empty() { UNKNOWN } else { name }.into(),
        operation,
        api_version: version.into(),
        subresource: to.subresource.into(),
    }
}

/// Returns whether nobody can own a field of the metadata.
pub(crate) fn is_nobodys(field: &str) -> bool {
    NOBODYS_METADATA.contains(&field)
}

/// Returns the fields that nobody can own: an object's kind and name, and what the server sets.
pub(crate) fn nobodys() -> Set<'static> {
    let mut nobodys = Set::default();
    for field in ["apiVersion", "kind", "metadata"] {
        nobodys.insert(&[Element::Field(field)]);
    }
    for field in NOBODYS_METADATA {
        nobodys.insert(&[Element::Field("metadata"), Element::Field(field)]);
    }
    nobodys
}

/// Removes fields that nobody can own from a manager.
fn strip<'a>(state: &mut ManagedState<'a>, manager: &Manager<'a>) {
    if let Some(Owned { set, .. }) = state.managers.get_mut(manager) {
        set.subtract(&nobodys());
        if set.is_empty() {
            state.managers.remove(manager);
        }
    }
}

/// Returns the object before any field is set. The server's own types are Go structs: some fields
/// exist even then.
fn zero(to: &Endpoint<'_>) -> Value {
    let ty = fields().of_kind(to.api_version, to.kind);
    let mut zero = ty.map_or_else(|| json!({}), |ty| written::zero(fields(), ty));
    zero["apiVersion"] = to.api_version.into();
    zero["kind"] = to.kind.into();
    zero
}

/// The owner of fields that existed before the first apply.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
/// Stands for the current write, until its fields are added to its manager's.
const THIS_WRITE: &str = "current-operation";
/// A manager without a name.
const UNKNOWN: &str = "unknown";
/// The manager that takes over fields from its own earlier writes.
const KUBECTL: &str = "kubectl";
/// Metadata that the server sets.
const NOBODYS_METADATA: [&str; 9] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
];
