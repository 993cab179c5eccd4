//! [`decide`]: whether an apply would change anything, answered without asking the server if that
//! can be proven.
//!
//! An apply changes nothing if the manager already owns exactly what it would own afterwards and
//! every value is already set. The first is checked against the set recorded in the live object,
//! the second for every field of the desired object: quantities by size, nothing as empty, and
//! within atomic values including the server's defaults. Whatever is not proven is
//! [`Decision::Unknown`] or [`Decision::Changed`]; both must be applied.
//!
//! Without a schema the recorded set itself shows which lists are merged and which are one value.
//! Left out: the effects of admission.

mod decision;
mod guided;
mod values;

use lode_schema::{Schema, TypeRef};
use serde_json::Value;

use crate::{
    fields::{self, ManagerEntry},
    set::{Element, Set},
    typed::{Duplicates, Typed},
    write::{self, Endpoint, Request},
};

use decision::{STATUS, is_shared};

pub use decision::{Decision, Reason};

/// Returns whether anything would change if `manager` applied `desired` over `live`.
///
/// `schema` is where the type of the object is defined; without it fewer no-ops can be proven.
#[must_use]
pub fn decide(
    live: &Value,
    desired: &Value,
    manager: &str,
    schema: Option<(&Schema, TypeRef)>,
) -> Decision {
    if live
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|time| !time.is_null())
    {
        return Decision::Unknown(Reason::Deleting);
    }
    let is_own = |entry: &ManagerEntry<'_>| entry.is_apply_of(manager);
    let mut own = fields::entries(live).filter(is_own);
    let (first, second) = (own.next(), own.next());
    let decided = match (first, second, schema) {
        (Some(own), None, schema) => applied(live, desired, &own, schema),
        (None, _, Some((schema, ty))) => {
            first_time(live, desired, manager, &Typed::new(desired, schema, ty))
        }
        _ => Err(Reason::NotApplied),
    };
    decided.unwrap_or_else(Decision::Unknown)
}

/// Decides if the manager has applied before.
fn applied(
    live: &Value,
    desired: &Value,
    own: &ManagerEntry<'_>,
    schema: Option<(&Schema, TypeRef)>,
) -> Result<Decision, Reason> {
    if desired.get("apiVersion").and_then(Value::as_str) != Some(own.api_version) {
        return Err(Reason::OtherVersion);
    }
    let recorded = Set::from_map(own.fields).map_err(|_| Reason::Unreadable)?;
    let Some((schema, ty)) = schema else {
        return guided::run(live, desired, &recorded);
    };
    let typed = Typed::new(desired, schema, ty);
    typed
        .validate(Duplicates::Refused)
        .map_err(|_| Reason::Unfit)?;
    if would_own(&typed) != recorded {
        return Ok(Decision::Changed);
    }
    if values::same(&typed, live) {
        Ok(Decision::NoOp)
    } else {
        Err(Reason::Differs)
    }
}

/// Decides if the manager has applied nothing: a manifest with only a name owns nothing, however
/// often it is applied.
fn first_time(
    live: &Value,
    desired: &Value,
    manager: &str,
    typed: &Typed<'_>,
) -> Result<Decision, Reason> {
    typed
        .validate(Duplicates::Refused)
        .map_err(|_| Reason::Unfit)?;
    if !would_own(typed).is_empty() {
        return Ok(Decision::Changed);
    }
    let text = |key: &str| desired.get(key).and_then(Value::as_str).unwrap_or_default();
    let to = Endpoint::new(typed.schema, typed.ty, text("apiVersion"), text("kind"));
    let request = Request {
        manager,
        force: true,
        now: "",
    };
    let after = write::apply(Some(live), desired, &to, request).map_err(|_| Reason::Unfit)?;
    let managers = |object: &Value| fields::entries(object).count();
    if managers(&after) != managers(live) {
        return Ok(Decision::Changed);
    }
    if values::same(typed, live) {
        Ok(Decision::NoOp)
    } else {
        Err(Reason::Differs)
    }
}

/// Returns the fields a manager would own by applying this.
fn would_own<'t>(desired: &'t Typed<'_>) -> Set<'t> {
    let mut set = desired.field_set();
    set.subtract(&write::nobodys());
    let has_status = desired
        .schema
        .map(desired.ty)
        .is_some_and(|map| map.field(STATUS).is_some());
    if has_status {
        let mut status = Set::default();
        status.insert(&[Element::Field(STATUS)]);
        set.subtract_below(&status);
    }
    set
}
