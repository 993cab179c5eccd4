//! [`Charts`]: what a build needs to render the charts that a kustomization names: those that are
//! not in the source, and a renderer.

use std::sync::Arc;

use lode_stdx::budget::{Budget, Exceeded};
use lode_tree::{Loader, RepoPath, Tree};

/// Renders charts.
pub trait Charts: Sync {
    /// Returns a chart that is not in the source, as a tree with one folder that has the chart's
    /// name; nothing if it is not known yet: the entry then adds no objects.
    ///
    /// # Errors
    /// There is no such chart, or none is fetched; the text contains no value.
    fn fetched(&self, wanted: &WantedChart) -> Result<Option<Arc<Tree>>, String>;

    /// Returns a chart's objects as text.
    ///
    /// # Errors
    /// The chart cannot be rendered.
    fn render(&self, call: &ChartCall<'_>, budget: &Budget) -> Result<Vec<u8>, ChartFailure>;
}

/// A chart that is not in the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedChart {
    /// URL of its repository, which may be a registry.
    pub repository: String,
    /// Its name.
    pub name: String,
    /// A version or a range; may be empty.
    pub version: String,
    /// Whether a pre-release may be chosen if there is no version.
    pub devel: bool,
}

/// One use of `helm template`.
pub struct ChartCall<'c> {
    /// What the chart is read from.
    pub loader: &'c dyn Loader,
    /// The chart's folder there.
    pub folder: RepoPath,
    /// Name of the release; may be empty.
    pub release_name: &'c str,
    /// Template for that name; may be empty.
    pub name_template: &'c str,
    /// Namespace of the release; may be empty.
    pub namespace: &'c str,
    /// Values files, in order.
    pub values: Vec<ChartValues>,
    /// API versions that the templates see, besides those that are built in.
    pub api_versions: Vec<&'c str>,
    /// Version of Kubernetes that the templates see; may be empty.
    pub kube_version: &'c str,
    /// Whether the custom resource definitions are part of the output.
    pub includes_crds: bool,
    /// Whether hooks are left out.
    pub skips_hooks: bool,
    /// Whether tests are left out.
    pub skips_tests: bool,
}

/// A file with values.
#[derive(Clone)]
pub struct ChartValues {
    /// What messages call it.
    pub name: String,
    /// Its content.
    pub text: Arc<[u8]>,
}

/// Why a chart is not rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChartFailure {
    /// The build's budget does not allow it.
    #[error("rendering the chart {0}")]
    Exceeded(#[from] Exceeded),
    /// Any other reason; the text contains no value.
    #[error("{0}")]
    Refused(String),
}
