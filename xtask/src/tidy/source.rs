//! A Rust file as the gates see it.

use super::lexer::{self, PieceKind};

/// One file, with views that keep its lines and offsets.
pub(crate) struct SourceFile {
    /// Relative to the root of the checkout.
    pub(crate) path: String,
    /// The file as it is.
    pub(crate) text: String,
    /// Its code, with comments and literals blanked.
    pub(crate) code: String,
    /// Its code without test items.
    pub(crate) product: String,
    /// Lines that belong to test items.
    pub(crate) test_lines: usize,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: String) -> Self {
        let code = lexer::only(&text, PieceKind::Code);
        let (product, test_lines) = without_tests(&code);
        Self {
            path: path.to_owned(),
            text,
            code,
            product,
            test_lines,
        }
    }

    /// Returns whether the whole file is for tests.
    pub(crate) fn is_test(&self) -> bool {
        let mut folders = self.path.split('/');
        folders.any(|name| matches!(name, "tests" | "tests.rs" | "benches" | "examples"))
    }

    /// Returns a finding for the line of an offset.
    pub(crate) fn finding(&self, offset: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.path, lexer::line(&self.text, offset))
    }
}

/// Blanks every item with `#[cfg(test)]` and counts its lines.
fn without_tests(code: &str) -> (String, usize) {
    let mut product = code.as_bytes().to_vec();
    let (mut lines, mut done) = (0, 0);
    for (start, _) in code
        .match_indices("#[cfg(test)]")
        .chain(code.match_indices("#[cfg(all(test"))
    {
        if start < done {
            continue;
        }
        let attribute_end = lexer::after_closing(code, start + 1);
        let Some(length) = code[attribute_end..].find(['{', ';']) else {
            continue;
        };
        let stop = attribute_end + length;
        let end = if code.as_bytes()[stop] == b'{' {
            lexer::after_closing(code, stop)
        } else {
            stop + 1
        };
        lexer::blank(&mut product[start..end]);
        lines += lexer::line(code, end) - lexer::line(code, start) + 1;
        done = end;
    }
    (
        String::from_utf8(product).expect("items start and end between characters"),
        lines,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_for_tests_are_left_out() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n#[cfg(test)]\nuse d;\n";
        let source = SourceFile::new("src/a.rs", text.to_owned());
        assert_eq!(source.test_lines, 6);
        assert!(source.product.contains("fn a") && source.product.contains("fn c"));
        assert!(!source.product.contains("fn b") && !source.product.contains("use d"));
        assert_eq!(source.product.len(), text.len());
    }

    #[test]
    fn a_file_of_tests_is_told_by_its_place() {
        for (path, is_test) in [
            ("a/tests/b.rs", true),
            ("a/src/x/tests.rs", true),
            ("a/src/testing.rs", false),
        ] {
            assert_eq!(
                SourceFile::new(path, String::new()).is_test(),
                is_test,
                "{path}"
            );
        }
    }
}
