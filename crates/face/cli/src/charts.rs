//! [`ChartFetcher`]: brings charts of repositories and registries.
//!
//! A chart is kept by its digest, and what was asked for leads to that digest: a version that is
//! written out is brought once, and without a network what was brought last counts. Connections lead
//! only where the egress policy allows. Left out: credentials.

mod artifact;
mod kept;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use lode_fetch::{ChartRepository, ChartShelf, TaggedCharts};
use lode_net::{Egress, Outbound};
use lode_oci::{Credentials, Scheme};
use lode_stdx::budget::Budget;
use lode_stdx::semver::Version;
use lode_stdx::{Lock, bare_url};
use tokio::runtime::Runtime;

use crate::report::Told;
pub(crate) use artifact::WantedArtifact;
use kept::KeptCharts;

/// What URLs of registries begin with.
const OCI: &str = "oci://";
/// Time for one operation with a server.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Largest index read, in bytes: a little more than those of the largest public repositories.
const INDEX_MAX: u64 = 64 << 20;
/// Brings charts.
pub(crate) struct ChartFetcher {
    egress: Egress,
    is_offline: bool,
    kept: KeptCharts,
    /// What waits for servers; made when it is needed.
    runtime: Lock<Option<Runtime>>,
    /// Indexes that were read, by the URLs of their repositories.
    shelves: Lock<BTreeMap<String, Arc<ChartShelf>>>,
}

impl ChartFetcher {
    /// Prepares; without a network nothing is fetched.
    pub(crate) fn new(egress: &Egress, is_offline: bool) -> Self {
        Self {
            egress: egress.clone(),
            is_offline,
            kept: KeptCharts::new(crate::cache::folder("charts")),
            runtime: Lock::default(),
            shelves: Lock::default(),
        }
    }

    /// Brings the newest chart in a range of versions, or the one with a version.
    pub(crate) fn chart(
        &self,
        repository: &str,
        name: &str,
        range: &str,
    ) -> anyhow::Result<Vec<u8>> {
        let shown = format!("{name} {range} of {}", bare_url(repository));
        let is_fixed = Version::parse_strict(range).is_ok();
        self.brought(
            &["chart", repository, name, range],
            is_fixed,
            &shown,
            async {
                let shelf = self.shelf(repository).await?;
                let found = shelf.find(name, range).await?;
                Ok(shelf.bring(&found, lode_chart::ARCHIVE_MAX).await?)
            },
        )
    }

    /// Returns what is kept under a key, or fetches and keeps it.
    fn brought(
        &self,
        key: &[&str],
        is_fixed: bool,
        shown: &str,
        fetch: impl Future<Output = anyhow::Result<Vec<u8>>>,
    ) -> anyhow::Result<Vec<u8>> {
        if (is_fixed || self.is_offline)
            && let Some(bytes) = self.kept.find(key)
        {
            return Ok(bytes);
        }
        if self.is_offline {
            bail!(Told::new(
                format!("the chart {shown} was not fetched before"),
                "without --offline it is fetched"
            ));
        }

        let bytes = self.wait(fetch)?;
        let bytes = bytes.with_context(|| format!("fetch the chart {shown}"))?;
        self.kept
            .keep(key, &bytes)
            .with_context(|| format!("keep the chart {shown}"))?;
        Ok(bytes)
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        let mut runtime = self.runtime.lock();
        if runtime.is_none() {
            let made = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            *runtime = Some(made.context("start what waits for servers")?);
        }
        let runtime = runtime.as_ref().context("nothing waits for servers")?;
        Ok(runtime.block_on(work))
    }

    async fn shelf(&self, repository: &str) -> anyhow::Result<Arc<ChartShelf>> {
        if let Some(shelf) = self.shelves.lock().get(repository) {
            return Ok(shelf.clone());
        }
        let shelf = Arc::new(match repository.strip_prefix(OCI) {
            Some(base) => ChartShelf::Tags(Box::new(TaggedCharts {
                base: base.trim_end_matches('/').to_owned(),
                credentials: Credentials::None,
                outbound: self.outbound(),
                scheme: scheme(base),
                timeout: TIMEOUT,
            })),
            None => self.index(repository).await?,
        });
        let mut shelves = self.shelves.lock();
        shelves.insert(repository.to_owned(), shelf.clone());
        Ok(shelf)
    }

    async fn index(&self, repository: &str) -> anyhow::Result<ChartShelf> {
        let charts = ChartRepository::new(repository, self.outbound(), TIMEOUT)?;
        let mut download = charts.index(INDEX_MAX).await?;
        let mut text = Vec::new();
        while let Some(chunk) = download.chunk().await? {
            text.extend_from_slice(&chunk);
        }
        let (limits, budget) = (
            lode_fetch::IndexLimits::default(),
            Budget::new(lode_git::BUDGET),
        );
        let read = lode_fetch::convert(&text, &std::env::temp_dir(), &limits, &budget);
        let (index, _) = read.context("read the index")?;
        Ok(ChartShelf::Index(Box::new(charts), Arc::new(index)))
    }

    fn outbound(&self) -> Outbound {
        Outbound {
            egress: self.egress.clone(),
            ..Outbound::default()
        }
    }
}

/// Registries in private networks may speak plain http.
fn scheme(base: &str) -> Scheme {
    let host = base.split('/').next().unwrap_or_default();
    if lode_oci::is_private_host(host) {
        Scheme::EitherWithoutCredentials
    } else {
        Scheme::Https
    }
}
