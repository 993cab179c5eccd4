//! Puts the values of a chart and its subcharts under those that were supplied.
//!
//! A parent's values win over those of its subcharts, which are in a table with the subchart's
//! name; `global` is passed down. When coalescing, a supplied `null` removes the value that a chart
//! sets and other nulls of charts are dropped; when merging, nulls are kept for a later coalescing.
//!
//! Helm's tables are references, so a table inside a table of `global` is one table for a chart and
//! all its subcharts: what a subchart adds to it, its parent sees as well. [`share_back`] does this.

use std::collections::BTreeSet;

use lode_stdx::budget::{Exceeded, Meter};
use serde_json::{Map, Value};

use super::merge::merge_tables;
use crate::dependencies::Active;
use crate::json;
use crate::warning::Warnings;

/// Why values cannot be coalesced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoalesceError {
    /// A value that has the name of a subchart and is not a table.
    #[error("type mismatch on {name}: values of a subchart must be a table, not {found}")]
    TypeMismatch {
        /// The subchart's name.
        name: String,
        /// What is there.
        found: &'static str,
    },
    /// The budget is exceeded.
    #[error("coalescing values {0}")]
    Exceeded(#[from] Exceeded),
}

/// What coalescing spends and reports.
pub(crate) struct Work<'w> {
    pub(crate) meter: Meter<'w>,
    pub(crate) warnings: &'w mut Warnings,
}

/// Whether nulls have done their work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Coalesce,
    Merge,
}

/// The key of the values that all subcharts see.
const GLOBAL: &str = "global";

/// Puts the values of a chart and its subcharts under `values`.
pub(crate) fn coalesce(
    chart: &Active<'_>,
    values: &mut Map<String, Value>,
    mode: Mode,
    work: &mut Work<'_>,
) -> Result<(), CoalesceError> {
    own_values(chart, values, mode, work)?;
    for child in &chart.children {
        child_values(child, values, mode, work)?;
    }
    Ok(())
}

fn own_values(
    chart: &Active<'_>,
    values: &mut Map<String, Value>,
    mode: Mode,
    work: &mut Work<'_>,
) -> Result<(), Exceeded> {
    let names: BTreeSet<&str> = chart.children.iter().map(|child| &*child.name).collect();
    for (key, value) in chart.values() {
        work.meter.steps(1)?;
        match (values.get_mut(key), value) {
            (Some(Value::Null), _) if mode == Mode::Coalesce => {
                values.remove(key);
            }
            (Some(Value::Object(into)), Value::Object(below)) => {
                // The values of a subchart are coalesced with those of the subchart later.
                let is_child = names.contains(&**key);
                let mode = if is_child { Mode::Merge } else { mode };
                tables(into, below, mode, work)?;
            }
            (Some(Value::Object(_)), below) if !below.is_null() => {
                work.warnings
                    .add(|| format!("skipped value for {}.{key}: Not a table.", chart.name));
            }
            (Some(_), _) => {}
            (None, below) => insert(values, key, below, mode, work)?,
        }
    }
    Ok(())
}

/// Puts the values of a table under those of another.
fn tables(
    into: &mut Map<String, Value>,
    below: &Map<String, Value>,
    mode: Mode,
    work: &mut Work<'_>,
) -> Result<(), Exceeded> {
    for (key, value) in below {
        work.meter.steps(1)?;
        if mode == Mode::Coalesce && value.is_null() {
            continue;
        }
        match (into.get_mut(key), value) {
            (None, below) => insert(into, key, below, mode, work)?,
            (Some(Value::Null), _) => {
                if mode == Mode::Coalesce {
                    into.remove(key);
                }
            }
            (Some(Value::Object(into)), Value::Object(below)) => tables(into, below, mode, work)?,
            (Some(Value::Object(_)), Value::Null) => {}
            (Some(Value::Object(_)), _) => work
                .warnings
                .add(|| format!("destination for {key} is a table. Ignoring non-table value")),
            (Some(_), Value::Object(_)) => {
                work.warnings
                    .add(|| format!("cannot overwrite table with non table for {key}"));
            }
            (Some(_), _) => {}
        }
    }
    Ok(())
}

fn insert(
    values: &mut Map<String, Value>,
    key: &str,
    value: &Value,
    mode: Mode,
    work: &Work<'_>,
) -> Result<(), Exceeded> {
    if mode == Mode::Merge || !value.is_null() {
        let value = copy(value, mode, &work.meter)?;
        values.insert(key.to_owned(), value);
    }
    Ok(())
}

/// Copies a value; when coalescing, without the nulls in its tables.
pub(crate) fn copy(value: &Value, mode: Mode, meter: &Meter<'_>) -> Result<Value, Exceeded> {
    meter.nodes(1)?;
    Ok(match value {
        Value::String(text) => {
            meter.bytes(text.len() as u64)?;
            Value::String(text.clone())
        }
        Value::Array(items) => {
            // Nulls in lists, and in tables in lists, stay.
            let items = items.iter().map(|item| copy(item, Mode::Merge, meter));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => Value::Object(copy_map(map, mode, meter)?),
        other => other.clone(),
    })
}

/// Copies a table; when coalescing, without the nulls in it.
pub(crate) fn copy_map(
    map: &Map<String, Value>,
    mode: Mode,
    meter: &Meter<'_>,
) -> Result<Map<String, Value>, Exceeded> {
    let mut copied = Map::new();
    for (key, value) in map {
        if mode == Mode::Merge || !value.is_null() {
            meter.bytes(key.len() as u64)?;
            copied.insert(key.clone(), copy(value, mode, meter)?);
        }
    }
    Ok(copied)
}

fn child_values(
    child: &Active<'_>,
    values: &mut Map<String, Value>,
    mode: Mode,
    work: &mut Work<'_>,
) -> Result<(), CoalesceError> {
    let mut inner = match values.remove(&*child.name) {
        None => Map::new(),
        Some(Value::Object(inner)) => inner,
        Some(other) => {
            return Err(CoalesceError::TypeMismatch {
                name: child.name.to_string(),
                found: json::kind(&other),
            });
        }
    };

    pass_globals(values, &mut inner, work)?;
    coalesce(child, &mut inner, mode, work)?;
    share_back(values, &inner, work)?;
    values.insert(child.name.to_string(), Value::Object(inner));
    Ok(())
}

/// Copies the global values of a chart into those of a subchart, where they win.
fn pass_globals(
    outer: &Map<String, Value>,
    inner: &mut Map<String, Value>,
    work: &mut Work<'_>,
) -> Result<(), Exceeded> {
    let was_present = inner.contains_key(GLOBAL);
    let mut globals = match inner.remove(GLOBAL) {
        None => Map::new(),
        Some(Value::Object(globals)) => globals,
        Some(other) => {
            work.warnings
                .add(|| "skipping globals because destination global is not a table.".to_owned());
            inner.insert(GLOBAL.to_owned(), other);
            return Ok(());
        }
    };

    match outer.get(GLOBAL) {
        None => {}
        Some(Value::Object(passed)) => {
            for (key, value) in passed {
                pass_global(key, value, &mut globals, work)?;
            }
        }
        Some(_) => {
            work.warnings
                .add(|| "skipping globals because source global is not a table.".to_owned());
            if !was_present {
                return Ok(());
            }
        }
    }
    inner.insert(GLOBAL.to_owned(), Value::Object(globals));
    Ok(())
}

fn pass_global(
    key: &str,
    value: &Value,
    globals: &mut Map<String, Value>,
    work: &mut Work<'_>,
) -> Result<(), Exceeded> {
    work.meter.steps(1)?;
    let passed = match (value, globals.get(key)) {
        (Value::Object(table), Some(Value::Object(below))) => {
            let mut table = copy_map(table, Mode::Merge, &work.meter)?;
            merge_tables(&mut table, below);
            Value::Object(table)
        }
        (Value::Object(_), Some(_)) => {
            work.warnings
                .add(|| format!("Conflict: cannot merge map onto non-map for {key:?}. Skipping."));
            return Ok(());
        }
        (_, Some(Value::Object(_))) => {
            work.warnings
                .add(|| format!("key {key} is table. Skipping"));
            return Ok(());
        }
        _ => copy(value, Mode::Merge, &work.meter)?,
    };
    globals.insert(key.to_owned(), passed);
    Ok(())
}

/// Gives the tables inside tables of `global` back to the parent, whose tables they are in Helm.
fn share_back(
    outer: &mut Map<String, Value>,
    inner: &Map<String, Value>,
    work: &Work<'_>,
) -> Result<(), Exceeded> {
    let (Some(Value::Object(outer)), Some(Value::Object(inner))) =
        (outer.get_mut(GLOBAL), inner.get(GLOBAL))
    else {
        return Ok(());
    };

    for (key, value) in outer {
        let (Value::Object(outer), Some(Value::Object(inner))) = (value, inner.get(key)) else {
            continue;
        };
        for (key, shared) in outer {
            let Some(changed @ Value::Object(_)) = inner.get(key) else {
                continue;
            };
            work.meter.steps(1)?;
            if shared.is_object() && shared != changed {
                *shared = copy(changed, Mode::Merge, &work.meter)?;
            }
        }
    }
    Ok(())
}
