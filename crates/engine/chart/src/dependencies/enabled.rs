//! Keeps the subcharts that conditions and tags enable, under their aliases.

use std::borrow::Cow;
use std::collections::BTreeSet;

use lode_stdx::budget::Exceeded;
use lode_stdx::semver::{Range, Version};
use serde_json::{Map, Value};

use super::active::Active;
use crate::metadata::Dependency;
use crate::values::coalesce::{CoalesceError, Mode, Work, coalesce, copy_map};
use crate::values::{path_value, table};
use crate::warning::Warnings;

/// Removes disabled charts from a chart and its subcharts.
///
/// Subcharts of a chart without declared dependencies are left as they are, as in Helm. `path` leads
/// to the chart's values and ends with a point.
pub(super) fn keep(
    chart: &mut Active<'_>,
    values: &Map<String, Value>,
    path: &str,
    work: &mut Work<'_>,
) -> Result<(), CoalesceError> {
    let Some(mut declared) = chart.declared.take() else {
        return Ok(());
    };
    chart.children = chosen(&chart.children, &declared, work)?;
    for dependency in &mut declared {
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
        dependency.enabled = true;
    }

    // Conditions see the values of all charts, whether they are enabled or not.
    let mut all = copy_map(values, Mode::Merge, &work.meter)?;
    coalesce(chart, &mut all, Mode::Coalesce, work)?;
    apply_tags(&mut declared, &all, work.warnings);
    apply_conditions(&mut declared, &all, path, work)?;

    let disabled = declared.iter().filter(|dependency| !dependency.enabled);
    let disabled: BTreeSet<String> = disabled.map(|dependency| dependency.name.clone()).collect();
    chart
        .children
        .retain(|child| !disabled.contains(&*child.name));
    declared.retain(|dependency| !disabled.contains(&dependency.name));

    for child in &mut chart.children {
        let path = format!("{path}{}.", child.name);
        keep(child, &all, &path, work)?;
    }
    chart.declared = Some(declared).filter(|declared| !declared.is_empty());
    Ok(())
}

/// Returns the charts that are not declared, then for each declared dependency the chart that it
/// means, if there is one.
fn chosen<'c>(
    found: &[Active<'c>],
    declared: &[Dependency],
    work: &Work<'_>,
) -> Result<Vec<Active<'c>>, Exceeded> {
    let ranges: Vec<Option<Range>> = declared
        .iter()
        .map(|one| Range::parse(&one.version).ok())
        .collect();
    let versions: Vec<Option<Version>> = found
        .iter()
        .map(|chart| Version::parse(&chart.chart.metadata().version).ok())
        .collect();
    let fits = |chart: usize, dependency: usize| -> bool {
        let is_named = found.get(chart).map(|chart| &*chart.name)
            == declared.get(dependency).map(|dependency| &*dependency.name);
        let range = ranges.get(dependency).and_then(Option::as_ref);
        let version = versions.get(chart).and_then(Option::as_ref);
        is_named
            && range
                .zip(version)
                .is_some_and(|(range, version)| range.matches(version))
    };
    work.meter
        .steps((found.len() as u64).saturating_mul(declared.len() as u64))?;

    let mut chosen = Vec::new();
    for (index, chart) in found.iter().enumerate() {
        if !(0..declared.len()).any(|dependency| fits(index, dependency)) {
            chosen.push(chart.copy(&work.meter)?);
        }
    }
    for (index, dependency) in declared.iter().enumerate() {
        let Some((_, chart)) = found
            .iter()
            .enumerate()
            .find(|(chart, _)| fits(*chart, index))
        else {
            continue;
        };
        let mut chart = chart.copy(&work.meter)?;
        if !dependency.alias.is_empty() {
            chart.name = Cow::Owned(dependency.alias.clone());
        }
        chosen.push(chart);
    }
    Ok(chosen)
}

/// A true tag enables; only false ones disable.
fn apply_tags(declared: &mut [Dependency], values: &Map<String, Value>, warnings: &mut Warnings) {
    let Ok(tags) = table(values, "tags") else {
        return;
    };
    for dependency in declared {
        let mut set = Vec::new();
        for tag in &dependency.tags {
            match tags.get(tag) {
                Some(Value::Bool(is_on)) => set.push(*is_on),
                Some(_) => warnings
                    .add(|| format!("tag {tag} of chart {} is not a boolean", dependency.name)),
                None => {}
            }
        }
        dependency.enabled = set.is_empty() || set.contains(&true);
    }
}

/// The first condition that is a boolean decides.
fn apply_conditions(
    declared: &mut [Dependency],
    values: &Map<String, Value>,
    path: &str,
    work: &mut Work<'_>,
) -> Result<(), Exceeded> {
    for dependency in declared {
        for condition in dependency.condition.trim().split(',') {
            if condition.is_empty() {
                continue;
            }
            let full = format!("{path}{condition}");
            work.meter
                .steps(1 + full.len() as u64 / PATH_BYTES_PER_STEP)?;
            match path_value(values, &full) {
                Some(Value::Bool(is_on)) => {
                    dependency.enabled = *is_on;
                    break;
                }
                Some(_) => {
                    let name = &dependency.name;
                    work.warnings
                        .add(|| format!("condition {condition} of chart {name} is not a boolean"));
                }
                None => {}
            }
        }
    }
    Ok(())
}

/// Bytes of a path that are followed in one step.
const PATH_BYTES_PER_STEP: u64 = 16;
