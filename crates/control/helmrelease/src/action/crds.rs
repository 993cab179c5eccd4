//! The definitions in a chart's `crds` folder, which come before everything else and are never deleted.

use std::time::Duration;

use lode_api::helm_release::action::CrdPolicy;
use lode_apply::{Desired, Set};
use lode_chart::Crd;
use lode_deliver::write_beside;
use lode_object::{Object, OwnerLabels};
use lode_yaml::{Dialect, Nodes, Origins};

use super::ReleaseOrder;
use crate::acting::{Acting, ActionError, first_refused, refused};
use crate::objects::target;
use crate::rendering::definitions;
use crate::state::State;

/// How long definitions may take to be accepted, as in Flux.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Applies the definitions as the policy says, and waits until the server serves them.
///
/// # Errors
/// A definition is refused, or not accepted in time.
pub(crate) async fn apply(
    acting: &Acting<'_>,
    state: &mut State,
    order: &ReleaseOrder,
    policy: CrdPolicy,
) -> Result<(), ActionError> {
    if policy == CrdPolicy::Skip || !order.chart.has_crds() {
        return Ok(());
    }
    let crds = definitions(acting, order).await?;
    let failed = |error: ActionError| error.after("failed to apply CustomResourceDefinitions: ");
    // With server-side apply both other policies create and update, in Flux too.
    let wanted = read(acting, &crds).map_err(|why| failed(why.into()))?;
    if wanted.is_empty() {
        return Ok(());
    }
    let targets: Vec<_> = wanted.iter().map(|desired| target(desired, true)).collect();
    let mut set = Set::in_order(wanted);
    let terms = acting.terms("crds", &acting.exprs, TIMEOUT);
    state
        .delivery
        .begin("crds", acting.object.metadata.generation);
    let outcome = write_beside(&terms, &mut state.delivery, &mut set).await;
    if let Some(error) = &outcome.error {
        return Err(failed(
            refused(error, first_refused(error, set.objects().iter()), false).into(),
        ));
    }
    let ready = acting
        .ready(state, "crds", (&targets, &acting.exprs), TIMEOUT)
        .await;
    ready.map_err(failed)?;
    // What the chart renders may be of these kinds.
    acting
        .applier
        .discovery()
        .api_versions(Duration::ZERO)
        .await?;
    Ok(())
}

/// Reads definitions, with the labels that say whose they are; other objects in the folder are left out, as in Flux.
fn read(acting: &Acting<'_>, crds: &[Crd]) -> Result<Vec<Desired>, String> {
    let budget = acting.kind.computing.budget();
    let mut read = Vec::new();
    for crd in crds {
        let nodes = Nodes::new(&crd.file.data, Dialect::V2, Origins::default());
        for node in nodes.with_budget(&budget) {
            let value = node.and_then(|node| node.to_value(Dialect::V2));
            let value = value.map_err(|error| format!("{}: {error}", crd.path))?;
            if value.is_null() {
                continue;
            }
            let object = Object::parse(value);
            let mut object = object.map_err(|error| format!("{}: {error}", crd.path))?;
            if object.kind() != "CustomResourceDefinition" {
                continue;
            }
            OwnerLabels::RELEASE.stamp(&mut object, &acting.owner);
            read.push(Desired::rendered(object, &crd.path, "").cluster_scoped());
        }
    }
    Ok(read)
}

/// Returns the entries of definitions in an inventory, whatever the policy.
pub(crate) fn inventory(
    acting: &Acting<'_>,
    crds: &[Crd],
) -> Vec<lode_api::shared::InventoryEntry> {
    let read = read(acting, crds).unwrap_or_default();
    read.iter().map(crate::objects::entry).collect()
}
