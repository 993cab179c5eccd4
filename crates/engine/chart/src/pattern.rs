//! Go's `filepath.Match`, for `.helmignore` and `--show-only`.
//!
//! `*` and `?` do not match `/`, `[a-z]` and `[^a-z]` match one character of any kind, and `\`
//! takes away the meaning of the next character. A pattern matches the whole name.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    tokens: Vec<PatternToken>,
}

/// A text that is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct BadPattern;

#[derive(Debug, Clone, PartialEq, Eq)]
enum PatternToken {
    /// Any number of characters but `/`.
    Star,
    /// One character but `/`.
    Any,
    One(char),
    Class {
        is_negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A class is not closed or empty, or the text ends with `\`.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let mut tokens = Vec::new();
        let mut letters = Letters(text.chars());
        while let Some(letter) = letters.0.next() {
            let token = match letter {
                '*' => PatternToken::Star,
                '?' => PatternToken::Any,
                '[' => class(&mut letters)?,
                '\\' => PatternToken::One(letters.0.next().ok_or(BadPattern)?),
                letter => PatternToken::One(letter),
            };
            // Several stars mean one; keeping them would only cost time.
            if token != PatternToken::Star || tokens.last() != Some(&PatternToken::Star) {
                tokens.push(token);
            }
        }
        Ok(Self { tokens })
    }

    /// Returns the number of tokens, for the cost of a match.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Returns whether the whole name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut rest = name.chars();
        let mut at = 0;
        // Where to continue if a later token does not match: after the last star, one character
        // further on.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            match self.tokens.get(at) {
                Some(PatternToken::Star) => {
                    at += 1;
                    retry = Some((at, rest.clone()));
                    continue;
                }
                Some(token) if rest.next().is_some_and(|letter| token.matches(letter)) => {
                    at += 1;
                    continue;
                }
                None if rest.as_str().is_empty() => return true,
                _ => {}
            }

            let Some((after_star, from)) = &mut retry else {
                return false;
            };
            if from.next().is_none_or(|letter| letter == '/') {
                return false;
            }
            (at, rest) = (*after_star, from.clone());
        }
    }
}

impl PatternToken {
    fn matches(&self, letter: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => letter != '/',
            Self::One(one) => *one == letter,
            Self::Class { is_negated, ranges } => {
                ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&letter))
                    != *is_negated
            }
        }
    }
}

struct Letters<'t>(std::str::Chars<'t>);

impl Letters<'_> {
    fn take(&mut self, letter: char) -> bool {
        let is_next = self.0.as_str().starts_with(letter);
        if is_next {
            self.0.next();
        }
        is_next
    }

    /// Reads one end of a range.
    fn end(&mut self) -> Result<char, BadPattern> {
        match self.0.next().ok_or(BadPattern)? {
            '-' | ']' => Err(BadPattern),
            '\\' => self.0.next().ok_or(BadPattern),
            letter => Ok(letter),
        }
    }
}

/// Reads a class, after its `[`.
fn class(letters: &mut Letters<'_>) -> Result<PatternToken, BadPattern> {
    let is_negated = letters.take('^');
    let mut ranges = Vec::new();
    while ranges.is_empty() || !letters.take(']') {
        let low = letters.end()?;
        let high = if letters.take('-') {
            letters.end()?
        } else {
            low
        };
        ranges.push((low, high));
    }
    Ok(PatternToken::Class { is_negated, ranges })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        for (pattern, yes, no) in [
            ("abc", "abc", "ab abcd"),
            ("*", "abc", "a/b"),
            ("*c", "abc c", "ab"),
            ("a*/b", "a/b abc/b", "a/c/b"),
            (
                "a*b*c*d*e*/f",
                "axbxcxdxe/f axbxcxdxexxx/f",
                "axbxcxdxe/xxx/f",
            ),
            ("a*b?c*x", "abxbbxdbxebxczzx", "abxbbxdbxebxczzy"),
            ("ab[c]", "abc", "abd"),
            ("ab[b-d]", "abc", "abe"),
            ("ab[^e-g]", "abc ab/", "abe"),
            ("a\\*b", "a*b", "ab"),
            ("a?b", "aüb", "a/b ab"),
            ("[\\]a]", "] a", "b"),
            ("*x", "xxx", ""),
            (
                "templates/.?*",
                "templates/.git",
                "templates/. templates/a templates/.a/b",
            ),
        ] {
            let parsed = PathPattern::parse(pattern).unwrap();
            for name in yes.split(' ').filter(|name| !name.is_empty()) {
                assert!(parsed.matches(name), "{name} matches {pattern}");
            }
            for name in no.split(' ').filter(|name| !name.is_empty()) {
                assert!(!parsed.matches(name), "{name} does not match {pattern}");
            }
        }
    }

    #[test]
    fn bad_patterns_are_refused() {
        for text in [
            "[", "[]", "[^", "[a", "[-]", "[x-]", "[-x]", "[a-b-c]", "a[", "\\", "[]a]",
        ] {
            assert_eq!(PathPattern::parse(text), Err(BadPattern), "{text}");
        }
    }

    #[test]
    fn stars_cost_no_more_than_the_product_of_the_lengths() {
        let pattern = PathPattern::parse(&"*a".repeat(100)).unwrap();
        assert!(!pattern.matches(&("a".repeat(4_000) + "b")));
    }
}
