//! Which charts take part, remembered for the next release of the same chart.
//!
//! Processing dependencies costs as much as coalescing all values, twice. Its outcome depends only on
//! the supplied values that conditions and tags name, which seldom change.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::active::{Active, OwnValues};
use super::outcome::{KeptChart, KeptOutcome};
use crate::chart::Chart;
use crate::warning::Warnings;

/// How many outcomes are remembered for one chart.
const ENTRIES_MAX: usize = 4;
/// Most values that may be compared to find an outcome.
const RELEVANT_NODES_MAX: usize = 1000;

impl KeptChart {
    fn of(active: &Active<'_>) -> Self {
        let imported = match &active.values {
            Some(OwnValues::Imported(values)) => Some(Arc::clone(values)),
            _ => None,
        };
        Self {
            place: active.place.as_slice().into(),
            name: active.name.as_ref().into(),
            declared: active.declared.clone(),
            imported,
            children: active.children.iter().map(Self::of).collect(),
        }
    }

    /// Returns the chart in use. `root` must be the chart that this was made from.
    pub(super) fn active<'c>(&self, root: &'c Chart) -> Active<'c> {
        let step =
            |chart: &'c Chart, number: &usize| chart.dependencies().get(*number).unwrap_or(chart);
        let chart = self.place.iter().fold(root, step);
        let own = || chart.values().map(OwnValues::Own);
        let imported = self.imported.as_ref().map(Arc::clone);
        Active {
            chart,
            place: self.place.to_vec(),
            name: Cow::Owned(self.name.to_string()),
            declared: self.declared.clone(),
            values: imported.map(OwnValues::Imported).or_else(own),
            children: self
                .children
                .iter()
                .map(|child| child.active(root))
                .collect(),
        }
    }
}

/// Returns the supplied values that the outcome depends on; nothing if they are too many to compare.
pub(super) fn relevant(chart: &Chart, supplied: &Map<String, Value>) -> Option<Map<String, Value>> {
    let keys = chart.relevant_keys.get_or_init(|| keys(chart));
    let found = supplied.iter().filter(|(key, _)| keys.contains(*key));
    let mut left = RELEVANT_NODES_MAX;
    let mut relevant = Map::new();
    for (key, value) in found {
        count(value, &mut left)?;
        relevant.insert(key.clone(), value.clone());
    }
    Some(relevant)
}

fn count(value: &Value, left: &mut usize) -> Option<()> {
    *left = left.checked_sub(1)?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| count(item, left)),
        Value::Object(map) => map.values().try_for_each(|value| count(value, left)),
        _ => Some(()),
    }
}

/// Returns the outermost keys of values that conditions, tags and the charts themselves name.
fn keys(chart: &Chart) -> BTreeSet<String> {
    let mut keys = BTreeSet::from(["tags".to_owned()]);
    add_keys(chart, &mut keys);
    keys
}

fn add_keys(chart: &Chart, keys: &mut BTreeSet<String>) {
    for declared in chart.metadata().declared() {
        keys.extend([declared.name.clone(), declared.alias.clone()]);
        for condition in declared.condition.trim().split(',') {
            // A subchart sees the global values of its parents.
            if condition.split('.').any(|part| part == "global") {
                keys.insert("global".to_owned());
            }
            let first = condition.split('.').next().unwrap_or_default();
            keys.insert(first.to_owned());
        }
    }
    for child in chart.dependencies() {
        keys.insert(child.name().to_owned());
        add_keys(child, keys);
    }
}

/// Finds a remembered outcome.
pub(super) fn find(chart: &Chart, relevant: &Map<String, Value>) -> Option<Arc<KeptOutcome>> {
    let cache = chart.kept_cache.lock();
    cache
        .iter()
        .find(|entry| entry.relevant == *relevant)
        .cloned()
}

/// Remembers an outcome.
pub(super) fn remember(
    chart: &Chart,
    relevant: Map<String, Value>,
    active: &Active<'_>,
    warnings: &Warnings,
) {
    let entry = Arc::new(KeptOutcome {
        relevant,
        root: KeptChart::of(active),
        warnings: warnings.clone(),
    });
    let mut cache = chart.kept_cache.lock();
    if cache.len() >= ENTRIES_MAX {
        cache.remove(0);
    }
    cache.push(entry);
}
