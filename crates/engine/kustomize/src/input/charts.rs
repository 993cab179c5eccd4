//! [`Charts`]: who renders the charts a kustomization names, where anybody does.

use lode_tree::RepoPath;
use lode_yaml::Node;

/// Renders charts.
pub trait Charts: Sync {
    /// Returns a chart's objects as text.
    ///
    /// # Errors
    /// The chart cannot be had or rendered; the reason names no value.
    fn render(&self, chart: &Chart<'_>) -> Result<Vec<u8>, String>;
}

/// A chart as a kustomization asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'c> {
    /// The kustomization's folder, to which paths are relative.
    pub folder: &'c RepoPath,
    /// The entry of `helmCharts`.
    pub entry: &'c Node,
    /// `helmGlobals`.
    pub globals: Option<&'c Node>,
    /// The namespace of the kustomization or of one above it, for an entry that names none; may be empty.
    pub namespace: &'c str,
}
