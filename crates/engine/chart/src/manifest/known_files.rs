//! [`KnownFiles`]: what the documents of a chart's last rendering say about themselves.
//!
//! Most of what a chart renders into does not depend on the values: a file with the same text as before is not read
//! again.

use std::ops::Range;
use std::sync::Arc;

use lode_stdx::known_texts::KnownTexts;

use super::head::ManifestHead;

/// Files shorter than this are read again.
pub(super) const LENGTH_MIN: usize = 2 << 10;
/// Bytes of texts that are kept for one chart.
const KEPT_MAX: u64 = 2 << 20;

/// Files as they were rendered last, by their paths.
pub(crate) type KnownFiles = KnownTexts<String, Arc<String>, [KnownDocument]>;

/// A document of a file.
#[derive(Debug)]
pub(crate) struct KnownDocument {
    pub(super) range: Range<usize>,
    pub(super) head: ManifestHead,
}

/// Returns no files.
pub(crate) fn known_files() -> KnownFiles {
    KnownFiles::new(KEPT_MAX)
}
