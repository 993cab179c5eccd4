//! [`ManifestText`]: a document of a rendered file.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// The text of one object. The documents of a file share its text.
#[derive(Clone)]
pub struct ManifestText {
    file: Arc<String>,
    range: Range<usize>,
}

impl ManifestText {
    /// Returns a part of a file.
    pub(crate) fn of(file: &Arc<String>, range: Range<usize>) -> Self {
        let file = Arc::clone(file);
        Self { file, range }
    }
}

impl Deref for ManifestText {
    type Target = str;

    fn deref(&self) -> &str {
        self.file.get(self.range.clone()).unwrap_or_default()
    }
}

impl PartialEq for ManifestText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for ManifestText {}

/// Without the content, which may be secret.
impl fmt::Debug for ManifestText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.len())
    }
}
