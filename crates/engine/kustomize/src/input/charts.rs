//! [`Charts`]: renders the charts that a kustomization names, if there is a renderer.

use lode_tree::RepoPath;
use lode_yaml::Node;

/// Renders charts.
pub trait Charts: Sync {
    /// Returns a chart's objects as text.
    ///
    /// # Errors
    /// The chart cannot be fetched or rendered; the error contains no value.
    fn render(&self, chart: &Chart<'_>) -> Result<Vec<u8>, String>;
}

/// A chart as requested by a kustomization.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'c> {
    /// The kustomization's folder, to which paths are relative.
    pub folder: &'c RepoPath,
    /// The entry of `helmCharts`.
    pub entry: &'c Node,
    /// `helmGlobals`.
    pub globals: Option<&'c Node>,
    /// The namespace of the kustomization or of one above it, for an entry without one; may be
    /// empty.
    pub namespace: &'c str,
}
