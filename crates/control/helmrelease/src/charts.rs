//! Charts as they were loaded from artifacts, shared by all releases that use them.

use std::collections::VecDeque;
use std::sync::Arc;

use lode_api::reasons;
use lode_api::shared::Artifact;
use lode_chart::release::RecordedChart;
use lode_chart::{ARCHIVE_MAX, Chart, ChartFile};
use lode_runtime::{Failure, OpenError, Retry, Sources};
use lode_stdx::Lock;
use lode_stdx::budget::Budget;
use lode_store::Owner;

use crate::computing::Computing;

/// How many charts are kept; a release whose chart is not among them loads it again.
const KEPT_MAX: usize = 16;
/// Bytes that the charts that are kept may hold, all together.
const HELD_MAX: usize = 64 << 20;
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
        computing: &Computing,
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
        let chart = computing
            .run(room, read, |not_run| no_chart(&not_run))
            .await?;
        let chart = Arc::new(SharedChart {
            chart,
            recorded: Lock::default(),
        });
        self.keep(key, chart.clone());
        Ok(chart)
    }

    fn find(&self, key: &(Box<str>, Option<String>)) -> Option<Arc<SharedChart>> {
        let mut kept = self.0.lock();
        let at = kept.iter().position(|chart| chart.key == *key)?;
        let found = kept.remove(at)?;
        let chart = found.chart.clone();
        kept.push_front(found);
        evict(&mut kept);
        Some(chart)
    }

    fn keep(&self, key: (Box<str>, Option<String>), chart: Arc<SharedChart>) {
        let mut kept = self.0.lock();
        kept.push_front(KeptChart { key, chart });
        evict(&mut kept);
    }
}

/// Forgets the charts that were not used for the longest time. A chart holds more once it was rendered.
fn evict(kept: &mut VecDeque<KeptChart>) {
    let held = |kept: &VecDeque<KeptChart>| -> usize {
        kept.iter().map(|kept| kept.chart.chart.held_bytes()).sum()
    };
    while kept.len() > KEPT_MAX || kept.len() > 1 && held(kept) > HELD_MAX {
        kept.pop_back();
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
