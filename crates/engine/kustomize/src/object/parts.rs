//! [`Parts`]: the files that affect an object, including those that left no value in it.
//!
//! These are kustomizations it passed through, patches that removed something, files of generators
//! and, if it names or copies from another object, the files behind that name or value. Files whose
//! values are still in the object need not be listed.

use lode_yaml::{Content, Node};

/// Numbers of files, sorted, without duplicates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parts(Vec<u32>);

impl Parts {
    /// Adds a file; nodes made by code have none.
    pub(crate) fn add(&mut self, source: u32) {
        if source == 0 {
            return;
        }
        if let Err(gap) = self.0.binary_search(&source) {
            self.0.insert(gap, source);
        }
    }

    /// Adds the files of another object.
    pub(crate) fn take_in(&mut self, other: &Self) {
        if other
            .0
            .iter()
            .any(|source| self.0.binary_search(source).is_err())
        {
            self.0.extend_from_slice(&other.0);
            self.0.sort_unstable();
            self.0.dedup();
        }
    }

    /// Adds the files that a node's values come from.
    pub(crate) fn gather(&mut self, node: &Node) {
        self.add(node.place.source);
        match &node.content {
            Content::Scalar(_) => {}
            Content::Sequence(items) => items.iter().for_each(|item| self.gather(item)),
            Content::Mapping(entries) => entries.iter().for_each(|entry| self.gather(&entry.value)),
        }
    }

    /// Returns how many files there are.
    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn into_numbers(self) -> Vec<u32> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use lode_yaml::Place;

    use super::*;

    #[test]
    fn every_file_is_there_once_and_in_order() {
        let mut parts = Parts::default();
        for source in [3, 0, 1, 3, 2] {
            parts.add(source);
        }
        let mut other = Parts(vec![2, 7]);
        let at = |source| Place {
            source,
            ..Place::default()
        };
        let mut node = Node::mapping().placed(at(9));
        node.insert("a", Node::string("x").placed(at(5)));
        other.gather(&node);
        parts.take_in(&other);
        parts.take_in(&Parts::default());
        assert_eq!(parts.into_numbers(), [1, 2, 3, 5, 7, 9]);
    }
}
