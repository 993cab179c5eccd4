//! [`KeptOutcomes`]: what processing the dependencies of one chart led to, for some supplied values.

use std::sync::Arc;

use lode_stdx::Lock;
use serde_json::{Map, Value};

use crate::metadata::Dependency;
use crate::warning::Warnings;

/// Outcomes of one chart, the oldest first.
pub(crate) type KeptOutcomes = Lock<Vec<Arc<KeptOutcome>>>;

/// The outcome for some supplied values.
pub(crate) struct KeptOutcome {
    pub(super) relevant: Map<String, Value>,
    pub(super) root: KeptChart,
    pub(super) warnings: Warnings,
}

/// A chart that takes part, without the chart itself.
pub(super) struct KeptChart {
    /// The way to the chart from the outermost one, by the number of each subchart.
    pub(super) place: Box<[usize]>,
    pub(super) name: Box<str>,
    pub(super) declared: Option<Vec<Dependency>>,
    pub(super) imported: Option<Arc<Map<String, Value>>>,
    pub(super) children: Vec<KeptChart>,
}

impl KeptChart {
    /// Returns the number of charts.
    pub(super) fn count(&self) -> u64 {
        1 + self.children.iter().map(Self::count).sum::<u64>()
    }
}
