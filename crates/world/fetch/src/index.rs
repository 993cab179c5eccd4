//! [`Index`]: the charts of a repository and their versions, as little of them as it takes to select and fetch one.
//!
//! ```text
//! text ─┬─ yaml ─┐ one entry at a time
//!       └─ json ─┴→ gather ─┬─ name, version, created, urls, digest → Index
//!                           └─ JSON of the entry → a file without a name ─ write → IndexFile
//! ```

mod entry;
mod gather;
mod json;
mod shape;
mod write;
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use lode_stdx::budget::{Budget, Exceeded};
use lode_stdx::semver::{Range, Version};

use self::gather::Gather;

pub use write::IndexFile;

/// The charts of a repository and their versions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// By name, the newest version first.
    charts: BTreeMap<Box<str>, Vec<ChartVersion>>,
    bytes: u64,
}

/// One version of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChartVersion {
    /// The name in the entry, if it is not the one that it is listed under.
    other_name: Option<Box<str>>,
    version: Box<str>,
    created: Option<Timestamp>,
    urls: Box<[Box<str>]>,
    digest: Option<Box<str>>,
}

/// What an index may cost besides its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory that the [`Index`] may take.
    pub kept_bytes: u64,
    /// Bytes that the [`IndexFile`] may have.
    pub file_bytes: u64,
}

impl Default for Limits {
    /// A hundred times what the largest public repositories need.
    fn default() -> Self {
        Self {
            kept_bytes: 64 << 20,
            file_bytes: 512 << 20,
        }
    }
}

/// Why a text is not an index. The words are Helm's where it has some.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// There is no text.
    #[error("empty index.yaml file")]
    Empty,
    /// It is neither YAML nor JSON.
    #[error("error converting YAML to JSON: yaml: {0}")]
    Yaml(#[from] lode_yaml::Error),
    /// It does not say which form it has.
    #[error("no API version specified")]
    NoApiVersion,
    /// A part of it has another form.
    #[error("error unmarshaling JSON: {0}")]
    Form(Misfit),
    /// It exceeds the budget.
    #[error("reading the index {0}")]
    Exceeded(#[from] Exceeded),
    /// There are too many versions.
    #[error("the versions in the index take more than {limit} bytes of memory, the limit")]
    TooMany {
        /// The limit.
        limit: u64,
    },
    /// The file would be too large.
    #[error("the index has more than {limit} bytes as JSON, the limit")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The file cannot be written.
    #[error("write the index: {0}")]
    Io(#[from] std::io::Error),
}

/// A part of an index that does not have the type it must have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{chart}{field}: {want} expected")]
pub struct Misfit {
    /// The chart with a colon, if the part belongs to one.
    pub chart: String,
    /// The field.
    pub field: String,
    /// What it must be.
    pub want: &'static str,
}

/// Why no version was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// The index does not list the chart.
    #[error("no chart name found")]
    Name,
    /// It lists no version of it.
    #[error("no chart version found")]
    Version,
    /// It lists no version in the range.
    #[error("no '{name}' chart with version matching '{range}' found")]
    Range {
        /// The chart.
        name: Box<str>,
        /// The range.
        range: Box<str>,
    },
    /// The range is none.
    #[error("improper constraint: \"{0}\"")]
    Constraint(Box<str>),
}

/// Reads an index in YAML or JSON; returns it compact, and as the JSON that Flux stores, in a file without a name below
/// `folder`.
///
/// # Errors
/// See [`IndexError`].
pub fn convert(
    text: &[u8],
    folder: &Path,
    limits: &Limits,
    budget: &Budget,
) -> Result<(Index, IndexFile), IndexError> {
    if text.is_empty() {
        return Err(IndexError::Empty);
    }
    if json::is_likely(text) {
        let mut gather = Gather::with_file(folder, limits, budget)?;
        if let Ok(rest) = json::read(text, &mut gather) {
            return gather.finish(&rest);
        }
        // What is not JSON may still be YAML, which has brackets, too.
    }
    let mut gather = Gather::with_file(folder, limits, budget)?;
    let rest = yaml::read(text, &mut gather, budget)?;
    gather.finish(&rest)
}

impl Index {
    /// Reads the JSON of an [`IndexFile`] that was stored.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn read(text: &[u8], limits: &Limits, budget: &Budget) -> Result<Self, IndexError> {
        let mut gather = Gather::new(limits, budget);
        match json::read(text, &mut gather) {
            Ok(_) => gather.into_index(),
            Err(error) => Err(gather.error().unwrap_or(IndexError::Form(Misfit {
                chart: String::new(),
                field: format!("line {}", error.line()),
                want: "an index as JSON",
            }))),
        }
    }

    /// Returns about how many bytes of memory it takes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns how many versions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.charts.values().map(Vec::len).sum()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.charts.values().all(Vec::is_empty)
    }

    /// Finds a version of a chart: the one that is written like this, else the newest in the range. Without a range the
    /// newest stable version is meant.
    ///
    /// # Errors
    /// See [`FindError`].
    pub fn find(&self, name: &str, range: &str) -> Result<Found<'_>, FindError> {
        let (name, versions) = self.charts.get_key_value(name).ok_or(FindError::Name)?;
        if versions.is_empty() {
            return Err(FindError::Version);
        }
        let found = |version| Found { name, version };
        let exact = versions.iter().find(|entry| &*entry.version == range);
        if let Some(exact) = exact.filter(|_| !range.is_empty()) {
            return Ok(found(exact));
        }

        let parsed = Range::parse(if range.is_empty() { "*" } else { range });
        let parsed = parsed.map_err(|_| FindError::Constraint(range.into()))?;
        let fits = versions.iter().filter_map(|entry| {
            let version = Version::parse_strict(&entry.version).ok()?;
            parsed.matches(&version).then_some((version, entry))
        });
        let newest = fits.max_by(|(a, left), (b, right)| {
            // Build metadata has no order; the one that was made last is meant.
            let precedence = a.precedence(b);
            precedence.then_with(|| left.created.cmp(&right.created))
        });
        let newest = newest.map(|(_, entry)| found(entry));
        newest.ok_or_else(|| FindError::Range {
            name: name.clone(),
            range: range.into(),
        })
    }
}

/// A version of a chart that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'i> {
    name: &'i str,
    version: &'i ChartVersion,
}

impl<'i> Found<'i> {
    /// Returns the name that its entry has.
    #[must_use]
    pub fn name(&self) -> &'i str {
        self.version.other_name.as_deref().unwrap_or(self.name)
    }

    /// Returns its version, as it is written.
    #[must_use]
    pub fn version(&self) -> &'i str {
        &self.version.version
    }

    /// Returns where the chart is; relative URLs are below the repository.
    pub fn urls(&self) -> impl Iterator<Item = &'i str> {
        self.version.urls.iter().map(|url| &**url)
    }

    /// Returns the digest that the index says, which Helm does not check either.
    #[must_use]
    pub fn digest(&self) -> Option<&'i str> {
        self.version.digest.as_deref()
    }
}

#[cfg(test)]
mod tests;
