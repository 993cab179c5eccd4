//! [`Owned`]: the index from owners to the objects that refer to them.

use std::collections::BTreeSet;

use crate::store::log::StoreChange;

/// Pairs of an owner's uid and an object that refers to it.
#[derive(Debug, Default)]
pub(super) struct Owned<P>(BTreeSet<(Box<str>, P)>);

impl<P: Clone + Default + Ord> Owned<P> {
    /// Updates the owner references of an object after a change.
    pub(super) fn note(&mut self, place: &P, change: &StoreChange) {
        let owners = if change.deleted {
            &[]
        } else {
            &*change.object.index.owners
        };
        let before = change
            .previous
            .iter()
            .flat_map(|previous| &previous.index.owners);
        for owner in before.filter(|owner| !owners.contains(owner)) {
            self.0.remove(&(owner.clone(), place.clone()));
        }
        self.0
            .extend(owners.iter().map(|owner| (owner.clone(), place.clone())));
    }

    /// Returns the objects that refer to an owner.
    pub(super) fn of(&self, owner: &str) -> impl Iterator<Item = &P> {
        let first = (owner.into(), P::default());
        self.0
            .range(first..)
            .take_while(move |(uid, _)| **uid == *owner)
            .map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::store::key::Key;
    use crate::store::stored::{Draft, Stored};

    fn stored(owners: &[&str]) -> Arc<Stored> {
        let references: Vec<_> = owners.iter().map(|uid| json!({"uid": uid})).collect();
        Arc::new(
            Draft::new(
                &json!({"metadata": {"ownerReferences": references}}),
                Box::default(),
            )
            .at(7),
        )
    }

    fn change(before: Option<&[&str]>, now: &[&str]) -> StoreChange {
        StoreChange {
            key: Key::default(),
            object: stored(now),
            previous: before.map(stored),
            deleted: false,
        }
    }

    #[test]
    fn an_owner_has_what_names_it_now() {
        let mut owned = Owned::default();
        owned.note(&2, &change(None, &["a", "b"]));
        owned.note(&1, &change(None, &["a", "ab"]));
        owned.note(&2, &change(Some(&["a", "b"]), &["b", "c"]));
        let of = |owned: &Owned<i32>, owner| owned.of(owner).copied().collect::<Vec<_>>();
        assert_eq!(
            ["a", "ab", "b", "c", "d"].map(|owner| of(&owned, owner)),
            [vec![1], vec![1], vec![2], vec![2], vec![]]
        );
        owned.note(
            &1,
            &StoreChange {
                deleted: true,
                ..change(Some(&["a", "ab"]), &["a", "ab"])
            },
        );
        assert_eq!(of(&owned, "a"), [0; 0]);
    }
}
