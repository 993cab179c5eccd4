//! [`States`]: the state kept for each object between two reconciles.

use std::collections::{HashMap, HashSet};

use lode_object::{Id, NamespacedName};
use lode_stdx::Lock;

/// The state kept for each object of a kind.
///
/// A reconcile takes the state and gives it back. Changes of the object's own objects during the
/// run are recorded, and examined when the state comes back.
pub struct States<T>(Lock<StateTable<T>>);

struct StateTable<T> {
    idle: HashMap<NamespacedName, Idle<T>>,
    /// Objects that changed while their owner's reconcile ran.
    late: HashMap<NamespacedName, HashSet<Id>>,
}

struct Idle<T> {
    uid: Box<str>,
    state: Box<T>,
}

impl<T> Default for States<T> {
    fn default() -> Self {
        Self(Lock::new(StateTable {
            idle: HashMap::new(),
            late: HashMap::new(),
        }))
    }
}

impl<T: Default> States<T> {
    /// Takes the state of an object for the duration of its reconcile. An object that was deleted
    /// and created again does not get the state of the one before.
    pub fn take(&self, name: &NamespacedName, uid: &str) -> Box<T> {
        let idle = self.0.lock().idle.remove(name);
        let idle = idle.filter(|idle| *idle.uid == *uid);
        idle.map(|idle| idle.state).unwrap_or_default()
    }

    /// Gives a state back; `look` receives it with the objects that changed in the meantime.
    pub fn give_back(
        &self,
        name: &NamespacedName,
        uid: &str,
        state: Box<T>,
        look: impl FnOnce(&T, &HashSet<Id>),
    ) {
        let mut table = self.0.lock();
        look(&state, &table.late.remove(name).unwrap_or_default());
        table.idle.insert(
            name.clone(),
            Idle {
                uid: uid.into(),
                state,
            },
        );
    }

    /// Passes the state of an object whose objects changed to `look`; if its reconcile is running,
    /// they are recorded for its end.
    pub fn changed(
        &self,
        name: &NamespacedName,
        ids: HashSet<Id>,
        is_running: bool,
        look: impl FnOnce(&T, &HashSet<Id>),
    ) {
        let mut table = self.0.lock();
        if let Some(idle) = table.idle.get(name) {
            look(&idle.state, &ids);
        } else if is_running {
            table.late.entry(name.clone()).or_default().extend(ids);
        }
    }

    /// Drops the state of a deleted object.
    pub fn forget(&self, name: &NamespacedName) {
        let mut table = self.0.lock();
        table.idle.remove(name);
        table.late.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> NamespacedName {
        NamespacedName::new("ns", "app")
    }

    fn id(name: &str) -> Id {
        Id::parse_inventory(&format!("ns_{name}__ConfigMap")).unwrap()
    }

    #[test]
    fn a_state_is_not_given_to_another_object_of_its_name() {
        let states = States::<u8>::default();
        states.give_back(&name(), "one", Box::new(7), |_, _| {});
        assert_eq!(*states.take(&name(), "two"), 0);
        assert_eq!(*states.take(&name(), "one"), 0, "it was forgotten");
        states.give_back(&name(), "one", Box::new(7), |_, _| {});
        assert_eq!(*states.take(&name(), "one"), 7);
    }

    #[test]
    fn what_changes_during_a_reconcile_is_seen_at_its_end() {
        let states = States::<u8>::default();
        let state = states.take(&name(), "one");
        states.changed(&name(), [id("a")].into(), true, |_, _| {
            panic!("the state is away")
        });
        states.changed(&name(), [id("b")].into(), true, |_, _| {
            panic!("the state is away")
        });
        let mut seen = HashSet::new();
        states.give_back(&name(), "one", state, |_, late| seen.clone_from(late));
        assert_eq!(seen, [id("a"), id("b")].into());
        states.changed(&name(), [id("c")].into(), false, |_, ids| {
            seen.clone_from(ids);
        });
        assert_eq!(seen, [id("c")].into());
    }

    #[test]
    fn nothing_is_noted_of_an_object_that_nobody_reconciles() {
        let states = States::<u8>::default();
        states.changed(&name(), [id("a")].into(), false, |_, _| {
            panic!("there is no state")
        });
        let state = states.take(&name(), "one");
        states.give_back(&name(), "one", state, |_, late| assert!(late.is_empty()));
    }

    #[test]
    fn nothing_is_kept_of_an_object_that_is_gone() {
        let states = States::<u8>::default();
        states.give_back(&name(), "one", Box::new(7), |_, _| {});
        states.forget(&name());
        assert_eq!(*states.take(&name(), "one"), 0);

        states.changed(&name(), [id("a")].into(), true, |_, _| {
            panic!("the state is away")
        });
        states.forget(&name());
        let state = states.take(&name(), "one");
        states.give_back(&name(), "one", state, |_, late| assert!(late.is_empty()));
    }

    #[test]
    fn what_was_seen_at_the_end_of_one_reconcile_is_not_seen_again() {
        let states = States::<u8>::default();
        let state = states.take(&name(), "one");
        states.changed(&name(), [id("a")].into(), true, |_, _| {
            panic!("the state is away")
        });
        states.give_back(&name(), "one", state, |_, late| assert_eq!(late.len(), 1));
        let state = states.take(&name(), "one");
        states.give_back(&name(), "one", state, |_, late| assert!(late.is_empty()));
    }

    #[test]
    fn objects_have_states_of_their_own() {
        let states = States::<u8>::default();
        let other = NamespacedName::new("ns", "other");
        states.give_back(&name(), "one", Box::new(7), |_, _| {});
        states.give_back(&other, "one", Box::new(8), |_, _| {});
        assert_eq!(*states.take(&other, "one"), 8);
        assert_eq!(*states.take(&name(), "one"), 7);
    }
}
