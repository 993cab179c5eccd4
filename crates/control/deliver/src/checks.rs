//! What must be healthy in the end: all that was applied, or objects that the owner names.

use lode_api::reasons;
use lode_api::shared::ObjRef;
use lode_apply::{Ends, Known, Records};
use lode_object::{GroupVersionKind, Id};
use lode_runtime::Failure;

use crate::state::DeliveryState;
use crate::terms::{DeliveryTerms, HealthChecks};
use crate::wait::item::WaitItem;

/// Returns the objects that must be healthy.
///
/// # Errors
/// A named object is of a kind that the server does not serve, or the server cannot be asked.
pub(crate) async fn to_be_healthy(
    terms: &DeliveryTerms<'_>,
    state: &DeliveryState,
) -> Result<Vec<WaitItem>, Failure> {
    match terms.checks {
        HealthChecks::All => Ok(applied(terms, state)),
        HealthChecks::Named(references) => {
            let mut items = Vec::new();
            for reference in references {
                items.push(named(terms, state, reference).await?);
            }
            Ok(items)
        }
    }
}

fn applied(terms: &DeliveryTerms<'_>, state: &DeliveryState) -> Vec<WaitItem> {
    let mut items = Vec::new();
    let records = state.records.objects.iter();
    for (id, record) in records.filter(|(_, record)| !record.is_skipped()) {
        // Waiting for ourselves to be ready would never end.
        if is_owner(terms, id) {
            continue;
        }
        let gvk = Records::gvk(id, record);
        if let Some(known) = state.kinds.get(&gvk).cloned() {
            let mut item = WaitItem::new(id.clone(), gvk, known, terms.exprs);
            item.gone_is_done =
                record.ends != Ends::No || &*id.kind == "Job" && &*id.group == "batch";
            items.push(item);
        }
    }
    items
}

fn is_owner(terms: &DeliveryTerms<'_>, id: &Id) -> bool {
    id.group_kind() == *terms.kind
        && id.namespace == terms.owner.namespace
        && id.name == terms.owner.name
}

/// Finds what sees an object that is named.
pub(crate) async fn named(
    terms: &DeliveryTerms<'_>,
    state: &DeliveryState,
    reference: &ObjRef,
) -> Result<WaitItem, Failure> {
    let (applier, own) = (terms.applier, &*terms.owner.namespace);
    let api_version = reference.api_version.as_deref().unwrap_or("apps/v1");
    let gvk = GroupVersionKind::new(api_version, &reference.kind);
    let namespace = reference.namespace.as_deref().unwrap_or(own);
    let Some(resource) = applier.discovery().resolve(&gvk).await? else {
        let text = format!(
            "can't determine status for {}/{namespace}/{}: the server does not serve {gvk}",
            gvk.kind, reference.name
        );
        return Err(Failure::new(reasons::HEALTH_CHECK_FAILED, text));
    };
    let namespace = if resource.namespaced { namespace } else { "" };
    let id = Id {
        namespace: namespace.into(),
        name: reference.name.clone(),
        group: gvk.group.clone(),
        kind: gvk.kind.clone(),
    };
    if !applier.may_get(&resource, namespace).await? {
        return Ok(WaitItem::hidden(id, gvk, resource, terms.exprs));
    }

    let owned = state
        .kinds
        .get(&gvk)
        .filter(|known| known.kind.get(namespace, &reference.name).is_some());
    if let Some(known) = owned.cloned() {
        return Ok(WaitItem::new(id, gvk, known, terms.exprs));
    }
    // Somebody else's object wakes nobody by its labels.
    let kind = applier
        .cache()
        .one(&resource, namespace, &reference.name, own)?;
    let told = kind.subscribe(terms.owner);
    let known = Known { resource, kind };
    Ok(WaitItem::new(id, gvk, known, terms.exprs).woken_by(told))
}
