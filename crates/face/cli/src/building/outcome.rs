//! [`Outcome`]: the result of building one PATH, from either engine.

use std::sync::Arc;

use lode_kustomize::{Build, Built, Origin, Sources};
use lode_object::{GroupVersionKind, Value};
use lode_render::Rendered;
use lode_stdx::budget::Budget;
use lode_tree::RepoPath;
use lode_yaml::Node;

/// Namespace of objects that name none.
const DEFAULT_NAMESPACE: &str = "default";

/// The result of building one PATH.
pub(super) struct Outcome {
    pub(super) objects: Vec<Shown>,
    pub(super) warnings: Vec<String>,
    /// The folder that file paths are relative to, as builds of the disk name it; none if they are
    /// already such names, or not on the disk.
    pub(super) top: Option<RepoPath>,
}

/// An object to print.
pub(super) struct Shown {
    pub(super) gvk: GroupVersionKind,
    pub(super) name: String,
    pub(super) stated_namespace: String,
    pub(super) is_cluster_scoped: bool,
    /// Where it was read, followed by the first place in each other file that one of its values
    /// comes from.
    pub(super) origins: Vec<Origin>,
    /// Further files that affect it, if origins are wanted.
    pub(super) parts: Vec<RepoPath>,
    body: ObjectBody,
}

enum ObjectBody {
    /// A built object, and the budget that writing it is charged to.
    Built(Box<Built>, Arc<Budget>),
    /// A built object that keeps its comments.
    Commented(Box<Built>, Arc<Budget>),
    Value(Value),
}

impl Outcome {
    /// Takes a result of the kustomize engine; finds the origins of values and keeps comments if
    /// asked for.
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
                    ObjectBody::Commented(Box::new(built), budget.clone())
                } else {
                    ObjectBody::Built(Box::new(built), budget.clone())
                },
            }
        });

        Self {
            objects: objects.collect(),
            warnings,
            top: None,
        }
    }

    /// Takes a result of a Flux build.
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
                body: ObjectBody::Value(object.into_value()),
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
    /// Returns the name of a file of the disk relative to the outcome's folder; none for other
    /// files.
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
    /// Takes an object of a release, which comes from where the release does.
    pub(super) fn release(value: Value, origins: Vec<Origin>) -> Self {
        let text = |pointer| lode_object::json::text(&value, pointer).to_owned();
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        Self {
            gvk: GroupVersionKind::new(&api_version, &kind),
            name: text("/metadata/name"),
            stated_namespace: text("/metadata/namespace"),
            is_cluster_scoped: lode_kustomize::is_cluster_scoped(&api_version, &kind),
            origins,
            parts: Vec::new(),
            body: ObjectBody::Value(value),
        }
    }

    /// Returns the object's namespace; none for cluster-scoped kinds.
    pub(super) fn namespace(&self) -> Option<&str> {
        match self.stated_namespace.as_str() {
            _ if self.is_cluster_scoped => None,
            "" => Some(DEFAULT_NAMESPACE),
            namespace => Some(namespace),
        }
    }

    /// Appends the object's text, after a comment with its origins if asked for.
    pub(super) fn write(&self, out: &mut String, origins: bool) -> anyhow::Result<()> {
        if origins {
            let shown: Vec<String> = self.origins.iter().map(ToString::to_string).collect();
            out.push_str("# ");
            out.push_str(&super::relative(&shown.join(", ")));
            out.push('\n');
        }
        match &self.body {
            ObjectBody::Value(value) => lode_yaml::write(out, value),
            ObjectBody::Built(built, budget) => told(built.write_within(out, budget))?,
            ObjectBody::Commented(built, budget) => {
                told(built.write_commented_within(out, budget))?;
            }
        }
        Ok(())
    }

    /// Returns the object as a JSON value.
    pub(super) fn value(&self) -> anyhow::Result<Value> {
        match &self.body {
            ObjectBody::Value(value) => Ok(value.clone()),
            ObjectBody::Built(built, budget) | ObjectBody::Commented(built, budget) => {
                Ok(told(built.to_object_within(budget))?.into_value())
            }
        }
    }
}

/// Adds a hint to an error.
fn told<T>(outcome: Result<T, lode_kustomize::Error>) -> anyhow::Result<T> {
    outcome.map_err(|error| super::readable(&lode_render::Error::Build(error).into()))
}

/// Returns the sources that are known without inspecting the values.
fn alone(origin: &Origin) -> Sources {
    Sources {
        origins: vec![origin.clone()],
        parts: Vec::new(),
    }
}
