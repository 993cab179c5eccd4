//! [`Pattern`]: regular expressions as Kubernetes reads them (RE2, as in Go), on the regex engine
//! used here.
//!
//! The engines agree on features and on linear time, and differ in syntax: classes like `\d` are
//! ASCII here, a brace that opens no repetition stands for itself, and `\<` is not a boundary.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, OnceLock},
};

use lode_stdx::Lock;
use regex::{Regex, RegexBuilder};

/// A regular expression, compiled on first use.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: Box<str>,
    /// `None` inside if it exceeds the bound.
    compiled: OnceLock<Option<Regex>>,
}

/// The text is not a regular expression, or is too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

impl Pattern {
    /// Returns an unchecked pattern: a malformed one matches nothing.
    #[must_use]
    pub fn unchecked(text: &str) -> Self {
        Self {
            text: text.into(),
            compiled: OnceLock::new(),
        }
    }

    /// Returns a checked pattern.
    ///
    /// # Errors
    /// It is malformed, or too large.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let compiled = compile(text)?;
        Ok(Self {
            text: text.into(),
            compiled: OnceLock::from(Some(compiled)),
        })
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether it matches somewhere in a text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled().is_some_and(|regex| regex.is_match(text))
    }

    fn compiled(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| compile(&self.text).ok())
            .as_ref()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Compiles an RE2 expression.
pub(crate) fn compile(text: &str) -> Result<Regex, PatternError> {
    if text.len() > PATTERN_BYTES_MAX {
        return Err(PatternError(format!(
            "longer than {PATTERN_BYTES_MAX} bytes"
        )));
    }
    let regex = RegexBuilder::new(&respell(text))
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(CACHE_BYTES_MAX)
        .build();
    regex.map_err(|error| {
        PatternError(
            error
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .to_owned(),
        )
    })
}

/// Returns a compiled RE2 expression from a cache; compiling is expensive, and the same expressions
/// are used repeatedly.
pub(crate) fn cached(text: &str) -> Result<Arc<Regex>, PatternError> {
    let mut cache = CACHE.lock();
    if let Some(found) = cache.get(text) {
        return found.clone();
    }
    if cache.len() >= CACHED_MAX {
        cache.clear();
    }
    let compiled = compile(text).map(Arc::new);
    cache.insert(text.into(), compiled.clone());
    compiled
}

/// A compiled expression, or the error.
type CompiledRegex = Result<Arc<Regex>, PatternError>;

static CACHE: LazyLock<Lock<HashMap<Box<str>, CompiledRegex>>> = LazyLock::new(Lock::default);
/// Size of the cache.
const CACHED_MAX: usize = 64;

/// Translates RE2 syntax to that of the engine.
fn respell(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut class = Class::Outside;

    while let Some(first) = rest.chars().next() {
        let (taken, next) = match (class, first) {
            (_, '\\') => (
                escape(rest, class != Class::Outside, &mut out),
                class.inner(),
            ),
            (Class::Outside, '[') => {
                let taken = if rest.starts_with("[^") { 2 } else { 1 };
                out.push_str(&rest[..taken]);
                (taken, Class::Opened)
            }
            (Class::Outside, '{') if !repeats(rest) => {
                out.push_str("\\{");
                (1, class)
            }
            (Class::Outside, _) => {
                out.push(first);
                (first.len_utf8(), class)
            }
            (Class::Inside, ']') => {
                out.push(']');
                (1, Class::Outside)
            }
            _ => (member(rest, first, &mut out), Class::Inside),
        };
        class = next;
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

/// The state of the reader of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Not in brackets.
    Outside,
    /// After the opening bracket, where a closing one stands for itself.
    Opened,
    /// In brackets.
    Inside,
}

impl Class {
    /// Returns the state after one member.
    fn inner(self) -> Self {
        if self == Self::Outside {
            self
        } else {
            Self::Inside
        }
    }
}

/// Writes one member of a class; returns the number of bytes read.
fn member(rest: &str, first: char, out: &mut String) -> usize {
    if rest.starts_with("[:")
        && let Some(end) = rest.find(":]")
        && rest
            .get(2..end)
            .is_some_and(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '^'))
    {
        out.push_str(&rest[..end + 2]);
        return end + 2;
    }
    if matches!(first, '[' | ']' | '&' | '~') {
        out.push('\\');
    }
    out.push(first);
    first.len_utf8()
}

/// Writes an escape sequence; returns the number of bytes read.
fn escape(rest: &str, in_class: bool, out: &mut String) -> usize {
    let Some(letter) = rest.chars().nth(1) else {
        out.push('\\');
        return 1;
    };

    let ascii = match (letter, in_class) {
        ('d', false) => "[0-9]",
        ('d', true) => "0-9",
        ('D', _) => "[^0-9]",
        ('w', false) => "[0-9A-Za-z_]",
        ('w', true) => "0-9A-Za-z_",
        ('W', _) => "[^0-9A-Za-z_]",
        ('s', false) => "[\\t\\n\\f\\r ]",
        ('s', true) => "\\t\\n\\f\\r ",
        ('S', _) => "[^\\t\\n\\f\\r ]",
        ('b', false) => "(?-u:\\b)",
        ('<', _) => "<",
        ('>', _) => ">",
        ('Q', false) => return literal(rest, out),
        _ => {
            out.push('\\');
            out.push(letter);
            return 1 + letter.len_utf8();
        }
    };
    out.push_str(ascii);
    2
}

/// Writes `\Q…\E`; returns the number of bytes read.
fn literal(rest: &str, out: &mut String) -> usize {
    let text = &rest[2..];
    let end = text.find("\\E");
    out.push_str(&regex::escape(&text[..end.unwrap_or(text.len())]));
    end.map_or(rest.len(), |end| end + 4)
}

/// Returns whether a brace opens a repetition: `{1}`, `{1,}`, `{1,2}`.
fn repeats(rest: &str) -> bool {
    let Some((within, _)) = rest[1..].split_once('}') else {
        return false;
    };
    let (least, most) = within.split_once(',').unwrap_or((within, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

/// Longest text; those of real definitions have hundreds of bytes.
const PATTERN_BYTES_MAX: usize = 16 << 10;
/// Largest compiled pattern in bytes.
const COMPILED_BYTES_MAX: usize = 1 << 20;
/// Memory of a pattern while it matches.
const CACHE_BYTES_MAX: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).unwrap().is_match(text)
    }

    #[test]
    fn classes_are_of_ascii() {
        assert!(matches(r"^\d+$", "12") && !matches(r"^\d+$", "١٢"));
        assert!(matches(r"^[\w.-]+$", "a_b.c-d") && !matches(r"^\w$", "é"));
        assert!(matches(r"^[^\s/]+$", "ab") && !matches(r"^[^\s/]+$", "a b"));
        assert!(matches(r"^\S+$", "é") && matches(r"\bx\b", "a x b"));
        assert!(matches(r"^[\D]$", "a") && !matches(r"^[\D]$", "1"));
    }

    #[test]
    fn brackets_that_open_nothing_stand_for_themselves() {
        assert!(matches(r"^{a}$", "{a}") && matches(r"^a{,2}$", "a{,2}"));
        assert!(matches(r"^[[a]$", "[") && matches(r"^[]a]+$", "]a") && matches(r"^[^]a]$", "b"));
        assert!(
            matches(r"^[a&&b]+$", "a&b")
                && matches(r"^[[:alpha:]]+$", "ab")
                && matches(r"^a{2,3}$", "aaa")
        );
        assert!(
            matches(r"^\Qa.b\E$", "a.b")
                && !matches(r"^\Qa.b\E$", "axb")
                && matches(r"^\<a\>$", "<a>")
        );
    }

    #[test]
    fn no_text_breaks_the_reader() {
        const PARTS: [&str; 20] = [
            "[", "]", "[:", ":]", "[^", "\\", "{", "}", "1", ",", "a", "é", "-", "&&", "\\Q",
            "\\E", "(", ")", "*", "d",
        ];
        let mut state = 7_u32;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..8 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push_str(PARTS[(state >> 16) as usize % PARTS.len()]);
            }
            drop(respell(&text));
        }
        assert!(Pattern::new("[:]").unwrap().is_match(":"));
    }

    #[test]
    fn what_is_no_pattern_is_refused_and_matches_nothing() {
        for text in ["(", ")", "[a", r"\", r"(?=a)", "a{2000000}", r"\1"] {
            assert!(Pattern::new(text).is_err(), "{text}");
            assert!(!Pattern::unchecked(text).is_match("a"), "{text}");
        }
        assert!(Pattern::new(&"a".repeat(20_000)).is_err());
        assert!(Pattern::new("((a{100}){100}){100}").is_err());
    }
}
