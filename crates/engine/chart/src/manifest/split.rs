//! Splits a rendered file into documents, by the rule of Helm 4.2.1.
//!
//! A separator is `---` at the start of a line, whatever follows it, with all white space around it.
//! That is not YAML's rule: `---apiVersion: v1` separates too, and of two separators in a row the
//! second one belongs to the next document.

use std::ops::Range;

/// Returns the documents that are not blank. White space at their start is removed.
#[must_use]
pub fn split(text: &str) -> Vec<&str> {
    let ranges = split_ranges(text).into_iter();
    ranges.filter_map(|range| text.get(range)).collect()
}

/// Returns where the documents of [`split`] are.
pub(super) fn split_ranges(text: &str) -> Vec<Range<usize>> {
    let mut documents = Vec::new();
    let mut start = 0;
    let trimmed = text.trim_start();
    if let Some(after) = trimmed.strip_prefix("---") {
        start = text.len() - after.trim_start_matches(SPACE).len();
    }
    let separators = memchr::memmem::Finder::new("\n---");
    loop {
        let rest = text.get(start..).unwrap_or_default();
        let Some(at) = separators.find(rest.as_bytes()) else {
            documents.extend(document(text, start..text.len()));
            return documents;
        };
        let kept = rest.get(..at).unwrap_or_default();
        let kept = kept.trim_end_matches(SPACE).len();
        documents.extend(document(text, start..start + kept));
        let after = rest.get(at + separators.needle().len()..);
        start = text.len() - after.unwrap_or_default().trim_start_matches(SPACE).len();
    }
}

/// Returns a document without the space at its start, unless it is blank.
fn document(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let document = text.get(range.clone())?.trim_start();
    (!document.is_empty()).then_some(range.end - document.len()..range.end)
}

/// What a regular expression of Go calls white space.
const SPACE: [char; 5] = ['\t', '\n', '\u{c}', '\r', ' '];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_take_the_space_around_them() {
        for (text, want) in [
            ("a: 1\n---\nb: 2\n", vec!["a: 1", "b: 2\n"]),
            (
                "\n\n---\n\na: 1  \n \n---   \n\n  b: 2\n\n",
                vec!["a: 1", "b: 2\n\n"],
            ),
            ("---\n---\na", vec!["---\na"]),
            ("a\n---\n---\nb", vec!["a", "---\nb"]),
            ("a\n---\n\n\n---\nb", vec!["a", "---\nb"]),
            ("a\n---kind: b\n", vec!["a", "kind: b\n"]),
            ("a: x---y\n --- z\n", vec!["a: x---y\n --- z\n"]),
            ("a\n---# Source: x\nb", vec!["a", "# Source: x\nb"]),
            ("---", vec![]),
            ("  \n", vec![]),
            ("a\n---\n", vec!["a"]),
            ("a\r\n---\r\nb", vec!["a", "b"]),
            ("a\u{a0}\n---\u{a0}\nb", vec!["a\u{a0}", "b"]),
        ] {
            assert_eq!(split(text), want, "{text:?}");
        }
    }
}
