//! [`ChartSupply`]: the charts of a build with `--enable-helm`.
//!
//! A build fetches nothing. It says which charts it lacks, they are fetched, and it is done again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::bail;
use jiff::Timestamp;
use lode_kustomize::{Charts, WantedChart};
use lode_render::{Chance, ChartRenderer};
use lode_stdx::budget::{Budget, Limits};
use lode_stdx::{Lock, bare_url};
use lode_tree::Tree;

use crate::charts::ChartFetcher;
use crate::random::OsRandom;

/// Most charts that one build fetches.
const CHARTS_MAX: usize = 256;
/// The range that a pre-release fits.
const ANY_VERSION: &str = ">0.0.0-0";

/// Flags about charts, named as those of kustomize.
#[derive(Debug, clap::Args)]
pub(super) struct ChartFlags {
    /// Render the charts that kustomizations name (`helmCharts`); those that are not in their chart
    /// home are fetched into a cache. With --flux, as an operator with --enable-helm-charts: none is
    /// fetched
    #[arg(long)]
    pub(super) enable_helm: bool,
    /// Version of Kubernetes that charts see if their entry names none
    #[arg(long, value_name = "VERSION", requires = "enable_helm")]
    helm_kube_version: Option<String>,
    /// API versions that charts see if their entry names none, besides those that Helm knows; may
    /// be repeated
    #[arg(long, value_name = "VERSION", requires = "enable_helm")]
    helm_api_versions: Vec<String>,
    /// Accepted for compatibility: it changes nothing
    #[arg(long, requires = "enable_helm")]
    helm_debug: bool,
    /// Fetch nothing: neither charts nor remote bases; charts that were fetched before are used
    #[arg(long)]
    pub(super) offline: bool,
}

/// The charts of a build.
pub(super) struct ChartSupply<'s> {
    pub(super) flags: &'s ChartFlags,
    /// What unpacking a chart may cost.
    pub(super) limits: Limits,
    pub(super) fetcher: &'s ChartFetcher,
}

/// Charts that were looked for, and why some of them are not there.
type SoughtCharts = BTreeMap<WantedChart, Result<Arc<Tree>, String>>;

impl ChartSupply<'_> {
    /// Builds, with charts if they are asked for, until no chart is missing.
    pub(super) fn build<T>(
        &self,
        build: impl Fn(Option<&dyn Charts>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        if !self.flags.enable_helm {
            return build(None);
        }
        let now = Timestamp::now();
        let mut known = SoughtCharts::new();
        while known.len() <= CHARTS_MAX {
            let lacking = Lock::new(BTreeSet::new());
            let fetched = |wanted: &WantedChart| {
                let found = known.get(wanted).cloned();
                if found.is_none() {
                    lacking.lock().insert(wanted.clone());
                }
                found.transpose()
            };
            let renderer = ChartRenderer {
                fetched: &fetched,
                chance: Chance::Allowed {
                    now,
                    random: &OsRandom,
                },
                kube_version: self.flags.helm_kube_version.clone().unwrap_or_default(),
                api_versions: self.flags.helm_api_versions.clone(),
            };
            let outcome = build(Some(&renderer));
            let lacking = lacking.into_inner();
            if lacking.is_empty() {
                return outcome;
            }
            for wanted in lacking {
                let found = self.fetch(&wanted).map_err(|error| format!("{error:#}"));
                known.insert(wanted, found);
            }
        }
        bail!("the build needs more than {CHARTS_MAX} charts that are not in their chart home")
    }

    fn fetch(&self, wanted: &WantedChart) -> anyhow::Result<Arc<Tree>> {
        let range = match &*wanted.version {
            "" if wanted.devel => ANY_VERSION,
            version => version,
        };
        let packed = self
            .fetcher
            .chart(&wanted.repository, &wanted.name, range)?;
        let tree = lode_chart::unpacked(&packed, &Budget::new(self.limits));
        let tree = tree.map_err(|error| {
            let repository = bare_url(&wanted.repository);
            anyhow::anyhow!("unpack the chart {} of {repository}: {error}", wanted.name)
        })?;
        Ok(Arc::new(tree))
    }
}
