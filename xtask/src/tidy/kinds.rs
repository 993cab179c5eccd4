//! Gate: a new kind costs its own files, its page, and the places that `docs/adding-a-kind.md`
//! lists, which are three at most.
//!
//! A file whose code names more than one served kind is a list of kinds, and a place to edit for
//! the next one; code for all kinds reads the rows of `lode_api::kinds` instead. Texts and tests
//! are not checked, nor are the controllers, which know the kinds they work with.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use lode_api::kinds::{self, Row};

use super::lexer;
use super::source::SourceFile;

/// The page about adding a kind.
const PAGE: &str = "docs/adding-a-kind.md";
/// Most places that a kind may cost.
const PLACES_MAX: usize = 3;
/// Wings whose files are checked.
const WINGS: [&str; 4] = [
    "crates/model/",
    "crates/engine/",
    "crates/world/",
    "crates/face/",
];
/// Checks the places against the page, and that each kind has its own page.
pub(super) fn check(root: &Path, sources: &[SourceFile]) -> Result<Vec<String>> {
    let page = root.join(PAGE);
    let page = fs::read_to_string(&page).with_context(|| format!("read {}", page.display()))?;
    let mut findings = places(&listed(&page), sources);

    for Row { names, .. } in kinds::ALL {
        let path = format!("docs/spec/{}.md", names.singular);
        let text = fs::read_to_string(root.join(&path)).unwrap_or_default();
        let opens = text.starts_with(&format!("# {}\n", names.kind));
        if !opens || !text.contains(&names.api_version()) {
            findings.push(format!("{path}: is no page about {}", names.kind));
        }
    }
    Ok(findings)
}

fn places(listed: &[&str], sources: &[SourceFile]) -> Vec<String> {
    let mut findings = Vec::new();
    if listed.len() > PLACES_MAX {
        findings.push(format!(
            "{PAGE}: a kind costs {} places, and {PLACES_MAX} are enough",
            listed.len()
        ));
    }

    let mut found = Vec::new();
    for source in sources {
        let is_looked_at = WINGS.iter().any(|wing| source.path.starts_with(wing));
        if is_looked_at && !source.is_test() && names_several(&source.product) {
            found.push(source.path.as_str());
        }
    }
    for path in &found {
        if !listed.contains(path) {
            findings.push(format!(
                "{path}: names more than one kind: read the rows of lode_api::kinds"
            ));
        }
    }
    for path in listed {
        if !found.contains(path) {
            findings.push(format!("{path}: is said to name more than one kind"));
        }
    }
    findings
}

/// Returns the places that the page lists: the first cells of its first table.
fn listed(page: &str) -> Vec<&str> {
    let table = page.lines().skip_while(|line| !line.starts_with("| `"));
    let rows = table.take_while(|line| line.starts_with("| `"));
    rows.filter_map(|row| row.split('`').nth(1)).collect()
}

/// Returns whether code names more than one of the kinds that are served.
fn names_several(code: &str) -> bool {
    let named = kinds::ALL.iter().filter(|row| {
        let forms = forms(row.names.kind);
        forms
            .iter()
            .any(|form| lexer::words(code, form).next().is_some())
    });
    named.count() > 1
}

/// Returns how code may spell a kind: as a type, as a module and as a constant.
fn forms(kind: &str) -> [String; 3] {
    let mut module = String::new();
    let mut was_small = false;
    for letter in kind.chars() {
        if letter.is_uppercase() && was_small {
            module.push('_');
        }
        was_small = letter.is_lowercase();
        module.extend(letter.to_lowercase());
    }
    let constant = module.to_uppercase();
    [kind.to_owned(), module, constant]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "crates/model/api/src/kinds.rs";

    fn findings(listed: &[&str], sources: &[(&str, &str)]) -> Vec<String> {
        let sources = sources
            .iter()
            .map(|(path, text)| SourceFile::new(path, (*text).to_owned()));
        places(listed, &sources.collect::<Vec<_>>())
    }

    #[test]
    fn a_list_of_kinds_that_the_page_does_not_name_is_found() {
        let list = "const ALL: [Row; 2] = [GIT_REPOSITORY, KUSTOMIZATION];";
        assert_eq!(findings(&[LISTED], &[(LISTED, list)]), Vec::<String>::new());
        for other in [
            list,
            "enum Noun { GitRepository, Kustomization }",
            "use lode_api::{git_repository, kustomization};",
        ] {
            let found = findings(
                &[LISTED],
                &[(LISTED, list), ("crates/face/cli/src/get.rs", other)],
            );
            assert_eq!(found.len(), 1, "{other}: {found:?}");
        }
    }

    #[test]
    fn one_kind_texts_tests_and_controllers_are_left_alone() {
        let list = "fn a(_: GitRepository, _: Kustomization) {}";
        for (path, text) in [
            ("crates/face/cli/src/a.rs", "use lode_api::Kustomization;"),
            (
                "crates/face/cli/src/a.rs",
                "// GitRepository\nconst A: &str = \"Kustomization\";",
            ),
            (
                "crates/face/cli/src/a.rs",
                "#[cfg(test)]\nmod tests { use lode_api::{GitRepository, Kustomization}; }",
            ),
            ("crates/face/cli/tests/a.rs", list),
            ("crates/control/kustomization/src/a.rs", list),
        ] {
            assert_eq!(
                findings(&[], &[(path, text)]),
                Vec::<String>::new(),
                "{text}"
            );
        }
    }

    #[test]
    fn the_page_lists_what_is_so_and_no_more_than_three_places() {
        let page =
            "text\n\n| place | what |\n|---|---|\n| `a.rs` | x |\n| `b.rs` | `y` |\n\n| `c.rs` |\n";
        assert_eq!(listed(page), ["a.rs", "b.rs"]);
        assert_eq!(findings(&["gone.rs"], &[]).len(), 1);
        assert_eq!(findings(&["a", "b", "c", "d"], &[]).len(), 5);
    }

    #[test]
    fn a_kind_is_known_in_every_spelling() {
        assert_eq!(
            forms("GitRepository"),
            ["GitRepository", "git_repository", "GIT_REPOSITORY"]
        );
        assert_eq!(forms("OCIRepository")[2], "OCIREPOSITORY");
    }
}
