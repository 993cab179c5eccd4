//! What an apply removes: fields in its manager's last version that are missing now and that nobody
//! owns.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;

use super::conversion::{Convert, shown_in};
use super::owner::{Error, Managers, Owned};
use crate::{set::Set, typed::Typed};

/// Returns the merged object without the removed fields; `None` if nothing is removed. `managers`
/// already has the new set.
pub(super) fn run(
    converter: &dyn Convert,
    merged: &Typed<'_>,
    (managers, last): (&Managers<'_>, &Owned<'_>),
    version: &str,
) -> Result<Option<Value>, Error<'static>> {
    let Some(converted) = shown_in(converter, merged, &last.version)? else {
        return Ok(None);
    };
    let mut named = last.set.clone();
    named.ensure_named(converted.schema, Some(converted.ty));
    let without_last = converted.with(converted.remove(&named));
    let pruned = with_owned(converter, &converted, without_last, managers, &last.version)?;
    // Back to the version of `last`: only fields that it had may be removed.
    let Some(pruned) = shown_in(converter, &pruned, &last.version)? else {
        return Ok(None);
    };
    let mut gone = named_fields(&converted);
    gone.subtract(&named_fields(&pruned));
    let result = converted.with(converted.remove(&gone.intersection(&named)));
    match shown_in(converter, &result, version)? {
        Some(result) => Ok(Some(result.value.into_owned())),
        None => Ok(None),
    }
}

/// Restores everything that is owned, version by version; the current one first, since others may
/// need what it restores.
fn with_owned<'t>(
    converter: &'t dyn Convert,
    merged: &'t Typed<'t>,
    pruned: Typed<'t>,
    managers: &Managers<'_>,
    first: &str,
) -> Result<Typed<'t>, Error<'static>> {
    let mut owned: BTreeMap<&str, Set<'_>> = BTreeMap::new();
    for Owned { set, version } in managers.values() {
        owned.entry(version).or_default().unite(set.clone());
    }
    let mut versions: Vec<_> = owned.into_iter().collect();
    versions.sort_by_key(|(version, _)| *version != first);
    let mut pruned = own(pruned);
    for (version, owned) in versions {
        let (Some(merged), Some(now)) = (
            shown_in(converter, merged, version)?,
            shown_in(converter, &pruned, version)?,
        ) else {
            continue;
        };
        let mut kept = owned;
        kept.ensure_named(merged.schema, Some(merged.ty));
        let mut gone = named_fields(&merged);
        gone.subtract(&named_fields(&now));
        gone.subtract(&kept);
        pruned = Typed {
            value: Cow::Owned(merged.remove(&gone)),
            schema: merged.schema,
            ty: merged.ty,
        };
    }
    Ok(pruned)
}

fn own(object: Typed<'_>) -> Typed<'_> {
    Typed {
        value: Cow::Owned(object.value.into_owned()),
        schema: object.schema,
        ty: object.ty,
    }
}

/// Returns the fields of an object with all declared ones on the path.
fn named_fields<'t>(object: &'t Typed<'_>) -> Set<'t> {
    let mut set = object.field_set();
    set.ensure_named(object.schema, Some(object.ty));
    set
}
