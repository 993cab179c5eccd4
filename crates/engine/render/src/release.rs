//! [`Release`]: what a `HelmRelease` applies, without a cluster.
//!
//! Input: the object, its chart and its values. Output: objects in the order in which an
//! installation applies them: definitions, then the chart's objects, then the hooks that an
//! installation runs. What Flux adds is added: post-renderers, common metadata, labels that name the
//! release. Left out: everything that only a cluster knows; `lookup` finds nothing.

mod names;
mod post;
mod values;

use std::collections::BTreeSet;

use jiff::Timestamp;
use lode_api::helm_release::action::{CrdPolicy, Install};
use lode_api::{FieldError, HelmRelease};
use lode_chart::manifest::split;
use lode_chart::release::Event;
use lode_chart::{
    Capabilities, Chart, PostRender, Prepared, ReleaseInfo, RenderOptions, SchemaDocuments,
};
use lode_object::Object;
use lode_stdx::budget::{Budget, Exceeded};
use lode_template::{Environment, Random};
use lode_yaml::Dialect;
use serde_json::{Map, Value};

pub use names::{release_name, release_namespace};
pub use post::{change, strategy};
pub use values::{ReleaseValues, VALUES_MAX, ValuesError, merged_values, values_among};

/// A `HelmRelease` with what it needs.
pub struct Release<'r> {
    /// The object, with its namespace.
    pub object: &'r HelmRelease,
    /// Its chart.
    pub chart: &'r Chart,
    /// Its values.
    pub values: &'r Map<String, Value>,
    /// What the templates learn about the cluster.
    pub capabilities: &'r Capabilities,
    /// Time and randomness for the templates.
    pub chance: (Timestamp, &'r dyn Random),
}

/// Why a release has no objects. No text contains a value.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// A field of the object.
    #[error("{0}")]
    Field(#[from] FieldError),
    /// The chart cannot be rendered.
    #[error("{0}")]
    Chart(String),
    /// A rendered document is not an object.
    #[error("{path}: {reason}")]
    Document {
        /// The template.
        path: String,
        /// The reason.
        reason: String,
    },
    /// The budget is exceeded.
    #[error("rendering the release {0}")]
    Exceeded(#[from] Exceeded),
}

impl Release<'_> {
    /// Returns the objects that an installation applies.
    ///
    /// # Errors
    /// The chart cannot be rendered with the values, or the budget is exceeded.
    pub fn objects(&self, budget: &Budget) -> Result<Vec<Object>, ReleaseError> {
        let outcome = self.rendered(budget);
        outcome.map_err(|error| budget.refused().map_or(error, ReleaseError::Exceeded))
    }

    fn rendered(&self, budget: &Budget) -> Result<Vec<Object>, ReleaseError> {
        let install = self.object.spec.install.as_deref();
        let skips_schemas = install.is_some_and(|it| it.disable_schema_validation == Some(true));
        let chart = self.chart;
        chart.check_installable().map_err(failed)?;
        chart.check_dependencies().map_err(failed)?;
        let prepared = chart.prepare(self.values, budget).map_err(failed)?;
        if !skips_schemas {
            let checked = prepared.check_schemas(&SchemaDocuments::new(), budget);
            checked.map_err(failed)?;
        }

        let mut objects = Vec::new();
        let policy = install.map_or(Ok(CrdPolicy::Create), Install::crds)?;
        if policy != CrdPolicy::Skip {
            definitions(&prepared, &mut objects, budget)?;
        }
        self.add_rendered(&prepared, &mut objects, budget)?;
        self.place(&mut objects);
        Ok(objects)
    }

    fn add_rendered(
        &self,
        prepared: &Prepared<'_>,
        objects: &mut Vec<Object>,
        budget: &Budget,
    ) -> Result<(), ReleaseError> {
        let spec = &self.object.spec;
        let name = release_name(self.object);
        lode_chart::release::validate_name(&name).map_err(failed)?;
        let release = ReleaseInfo {
            name: &name,
            namespace: release_namespace(self.object),
            revision: 1,
            is_upgrade: false,
        };
        let environment = Environment::without_cluster(self.chance, budget);
        let change = |stream: &str| change(self.object, stream, budget);
        let options = RenderOptions {
            post_render: Some(PostRender {
                change: &change,
                strategy: strategy(spec.post_render_strategy()?),
            }),
            ..RenderOptions::default()
        };
        let rendered = prepared.render(&release, self.capabilities, &options, &environment);
        let rendered = rendered.map_err(failed)?;
        for manifest in &rendered.manifests {
            add(&manifest.path, &manifest.content, objects, budget)?;
        }

        let install = spec.install.as_deref();
        let is_off = install.is_some_and(|install| install.disable_hooks == Some(true));
        let tests = spec.test.as_deref();
        let tests = tests.is_some_and(|test| test.enable == Some(true));
        let runs = |event| match event {
            Event::PreInstall | Event::PostInstall => !is_off,
            Event::Test => tests,
            _ => false,
        };
        for hook in &rendered.hooks {
            if hook.events.iter().copied().any(runs) {
                add(&hook.path, &hook.manifest, objects, budget)?;
            }
        }
        Ok(())
    }

    /// Sets the namespace of the release where an object needs one and names none.
    fn place(&self, objects: &mut [Object]) {
        let namespace = release_namespace(self.object);
        let own: BTreeSet<(String, String)> = objects.iter().filter_map(cluster_kind).collect();
        for object in objects {
            let (group, _) = object.api_version().split_once('/').unwrap_or_default();
            let kind = (group.to_owned(), object.kind().to_owned());
            let is_cluster = own.contains(&kind)
                || lode_kustomize::is_cluster_scoped(object.api_version(), object.kind());
            if object.namespace().is_empty() && !is_cluster {
                object.set_namespace(namespace);
            }
        }
    }
}

/// Returns the kind that a definition defines, if it has no namespace.
fn cluster_kind(object: &Object) -> Option<(String, String)> {
    let spec = object.value().get("spec")?;
    let text = |pointer: &str| Some(spec.pointer(pointer)?.as_str()?.to_owned());
    let is_cluster = object.kind() == DEFINITION && text("/scope")? == "Cluster";
    is_cluster.then(|| Some((text("/group")?, text("/names/kind")?)))?
}

const DEFINITION: &str = "CustomResourceDefinition";

/// Adds the definitions in `crds/`; other objects there are left out, as in Flux.
fn definitions(
    prepared: &Prepared<'_>,
    objects: &mut Vec<Object>,
    budget: &Budget,
) -> Result<(), ReleaseError> {
    for crd in prepared.crds() {
        let text = String::from_utf8_lossy(&crd.file.data);
        let mut found = Vec::new();
        for document in split(&text) {
            add(&crd.path, document, &mut found, budget)?;
        }
        objects.extend(
            found
                .into_iter()
                .filter(|object| object.kind() == DEFINITION),
        );
    }
    Ok(())
}

/// Adds the object of a document, or those of a list.
fn add(
    path: &str,
    document: &str,
    objects: &mut Vec<Object>,
    budget: &Budget,
) -> Result<(), ReleaseError> {
    let failed = |reason: String| ReleaseError::Document {
        path: path.to_owned(),
        reason,
    };
    let value = lode_yaml::parse_within(document.as_bytes(), Dialect::V2, budget);
    let mut value = value.map_err(|error| failed(error.to_string()))?;
    if value.is_null() {
        return Ok(());
    }
    let is_list = value
        .get("kind")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("List"));
    let items = match value.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) if is_list => items,
        Some(items) => {
            value["items"] = items;
            vec![value]
        }
        None => vec![value],
    };
    for item in items {
        let object = Object::parse(item).map_err(|error| failed(error.to_string()))?;
        objects.push(object);
    }
    Ok(())
}

fn failed(error: impl std::fmt::Display) -> ReleaseError {
    ReleaseError::Chart(error.to_string().trim_end().to_owned())
}

#[cfg(test)]
mod tests;
