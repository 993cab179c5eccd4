//! Splits a rendered file into documents, by the rule of Helm 4.2.1.
//!
//! A separator is `---` at the start of a line, whatever follows it, with all white space around it.
//! That is not YAML's rule: `---apiVersion: v1` separates too, and of two separators in a row the
//! second one belongs to the next document.

/// Returns the documents that are not blank. White space at their start is removed.
#[must_use]
pub fn split(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let mut rest = text.trim_start();
    if let Some(after) = rest.strip_prefix("---") {
        rest = after.trim_start_matches(SPACE);
    }
    while let Some(at) = rest.find("\n---") {
        let (document, after) = rest.split_at(at);
        documents.push(document.trim_end_matches(SPACE));
        rest = after["\n---".len()..].trim_start_matches(SPACE);
    }
    documents.push(rest);

    documents.retain(|document| !document.trim().is_empty());
    for document in &mut documents {
        *document = document.trim_start();
    }
    documents
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
