//! [`Gather`]: collects the entries of an index as they are read.
//!
//! Each entry goes to the file at once; of it stays in memory what [`ChartVersion`] holds, and where its JSON is.

use std::collections::BTreeMap;
use std::path::Path;

use lode_stdx::budget::Budget;
use lode_stdx::semver::Version;
use serde_json::{Map, Value};

use super::charts::{ChartVersion, Index};
use super::entry;
use super::error::{IndexError, Misfit};
use super::limits::IndexLimits;
use super::write::{EntryFile, IndexFile, Span};

/// Bytes of a version besides its texts.
const VERSION_BYTES: u64 = 160;
/// Bytes of a name besides its text.
const NAME_BYTES: u64 = 96;

/// The entries so far.
pub(super) struct Gather<'g> {
    charts: BTreeMap<Box<str>, Vec<Gathered>>,
    file: Option<EntryFile>,
    limits: &'g IndexLimits,
    budget: &'g Budget,
    bytes: u64,
    /// The first error; nothing is taken after it.
    error: Option<IndexError>,
}

struct Gathered {
    kept: ChartVersion,
    version: Option<Version>,
    span: Span,
}

impl<'g> Gather<'g> {
    /// Starts to collect what is kept, without a file.
    pub(super) fn new(limits: &'g IndexLimits, budget: &'g Budget) -> Self {
        Self {
            charts: BTreeMap::new(),
            file: None,
            limits,
            budget,
            bytes: 0,
            error: None,
        }
    }

    /// Starts with a file without a name below `folder`.
    pub(super) fn with_file(
        folder: &Path,
        limits: &'g IndexLimits,
        budget: &'g Budget,
    ) -> Result<Self, IndexError> {
        Ok(Self {
            file: Some(EntryFile::create(folder, limits.file_bytes)?),
            ..Self::new(limits, budget)
        })
    }

    /// Notes that a chart is listed, even if it has no version.
    pub(super) fn list(&mut self, name: &str) {
        if self.error.is_some() || self.charts.contains_key(name) {
            return;
        }
        let charged = self.charge(NAME_BYTES + name.len() as u64);
        match charged {
            Ok(()) => {
                self.charts.insert(name.into(), Vec::new());
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// Takes one entry.
    pub(super) fn take(&mut self, name: &str, value: &Value) {
        if self.error.is_some() {
            return;
        }
        self.list(name);
        if let Err(error) = self.try_take(name, value) {
            self.error = Some(error);
        }
    }

    fn try_take(&mut self, name: &str, value: &Value) -> Result<(), IndexError> {
        self.budget.steps(1)?;
        let of_chart = |misfit| {
            IndexError::Form(Misfit {
                chart: format!("{name}: "),
                ..misfit
            })
        };
        let Some(shaped) = entry::shaped(value).map_err(of_chart)? else {
            return Ok(());
        };
        let kept = entry::kept(&shaped, name);
        self.charge(VERSION_BYTES + kept.text_bytes())?;
        let span = match &mut self.file {
            Some(file) => file.add(&shaped)?,
            None => Span::default(),
        };
        let version = Version::parse(&kept.version).ok();
        let list = self.charts.entry(name.into()).or_default();
        list.push(Gathered {
            kept,
            version,
            span,
        });
        Ok(())
    }

    fn charge(&mut self, bytes: u64) -> Result<(), IndexError> {
        self.budget.nodes(1)?;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.limits.kept_bytes {
            let limit = self.limits.kept_bytes;
            return Err(IndexError::TooMany { limit });
        }
        Ok(())
    }

    /// Notes an error of a part that is no entry.
    pub(super) fn fail(&mut self, error: IndexError) {
        self.error.get_or_insert(error);
    }

    /// Returns whether there was an error.
    pub(super) fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Returns the first error.
    pub(super) fn error(&mut self) -> Option<IndexError> {
        self.error.take()
    }

    /// Returns the index, given the parts that are no entries.
    pub(super) fn finish(
        mut self,
        rest: &Map<String, Value>,
    ) -> Result<(Index, IndexFile), IndexError> {
        if let Some(error) = self.error() {
            return Err(error);
        }
        let head = rest.get("apiVersion").and_then(Value::as_str);
        if head.unwrap_or_default().is_empty() {
            return Err(IndexError::NoApiVersion);
        }
        self.sort();
        let spans = self.charts.iter().map(|(name, list)| {
            let spans = list.iter().map(|gathered| gathered.span);
            (name.clone(), spans.collect())
        });
        let spans: Vec<(Box<str>, Vec<Span>)> = spans.collect();
        let file = self.file.take().ok_or(IndexError::Empty)?;
        let file = file.finish(rest, &spans)?;
        Ok((self.into_sorted(), file))
    }

    /// Returns the index alone.
    pub(super) fn into_index(mut self) -> Result<Index, IndexError> {
        if let Some(error) = self.error() {
            return Err(error);
        }
        self.sort();
        Ok(self.into_sorted())
    }

    /// Sorts the versions of each chart, the newest first.
    fn sort(&mut self) {
        for list in self.charts.values_mut() {
            list.sort_by(|a, b| match (&a.version, &b.version) {
                (Some(a), Some(b)) => b.precedence(a),
                (a, b) => b.is_some().cmp(&a.is_some()),
            });
        }
    }

    fn into_sorted(self) -> Index {
        let charts = self.charts.into_iter().map(|(name, list)| {
            let kept = list.into_iter().map(|gathered| gathered.kept);
            (name, kept.collect())
        });
        Index {
            charts: charts.collect(),
            bytes: self.bytes,
        }
    }
}
