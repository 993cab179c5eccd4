//! [`Sequence`]: random operations on a few objects. Values chosen by a server are placeholders
//! that each side fills in: `${uid}`, `${version}` and `${first}` (a version) of the object itself,
//! `${other}` (a uid) of its neighbour, `${start}` (a version) of the first list, `${rest}` of the
//! last list.

use serde_json::{Value, json};

use super::kinds::{Kind, merge};
use super::make;
use super::random::Random;
use crate::replay::Call;

/// One operation.
pub(super) struct Operation {
    /// Name of the operation, for counting differences.
    pub(super) label: &'static str,
    /// Kind of the object.
    pub(super) kind: String,
    /// Method, path with placeholders, headers.
    pub(super) call: Call,
    pub(super) body: Body,
    /// Path of the object; empty if the operation has none, or if the object has no name yet.
    pub(super) about: String,
    /// Path of the neighbour.
    pub(super) other: String,
}

/// The body of a request.
pub(super) enum Body {
    None,
    /// A text with placeholders.
    Text {
        content_type: &'static str,
        text: String,
    },
    /// The object as each side returned it last, with an edit; this object if there is none.
    Edited {
        patch: Value,
        version: Version,
        otherwise: Value,
    },
}

/// The resource version that is sent back.
#[derive(Clone, Copy)]
pub(super) enum Version {
    /// The last one seen.
    Last,
    /// None.
    None,
    /// The first one of the object.
    First,
}

/// Operations of one sequence.
pub(super) struct Sequence<'k> {
    pub(super) random: Random,
    pub(super) namespace: String,
    /// Label of all objects it creates.
    pub(super) label: String,
    kinds: Vec<&'k Kind>,
}

/// The object of an operation.
pub(super) struct Subject<'k> {
    pub(super) kind: &'k Kind,
    pub(super) name: String,
    pub(super) collection: String,
    other: String,
}

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
/// The usual content type.
pub(super) const JSON: &str = "application/json";

impl<'k> Sequence<'k> {
    /// Returns the operations of a sequence; equal random numbers give equal operations.
    pub(super) fn new(all: &'k [Kind], mut random: Random, namespace: &str, number: usize) -> Self {
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

    fn subject_of(&mut self, number: usize) -> Subject<'k> {
        let kind = self.kinds[number];
        let collection = kind.collection(&self.namespace);
        let names = [format!("a-{}", self.label), format!("b-{}", self.label)];
        let chosen = usize::from(self.random.percent(25));
        let other = format!("{collection}/{}", names[1 - chosen]);
        Subject {
            kind,
            name: names[chosen].clone(),
            collection,
            other,
        }
    }

    pub(super) fn labels(&self) -> Value {
        json!({"seq": self.label})
    }

    /// Returns a valid object, sometimes edited or made invalid.
    pub(super) fn object(&mut self, subject: &Subject) -> Value {
        let mut object = subject.kind.body(&subject.name, &self.labels());
        if self.random.percent(50) {
            self.change(subject, &mut object);
        }
        object
    }

    fn change(&mut self, subject: &Subject, object: &mut Value) {
        let patches = if self.random.percent(25) {
            &subject.kind.faults
        } else {
            &subject.kind.edits
        };
        if let Some(patch) = self.random.pick(patches) {
            merge(object, patch);
        }
    }

    /// Returns an edit, sometimes a fault.
    pub(super) fn patch(&mut self, subject: &Subject) -> Value {
        let patches = if self.random.percent(20) {
            &subject.kind.faults
        } else {
            &subject.kind.edits
        };
        self.random.pick(patches).cloned().unwrap_or_default()
    }

    /// Returns options of a write.
    pub(super) fn options(&mut self) -> String {
        let mut options = Vec::new();
        if self.random.percent(8) {
            options.push(
                self.random
                    .text(&["dryRun=All", "dryRun=All", "dryRun=Bogus"]),
            );
        }
        if self.random.percent(20) {
            let levels = [
                "fieldValidation=Strict",
                "fieldValidation=Warn",
                "fieldValidation=Ignore",
                "fieldValidation=Odd",
            ];
            options.push(self.random.text(&levels));
        }
        if self.random.percent(50) {
            options.push(self.random.text(&[
                "fieldManager=one",
                "fieldManager=two",
                "fieldManager=three",
            ]));
        }
        options.join("&")
    }

    pub(super) fn version(&mut self) -> Version {
        match self.random.below(10) {
            0..=6 => Version::Last,
            7..=8 => Version::None,
            _ => Version::First,
        }
    }
}

impl Subject<'_> {
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.collection, self.name)
    }

    pub(super) fn operation(
        &self,
        label: &'static str,
        method: &str,
        path: String,
        body: Body,
    ) -> Operation {
        let call = Call::new(method, path).header("Accept", JSON);
        Operation {
            label,
            kind: self.kind.name.clone(),
            call,
            body,
            about: self.path(),
            other: self.other.clone(),
        }
    }

    pub(super) fn with_options(&self, sub: &str, options: &str) -> String {
        format!("{}{sub}?{options}", self.path())
    }
}

impl Operation {
    /// Returns the body that is sent equally to both sides.
    pub(super) fn text(&self) -> String {
        match &self.body {
            Body::None => String::new(),
            Body::Text { text, .. } => text.clone(),
            Body::Edited { patch, .. } => patch.to_string(),
        }
    }

    pub(super) fn accepting(mut self, accept: &str) -> Self {
        self.call.headers.clear();
        self.call = self.call.header("Accept", accept);
        self
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
