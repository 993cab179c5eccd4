//! Compiled templates, with what belongs to each.

use std::collections::HashMap;
use std::sync::Arc;

use lode_template::Templates;

/// The templates of a chart and its subcharts, compiled.
pub(crate) struct CompiledTemplates {
    pub(super) templates: Templates,
    /// The names, and for each the number of its chart: each chart comes before its subcharts.
    pub(super) names: Vec<(Box<str>, usize)>,
    pub(super) charts: HashMap<Box<str>, usize>,
}

/// The templates of a chart that were compiled last.
pub(crate) type CompiledSets = lode_stdx::Lock<Vec<Arc<CompiledTemplates>>>;

impl CompiledTemplates {
    /// Returns about how many bytes are held besides the texts.
    pub(crate) fn held_bytes(&self) -> usize {
        self.templates.held_bytes()
    }

    /// Returns the number of the chart that a template belongs to.
    pub(super) fn chart_of(&self, name: &str) -> usize {
        self.charts.get(name).copied().unwrap_or_default()
    }
}
