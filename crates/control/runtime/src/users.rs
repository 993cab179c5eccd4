//! [`Users`]: which objects to wake when something changes.

use std::collections::{HashMap, HashSet};

use lode_object::NamespacedName;
use lode_stdx::Lock;

/// Something that an object uses, whether it exists or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Use {
    /// Its kind.
    pub kind: Box<str>,
    /// Its name.
    pub name: NamespacedName,
}

impl Use {
    /// Returns the use of an object.
    pub fn new(kind: &str, name: NamespacedName) -> Self {
        Self {
            kind: kind.into(),
            name,
        }
    }
}

/// Which objects use what.
#[derive(Debug, Default)]
pub struct Users(Lock<HashMap<Use, HashSet<NamespacedName>>>);

impl Users {
    /// Replaces the list of what an object uses.
    pub fn update(&self, user: &NamespacedName, before: Vec<Use>, now: Vec<Use>) {
        let mut users = self.0.lock();
        for used in before {
            if let Some(names) = users.get_mut(&used) {
                names.remove(user);
                if names.is_empty() {
                    users.remove(&used);
                }
            }
        }
        for used in now {
            users.entry(used).or_default().insert(user.clone());
        }
    }

    /// Returns the objects that use something, unordered.
    pub fn of(&self, used: &Use) -> Vec<NamespacedName> {
        self.0
            .lock()
            .get(used)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> NamespacedName {
        NamespacedName::new("ns", name)
    }

    fn uses(names: &[&str]) -> Vec<Use> {
        names
            .iter()
            .map(|it| Use::new("GitRepository", name(it)))
            .collect()
    }

    #[test]
    fn users_follow_what_they_use() {
        let users = Users::default();
        users.update(&name("app"), Vec::new(), uses(&["one", "two"]));
        users.update(&name("db"), Vec::new(), uses(&["one"]));
        assert_eq!(users.of(&uses(&["two"])[0]), [name("app")]);
        users.update(&name("app"), uses(&["one", "two"]), uses(&["two", "three"]));
        assert_eq!(users.of(&uses(&["one"])[0]), [name("db")]);
        assert_eq!(users.of(&uses(&["three"])[0]), [name("app")]);
        assert!(
            users.of(&Use::new("Bucket", name("three"))).is_empty(),
            "another kind"
        );
        users.update(&name("app"), uses(&["two", "three"]), Vec::new());
        users.update(&name("db"), uses(&["one"]), Vec::new());
        assert!(
            users.0.lock().is_empty(),
            "nothing is kept of what nobody uses"
        );
    }

    #[test]
    fn a_user_that_uses_something_twice_is_woken_once() {
        let users = Users::default();
        users.update(&name("app"), Vec::new(), uses(&["one", "one"]));
        assert_eq!(users.of(&uses(&["one"])[0]), [name("app")]);
        users.update(&name("app"), uses(&["one", "one"]), Vec::new());
        assert!(users.0.lock().is_empty());
    }

    #[test]
    fn what_was_never_used_is_given_up_without_harm() {
        let users = Users::default();
        users.update(&name("db"), Vec::new(), uses(&["one"]));
        users.update(&name("app"), uses(&["one", "two"]), Vec::new());
        assert_eq!(users.of(&uses(&["one"])[0]), [name("db")]);
        assert!(users.of(&uses(&["two"])[0]).is_empty());
    }

    #[test]
    fn what_is_used_need_not_exist_and_is_told_by_kind_namespace_and_name() {
        let users = Users::default();
        let elsewhere = NamespacedName::new("other", "one");
        let used = Use::new("GitRepository", elsewhere);
        users.update(&name("app"), Vec::new(), vec![used.clone()]);
        assert_eq!(users.of(&used), [name("app")]);
        assert!(users.of(&uses(&["one"])[0]).is_empty(), "another namespace");
    }

    #[test]
    fn all_users_of_one_thing_are_returned() {
        let users = Users::default();
        for user in ["a", "b", "c"] {
            users.update(&name(user), Vec::new(), uses(&["one"]));
        }
        let mut found = users.of(&uses(&["one"])[0]);
        found.sort();
        assert_eq!(found, [name("a"), name("b"), name("c")]);
    }
}
