//! Checks a specification before anything is opened.
//!
//! Pure: the specification in, a [`HelmChartPlan`] or a [`Failure`] out. A field of the contract that is not built yet is
//! a failure, too.

use std::sync::LazyLock;

use lode_api::helm_chart::{ReconcileStrategy, SourceKind};
use lode_api::{HelmChart, reasons};
use lode_object::NamespacedName;
use lode_runtime::{Failure, Retry};
use regex::Regex;

use super::failure::BuildStep;
use crate::step;

/// Most values files of a chart.
const VALUES_FILES_MAX: usize = 128;

/// A specification that can be acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmChartPlan {
    pub(crate) kind: SourceKind,
    pub(crate) source: NamespacedName,
    /// Name in a repository, or path in another source.
    pub(crate) chart: String,
    pub(crate) version: String,
    /// Values files as they are named.
    pub(crate) values_files: Vec<String>,
    /// Whether they are more than the chart's own file, so that the chart is packed again.
    pub(crate) merges_values: bool,
    pub(crate) ignores_missing: bool,
    /// Whether another revision of the source is another chart.
    pub(crate) follows_revisions: bool,
    /// Part of the version of a chart with other values.
    pub(crate) generation: i64,
}

/// Checks one chart's specification.
pub(crate) fn validate(object: &HelmChart) -> Result<HelmChartPlan, Failure> {
    let spec = &object.spec;
    step::check_named(spec.nameless())?;
    let kind = source_kind(object)?;
    if spec.verify.is_some() {
        return Err(step::unsupported("spec.verify"));
    }
    if spec.values_files.len() > VALUES_FILES_MAX {
        let text = format!("spec.valuesFiles has more than {VALUES_FILES_MAX} entries");
        return Err(step::fetch(reasons::FAILED, text).with(Retry::Never));
    }
    let strategy = spec.reconcile_strategy();
    let strategy = strategy.map_err(|error| step::field(&error))?;
    Ok(HelmChartPlan {
        kind,
        source: NamespacedName::new(&object.metadata.namespace, &spec.source_ref.name),
        chart: spec.chart.to_string(),
        version: spec.version().to_owned(),
        values_files: spec.values_files.iter().map(ToString::to_string).collect(),
        merges_values: !spec.values_files().is_empty(),
        ignores_missing: spec.ignore_missing_values_files.unwrap_or_default(),
        follows_revisions: strategy == ReconcileStrategy::Revision,
        generation: object.metadata.generation,
    })
}

fn source_kind(object: &HelmChart) -> Result<SourceKind, Failure> {
    let kind = object.spec.source_kind();
    let kind = kind.map_err(|error| step::field(&error))?;
    match kind {
        Some(SourceKind::Bucket) => Err(step::unsupported("spec.sourceRef.kind Bucket")),
        Some(kind) => Ok(kind),
        None => {
            let text = "failed to get source: spec.sourceRef.kind is empty";
            Err(step::fetch(reasons::UNSUPPORTED_SOURCE_KIND, text).with(Retry::Never))
        }
    }
}

/// Names of charts in repositories.
static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^([-a-z0-9]+/?\.?)+$").ok());

/// Checks the name of a chart in a repository.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    if name.is_empty() {
        return Err(BuildStep::Reference.failed("no name set for remote chart reference"));
    }
    if NAME.as_ref().is_some_and(|form| form.is_match(name)) {
        return Ok(());
    }
    let shown: String = name.chars().take(256).collect();
    Err(BuildStep::Reference.failed(format_args!(
        "invalid chart name '{shown}': a valid name must be lower case letters and numbers and MAY be separated with \
         dashes (-), slashes (/) or periods (.)"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plan(spec: &Value) -> Result<HelmChartPlan, Failure> {
        let metadata = json!({"name": "app", "namespace": "ns", "generation": 3});
        let mut object = json!({"metadata": metadata, "spec": {"interval": "1m", "chart": "app"}});
        object["spec"]["sourceRef"] = json!({"kind": "HelmRepository", "name": "charts"});
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        validate(&HelmChart::parse(&object).unwrap())
    }

    #[test]
    fn what_is_not_built_or_means_nothing_is_refused() {
        for (spec, reason) in [
            (json!({"verify": {"provider": "cosign"}}), "Unsupported"),
            (
                json!({"sourceRef": {"kind": "Bucket", "name": "a"}}),
                "Unsupported",
            ),
            (
                json!({"sourceRef": {"kind": "", "name": "a"}}),
                "UnsupportedSourceKind",
            ),
            (
                json!({"sourceRef": {"kind": "Other", "name": "a"}}),
                "Failed",
            ),
            (json!({"reconcileStrategy": "Often"}), "Failed"),
            (json!({"valuesFiles": vec!["a"; 200]}), "Failed"),
        ] {
            let failure = plan(&spec).unwrap_err();
            assert_eq!(
                (failure.reason, failure.retry),
                (reason, Retry::Never),
                "{spec}"
            );
        }
        for name in ["../App", ""] {
            let failure = check_name(name).unwrap_err();
            let found = (failure.reason, failure.retry);
            assert_eq!(found, ("InvalidChartReference", Retry::Never), "{name}");
        }
        assert!(check_name("team/app.v2").is_ok());
    }

    #[test]
    fn the_charts_own_values_alone_are_none_to_merge() {
        for (files, merges) in [
            (json!([]), false),
            (json!(["./values.yaml"]), false),
            (json!(["values.yaml", "a.yaml"]), true),
        ] {
            let plan = plan(&json!({"valuesFiles": files})).unwrap();
            assert_eq!(plan.merges_values, merges, "{files}");
        }
        let plain = plan(&json!({})).unwrap();
        assert_eq!((&*plain.version, plain.generation), ("*", 3));
    }
}
