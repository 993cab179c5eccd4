//! The kinds Lodestone serves, one [`Row`] each.
//!
//! Whoever goes over all kinds reads [`ALL`]: the command line, the installation, the sandbox. `docs/adding-a-kind.md`
//! says what a new kind needs besides its row.
//!
//! Left out: what a controller does with its kind.

use serde_json::Value;

use crate::names::Names;
use crate::resource::Kind;
use crate::{definition, git_repository, kustomization};

/// What the rest of the program knows about one kind.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The names of the kind, in the API and in the cluster.
    pub names: Names,
    /// Returns the `CustomResourceDefinition`.
    pub definition: fn() -> Value,
    /// What people type for the kind besides its name, its plural and its short names.
    pub words: &'static [&'static str],
    /// Whether its objects provide artifacts for others. All sources answer to the word `source` too.
    pub is_source: bool,
    /// Where an object names the source it takes its files from, as a JSON pointer.
    pub source_ref: Option<&'static str>,
    /// Where an object tells the revision it has reached, as a JSON pointer.
    pub revision: &'static str,
    /// What a person wants to see of an object besides how it is doing.
    pub details: &'static [Detail],
}

/// One more thing to show of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// Head of its column.
    pub head: &'static str,
    /// Where its value is, as a JSON pointer.
    pub pointer: &'static str,
    /// How the value is shown.
    pub form: Form,
}

/// How the value of a [`Detail`] becomes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text, shown as it is.
    Text,
    /// A URL, shown without credentials.
    Url,
    /// A reference to an object, shown as `kind/namespace/name` as far as it says so.
    Reference,
}

/// All kinds that are served, in the order in which they are listed: sources first.
pub const ALL: &[Row] = &[GIT_REPOSITORY, KUSTOMIZATION];

/// A `GitRepository`.
pub const GIT_REPOSITORY: Row = Row {
    names: git_repository::Spec::NAMES,
    definition: definition::of::<git_repository::Spec>,
    words: &["git"],
    is_source: true,
    source_ref: None,
    revision: "/status/artifact/revision",
    details: &[
        Detail {
            head: "URL",
            pointer: "/spec/url",
            form: Form::Url,
        },
        Detail {
            head: "INTERVAL",
            pointer: "/spec/interval",
            form: Form::Text,
        },
    ],
};

/// A `Kustomization`.
pub const KUSTOMIZATION: Row = Row {
    names: kustomization::Spec::NAMES,
    definition: definition::of::<kustomization::Spec>,
    words: &[],
    is_source: false,
    source_ref: Some("/spec/sourceRef"),
    revision: "/status/lastAppliedRevision",
    details: &[
        Detail {
            head: "SOURCE",
            pointer: "/spec/sourceRef",
            form: Form::Reference,
        },
        Detail {
            head: "PATH",
            pointer: "/spec/path",
            form: Form::Text,
        },
    ],
};

/// Returns the definitions of all kinds.
#[must_use]
pub fn definitions() -> Vec<Value> {
    ALL.iter().map(|row| (row.definition)()).collect()
}

impl Row {
    /// Returns the kind in lower case, its word in names such as `kustomization/apps`.
    #[must_use]
    pub fn singular(&self) -> String {
        self.names.kind.to_lowercase()
    }

    /// Returns whether people call the kind so.
    #[must_use]
    pub fn answers_to(&self, word: &str) -> bool {
        let names = [self.singular().as_str(), self.names.plural].contains(&word);
        names || [self.names.short, self.words].concat().contains(&word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_described_in_one_sentence() {
        let mut fields = 0;
        for definition in definitions() {
            let root = definition
                .pointer("/spec/versions/0/schema/openAPIV3Schema/properties")
                .unwrap();
            check(&root["spec"], "spec", &mut fields);
            check(&root["status"], "status", &mut fields);
        }
        println!("{fields} fields described");
    }

    fn check(schema: &Value, path: &str, fields: &mut usize) {
        let Some(properties) = schema["properties"].as_object() else {
            return;
        };
        for (name, field) in properties {
            let path = format!("{path}.{name}");
            let about = field["description"].as_str().unwrap_or_default();
            assert!(
                about.ends_with('.') && about.len() < 120,
                "{path}: {about:?}"
            );
            *fields += 1;
            check(field, &path, fields);
            check(&field["items"], &path, fields);
        }
    }
}
