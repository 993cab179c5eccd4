//! The chart that a `HelmChart` of the output describes.

use lode_api::helm_chart::Spec;
use lode_api::{HelmChart, Kind as _};
use lode_object::Value;

use super::chosen::ChartChoice;
use super::known::wanted;

/// Returns which chart it is.
pub(super) fn choice(
    known: &[Value],
    (namespace, name): (&str, &str),
) -> anyhow::Result<ChartChoice> {
    let found = wanted(known, &Spec::NAMES, (namespace, name))?;
    let spec = HelmChart::parse(found)?.spec;
    let source = &spec.source_ref;
    Ok(ChartChoice {
        chart: spec.chart.to_string(),
        kind: source.kind.to_string(),
        source: source.name.to_string(),
        namespace: namespace.to_owned(),
        version: spec.version.as_deref().unwrap_or_default().to_owned(),
        values_files: spec.values_files.iter().map(ToString::to_string).collect(),
        ignores_missing: spec.ignore_missing_values_files.unwrap_or_default(),
    })
}
