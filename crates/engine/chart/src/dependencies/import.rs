//! Imports values of subcharts into their parents, under the parents' own values.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::active::{Active, OwnValues};
use crate::metadata::Dependency;
use crate::values::coalesce::{CoalesceError, Mode, Work, coalesce, copy_map};
use crate::values::{merge_tables, nest, table};

/// Imports values into a chart, after all its subcharts have imported theirs.
///
/// A chart that declares dependencies gets the values of all its subcharts as well.
pub(super) fn values(chart: &mut Active<'_>, work: &mut Work<'_>) -> Result<(), CoalesceError> {
    for child in &mut chart.children {
        values(child, work)?;
    }
    let Some(mut declared) = chart.declared.take() else {
        return Ok(());
    };

    let mut all = Map::new();
    coalesce(chart, &mut all, Mode::Merge, work)?;
    let mut imported = Map::new();
    for dependency in &mut declared {
        import(dependency, &all, &mut imported, work)?;
    }
    merge_tables(&mut all, &imported);
    chart.values = Some(OwnValues::Imported(Arc::new(all)));
    chart.declared = Some(declared);
    Ok(())
}

/// Imports the values of one dependency and notes where they came from, as Helm does.
fn import(
    dependency: &mut Dependency,
    all: &Map<String, Value>,
    imported: &mut Map<String, Value>,
    work: &mut Work<'_>,
) -> Result<(), CoalesceError> {
    let mut noted = Vec::new();
    for import in &dependency.import_values {
        let Some((child, parent)) = places(import) else {
            continue;
        };
        noted.push(json!({"child": child, "parent": parent}));

        let path = format!("{}.{child}", dependency.name);
        work.meter.steps(1 + path.len() as u64)?;
        if parent.split('.').count() > PARENT_PARTS_MAX {
            let name = &dependency.name;
            work.warnings.add(|| format!("import-values of chart {name}: the parent's path has more than {PARENT_PARTS_MAX} parts"));
            continue;
        }
        match table(all, &path) {
            Ok(found) => {
                let found = copy_map(found, Mode::Merge, &work.meter)?;
                merge_tables(imported, &nest(&parent, found));
            }
            Err(error) => {
                let name = &dependency.name;
                work.warnings
                    .add(|| format!("import-values of chart {name}: {error}"));
            }
        }
    }
    dependency.import_values = noted;
    Ok(())
}

/// Deepest place that values are imported to, as deep as `--set` can go.
const PARENT_PARTS_MAX: usize = 30;

/// Returns the paths in the child and in the parent that an entry means.
fn places(import: &Value) -> Option<(String, String)> {
    match import {
        Value::String(name) => Some((format!("exports.{name}"), ".".to_owned())),
        Value::Object(map) => Some((path(map.get("child")), path(map.get("parent")))),
        _ => None,
    }
}

/// Returns a path as Go prints it.
fn path(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "<nil>".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
