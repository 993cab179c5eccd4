//! [`Sequence`]: random operations on a few objects. Values chosen by a server are placeholders
//! that each side fills in: `${uid}`, `${version}` and `${first}` (a version) of the object itself,
//! `${other}` (a uid) of its neighbour, `${start}` (a version) of the first list, `${rest}` of the
//! last list.

use super::kinds::TestedKind;
use super::make;
use super::operation::{Body, JSON, Operation, Subject};
use super::random::Random;
use super::sequence::Sequence;

type Make = fn(&mut Sequence<'_>, &Subject<'_>) -> Operation;

/// Operations with their frequency in percent.
const OPERATIONS: [(usize, Make); 14] = [
    (18, make::create),
    (2, make::create_generated),
    (5, make::get),
    (8, make::list),
    (12, make::update),
    (7, make::json_patch),
    (9, make::merge_patch),
    (7, make::strategic_patch),
    (16, make::apply),
    (5, make::status),
    (3, make::scale),
    (4, make::metadata),
    (3, make::delete),
    (1, make::delete_collection),
];
/// Kinds of one sequence.
const KINDS_PER_SEQUENCE: usize = 2;

impl<'k> Sequence<'k> {
    /// Returns the operations of a sequence; equal random numbers give equal operations.
    pub(super) fn new(
        all: &'k [TestedKind],
        mut random: Random,
        namespace: &str,
        number: usize,
    ) -> Self {
        let kinds = (0..KINDS_PER_SEQUENCE)
            .filter_map(|_| random.pick(all))
            .collect();
        Self {
            random,
            namespace: namespace.to_owned(),
            label: format!("s{number}"),
            kinds,
        }
    }

    /// Returns the first operations: a list of the empty namespace, and the creation of a valid
    /// object of each kind, so that later operations find something.
    pub(super) fn first(&mut self) -> Vec<Operation> {
        let subject = self.subject_of(0);
        let path = format!("{}?labelSelector=seq%3D{}", subject.collection, self.label);
        let mut operations = vec![subject.operation("list", "GET", path, Body::None)];
        for number in 0..self.kinds.len() {
            let subject = self.subject_of(number);
            let body = make::text(JSON, &subject.kind.body(&subject.name, &self.labels()));
            operations.push(subject.operation("create", "POST", subject.collection.clone(), body));
        }
        operations
    }

    /// Returns a watch of everything since the first list.
    pub(super) fn watch(&mut self) -> Operation {
        let subject = self.subject_of(0);
        let path = format!(
            "{}?watch=1&timeoutSeconds=1&resourceVersion=${{start}}&labelSelector=seq%3D{}",
            subject.collection, self.label
        );
        subject.operation("watch", "GET", path, Body::None)
    }

    /// Returns the next operation.
    pub(super) fn next(&mut self) -> Operation {
        let number = self.random.below(self.kinds.len());
        let subject = self.subject_of(number);
        let mut left = self
            .random
            .below(OPERATIONS.iter().map(|(share, _)| share).sum());
        for (share, make) in OPERATIONS {
            if left < share {
                return make(self, &subject);
            }
            left -= share;
        }
        make::get(self, &subject)
    }
}

#[cfg(test)]
mod tests {
    use super::super::kinds;
    use super::*;

    fn shown(number: usize, seed: u64) -> Vec<String> {
        let kinds = kinds::all().unwrap();
        let mut sequence = Sequence::new(&kinds, Random::new(seed, number as u64), "n", number);
        (0..200)
            .map(|_| sequence.next())
            .map(|one| format!("{} {} {}", one.label, one.call.path, one.text()))
            .collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_operations() {
        assert_eq!(shown(3, 1), shown(3, 1));
        assert_ne!(shown(3, 1), shown(4, 1));
    }

    #[test]
    fn every_operation_comes_up() {
        let all: Vec<String> = (0..30).flat_map(|number| shown(number, 1)).collect();
        for label in [
            "create",
            "get",
            "list",
            "update",
            "json patch",
            "merge patch",
            "strategic patch",
            "apply status",
            "patch scale",
            "metadata",
            "delete",
            "delete collection",
        ] {
            assert!(all.iter().any(|one| one.starts_with(label)), "{label}");
        }
    }
}
