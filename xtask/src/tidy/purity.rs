//! Gate: the code of model and engine reads no file, no environment, no clock and no network.
//!
//! [`super::layers`] checks their manifests.

use super::lexer;
use super::source::SourceFile;

/// Modules of the standard library that reach outside.
const MODULES: [&str; 4] = ["fs", "env", "net", "process"];
/// Calls that read the clock or wait.
const CALLS: [&str; 5] = [
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "thread::sleep",
];

pub(super) fn check(source: &SourceFile) -> Vec<String> {
    let pure =
        source.path.starts_with("crates/model/") || source.path.starts_with("crates/engine/");
    if !pure || source.is_test() {
        return Vec::new();
    }
    let code = &source.product;
    let mut findings = Vec::new();
    let named = MODULES.map(|module| format!("std::{module}"));
    for word in named.iter().map(String::as_str).chain(CALLS) {
        findings.extend(lexer::words(code, word).map(|offset| impure(source, offset, word)));
    }
    for (offset, opening) in code.match_indices("std::{") {
        let end = lexer::after_closing(code, offset + opening.len() - 1);
        let group = &code[offset..end];
        for module in MODULES {
            findings.extend(
                lexer::words(group, module).map(|within| impure(source, offset + within, module)),
            );
        }
    }
    findings
}

fn impure(source: &SourceFile, offset: usize, what: &str) -> String {
    source.finding(
        offset,
        &format!("{what} reaches outside, and this wing is pure: take it as an argument"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(&SourceFile::new(path, text.to_owned())).len()
    }

    #[test]
    fn files_clock_and_network_are_found_in_the_pure_wings_only() {
        let text = "use std::fs;\nuse std::{collections::BTreeMap, net::{IpAddr}};\nfn a() { Instant::now(); }";
        assert_eq!(findings("crates/engine/a/src/a.rs", text), 3);
        assert_eq!(findings("crates/model/a/src/a.rs", text), 3);
        assert_eq!(findings("crates/world/a/src/a.rs", text), 0);
    }

    #[test]
    fn tests_and_comments_may_name_them() {
        let text = "// std::fs\nuse std::fmt;\n#[cfg(test)]\nmod tests { use std::fs; }";
        assert_eq!(findings("crates/engine/a/src/a.rs", text), 0);
        assert_eq!(findings("crates/engine/a/tests/a.rs", "use std::fs;"), 0);
    }
}
