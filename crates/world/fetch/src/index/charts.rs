//! [`Index`]: the charts of a repository and their versions, as little of them as it takes to select and fetch one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lode_stdx::semver::{Range, Version};

/// The charts of a repository and their versions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// By name, the newest version first.
    pub(super) charts: BTreeMap<Box<str>, Vec<ChartVersion>>,
    pub(super) bytes: u64,
}

/// One version of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChartVersion {
    /// The name in the entry, if it is not the one that it is listed under.
    pub(super) other_name: Option<Box<str>>,
    pub(super) version: Box<str>,
    pub(super) created: Option<Timestamp>,
    pub(super) urls: Box<[Box<str>]>,
    pub(super) digest: Option<Box<str>>,
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

impl Index {
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
    pub fn find(&self, name: &str, range: &str) -> Result<FoundChart<'_>, FindError> {
        let (name, versions) = self.charts.get_key_value(name).ok_or(FindError::Name)?;
        if versions.is_empty() {
            return Err(FindError::Version);
        }
        let found = |version| FoundChart { name, version };
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

impl ChartVersion {
    /// Returns how many bytes of memory its texts take.
    pub(super) fn text_bytes(&self) -> u64 {
        let length = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
        let urls: usize = self.urls.iter().map(|url| url.len() + 16).sum();
        (self.version.len() + length(&self.other_name) + length(&self.digest) + urls) as u64
    }
}

/// A version of a chart that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundChart<'i> {
    name: &'i str,
    version: &'i ChartVersion,
}

impl<'i> FoundChart<'i> {
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
