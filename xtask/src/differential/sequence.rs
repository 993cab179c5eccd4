//! [`Sequence`]: what random operations share, and the objects they send.

use serde_json::{Value, json};

use super::kinds::{TestedKind, merge};
use super::operation::{SentVersion, Subject};
use super::random::Random;

/// Operations of one sequence.
pub(super) struct Sequence<'k> {
    pub(super) random: Random,
    pub(super) namespace: String,
    /// Label of all objects it creates.
    pub(super) label: String,
    pub(super) kinds: Vec<&'k TestedKind>,
}

impl<'k> Sequence<'k> {
    pub(super) fn subject_of(&mut self, number: usize) -> Subject<'k> {
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

    pub(super) fn change(&mut self, subject: &Subject, object: &mut Value) {
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

    pub(super) fn version(&mut self) -> SentVersion {
        match self.random.below(10) {
            0..=6 => SentVersion::Last,
            7..=8 => SentVersion::None,
            _ => SentVersion::First,
        }
    }
}
