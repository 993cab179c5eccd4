//! [`Outcome`]: what one PATH was built into, whichever engine built it.

use std::sync::Arc;

use lode_kustomize::{Build, Built, Origin, Sources};
use lode_object::{GroupVersionKind, Value};
use lode_render::Rendered;
use lode_stdx::budget::Budget;
use lode_tree::RepoPath;
use lode_yaml::Node;

/// The namespace of objects that name none.
const DEFAULT_NAMESPACE: &str = "default";

/// What one PATH was built into.
pub(super) struct Outcome {
    pub(super) objects: Vec<Shown>,
    pub(super) warnings: Vec<String>,
    /// What the paths of its files are relative to, as builds of the disk name it; nothing where they are such names
    /// themselves, or are not of the disk.
    pub(super) top: Option<RepoPath>,
}

/// An object to be shown.
pub(super) struct Shown {
    pub(super) gvk: GroupVersionKind,
    pub(super) name: String,
    pub(super) stated_namespace: String,
    pub(super) is_cluster_scoped: bool,
    /// Where it was read, then the first place in each other file that a value of it comes from.
    pub(super) origins: Vec<Origin>,
    /// Files beyond those that have a part in it, if origins are wanted.
    pub(super) parts: Vec<RepoPath>,
    body: Body,
}

enum Body {
    /// What was built, at whose cost it is written.
    Built(Box<Built>, Arc<Budget>),
    /// To be shown with its comments.
    Commented(Box<Built>, Arc<Budget>),
    Value(Value),
}

impl Outcome {
    /// Takes what kustomize's engine built; looks for the origins of values and keeps comments if they are wanted.
    pub(super) fn plain(build: Build, origins: bool, comments: bool, budget: &Arc<Budget>) -> Self {
        let warnings = build
            .warnings
            .iter()
            .map(|(origin, text)| format!("{origin}: {text}"))
            .collect();
        let files = build.files;
        let objects = build.objects.into_iter().map(|built| {
            let text = |keys: &[&str]| {
                built
                    .node
                    .at(keys)
                    .and_then(Node::text)
                    .unwrap_or_default()
                    .to_owned()
            };
            let (api_version, kind) = (text(&["apiVersion"]), text(&["kind"]));
            let sources = origins.then(|| built.sources(&files));
            let Sources { origins, parts } = sources.unwrap_or_else(|| alone(&built.origin));
            Shown {
                gvk: GroupVersionKind::new(&api_version, &kind),
                name: text(&["metadata", "name"]),
                stated_namespace: text(&["metadata", "namespace"]),
                is_cluster_scoped: lode_kustomize::is_cluster_scoped(&api_version, &kind),
                origins,
                parts,
                body: if comments {
                    Body::Commented(Box::new(built), budget.clone())
                } else {
                    Body::Built(Box::new(built), budget.clone())
                },
            }
        });
        Self {
            objects: objects.collect(),
            warnings,
            top: None,
        }
    }

    /// Takes what Flux would make of the folder.
    pub(super) fn flux(rendered: Rendered) -> Self {
        let warnings = lode_kustomization::dropped(&rendered.objects);
        let warnings = warnings
            .into_iter()
            .map(|dropped| format!("{dropped}: dropped"))
            .collect();
        let objects = rendered.objects.into_iter().map(|prepared| {
            let object = prepared.object;
            let Sources { origins, parts } =
                prepared.sources.unwrap_or_else(|| alone(&prepared.origin));
            Shown {
                gvk: object.gvk(),
                name: object.name().to_owned(),
                stated_namespace: object.namespace().to_owned(),
                is_cluster_scoped: lode_kustomize::is_cluster_scoped(
                    object.api_version(),
                    object.kind(),
                ),
                origins,
                parts,
                body: Body::Value(object.into_value()),
            }
        });
        Self {
            objects: objects.collect(),
            warnings,
            top: None,
        }
    }
}

impl Outcome {
    /// Returns how the outcome names a file of the disk; nothing for one that lies elsewhere.
    pub(super) fn named(&self, file: &RepoPath) -> Option<RepoPath> {
        let Some(top) = &self.top else {
            return Some(file.clone());
        };
        let inside = file
            .as_str()
            .strip_prefix(top.as_str())
            .filter(|_| file.is_in(top))?;
        RepoPath::parse_rooted(inside).ok()
    }
}

impl Shown {
    /// Returns the namespace it lives in; nothing for kinds that have none.
    pub(super) fn namespace(&self) -> Option<&str> {
        match self.stated_namespace.as_str() {
            _ if self.is_cluster_scoped => None,
            "" => Some(DEFAULT_NAMESPACE),
            namespace => Some(namespace),
        }
    }

    /// Appends its text, below a comment with its origins if wanted.
    pub(super) fn write(&self, out: &mut String, origins: bool) -> anyhow::Result<()> {
        if origins {
            let shown: Vec<String> = self.origins.iter().map(ToString::to_string).collect();
            out.push_str("# ");
            out.push_str(&super::relative(&shown.join(", ")));
            out.push('\n');
        }
        match &self.body {
            Body::Value(value) => lode_yaml::write(out, value),
            Body::Built(built, budget) => told(built.write_within(out, budget))?,
            Body::Commented(built, budget) => told(built.write_commented_within(out, budget))?,
        }
        Ok(())
    }

    /// Returns it as a JSON value.
    pub(super) fn value(&self) -> anyhow::Result<Value> {
        match &self.body {
            Body::Value(value) => Ok(value.clone()),
            Body::Built(built, budget) | Body::Commented(built, budget) => {
                Ok(told(built.to_object_within(budget))?.into_value())
            }
        }
    }
}

/// Adds what can be done about an error.
fn told<T>(outcome: Result<T, lode_kustomize::Error>) -> anyhow::Result<T> {
    outcome.map_err(|error| super::readable(&lode_render::Error::Build(error).into()))
}

/// What is known without a look at the values.
fn alone(origin: &Origin) -> Sources {
    Sources {
        origins: vec![origin.clone()],
        parts: Vec::new(),
    }
}
