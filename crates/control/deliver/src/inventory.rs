//! Inventories: which objects are an owner's, as its status lists them.
//!
//! Pure: lists in, lists out.

use std::collections::HashSet;

use lode_api::shared::InventoryEntry;
use lode_apply::{Records, Set};
use lode_object::Id;

/// An object of an inventory, and the version it was applied in.
pub type StaleObject = (Id, Box<str>);

/// Returns the inventory of a set, in the order it is applied.
pub(crate) fn entries(set: &Set) -> Vec<InventoryEntry> {
    set.objects()
        .iter()
        .map(|desired| entry(&desired.id, &desired.gvk.version))
        .collect()
}

/// Returns the inventory that records tell, in no special order.
pub(crate) fn recorded(records: &Records) -> Vec<InventoryEntry> {
    records
        .objects
        .iter()
        .map(|(id, record)| entry(id, &record.version))
        .collect()
}

pub(crate) fn entry(id: &Id, version: &str) -> InventoryEntry {
    InventoryEntry {
        id: id.inventory().into(),
        v: version.into(),
    }
}

/// Returns what is in `more` and not in `entries`, by identity.
pub(crate) fn added(entries: &[InventoryEntry], more: &[InventoryEntry]) -> Vec<InventoryEntry> {
    let known: HashSet<&str> = entries.iter().map(|entry| &*entry.id).collect();
    more.iter()
        .filter(|entry| !known.contains(&*entry.id))
        .cloned()
        .collect()
}

/// Returns an inventory with what is in `more` besides.
pub(crate) fn with(entries: &[InventoryEntry], more: &[InventoryEntry]) -> Vec<InventoryEntry> {
    let mut all = entries.to_vec();
    all.extend(added(entries, more));
    all
}

/// Keeps the order an inventory was written in, so that an unchanged set makes no unequal status.
pub(crate) fn in_order(old: &[InventoryEntry], new: Vec<InventoryEntry>) -> Vec<InventoryEntry> {
    let same = old.len() == new.len() && added(old, &new).is_empty();
    if same { old.to_vec() } else { new }
}

/// Returns the objects of an inventory; an entry that names none is left out.
pub fn stale(entries: &[InventoryEntry]) -> Vec<StaleObject> {
    entries
        .iter()
        .filter_map(|entry| Some((Id::parse_inventory(&entry.id).ok()?, entry.v.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<InventoryEntry> {
        let one = |name: &&str| InventoryEntry {
            id: format!("ns_{name}__ConfigMap").into(),
            v: "v1".into(),
        };
        names.iter().map(one).collect()
    }

    #[test]
    fn an_inventory_grows_by_what_it_does_not_have() {
        let old = list(&["b", "a"]);
        assert_eq!(added(&old, &list(&["a", "c"])), list(&["c"]));
        assert_eq!(with(&old, &list(&["a", "c"])), list(&["b", "a", "c"]));
    }

    #[test]
    fn an_equal_inventory_keeps_its_order() {
        let old = list(&["b", "a"]);
        assert_eq!(in_order(&old, list(&["a", "b"])), old);
        for other in [list(&["a"]), list(&["a", "c"]), list(&["a", "b", "c"])] {
            assert_eq!(in_order(&old, other.clone()), other);
        }
    }

    #[test]
    fn another_version_is_the_same_object() {
        let mut beta = list(&["a"]);
        beta[0].v = "v1beta1".into();
        assert_eq!(added(&list(&["a"]), &beta), []);
    }

    #[test]
    fn an_entry_that_names_no_object_is_left_out() {
        let mut old = list(&["a"]);
        old.push(InventoryEntry {
            id: "odd".into(),
            v: "v1".into(),
        });
        let found = stale(&old);
        assert_eq!(found.len(), 1);
        assert_eq!((&*found[0].0.name, &*found[0].1), ("a", "v1"));
        assert_eq!(entry(&found[0].0, &found[0].1), old[0]);
    }
}
