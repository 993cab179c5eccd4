//! The patterns of `.Files.Glob`.
//!
//! `*` matches within a folder, `**` across folders, `?` one character, `[abc]`, `[a-z]` and
//! `[!a-z]` one of some characters, `{a,b}` one of some patterns. A malformed pattern matches
//! everything, as in Helm.

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

/// Largest compiled pattern.
const PATTERN_MAX: usize = 1 << 20;

/// Why a pattern cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Compiles a pattern; nothing if it is malformed.
pub(super) fn compile(pattern: &str) -> Result<Option<Regex>, TooLarge> {
    let mut translation = Translation {
        letters: pattern.chars().peekable(),
        expression: "(?s)^(?:".to_owned(),
        level: 0,
    };
    if translation.run().is_none() {
        return Ok(None);
    }
    let expression = translation.expression + &")".repeat(translation.level) + ")$";
    let compiled = RegexBuilder::new(&expression)
        .size_limit(PATTERN_MAX)
        .build();
    compiled.map(Some).map_err(|_| TooLarge)
}

struct Translation<'p> {
    letters: Peekable<Chars<'p>>,
    expression: String,
    /// How many `{` are open.
    level: usize,
}

impl Translation<'_> {
    fn run(&mut self) -> Option<()> {
        while let Some(letter) = self.letters.next() {
            match letter {
                '*' if self.letters.next_if_eq(&'*').is_some() => self.expression.push_str(".*"),
                '*' => self.expression.push_str("[^/]*"),
                '?' => self.expression.push_str("[^/]"),
                '[' => self.class()?,
                '{' => {
                    self.level += 1;
                    self.expression.push_str("(?:");
                }
                '}' if self.level > 0 => {
                    self.level -= 1;
                    self.expression.push(')');
                }
                ',' if self.level > 0 => self.expression.push('|'),
                // At the end it means nothing.
                '\\' => {
                    if let Some(escaped) = self.letters.next() {
                        self.literal(escaped);
                    }
                }
                letter => self.literal(letter),
            }
        }
        Some(())
    }

    fn literal(&mut self, letter: char) {
        let mut bytes = [0; 4];
        let escaped = regex::escape(letter.encode_utf8(&mut bytes));
        self.expression.push_str(&escaped);
    }

    /// Translates a class, after its `[`. Nothing if it is malformed: a class is one range or a list
    /// of characters.
    fn class(&mut self) -> Option<()> {
        let is_negated = self.letters.next_if_eq(&'!').is_some();
        self.expression
            .push_str(if is_negated { "[^" } else { "[" });
        let first = *self.letters.peek()?;
        let mut ahead = self.letters.clone();
        ahead.next();
        if ahead.next() == Some('-') {
            self.letters = ahead;
            self.range(first)?;
        } else {
            self.list()?;
        }
        self.expression.push(']');
        Some(())
    }

    fn range(&mut self, low: char) -> Option<()> {
        let high = self.letters.next()?;
        if high < low || self.letters.next()? != ']' {
            return None;
        }
        self.literal(low);
        self.expression.push('-');
        self.literal(high);
        Some(())
    }

    fn list(&mut self) -> Option<()> {
        let mut is_empty = true;
        loop {
            match self.letters.next()? {
                ']' if is_empty => return None,
                ']' => return Some(()),
                '\\' => {
                    let escaped = self.letters.next()?;
                    self.literal(escaped);
                }
                letter => self.literal(letter),
            }
            is_empty = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_helm() {
        for (pattern, yes, no) in [
            ("a.txt", "a.txt", "aXtxt a/a.txt"),
            ("*", "a.txt", "a/b"),
            ("**", "a a/b/c", ""),
            ("conf/*", "conf/a", "conf/a/b conf"),
            ("conf/**", "conf/a conf/a/b", "conf"),
            ("**/*.yaml", "a/b.yaml a/b/c.yaml", "b.yaml a/b.yml"),
            ("**.yaml", "b.yaml a/b.yaml", "a.yml"),
            ("?.txt", "a.txt", "ab.txt /.txt"),
            ("[ab].txt", "a.txt b.txt", "c.txt"),
            ("[a-c].txt", "a.txt c.txt", "d.txt -.txt"),
            ("[!a-c].txt", "d.txt", "a.txt"),
            ("[!ab]", "c", "a"),
            ("{a,b/*}.{txt,md}", "a.txt b/x.md", "b.txt"),
            ("{a,{b,c}d}", "a bd cd", "b"),
            ("a,b}", "a,b}", "a"),
            ("\\*", "*", "a"),
            ("a+(b)", "a+(b)", "aab"),
        ] {
            let compiled = compile(pattern).unwrap().unwrap();
            for name in yes.split_whitespace() {
                assert!(compiled.is_match(name), "{name} matches {pattern}");
            }
            for name in no.split_whitespace() {
                assert!(!compiled.is_match(name), "{name} does not match {pattern}");
            }
        }
    }

    #[test]
    fn malformed_patterns_are_known() {
        for pattern in ["[", "[a", "[]", "[!]", "[a-zA-Z]", "[z-a]", "[a-"] {
            assert_eq!(
                compile(pattern).unwrap().map(|regex| regex.to_string()),
                None,
                "{pattern}"
            );
        }
        assert!(compile(&"{".repeat(10_000)).is_err());
    }
}
