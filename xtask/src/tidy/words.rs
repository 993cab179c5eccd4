//! Gate: every file says what it is for, and holds nothing that was only meant for a while.

use std::path::Path;

use super::lexer::{self, PieceKind};
use super::source::SourceFile;

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
/// Phrases that comments and pages do without, and what to write instead.
const PHRASES: [(&str, &str); 7] = [
    ("tells whether", "returns whether"),
    ("is told", "is reported, is shown"),
    ("are told", "are reported, are shown"),
    ("is no more", "no longer exists, is gone"),
    ("let be", "left unchanged, skipped"),
    ("anew", "again, from the start"),
    ("of late", "recently"),
];

pub(super) fn check(source: &SourceFile) -> Vec<String> {
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
    let comments = lexer::only(&source.text, PieceKind::Comment);
    for mark in MARKS {
        let places = comments.match_indices(mark);
        findings.extend(
            places.map(|(offset, _)| source.finding(offset, &format!("{mark} is work left over"))),
        );
    }
    findings.extend(phrases(&comments).map(|(offset, what)| source.finding(offset, &what)));
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

/// Checks the phrases of a Markdown page; code in it is not checked.
pub(super) fn check_page(path: &Path, text: &str) -> Vec<String> {
    let mut prose = String::new();
    let mut is_code = false;
    for line in text.split_inclusive('\n') {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        // Every other part of a line stands between backticks.
        for (number, part) in line.split('`').enumerate() {
            if number > 0 {
                prose.push(' ');
            }
            if is_code || is_fence || number % 2 == 1 {
                let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
                prose.extend(part.chars().map(blank));
            } else {
                prose.push_str(part);
            }
        }
    }
    phrases(&prose)
        .map(|(offset, what)| format!("{}:{}: {what}", path.display(), lexer::line(&prose, offset)))
        .collect()
}

/// Finds phrases, also over the ends of lines, and says what to write instead.
fn phrases(text: &str) -> impl Iterator<Item = (usize, String)> {
    let words: Vec<(usize, String)> = text
        .split_whitespace()
        .filter(|word| !matches!(*word, "//" | "///" | "//!"))
        .map(|word| {
            let offset = word.as_ptr().addr() - text.as_ptr().addr();
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
            (offset, bare.to_lowercase())
        })
        .collect();
    let mut found = Vec::new();
    for (phrase, instead) in PHRASES {
        let length = phrase.split(' ').count();
        for window in words.windows(length) {
            if window
                .iter()
                .map(|(_, word)| word.as_str())
                .eq(phrase.split(' '))
            {
                found.push((
                    window[0].0,
                    format!("\"{phrase}\": write for instance {instead}"),
                ));
            }
        }
    }
    found.into_iter()
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
        check(&SourceFile::new("a.rs", text.to_owned()))
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
    fn every_phrase_is_found_in_comments_and_pages() {
        for (phrase, _) in PHRASES {
            let (first, rest) = phrase.split_once(' ').unwrap_or((phrase, ""));
            let text = format!("//! Page.\n// It\n// {first}\n/// {rest}.\nfn a() {{}}\n");
            assert_eq!(findings(&text).len(), 1, "{text}");
            assert!(findings(&text)[0].starts_with("a.rs:3: "), "{text}");
            let page = format!("# Page\n\nIt {first}\n{rest}, `{phrase}`.\n\n```\n{phrase}\n```\n");
            let found = check_page(Path::new("a.md"), &page);
            assert_eq!(found.len(), 1, "{page}: {found:?}");
            assert!(found[0].starts_with("a.md:3: "), "{found:?}");
        }
        let banned = [
            "Tells whether",
            "is told",
            "are told",
            "is no more",
            "let be",
            "anew",
            "of late",
        ];
        for phrase in banned {
            let text = format!("//! Page.\n/// {phrase}\nfn a() {{ let be = \"{phrase}\"; }}\n");
            assert_eq!(findings(&text).len(), 1, "{phrase}");
        }
    }

    #[test]
    fn a_file_without_a_page_is_found() {
        assert_eq!(
            findings("fn a() {}"),
            ["a.rs:1: does not open with a //! page"]
        );
    }
}
