//! Gate: functions and files stay small enough to read at once.
//!
//! What is over its bound must be listed in [`RATCHET`] with its size and the reason. The list is a ratchet: what it
//! names may shrink, and then its line must follow; it may never grow.

use std::collections::BTreeMap;

use super::lexer;
use super::source::Source;

/// The list of exceptions: `path:lines  # why` or `path:function:lines  # why`.
pub(super) const RATCHET: &str = "xtask/ratchet.txt";
/// Lines of a file, without its inline tests.
const FILE_MAX: usize = 800;
/// Lines of a function, from `fn` to its closing brace; tests may be as long as their data.
const FUNCTION_MAX: usize = 70;

pub(super) fn check(sources: &[Source], ratchet: &str) -> Vec<String> {
    let mut over = BTreeMap::new();
    for source in sources {
        let lines = source.text.lines().count() - source.test_lines;
        if lines > FILE_MAX {
            over.insert(source.path.clone(), lines);
        }
        if source.is_test() {
            continue;
        }
        for (name, lines) in functions(&source.product).into_iter().filter(|(_, lines)| *lines > FUNCTION_MAX) {
            let longest = over.entry(format!("{}:{name}", source.path)).or_insert(0);
            *longest = lines.max(*longest);
        }
    }
    compare(&over, ratchet)
}

fn compare(over: &BTreeMap<String, usize>, ratchet: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut listed = BTreeMap::new();
    for (number, line) in ratchet.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        match entry(line) {
            Some((what, lines)) => _ = listed.insert(what, lines),
            None => findings.push(format!("{RATCHET}:{}: is not `path[:function]:lines  # why`", number + 1)),
        }
    }
    for (what, lines) in over {
        match listed.remove(what.as_str()) {
            None => findings.push(format!("{what}: {lines} lines; {}", bound(what))),
            Some(allowed) if *lines > allowed => {
                findings.push(format!("{what}: grew from {allowed} to {lines} lines; {}", bound(what)));
            }
            Some(allowed) if *lines < allowed => {
                findings.push(format!("{what}: shrank to {lines} lines: lower its {allowed} in {RATCHET}"));
            }
            Some(_) => {}
        }
    }
    findings.extend(listed.keys().map(|what| format!("{what}: is small enough now: take it out of {RATCHET}")));
    findings
}

fn entry(line: &str) -> Option<(&str, usize)> {
    let (entry, why) = line.split_once('#')?;
    let (what, lines) = entry.trim().rsplit_once(':')?;
    Some((what, lines.parse().ok()?)).filter(|_| !why.trim().is_empty())
}

fn bound(what: &str) -> String {
    if what.contains(':') {
        format!("a function has {FUNCTION_MAX} at most")
    } else {
        format!("a file has {FILE_MAX} at most")
    }
}

/// Names and lengths of the functions that have a body.
fn functions(code: &str) -> Vec<(&str, usize)> {
    let found = lexer::words(code, "fn").filter_map(|at| {
        let rest = code[at + 2..].trim_start();
        let name_end = rest.bytes().position(|byte| !lexer::is_name(byte) && byte != b'#')?;
        let body = body(code, at)?;
        let lines = lexer::line(code, lexer::after_closing(code, body) - 1) - lexer::line(code, at) + 1;
        // A type such as `fn(u8)` has no name.
        (name_end > 0).then_some((&rest[..name_end], lines))
    });
    found.collect()
}

/// Where the body of the function at `start` opens; none when it is declared only.
fn body(code: &str, start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += code[at..].find(['{', ';', '(', '['])?;
        match code.as_bytes()[at] {
            b'{' => return Some(at),
            b';' => return None,
            _ => at = lexer::after_closing(code, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, body_lines: usize) -> Source {
        let text = format!("//! Page.\nfn long() {{\n{}}}\nfn short() {{}}\n", "    call();\n".repeat(body_lines));
        Source::new(path, text)
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let code = "
            trait T { fn declared(&self, x: [u8; 2]); }
            fn one() {}
            #[inline]
            fn with_where<F>(call: F) -> [u8; 3]
            where
                F: Fn(fn(u8) -> u8),
            {
                fn inner() {
                }
                if true { call() }
            }";
        assert_eq!(functions(code), [("one", 1), ("with_where", 8), ("inner", 2)]);
    }

    #[test]
    fn a_long_function_is_found_unless_listed() {
        let sources = [source("a.rs", 80)];
        assert_eq!(check(&sources, ""), ["a.rs:long: 82 lines; a function has 70 at most"]);
        assert_eq!(check(&sources, "a.rs:long:82  # one table\n"), Vec::<String>::new());
    }

    #[test]
    fn the_ratchet_turns_one_way() {
        let sources = [source("a.rs", 80)];
        assert!(check(&sources, "a.rs:long:81  # one table")[0].contains("grew from 81 to 82"));
        assert!(check(&sources, "a.rs:long:90  # one table")[0].contains("shrank to 82"));
        assert!(check(&sources[..0], "a.rs:long:82  # one table")[0].contains("small enough now"));
        assert!(check(&sources[..0], "a.rs:long:82")[0].contains("is not `path"));
    }

    #[test]
    fn a_file_counts_without_its_tests() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// line\n".repeat(900));
        assert_eq!(check(&[Source::new("a.rs", tests)], ""), Vec::<String>::new());
        let long = Source::new("a.rs", "// line\n".repeat(801));
        assert_eq!(check(&[long], ""), ["a.rs: 801 lines; a file has 800 at most"]);
    }

    #[test]
    fn a_long_test_is_no_finding() {
        assert_eq!(check(&[source("a/tests/a.rs", 80)], ""), Vec::<String>::new());
    }
}
