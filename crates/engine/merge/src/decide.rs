//! [`decide`]: would an apply change anything? Answered without asking the server, where that can be proven.
//!
//! An apply changes nothing when the manager owns exactly what it would own afterwards, and every value is there
//! already. For the first the set recorded in the live object is compared, for the second every field of the desired
//! object; quantities by size, nothing as empty, and within atomic values with what the server fills in. All that is
//! not proven is [`Decision::Unknown`] or [`Decision::Changed`]; either is to be applied.
//!
//! Without a schema the recorded set itself tells which lists are merged and which are one value. Left out: what
//! admission would do.

mod guided;
mod values;

use lode_schema::{Schema, TypeRef};
use serde_json::Value;

use crate::{
    fields::{self, Entry, Operation},
    set::{Element, Set},
    typed::{Duplicates, Typed},
    write::{self, Endpoint, Request},
};

/// Whether an apply would change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is proven that nothing would change.
    NoOp,
    /// Who owns what would change.
    Changed,
    /// It cannot be told.
    Unknown(Reason),
}

/// Why it cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The object is on its way out.
    Deleting,
    /// The manager has applied nothing, or in several ways.
    NotApplied,
    /// The manager applied another API version.
    OtherVersion,
    /// What the manager owns cannot be read.
    Unreadable,
    /// The desired object does not fit its type.
    Unfit,
    /// A value differs. It may be spelled otherwise, or changed by admission.
    Differs,
    /// It takes the type to tell.
    Untyped,
}

/// Tells whether it would change anything if `manager` applied `desired` where `live` is.
///
/// `schema` is where the type of the object is defined; fewer no-ops are proven without.
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
    let is_own = |entry: &Entry<'_>| entry.is_apply_of(manager);
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

/// Decides where the manager has applied before.
fn applied(
    live: &Value,
    desired: &Value,
    own: &Entry<'_>,
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

/// Decides where the manager has applied nothing: a manifest of a name only owns nothing, however often it is applied.
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

/// Returns what a manager would own by applying this.
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

/// Tells whether anybody but the appliers of an object owns something below a path.
fn is_shared(live: &Value, path: &[Element<'_>]) -> bool {
    let owns = |entry: Entry<'_>| {
        let set = Set::from_map(entry.fields).unwrap_or_default();
        path.iter()
            .try_fold(&set, |set, element| set.below(element))
            .is_some()
    };
    fields::entries(live)
        .filter(|entry| entry.operation == Operation::Update)
        .any(owns)
}

/// What nobody owns by applying, where a type has it.
const STATUS: &str = "status";
