//! `--helm`: `HelmRelease`s of the output are followed by the objects that they would install.
//!
//! A chart is a folder or package in the repository itself (whatever `GitRepository` is named: the
//! repository that is built is meant), or it is fetched as the `HelmRepository`, `OCIRepository` or
//! `HelmChart` says that is part of the output too. Values come from `ConfigMap`s and Secrets of the
//! output. Releases of releases are followed as well.

mod chosen;
mod described;
mod indexed;
mod known;
mod tagged;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use lode_api::helm_release::{self, ChartSpec};
use lode_api::{HelmRelease, Kind as _};
use lode_chart::{Capabilities, Chart};
use lode_kustomize::Origin;
use lode_object::Value;
use lode_object::json::text;
use lode_render::release::{Release, values_among};
use lode_stdx::budget::Budget;

use super::outcome::{Outcome, Shown};
use super::wanted::with_data;
use crate::random::OsRandom;

pub(super) use chosen::ChartPlaces;
use chosen::{ChartChoice, chosen};
use known::{is_of, namespace};

/// Most releases of one build.
const RELEASES_MAX: usize = 1000;

/// Adds the objects of every release behind it.
pub(super) fn follow(outcome: &mut Outcome, mut places: ChartPlaces<'_>) -> anyhow::Result<()> {
    let mut known = Vec::new();
    for shown in &outcome.objects {
        known.push(shown.value()?);
    }
    let (mut at, mut count) = (0, 0);
    while at < known.len() {
        let names = helm_release::Spec::NAMES;
        if is_of(&known[at], (names.group, names.kind)) {
            count += 1;
            if count > RELEASES_MAX {
                bail!("the build has more than {RELEASES_MAX} HelmReleases");
            }
            let origins = outcome.objects[at].origins.clone();
            places.budget = Budget::new(places.limits);
            let added = added(&known, at, &places);
            let added = added.with_context(|| told(&known[at], &origins))?;
            let shown = added
                .iter()
                .map(|value| Shown::release(value.clone(), origins.clone()));
            outcome.objects.splice(at + 1..=at, shown);
            known.splice(at + 1..=at, added);
        }
        at += 1;
    }
    Ok(())
}

fn told(object: &Value, origins: &[Origin]) -> String {
    let origin = origins.first().map(ToString::to_string);
    format!(
        "HelmRelease/{}/{} ({})",
        namespace(object),
        text(object, "/metadata/name"),
        super::relative(&origin.unwrap_or_default())
    )
}

fn added(known: &[Value], at: usize, places: &ChartPlaces<'_>) -> anyhow::Result<Vec<Value>> {
    let mut object = HelmRelease::parse(&known[at])?;
    object.metadata.namespace = namespace(&known[at]).into();
    let own = object.metadata.namespace.to_string();
    let budget = &places.budget;

    let values = values_among(&object.spec, &own, &sources(known))?.table;
    let chart = chart(known, &object, places)?;
    let release = Release {
        object: &object,
        chart: &chart,
        values: &values,
        capabilities: &Capabilities::default(),
        chance: (Timestamp::now(), &OsRandom),
    };
    let objects = release.objects(budget)?;
    Ok(objects
        .into_iter()
        .map(lode_object::Object::into_value)
        .collect())
}

/// Returns the objects that values can come from, as a cluster has them.
fn sources(known: &[Value]) -> Vec<Value> {
    let kinds = ["ConfigMap", "Secret"].map(|kind| ("", kind));
    let found = known
        .iter()
        .filter(|object| kinds.iter().any(|kind| is_of(object, *kind)));
    found.cloned().map(with_data).collect()
}

/// Finds the chart of a release.
fn chart(known: &[Value], object: &HelmRelease, places: &ChartPlaces<'_>) -> anyhow::Result<Chart> {
    let own = &object.metadata.namespace;
    if let Some(template) = &object.spec.chart {
        return chosen(known, &of_template(&template.spec, own), places);
    }
    let reference = object
        .spec
        .chart_ref
        .as_deref()
        .context("it has no chart")?;
    let namespace = reference.namespace.as_deref().unwrap_or(own);
    let name = (namespace, &*reference.name);
    match &*reference.kind {
        "HelmChart" => chosen(known, &described::choice(known, name)?, places),
        "OCIRepository" => tagged::chart(known, name, places),
        kind => bail!("a chart from a source of kind {kind} is not supported"),
    }
}

fn of_template(spec: &ChartSpec, own: &str) -> ChartChoice {
    let source = &spec.source_ref;
    ChartChoice {
        chart: spec.chart.to_string(),
        kind: source.kind.to_string(),
        source: source.name.to_string(),
        namespace: source.namespace.as_deref().unwrap_or(own).to_owned(),
        version: spec.version.as_deref().unwrap_or_default().to_owned(),
        values_files: spec.values_files.iter().map(ToString::to_string).collect(),
        ignores_missing: spec.ignore_missing_values_files.unwrap_or_default(),
    }
}
