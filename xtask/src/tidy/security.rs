//! Gate: every test that `SECURITY.md` names exists.

use super::source::SourceFile;

/// The page that names tests.
pub(super) const PAGE: &str = "SECURITY.md";

/// Checks the tests that the rows of the page's table name.
pub(super) fn check(page: &str, sources: &[SourceFile]) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in page
        .lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with('|'))
    {
        for name in line.split('`').skip(1).step_by(2) {
            let declared = format!("fn {name}(");
            if !sources.iter().any(|source| source.text.contains(&declared)) {
                findings.push(format!("{PAGE}:{}: there is no test {name}", number + 1));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_gone_is_found_with_its_line() {
        let sources = [SourceFile::new(
            "a.rs",
            "#[test]\nfn one_is_there() {}\n".to_owned(),
        )];
        let page = "# `no_row`\n| class | `one_is_there`, `another_is_gone` |\n";
        assert_eq!(
            check(page, &sources),
            ["SECURITY.md:2: there is no test another_is_gone"]
        );
    }
}
