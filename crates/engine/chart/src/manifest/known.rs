//! [`KnownFiles`]: what the documents of a chart's last rendering say about themselves.
//!
//! Most of what a chart renders into does not depend on the values: a file with the same text as before is not read
//! again.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use lode_stdx::Lock;
use lode_stdx::budget::{Budget, Exceeded, Limits};

use super::head::ManifestHead;

/// Files shorter than this are read again.
const LENGTH_MIN: usize = 2 << 10;
/// Bytes of texts that are kept.
const KEPT_MAX: usize = 2 << 20;

/// Files as they were rendered last, by their paths.
#[derive(Debug, Default)]
pub(crate) struct KnownFiles(Lock<Kept>);

#[derive(Debug, Default)]
struct Kept {
    files: HashMap<String, KnownFile>,
    bytes: usize,
}

#[derive(Debug)]
struct KnownFile {
    text: Arc<String>,
    documents: Arc<[KnownDocument]>,
    /// What reading it has cost.
    spent: Limits,
}

/// A document of a file.
#[derive(Debug)]
pub(super) struct KnownDocument {
    pub(super) range: Range<usize>,
    pub(super) head: ManifestHead,
}

impl KnownFiles {
    /// Returns how many bytes are kept.
    pub(crate) fn held_bytes(&self) -> usize {
        self.0.lock().bytes
    }

    /// Returns the documents of a file that has the same text as before. They cost what they did at first.
    pub(super) fn find(
        &self,
        path: &str,
        text: &str,
        budget: &Budget,
    ) -> Result<Option<Arc<[KnownDocument]>>, Exceeded> {
        if text.len() < LENGTH_MIN {
            return Ok(None);
        }
        let (known, documents, spent) = match self.0.lock().files.get(path) {
            Some(known) if known.text.len() == text.len() => {
                let (text, documents) = (Arc::clone(&known.text), Arc::clone(&known.documents));
                (text, documents, known.spent)
            }
            _ => return Ok(None),
        };
        if *known != text {
            return Ok(None);
        }
        budget.spend(spent)?;
        Ok(Some(documents))
    }

    /// Keeps the documents of a file, unless that is too much.
    pub(super) fn keep(
        &self,
        path: &str,
        text: &Arc<String>,
        documents: Arc<[KnownDocument]>,
        spent: Limits,
    ) {
        if text.len() < LENGTH_MIN {
            return;
        }
        let mut kept = self.0.lock();
        if let Some(old) = kept.files.remove(path) {
            kept.bytes -= old.text.len();
        }
        if kept.bytes + text.len() > KEPT_MAX {
            return;
        }
        kept.bytes += text.len();
        let text = Arc::clone(text);
        kept.files.insert(
            path.to_owned(),
            KnownFile {
                text,
                documents,
                spent,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPENT: Limits = Limits {
        bytes: 3,
        nodes: 2,
        steps: 1,
    };

    fn keep(known: &KnownFiles, path: &str, text: &str) {
        let document = KnownDocument {
            range: 0..text.len(),
            head: ManifestHead::default(),
        };
        known.keep(path, &Arc::new(text.to_owned()), [document].into(), SPENT);
    }

    fn is_known(known: &KnownFiles, path: &str, text: &str) -> bool {
        let found = known.find(path, text, &Budget::unlimited());
        found.unwrap().is_some()
    }

    #[test]
    fn a_file_is_known_as_long_as_its_text_is_the_same() {
        let known = KnownFiles::default();
        let (first, second) = ("a".repeat(LENGTH_MIN), "b".repeat(LENGTH_MIN));
        keep(&known, "x", &first);
        assert!(is_known(&known, "x", &first));
        assert!(!is_known(&known, "x", &second));
        assert!(!is_known(&known, "y", &first));
        keep(&known, "x", &second);
        assert!(!is_known(&known, "x", &first));
        assert!(is_known(&known, "x", &second));
        assert_eq!(known.held_bytes(), LENGTH_MIN);

        keep(&known, "short", "a");
        assert!(!is_known(&known, "short", "a"));
    }

    #[test]
    fn a_file_that_is_known_costs_what_it_did() {
        let known = KnownFiles::default();
        let text = "a".repeat(LENGTH_MIN);
        keep(&known, "x", &text);
        let budget = Budget::new(Limits {
            nodes: 3,
            ..Limits::UNLIMITED
        });
        assert!(known.find("x", &text, &budget).unwrap().is_some());
        assert_eq!(budget.spent(), SPENT);
        assert!(known.find("x", &text, &budget).is_err());
    }

    #[test]
    fn so_much_is_kept_and_no_more() {
        let known = KnownFiles::default();
        let text = "a".repeat(KEPT_MAX / 2);
        for path in ["x", "y", "z"] {
            keep(&known, path, &text);
        }
        let is_known = |path| is_known(&known, path, &text);
        assert_eq!(["x", "y", "z"].map(is_known), [true, true, false]);
    }
}
