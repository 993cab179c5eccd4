//! A write as the API server takes it: who owns what afterwards is in the object itself (`metadata.managedFields`).
//!
//! [`apply`] is a server-side apply, [`update`] any other write. In: the live object, what is written, where ([`Endpoint`])
//! and by whom ([`Request`]). Out: the object to store, or the [`Refusal`] in the API server's words. Left out: what the
//! server does to an object besides (defaults, validation, admission); [`keep_times`] comes after that.

mod last_applied;
mod managed;
mod refusal;
mod scale;

use std::{borrow::Cow, collections::BTreeMap};

use lode_schema::{Schema, TypeRef, fields, fields::written};
use serde_json::{Value, json};

pub use refusal::{Cause, Refusal};
pub use scale::Scaled;

use crate::{
    fields::Operation,
    filter::Filter,
    set::{Element, Set},
    typed::{Duplicates, Typed},
    updater::{Convert, Error, Manager, Owned, Updater, Versions, Write},
};
use managed::State;

/// Where is written to.
pub struct Endpoint<'e> {
    /// Where the type is defined.
    pub schema: &'e Schema,
    /// The type of its objects.
    pub ty: TypeRef,
    /// Their API version.
    pub api_version: &'e str,
    /// Their kind.
    pub kind: &'e str,
    /// The subresource, or empty.
    pub subresource: &'e str,
    /// How objects look in other versions; there is no other where this is `None`.
    pub converter: Option<&'e dyn Convert>,
    /// What nobody owns through this endpoint because it resets it, by API version.
    pub resets: BTreeMap<Cow<'e, str>, Filter<'e>>,
}

impl<'e> Endpoint<'e> {
    /// Returns the endpoint of whole objects of a type that has one version. A status is not written through it where
    /// the type has one; a custom resource without an endpoint for it needs other [`resets`](Self::resets).
    #[must_use]
    pub fn new(schema: &'e Schema, ty: TypeRef, api_version: &'e str, kind: &'e str) -> Self {
        let mut resets = BTreeMap::new();
        if schema
            .map(ty)
            .is_some_and(|map| map.field(STATUS).is_some())
        {
            let mut status = Set::default();
            status.insert(&[Element::Field(STATUS)]);
            resets.insert(Cow::Borrowed(api_version), Filter::Except(status));
        }
        Self {
            schema,
            ty,
            api_version,
            kind,
            subresource: "",
            converter: None,
            resets,
        }
    }

    /// Returns the endpoint of the status of the same objects: nothing else is written through it.
    #[must_use]
    pub fn status(mut self) -> Self {
        let mut spec = Set::default();
        spec.insert(&[Element::Field(SPEC)]);
        self.resets
            .insert(Cow::Borrowed(self.api_version), Filter::Except(spec));
        self.subresource = STATUS;
        self
    }
}

/// Who writes, when.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// The field manager; empty stands for `unknown`.
    pub manager: &'r str,
    /// An apply may take what others own.
    pub force: bool,
    /// Now, to the second (RFC 3339).
    pub now: &'r str,
}

/// Applies a patch to a live object, or creates the object where there is none.
///
/// # Errors
/// The patch is for another kind, or does not fit its type; others own what it would change.
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
    let mut state = State::read(original).map_err(|error| refusal::undecodable(&error))?;
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

/// Returns the object to store where `new` is written over `live`, or created.
///
/// Where ownership cannot be told, as the object does not fit its type, it is lost and the write goes on.
#[must_use]
pub fn update(live: Option<&Value>, new: &Value, to: &Endpoint<'_>, request: Request<'_>) -> Value {
    let mut object = managed::without(new);
    let state = State::of_update(live, new, to.subresource);
    if state.managers.is_empty() && live.is_some() {
        // Nobody applies: nothing is tracked.
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

/// Gives an object the times of the live one back where nothing else of it changed, so that nothing is stored.
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

/// Refuses what is for another kind, and a patch that says who owns what.
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

/// What the writes of one request share.
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

    /// Lets a manager own what it applies. Returns the object, if it is another one than before.
    fn apply<'a>(
        &'a self,
        live: &'a Typed<'_>,
        config: &'a Typed<'_>,
        state: &mut State<'a>,
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

    /// Lets a manager own what differs between two objects. Its older entry loses what changed like everybody's.
    fn own<'a>(
        &'a self,
        live: &'a Typed<'_>,
        new: &'a Typed<'_>,
        mut state: State<'a>,
        name: &'a str,
    ) -> Result<State<'a>, Error<'a>>
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

/// Tells whether a field of the metadata belongs to nobody.
pub(crate) fn is_nobodys(field: &str) -> bool {
    NOBODYS_METADATA.contains(&field)
}

/// Returns what belongs to nobody: an object's kind and name, and what the server sets.
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

/// Takes what nobody owns from a manager.
fn strip<'a>(state: &mut State<'a>, manager: &Manager<'a>) {
    if let Some(Owned { set, .. }) = state.managers.get_mut(manager) {
        set.subtract(&nobodys());
        if set.is_empty() {
            state.managers.remove(manager);
        }
    }
}

/// Returns the object before anything is set. The server's own types are Go structs: some fields are there even then.
fn zero(to: &Endpoint<'_>) -> Value {
    let ty = fields().of_kind(to.api_version, to.kind);
    let mut zero = ty.map_or_else(|| json!({}), |ty| written::zero(fields(), ty));
    zero["apiVersion"] = to.api_version.into();
    zero["kind"] = to.kind.into();
    zero
}

/// The part of an object that has an endpoint of its own.
const STATUS: &str = "status";
/// What the endpoint of the status resets.
const SPEC: &str = "spec";
/// Who owns what was there before the first apply.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
/// Who stands for the write at hand, until its fields are added to its manager's.
const THIS_WRITE: &str = "current-operation";
/// A manager without a name.
const UNKNOWN: &str = "unknown";
/// The manager that takes over from its own past.
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
