//! Gate: a crate's `lib.rs` is a table of contents, every file is part of its crate, and a crate
//! has one test binary.

use std::collections::{BTreeMap, BTreeSet};

use super::lexer;
use super::source::SourceFile;

pub(super) fn check(sources: &[SourceFile]) -> Vec<String> {
    let mut findings = Vec::new();
    let modules = declared_modules(sources);
    let mut suites: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in sources {
        if source.path.starts_with("crates/") && source.path.ends_with("/src/lib.rs") {
            findings.extend(first_logic(&source.product).map(|offset| {
                source.finding(
                    offset,
                    "lib.rs holds names and docs only: give this a file of its own",
                )
            }));
        }
        if !is_root(&source.path) && !is_declared(&source.path, &modules) {
            findings
                .push(source.finding(0, "is part of no crate: no file above it has its mod line"));
        }
        if let Some((home, file)) = source.path.split_once("/tests/")
            && (!file.contains('/') || file.ends_with("/main.rs") && file.matches('/').count() == 1)
        {
            suites.entry(home).or_default().push(file);
        }
    }
    for (home, files) in suites.into_iter().filter(|(_, files)| files.len() > 1) {
        findings.push(format!(
            "{home}: {} test binaries ({}): linking is slow, one is enough",
            files.len(),
            files.join(", ")
        ));
    }
    findings
}

/// Returns all `mod name;` lines, each as its file and the name.
fn declared_modules(sources: &[SourceFile]) -> BTreeSet<(String, String)> {
    let mut modules = BTreeSet::new();
    for source in sources {
        for at in lexer::words(&source.code, "mod") {
            let rest = source.code[at + "mod".len()..].trim_start();
            let end = rest
                .bytes()
                .position(|byte| !lexer::is_name(byte))
                .unwrap_or(rest.len());
            modules.insert((source.path.clone(), rest[..end].to_owned()));
        }
    }
    modules
}

/// Returns whether Cargo starts from this file.
fn is_root(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let (file, folder) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    matches!(file, "lib.rs" | "main.rs" | "build.rs")
        || matches!(folder, "bin" | "tests" | "benches" | "examples")
}

/// Returns whether a mod line makes this file part of a crate: in the root or `mod.rs` next to it,
/// or in the module above it.
fn is_declared(path: &str, modules: &BTreeSet<(String, String)>) -> bool {
    let path = path
        .strip_suffix("/mod.rs")
        .or_else(|| path.strip_suffix(".rs"))
        .unwrap_or(path);
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    modules
        .iter()
        .filter(|(_, module)| module == name)
        .any(|(parent, _)| {
            let (beside, file) = parent.rsplit_once('/').unwrap_or(("", parent));
            parent.strip_suffix(".rs") == Some(folder)
                || beside == folder && (file == "mod.rs" || is_root(parent))
        })
}

/// Returns where something other than `mod`, `use` or `type` begins, which only give names.
fn first_logic(code: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += code[at..].find(|letter: char| !letter.is_whitespace())?;
        let item = &code[at..];
        if item.starts_with('#') {
            at = lexer::after_closing(code, at + item.find('[')?);
            continue;
        }
        let item = item.strip_prefix("pub").unwrap_or(item).trim_start();
        let item = if item.starts_with('(') {
            item[lexer::after_closing(item, 0)..].trim_start()
        } else {
            item
        };
        if !["use ", "mod ", "type "]
            .iter()
            .any(|keyword| item.starts_with(keyword))
        {
            return Some(at);
        }
        let end = item.find(';').unwrap_or(item.len());
        if item.starts_with("mod ") && item[..end].contains('{') {
            return Some(at);
        }
        at = (code.len() - item.len() + end + 1).min(code.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<SourceFile> = files
            .iter()
            .map(|(path, text)| SourceFile::new(path, (*text).to_owned()))
            .collect();
        check(&sources)
    }

    #[test]
    fn a_table_of_contents_is_no_logic() {
        let text = "//! Page.\n#![warn(x)]\nmod a;\npub(crate) mod b;\n#[cfg(test)]\nmod tests { fn t() {} }\n\
                    pub use a::{b, c};\npub type E = c::D<u8>;\n#[doc(inline)]\npub use b::d;\n";
        assert_eq!(
            first_logic(&SourceFile::new("", text.to_owned()).product),
            None
        );
    }

    #[test]
    fn logic_in_lib_is_found() {
        for text in [
            "mod a;\nfn b() {}",
            "pub const A: u8 = 1;",
            "mod a { fn b() {} }",
            "use a::b;\npub struct B;",
        ] {
            let found = findings(&[
                ("crates/model/x/src/lib.rs", text),
                ("crates/model/x/src/a.rs", ""),
            ]);
            assert!(
                found.iter().any(|finding| finding.contains("lib.rs holds")),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn a_file_without_a_mod_line_is_found() {
        let files = [
            ("a/src/lib.rs", "mod b;"),
            ("a/src/b.rs", "mod c;"),
            ("a/src/b/c.rs", ""),
            ("a/src/b/d.rs", ""),
            ("a/tests/a.rs", "mod server;"),
            ("a/tests/server/mod.rs", ""),
        ];
        assert_eq!(
            findings(&files),
            ["a/src/b/d.rs:1: is part of no crate: no file above it has its mod line"]
        );
    }

    #[test]
    fn two_test_binaries_are_one_too_many() {
        let files = [
            ("a/tests/b.rs", ""),
            ("a/tests/c/main.rs", "mod d;"),
            ("a/tests/c/d.rs", ""),
        ];
        let found = findings(&files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("a: 2 test binaries (b.rs, c/main.rs)"));
    }
}
