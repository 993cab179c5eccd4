//! How dense functions are: comments, and long bodies without a break.

use crate::tidy::lexer;
use crate::tidy::source::SourceFile;

/// Lines from which a function counts as long.
const LONG: usize = 20;

/// The counts.
#[derive(Default)]
pub(super) struct Density {
    /// Lines of code.
    pub(super) code: usize,
    /// Lines that begin with `//` and are not documentation.
    pub(super) comments: usize,
    /// Functions of twenty lines or more.
    pub(super) long: usize,
    /// Those without a blank line or a comment: file, line and name.
    pub(super) unbroken: Vec<String>,
}

/// Counts the comments, and the long functions without a break.
pub(super) fn density(sources: &[SourceFile]) -> Density {
    let mut density = Density::default();
    for source in sources {
        let tests: Vec<bool> = source
            .code
            .lines()
            .zip(source.product.lines())
            .map(|(code, product)| code != product)
            .collect();
        let mut is_in_tests = false;
        for ((line, product), is_test) in source.text.lines().zip(source.product.lines()).zip(tests)
        {
            // Test items come last in a file, so comments after the first of them belong to tests.
            is_in_tests |= is_test;
            let line = line.trim_start();
            let is_doc = line.starts_with("///") || line.starts_with("//!");
            density.comments += usize::from(line.starts_with("//") && !is_doc && !is_in_tests);
            density.code += usize::from(!product.trim().is_empty());
        }
        for (line, name, body) in bodies(source) {
            let lines: Vec<&str> = body.lines().collect();
            if lines.len() < LONG {
                continue;
            }
            density.long += 1;
            let breaks = |line: &&str| line.trim().is_empty() || line.trim().starts_with("//");
            if !lines.iter().any(breaks) {
                let place = format!("{}:{line} {name} ({} lines)", source.path, lines.len());
                density.unbroken.push(place);
            }
        }
    }
    density
}

/// Returns line, name and text of each function with a body, from `fn` to its closing brace.
fn bodies(source: &SourceFile) -> Vec<(usize, &str, &str)> {
    let code = &source.product;
    let mut found = Vec::new();
    for start in lexer::words(code, "fn") {
        let rest = &code[start + 2..];
        let name = rest.trim_start();
        let length = name
            .bytes()
            .take_while(|byte| lexer::is_name(*byte))
            .count();
        let Some(open) = opening(code, start).filter(|_| length > 0) else {
            continue;
        };
        let end = lexer::after_closing(code, open);
        let line = lexer::line(code, start);
        found.push((line, &name[..length], &source.text[start..end]));
    }
    found
}

/// Returns where the body of the function declared at `start` begins; nothing if it has none.
fn opening(code: &str, start: usize) -> Option<usize> {
    let mut at = start;
    while at < code.len() {
        match code.as_bytes()[at] {
            b'{' => return Some(at),
            b';' => return None,
            b'(' | b'[' => at = lexer::after_closing(code, at),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_function_is_broken_by_a_blank_line_or_a_comment() {
        let body = |middle: &str| {
            let line = "    call();\n";
            format!("{}{middle}{}}}\n", line.repeat(10), line.repeat(10))
        };
        let text = format!(
            "// Why.\n//! Page.\ntype A = fn(u8);\nfn unbroken(list: [u8; 2]) {{\n{}fn blank() {{\n{}fn said() {{\n{}fn short() {{\n    call();\n}}\n\
             #[cfg(test)]\nmod tests {{\n    // Not counted.\n    fn long() {{\n{}}}\n",
            body(""),
            body("\n"),
            body("    // Why.\n"),
            body("")
        );
        let density = density(&[SourceFile::new("a.rs", text)]);
        assert_eq!(density.comments, 2);
        assert_eq!(density.long, 3);
        assert_eq!(density.unbroken, ["a.rs:4 unbroken (22 lines)"]);
    }
}
