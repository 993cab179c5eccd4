//! Decides which subcharts take part in a release, under which names, and which of their values
//! their parents import.
//!
//! Input: a [`Chart`] and the supplied values. Output: an [`Active`] chart. The chart itself does not
//! change, because releases share it.

mod active;
mod enabled;
mod import;
mod kept;
mod outcome;

use lode_stdx::budget::{Budget, Meter};
use serde_json::{Map, Value};

pub(crate) use active::Active;
pub(crate) use outcome::KeptOutcomes;

use crate::chart::Chart;
use crate::values::coalesce::{CoalesceError, Work};
use crate::warning::Warnings;

/// Applies conditions, tags, aliases and imports.
pub(crate) fn process<'c>(
    chart: &'c Chart,
    values: &Map<String, Value>,
    warnings: &mut Warnings,
    budget: &Budget,
) -> Result<Active<'c>, CoalesceError> {
    let relevant = kept::relevant(chart, values);
    if let Some(entry) = relevant
        .as_ref()
        .and_then(|relevant| kept::find(chart, relevant))
    {
        budget.nodes(entry.root.count())?;
        warnings.extend(&entry.warnings);
        return Ok(entry.root.active(chart));
    }

    let mut new = Warnings::default();
    let mut work = Work {
        meter: Meter::new(budget),
        warnings: &mut new,
    };
    let mut active = Active::all(chart, &[], &work.meter)?;
    enabled::keep(&mut active, values, "", &mut work)?;
    import::values(&mut active, &mut work)?;
    drop(work);

    if let Some(relevant) = relevant {
        kept::remember(chart, relevant, &active, &new);
    }
    warnings.extend(&new);
    Ok(active)
}
