//! The kinds that Lodestone serves, one [`Row`] each.
//!
//! Code that handles all kinds reads [`ALL`]: the command line, the installation, the sandbox.
//! `docs/adding-a-kind.md` says what a new kind needs besides its row.
//!
//! Left out: what a controller does with its kind.

use lode_stdx::bare_url;
use serde_json::Value;

use crate::names::Names;
use crate::resource::Kind as _;
#[cfg(test)]
use crate::toy;
use crate::{
    definition, git_repository, helm_chart, helm_release, helm_repository, kustomization,
    oci_repository,
};

/// What the rest of the program knows about one kind.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The names of the kind, in the API and in the cluster.
    pub names: Names,
    /// Returns the `CustomResourceDefinition`.
    pub definition: fn() -> Value,
    /// Words that the command line accepts for the kind besides its name, its plural and its short
    /// names.
    pub words: &'static [&'static str],
    /// Whether its objects provide artifacts for others. The word [`SOURCE`] includes all sources.
    pub is_source: bool,
    /// JSON pointer to the reference to an object's source.
    pub source_ref: Option<&'static str>,
    /// JSON pointer to the revision that an object has reached; `None` for kinds without revisions.
    pub revision: Option<&'static str>,
    /// What to show of an object besides its status.
    pub details: &'static [Detail],
}

/// A further value to show of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// Column header.
    pub head: &'static str,
    /// JSON pointer to the value.
    pub pointer: &'static str,
    /// How to show the value.
    pub form: Form,
}

/// How the value of a [`Detail`] becomes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text, shown as it is.
    Text,
    /// A URL, shown without credentials.
    Url,
    /// A reference to an object, shown as `kind/namespace/name` with the parts it has.
    Reference,
}

/// The word for all kinds of sources together.
pub const SOURCE: &str = "source";
/// The plural of [`SOURCE`].
pub const SOURCES: &str = "sources";

/// All kinds that are served, in the order they are listed: sources first.
pub const ALL: &[Row] = &[
    GIT_REPOSITORY,
    OCI_REPOSITORY,
    HELM_REPOSITORY,
    HELM_CHART,
    KUSTOMIZATION,
    HELM_RELEASE,
];

/// A `GitRepository`.
pub const GIT_REPOSITORY: Row = Row {
    names: git_repository::Spec::NAMES,
    definition: definition::of::<git_repository::Spec>,
    words: &["git"],
    is_source: true,
    source_ref: None,
    revision: Some("/status/artifact/revision"),
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

/// An `OCIRepository`.
pub const OCI_REPOSITORY: Row = Row {
    names: oci_repository::Spec::NAMES,
    definition: definition::of::<oci_repository::Spec>,
    words: &["oci"],
    is_source: true,
    source_ref: None,
    revision: Some("/status/artifact/revision"),
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

/// A `HelmRepository`.
pub const HELM_REPOSITORY: Row = Row {
    names: helm_repository::Spec::NAMES,
    definition: definition::of::<helm_repository::Spec>,
    words: &["helm"],
    is_source: true,
    source_ref: None,
    revision: Some("/status/artifact/revision"),
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

/// A `HelmChart`.
pub const HELM_CHART: Row = Row {
    names: helm_chart::Spec::NAMES,
    definition: definition::of::<helm_chart::Spec>,
    words: &["chart"],
    is_source: true,
    source_ref: Some("/spec/sourceRef"),
    revision: Some("/status/artifact/revision"),
    details: &[
        Detail {
            head: "CHART",
            pointer: "/spec/chart",
            form: Form::Text,
        },
        Detail {
            head: "SOURCE",
            pointer: "/spec/sourceRef",
            form: Form::Reference,
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
    revision: Some("/status/lastAppliedRevision"),
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

/// A `HelmRelease`.
pub const HELM_RELEASE: Row = Row {
    names: helm_release::Spec::NAMES,
    definition: definition::of::<helm_release::Spec>,
    words: &[],
    is_source: false,
    source_ref: Some("/spec/chartRef"),
    revision: Some("/status/history/0/chartVersion"),
    details: &[Detail {
        head: "CHART",
        pointer: "/status/history/0/chartName",
        form: Form::Text,
    }],
};

#[cfg(test)]
/// A `Toy`.
pub const TOY: Row = Row {
    names: toy::Spec::NAMES,
    definition: definition::of::<toy::Spec>,
    words: &[],
    is_source: false,
    source_ref: None,
    revision: None,
    details: &[Detail {
        head: "COLOR",
        pointer: "/spec/color",
        form: Form::Text,
    }],
};

/// A kind by group and name only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindName<'n> {
    /// API group.
    pub group: &'n str,
    /// Kind.
    pub kind: &'n str,
}

/// Flux's kinds that are not served yet. Objects of them may exist in a cluster without any effect,
/// and users are warned about them. A kind that gets a row leaves this list.
pub const NOT_SERVED: &[KindName<'_>] = &[
    KindName::new("source.toolkit.fluxcd.io", "Bucket"),
    KindName::new("source.toolkit.fluxcd.io", "ExternalArtifact"),
    KindName::new("source.extensions.fluxcd.io", "ArtifactGenerator"),
    KindName::new("notification.toolkit.fluxcd.io", "Alert"),
    KindName::new("notification.toolkit.fluxcd.io", "Provider"),
    KindName::new("notification.toolkit.fluxcd.io", "Receiver"),
    KindName::new("image.toolkit.fluxcd.io", "ImageRepository"),
    KindName::new("image.toolkit.fluxcd.io", "ImagePolicy"),
    KindName::new("image.toolkit.fluxcd.io", "ImageUpdateAutomation"),
];

/// Returns whether a kind is one of [`NOT_SERVED`].
#[must_use]
pub fn is_not_served(group: &str, kind: &str) -> bool {
    NOT_SERVED.contains(&KindName { group, kind })
}

/// Returns the row of a source kind, if it is served.
#[must_use]
pub fn source(kind: &str) -> Option<&'static Row> {
    ALL.iter()
        .find(|row| row.is_source && row.names.kind == kind)
}

/// Returns the definitions of all kinds.
#[must_use]
pub fn definitions() -> Vec<Value> {
    ALL.iter().map(|row| (row.definition)()).collect()
}

impl Row {
    /// Returns the words that the command line accepts for the kind, each once.
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        let mut words = vec![self.names.singular, self.names.plural];
        for word in self.names.short.iter().chain(self.words) {
            if !words.contains(word) {
                words.push(word);
            }
        }
        words
    }

    /// Returns the revision that an object has reached, empty if it has none.
    #[must_use]
    pub fn revision<'v>(&self, object: &'v Value) -> &'v str {
        self.revision.map_or("", |pointer| text(object, pointer))
    }

    /// Returns kind, namespace and name of the source that an object refers to; parts that are
    /// missing are empty.
    #[must_use]
    pub fn source<'v>(&self, object: &'v Value) -> Option<[&'v str; 3]> {
        self.source_ref.map(|pointer| reference(object, pointer))
    }
}

impl<'n> KindName<'n> {
    const fn new(group: &'n str, kind: &'n str) -> Self {
        Self { group, kind }
    }
}

impl PartialEq for Row {
    /// Rows are equal if they describe the same kind.
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl Detail {
    /// Returns the text to show for an object.
    #[must_use]
    pub fn text(&self, object: &Value) -> String {
        match self.form {
            Form::Text => text(object, self.pointer).to_owned(),
            Form::Url => bare_url(text(object, self.pointer)).into_owned(),
            Form::Reference => {
                let parts = reference(object, self.pointer).into_iter();
                let said: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
                said.join("/")
            }
        }
    }
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Reads kind, namespace and name of a reference.
fn reference<'v>(object: &'v Value, pointer: &str) -> [&'v str; 3] {
    ["kind", "namespace", "name"].map(|part| text(object, &format!("{pointer}/{part}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_stands_for_two_kinds() {
        let mut words: Vec<&str> = ALL.iter().flat_map(Row::words).collect();
        words.extend(["all", SOURCE, SOURCES]);
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count, "{words:?}");
    }

    #[test]
    fn a_kind_is_served_or_not() {
        assert!(is_not_served("image.toolkit.fluxcd.io", "ImagePolicy"));
        assert!(!is_not_served("example.com", "ImagePolicy"));
        for Row { names, .. } in ALL {
            assert!(!is_not_served(names.group, names.kind), "{}", names.kind);
            assert_eq!(names.singular, names.kind.to_lowercase());
        }
    }

    #[test]
    fn kinds_have_the_words_of_flux() {
        assert_eq!(
            GIT_REPOSITORY.words(),
            ["gitrepository", "gitrepositories", "gitrepo", "git"]
        );
        assert_eq!(
            KUSTOMIZATION.words(),
            ["kustomization", "kustomizations", "ks"]
        );
    }

    #[test]
    fn details_are_texts_without_secrets() {
        let object = serde_json::json!({"spec": {
            "url": "https://user:secret@example.com/fleet?token=secret", "interval": "5m",
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        }});
        let texts = |row: &Row| -> Vec<String> {
            row.details
                .iter()
                .map(|detail| detail.text(&object))
                .collect()
        };
        assert_eq!(
            texts(&GIT_REPOSITORY),
            ["https://example.com/fleet?***", "5m"]
        );
        assert_eq!(texts(&KUSTOMIZATION), ["GitRepository/fleet", ""]);
        assert_eq!(
            KUSTOMIZATION.source(&object),
            Some(["GitRepository", "", "fleet"])
        );
    }

    #[test]
    fn the_page_on_adding_a_kind_adds_the_toy_word_for_word() {
        let page = include_str!("../../../../docs/adding-a-kind.md");
        let has = |text: &str| page.contains(&format!("```rust\n{text}```\n"));
        assert!(has(include_str!("toy.rs")), "the type");

        let kinds = include_str!("kinds.rs");
        let row = kinds.split_once("#[cfg(test)]\n/// A `Toy`.\n").unwrap().1;
        let row = row.split_once("\n};\n").unwrap().0;
        assert!(has(&format!("/// A `Toy`.\n{row}\n}};\n")), "the row");

        let module = "pub mod toy;\n";
        assert!(
            has(module) && include_str!("lib.rs").contains(module),
            "the module"
        );
    }

    #[test]
    fn the_definition_of_the_toy_is_the_one_that_others_test_with() {
        let definition = (TOY.definition)();
        let recorded: Value = serde_json::from_str(include_str!("../tests/toy.json")).unwrap();
        assert_eq!(definition, recorded, "{definition:#}");
    }

    #[test]
    fn a_kind_without_an_interval_is_not_reconciled_by_time() {
        let toy: crate::Resource<toy::Spec> =
            crate::Resource::parse(&serde_json::json!({"spec": {"color": "red"}})).unwrap();
        assert_eq!(toy.spec.interval(), Ok(None));
        assert!(!toy.spec.suspended());
    }

    #[test]
    fn every_field_is_described_in_one_sentence() {
        let mut fields = 0;
        let coming = [(HELM_RELEASE.definition)()];
        for definition in definitions().into_iter().chain(coming) {
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
