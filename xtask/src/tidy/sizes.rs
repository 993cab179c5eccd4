//! Gate: functions and files stay small enough to read at once.
//!
//! A function is measured in statements, so that blank lines and comments cost nothing. What
//! exceeds its bound must be listed in [`RATCHET`] with its size and the reason. The list is a
//! ratchet: a listed item may shrink, and then its line must follow, but it may never grow.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::source::SourceFile;
use super::statements::functions;

/// The list of exceptions: `path:lines  # why` or `path:function:statements  # why`.
pub(super) const RATCHET: &str = "xtask/ratchet.txt";
/// Lines of a file, without its inline tests.
const FILE_MAX: usize = 800;
/// Statements of a function, including those of its blocks and closures and the arms of its
/// matches; tests may be as long as their data.
const FUNCTION_MAX: usize = 30;

pub(super) fn check(sources: &[SourceFile], ratchet: &str) -> Result<Vec<String>> {
    let mut over = BTreeMap::new();
    for source in sources {
        let lines = source.text.lines().count() - source.test_lines;
        if lines > FILE_MAX {
            over.insert(source.path.clone(), lines);
        }
        if source.is_test() {
            continue;
        }
        let found = functions(&source.text).with_context(|| format!("parse {}", source.path))?;
        for (name, statements) in found
            .into_iter()
            .filter(|(_, statements)| *statements > FUNCTION_MAX)
        {
            let longest = over.entry(format!("{}:{name}", source.path)).or_insert(0);
            *longest = statements.max(*longest);
        }
    }
    Ok(compare(&over, ratchet))
}

fn compare(over: &BTreeMap<String, usize>, ratchet: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut listed = BTreeMap::new();
    for (number, line) in ratchet
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
    {
        match entry(line) {
            Some((what, lines)) => _ = listed.insert(what, lines),
            None => findings.push(format!(
                "{RATCHET}:{}: is not `path[:function]:size  # why`",
                number + 1
            )),
        }
    }
    for (what, size) in over {
        let unit = if is_function(what) {
            "statements"
        } else {
            "lines"
        };
        match listed.remove(what.as_str()) {
            None => findings.push(format!("{what}: {size} {unit}; {}", bound(what))),
            Some(allowed) if *size > allowed => {
                findings.push(format!(
                    "{what}: grew from {allowed} to {size} {unit}; {}",
                    bound(what)
                ));
            }
            Some(allowed) if *size < allowed => {
                findings.push(format!(
                    "{what}: shrank to {size} {unit}: lower its {allowed} in {RATCHET}"
                ));
            }
            Some(_) => {}
        }
    }
    findings.extend(
        listed
            .keys()
            .map(|what| format!("{what}: is small enough now: take it out of {RATCHET}")),
    );
    findings
}

fn entry(line: &str) -> Option<(&str, usize)> {
    let (entry, why) = line.split_once('#')?;
    let (what, lines) = entry.trim().rsplit_once(':')?;
    Some((what, lines.parse().ok()?)).filter(|_| !why.trim().is_empty())
}

fn is_function(what: &str) -> bool {
    what.contains(':')
}

fn bound(what: &str) -> String {
    if is_function(what) {
        format!("a function has {FUNCTION_MAX} at most")
    } else {
        format!("a file has {FILE_MAX} at most")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, body: usize) -> SourceFile {
        let text = format!(
            "//! Page.\nfn long() {{\n{}}}\nfn short() {{}}\n",
            "    call();\n".repeat(body)
        );
        SourceFile::new(path, text)
    }

    fn found(sources: &[SourceFile], ratchet: &str) -> Vec<String> {
        check(sources, ratchet).unwrap()
    }

    #[test]
    fn a_long_function_is_found_unless_listed() {
        let sources = [source("a.rs", 80)];
        let long = format!("a.rs:long: 80 statements; a function has {FUNCTION_MAX} at most");
        assert_eq!(found(&sources, ""), [long]);
        assert_eq!(
            found(&sources, "a.rs:long:80  # one table\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn the_ratchet_turns_one_way() {
        let sources = [source("a.rs", 80)];
        assert!(found(&sources, "a.rs:long:79  # one table")[0].contains("grew from 79 to 80"));
        assert!(found(&sources, "a.rs:long:90  # one table")[0].contains("shrank to 80"));
        assert!(found(&sources[..0], "a.rs:long:80  # one table")[0].contains("small enough now"));
        assert!(found(&sources[..0], "a.rs:long:80")[0].contains("is not `path"));
    }

    #[test]
    fn a_file_counts_without_its_tests() {
        let tests = format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n",
            "// line\n".repeat(900)
        );
        assert_eq!(
            found(&[SourceFile::new("a.rs", tests)], ""),
            Vec::<String>::new()
        );
        let long = SourceFile::new("a.rs", "// line\n".repeat(801));
        assert_eq!(
            found(&[long], ""),
            ["a.rs: 801 lines; a file has 800 at most"]
        );
    }

    #[test]
    fn a_long_test_is_no_finding() {
        assert_eq!(
            found(&[source("a/tests/a.rs", 80)], ""),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_file_that_cannot_be_parsed_is_named() {
        let error = check(&[SourceFile::new("a.rs", "fn (".to_owned())], "").unwrap_err();
        assert!(error.to_string().contains("parse a.rs"), "{error:#}");
    }
}
