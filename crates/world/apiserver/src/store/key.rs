//! [`Key`]: an object of a resource.

use std::sync::Arc;

/// Namespace (empty for cluster scope) and name. Copies share the text.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    /// Namespace and name, with a separator that sorts before all characters of names, so that keys
    /// are ordered by namespace and name.
    text: Arc<str>,
    namespace_bytes: usize,
}

impl Key {
    /// Returns the key of an object.
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self {
            text: [namespace, SEPARATOR, name].concat().into(),
            namespace_bytes: namespace.len(),
        }
    }

    /// Returns the namespace, empty for cluster scope.
    pub(crate) fn namespace(&self) -> &str {
        self.text.get(..self.namespace_bytes).unwrap_or_default()
    }

    /// Returns the name.
    pub(crate) fn name(&self) -> &str {
        self.text
            .get(self.namespace_bytes + SEPARATOR.len()..)
            .unwrap_or_default()
    }
}

const SEPARATOR: &str = "\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_namespace_and_name() {
        let pairs = [
            ("", "b"),
            ("a", ""),
            ("a", "x"),
            ("a", "x-1"),
            ("a-b", "a"),
            ("ab", "a"),
            ("b", ""),
        ];
        let keys = pairs.map(|(namespace, name)| Key::new(namespace, name));
        assert!(keys.is_sorted());
        assert_eq!(
            keys.each_ref().map(|key| (key.namespace(), key.name())),
            pairs
        );
    }

    #[test]
    fn the_key_of_nothing_is_the_first() {
        let key = Key::default();
        assert_eq!((key.namespace(), key.name()), ("", ""));
        assert!(key < Key::new("", "a"));
    }
}
