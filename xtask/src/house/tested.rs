//! How many lines of tests there are for each line of code, by crate.

use std::collections::BTreeMap;
use std::fmt;

use crate::tidy::source::SourceFile;

/// Returns the figure of all crates, and below it those of each unless it is to be `brief`.
pub(super) fn report(sources: &[SourceFile], brief: bool) -> String {
    let (all, crates) = count(sources);
    let mut lines = vec![format!("lines of tests for each line of code: {all}\n")];
    if !brief {
        let crates = crates.iter();
        lines.extend(crates.map(|(folder, counts)| format!("    {folder}: {counts}\n")));
    }
    lines.concat()
}

/// Lines of one crate that are neither empty nor comments.
#[derive(Default, Clone, Copy)]
struct LineCount {
    code: usize,
    tests: usize,
}

impl fmt::Display for LineCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self.tests as f64 / self.code.max(1) as f64;
        write!(f, "{ratio:.2} ({} for {})", self.tests, self.code)
    }
}

/// Counts all crates, and each by its folder. Tests are items for tests only, and files that hold nothing else.
fn count(sources: &[SourceFile]) -> (LineCount, BTreeMap<&str, LineCount>) {
    let mut crates = BTreeMap::<&str, LineCount>::new();
    let mut all = LineCount::default();
    for source in sources {
        let (total, product) = (filled(&source.code), filled(&source.product));
        let code = if source.is_test() { 0 } else { product };
        let counts = crates.entry(folder(&source.path)).or_default();
        for counts in [counts, &mut all] {
            counts.code += code;
            counts.tests += total - code;
        }
    }
    (all, crates)
}

fn filled(text: &str) -> usize {
    text.lines().filter(|line| !line.trim().is_empty()).count()
}

/// Returns the folder of a file's crate: what stands before `src` or `tests`.
fn folder(path: &str) -> &str {
    let ends = ["/src/", "/tests/", "/benches/", "/examples/"];
    let end = ends.iter().filter_map(|end| path.find(end)).min();
    &path[..end.unwrap_or(path.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_count_wherever_they_stand_and_comments_nowhere() {
        let product =
            "//! Page.\n\nfn a() {\n    // Why.\n}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
        let sources = [
            ("crates/x/one/src/a.rs", product),
            ("crates/x/one/src/a/tests.rs", "fn c() {}\n"),
            (
                "crates/x/one/tests/suite/main.rs",
                "//! Page.\nfn d() {\n}\n",
            ),
            ("xtask/src/main.rs", "fn main() {}\n"),
        ];
        let sources = sources.map(|(path, text)| SourceFile::new(path, text.to_owned()));
        let (all, crates) = count(&sources);
        let one = crates["crates/x/one"];
        assert_eq!((one.code, one.tests), (2, 4 + 1 + 2));
        assert_eq!((crates["xtask"].code, crates["xtask"].tests), (1, 0));
        assert_eq!((all.code, all.tests), (3, 7));
        let full = "lines of tests for each line of code: 2.33 (7 for 3)\n    crates/x/one: 3.50 (7 for 2)\n    xtask: 0.00 (0 for 1)\n";
        assert_eq!(report(&sources, false), full);
        assert_eq!(report(&sources, true).lines().count(), 1);
    }
}
