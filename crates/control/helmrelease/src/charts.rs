//! Charts as they were loaded from artifacts, shared by all releases that use them.

use std::collections::VecDeque;
use std::sync::Arc;

use lode_api::reasons;
use lode_api::shared::Artifact;
use lode_chart::release::RecordedChart;
use lode_chart::{ARCHIVE_MAX, Chart, ChartFile};
use lode_runtime::{Failure, Memory, OpenError, Retry, Sources};
use lode_stdx::Lock;
use lode_stdx::budget::Budget;
use lode_store::Owner;

use crate::computing::compute;

/// How many charts are kept; a release whose chart is not among them loads it again.
const KEPT_MAX: usize = 16;
/// Bytes of archives that are kept as charts, all together.
const KEPT_BYTES: usize = 8 << 20;
/// Bytes that loading a chart needs at first, for each byte of its archive.
const BYTES_PER_BYTE: u64 = 32;
/// Bytes that loading a chart needs at first, whatever its size.
const BYTES_MIN: u64 = 1 << 20;

/// A chart that releases share.
pub(crate) struct SharedChart {
    pub(crate) chart: Chart,
    /// The chart as the last record contains it: its compressed form is computed once.
    recorded: Lock<Option<Arc<RecordedChart>>>,
}

impl SharedChart {
    /// Returns whether the chart or a subchart has definitions.
    pub(crate) fn has_crds(&self) -> bool {
        let is_crd = |file: &ChartFile| file.name.starts_with("crds/");
        has(&self.chart, &|chart| chart.files().iter().any(is_crd))
    }

    /// Returns whether a template of the chart or of a subchart may look something up in the cluster.
    pub(crate) fn mentions_lookup(&self) -> bool {
        let word = b"lookup";
        let mentions = |file: &ChartFile| file.data.windows(word.len()).any(|part| part == word);
        has(&self.chart, &|chart| chart.templates().iter().any(mentions))
    }

    /// Returns the form that records contain, the same one as long as it is equal.
    pub(crate) fn recorded(&self, new: RecordedChart) -> Arc<RecordedChart> {
        let mut last = self.recorded.lock();
        match &*last {
            Some(last) if last.json() == new.json() => last.clone(),
            _ => last.insert(Arc::new(new)).clone(),
        }
    }
}

/// Returns whether something holds for a chart or one of its subcharts.
fn has(chart: &Chart, holds: &dyn Fn(&Chart) -> bool) -> bool {
    holds(chart) || chart.dependencies().iter().any(|chart| has(chart, holds))
}

/// The charts that were used last.
#[derive(Default)]
pub(crate) struct Charts(Lock<VecDeque<KeptChart>>);

struct KeptChart {
    /// Digest of the archive, and the version that the chart was given.
    key: (Box<str>, Option<String>),
    bytes: usize,
    chart: Arc<SharedChart>,
}

impl Charts {
    /// Returns the chart in an artifact, under another version if one is given.
    ///
    /// # Errors
    /// The artifact cannot be read, or is no chart.
    pub(crate) async fn load(
        &self,
        sources: &Sources,
        memory: &Memory,
        artifact: &Artifact,
        owner: &Owner,
        version: impl Fn(&Chart) -> Result<Option<String>, Failure> + Clone + Send + 'static,
    ) -> Result<Arc<SharedChart>, Failure> {
        // What a chart is called depends on its artifact alone, so the revision stands for the version.
        let key = (artifact.digest.clone(), Some(artifact.revision.to_string()));
        if let Some(found) = self.find(&key) {
            return Ok(found);
        }

        let bytes = sources.read(artifact, owner, ARCHIVE_MAX).await;
        let bytes = bytes.map_err(|error| unread(&error))?;
        let size = bytes.len();
        let likely = BYTES_MIN + (size as u64).saturating_mul(BYTES_PER_BYTE);
        let bytes = Arc::new(bytes);
        let read = move |budget: &Budget| match Chart::from_archive(&bytes, budget) {
            Ok(chart) => named(chart, &version),
            Err(error) => Err(no_chart(&error.to_string())),
        };
        let room = (owner.namespace(), likely);
        let chart = compute(memory, room, read, |not_run| no_chart(&not_run)).await?;
        let chart = Arc::new(SharedChart {
            chart,
            recorded: Lock::default(),
        });
        self.keep(key, size, chart.clone());
        Ok(chart)
    }

    fn find(&self, key: &(Box<str>, Option<String>)) -> Option<Arc<SharedChart>> {
        let mut kept = self.0.lock();
        let at = kept.iter().position(|chart| chart.key == *key)?;
        let found = kept.remove(at)?;
        let chart = found.chart.clone();
        kept.push_front(found);
        Some(chart)
    }

    fn keep(&self, key: (Box<str>, Option<String>), bytes: usize, chart: Arc<SharedChart>) {
        let mut kept = self.0.lock();
        kept.push_front(KeptChart { key, bytes, chart });
        let sum = |kept: &VecDeque<KeptChart>| kept.iter().map(|chart| chart.bytes).sum::<usize>();
        while kept.len() > KEPT_MAX || kept.len() > 1 && sum(&kept) > KEPT_BYTES {
            kept.pop_back();
        }
    }
}

/// Gives a chart the version that it is to have.
fn named(
    chart: Chart,
    version: &impl Fn(&Chart) -> Result<Option<String>, Failure>,
) -> Result<Chart, Failure> {
    Ok(match version(&chart)? {
        Some(version) => chart.with_version(&version),
        None => chart,
    })
}

fn no_chart(why: &str) -> Failure {
    let text = format!("Could not load chart: {why}");
    Failure::new(reasons::ARTIFACT_FAILED, text).with(Retry::Backoff)
}

fn unread(error: &OpenError) -> Failure {
    let failure = Failure::new(
        reasons::ARTIFACT_FAILED,
        format!("Could not load chart: {error}"),
    );
    failure.with(Retry::Backoff)
}
