//! Gate: every file says what it is for, and holds nothing that was only meant for a while.

use super::lexer::{self, Kind};
use super::source::Source;

/// Code that may not be committed, and why.
const BANNED: [(&str, &str); 5] = [
    ("dbg!", "is for debugging"),
    ("todo!", "stands for what is not built"),
    ("unimplemented!", "stands for what is not built"),
    ("#[ignore", "hides a test"),
    (
        "allow(",
        "hides a lint: use #[expect(lint, reason = \"...\")]",
    ),
];
/// Marks in comments for work left over; spelled in two parts so that this file has none.
const MARKS: [&str; 2] = [concat!("FIX", "ME"), concat!("XX", "X")];

pub(super) fn check(source: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    if !source.text.starts_with("//!") {
        findings.push(source.finding(0, "does not open with a //! page"));
    }
    for (word, why) in BANNED {
        let places = source
            .code
            .match_indices(word)
            .filter(|(offset, _)| stands_alone(&source.code, *offset, word));
        findings.extend(places.map(|(offset, _)| source.finding(offset, &format!("{word} {why}"))));
    }
    let comments = lexer::only(&source.text, Kind::Comment);
    for mark in MARKS {
        let places = comments.match_indices(mark);
        findings.extend(
            places.map(|(offset, _)| source.finding(offset, &format!("{mark} is work left over"))),
        );
    }
    for (offset, _) in source.code.match_indices("[expect(") {
        let end = lexer::after_closing(&source.code, offset);
        if lexer::words(&source.code[offset..end], "reason")
            .next()
            .is_none()
        {
            findings.push(source.finding(offset, "#[expect] without a reason"));
        }
    }
    findings
}

/// Not a part of a longer name; and a lint attribute, where the word is one.
fn stands_alone(code: &str, offset: usize, word: &str) -> bool {
    let before = &code[..offset];
    match word {
        "allow(" => before.ends_with("#[") || before.ends_with("#!["),
        _ => !before.bytes().next_back().is_some_and(lexer::is_name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        check(&Source::new("a.rs", text.to_owned()))
    }

    #[test]
    fn a_clean_file_has_no_finding() {
        let text = "//! A page with dbg! in it.\n#[expect(dead_code, reason = \"x\")]\nfn a() { allow(\"todo!()\") }\n";
        assert_eq!(findings(text), Vec::<String>::new());
    }

    #[test]
    fn what_was_meant_for_a_while_is_found() {
        let text = [
            "//! Page.",
            "#[allow(x)]",
            "fn a() { dbg!(1) }",
            "#[expect(x)]",
        ]
        .join("\n");
        let text = format!("{text}\n// {}: later\n", MARKS[0]);
        let found = findings(&text);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(
            found.iter().any(|f| f.starts_with("a.rs:2: "))
                && found.iter().any(|f| f.starts_with("a.rs:5: "))
        );
    }

    #[test]
    fn a_file_without_a_page_is_found() {
        assert_eq!(
            findings("fn a() {}"),
            ["a.rs:1: does not open with a //! page"]
        );
    }
}
