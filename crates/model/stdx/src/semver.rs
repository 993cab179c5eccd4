//! Semantic versions, and the ranges that select among them.
//!
//! Input: the text of a tag or chart version, and a range such as `>=1.2 <2`, `^1.4.0`, `~2.1`,
//! `1.x`, `1.2 - 1.4` or `1.0.0 || ^2`. Output: an ordering, and whether a version is in a range. A
//! pre-release is only in a range that names one itself.
//!
//! Left out: increments, and ranges over build metadata (which does not affect the order).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Longest version or range read, in bytes.
const TEXT_MAX: usize = 256;

/// A version: three numbers with optional pre-release and build metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The first number: changes with breaking changes.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    /// What follows `-`, or nothing.
    pub pre: Box<str>,
    /// What follows `+`, or nothing.
    pub build: Box<str>,
}

/// A set of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    any_of: Vec<Vec<Comparator>>,
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Not of the form `1.2.3-pre+build`.
    #[error("\"{0}\" is not a semantic version")]
    Form(String),
}

/// Why a text is not a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Not a comparison with a version.
    #[error("\"{0}\" is not a range of semantic versions")]
    Form(String),
}

impl Version {
    /// Parses a version; a leading `v` and missing second and third numbers are accepted.
    ///
    /// # Errors
    /// The text contains anything but numbers, `-pre` and `+build`.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        read_version(text, 1).ok_or_else(|| VersionError::Form(shown(text)))
    }

    /// Parses a version that has all three numbers; a leading `v` is accepted. This is what counts
    /// as a version among tags.
    ///
    /// # Errors
    /// As [`Version::parse`], or a number is missing or has leading zeros.
    pub fn parse_strict(text: &str) -> Result<Self, VersionError> {
        read_version(text, 3).ok_or_else(|| VersionError::Form(shown(text)))
    }

    /// Compares by precedence alone: build metadata does not count.
    #[must_use]
    pub fn precedence(&self, other: &Self) -> Ordering {
        compare(self, other)
    }

    fn numbers(&self) -> (u64, u64, u64) {
        (self.major, self.minor, self.patch)
    }
}

impl Ord for Version {
    /// Orders by precedence; versions that differ only in build metadata are ordered by its text,
    /// so that the order is total.
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self, other).then_with(|| self.build.cmp(&other.build))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.build.is_empty() {
            write!(f, "+{}", self.build)?;
        }
        Ok(())
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        Self::parse(text)
    }
}

impl Range {
    /// Parses a range: comparisons joined by commas or spaces (all must hold), alternatives joined
    /// by `||`.
    ///
    /// # Errors
    /// A comparison is malformed.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let form = || RangeError::Form(shown(text));
        if text.len() > TEXT_MAX {
            return Err(form());
        }
        let any_of: Option<Vec<_>> = text.split("||").map(read_alternative).collect();
        Ok(Self {
            any_of: any_of.ok_or_else(form)?,
        })
    }

    /// Returns whether `version` is in the range.
    #[must_use]
    pub fn matches(&self, version: &Version) -> bool {
        self.any_of.iter().any(|rules| {
            // Pre-releases match if one of the comparisons that must hold together names one.
            let asked =
                version.pre.is_empty() || rules.iter().any(|rule| !rule.version.pre.is_empty());
            asked && rules.iter().all(|rule| rule.holds(version))
        })
    }
}

impl FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        Self::parse(text)
    }
}

// === rules ===

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Tilde,
    Caret,
}

/// One comparison. `known` is the number of numbers given: 1 for `1.x`, 0 for `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparator {
    operator: Operator,
    version: Version,
    known: u8,
}

impl Comparator {
    fn holds(&self, version: &Version) -> bool {
        let order = compare(version, &self.version);
        match self.operator {
            Operator::Equal if self.known < 3 => self.same_known(version),
            Operator::Equal => order.is_eq(),
            Operator::NotEqual if self.known < 3 => !self.same_known(version),
            Operator::NotEqual => order.is_ne(),
            // "Greater than 1.x" begins at 2.0.0, because every 1.something is part of `1.x`.
            Operator::Greater if self.known < 3 => order.is_gt() && !self.same_known(version),
            Operator::Greater => order.is_gt(),
            Operator::GreaterEqual => order.is_ge(),
            Operator::Less => order.is_lt(),
            Operator::LessEqual if self.known < 3 => order.is_le() || self.same_known(version),
            Operator::LessEqual => order.is_le(),
            // Tags are selected by the rules of the library that Flux uses, where ~0.0.0 contains
            // everything.
            Operator::Tilde if self.known == 3 && self.version.numbers() == (0, 0, 0) => {
                order.is_ge()
            }
            Operator::Tilde => order.is_ge() && self.same_leading(version, self.known.min(2)),
            Operator::Caret => order.is_ge() && self.same_leading(version, self.caret_width()),
        }
    }

    fn same_known(&self, version: &Version) -> bool {
        self.same_leading(version, self.known)
    }

    fn same_leading(&self, version: &Version, width: u8) -> bool {
        let (a, b) = (self.version.numbers(), version.numbers());
        (width < 1 || a.0 == b.0) && (width < 2 || a.1 == b.1) && (width < 3 || a.2 == b.2)
    }

    /// Returns how many numbers a caret fixes: up to the first non-zero one, as far as they are
    /// given.
    fn caret_width(&self) -> u8 {
        match self.version.numbers() {
            (1.., _, _) => self.known.min(1),
            (0, 1.., _) => self.known.min(2),
            (0, 0, _) => self.known.min(3),
        }
    }
}

// === reading ===

fn read_alternative(text: &str) -> Option<Vec<Comparator>> {
    let mut rules = Vec::new();
    for part in text.split(',') {
        let words: Vec<&str> = part.split_whitespace().collect();
        if words.is_empty() {
            return None;
        }
        read_conjunction(&words, &mut rules)?;
    }
    Some(rules)
}

/// Reads comparisons between commas; an operator may be separated from its version by spaces.
fn read_conjunction(words: &[&str], rules: &mut Vec<Comparator>) -> Option<()> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if words.get(at + 1) == Some(&"-") {
            let high = words.get(at + 2)?;
            if word.starts_with(OPERATORS) || high.starts_with(OPERATORS) {
                return None;
            }
            rules.push(read_rule(&format!(">={word}"))?);
            rules.push(read_rule(&format!("<={high}"))?);
            at += 3;
            continue;
        }
        let alone = word.trim_start_matches(OPERATORS).is_empty();
        let text = if alone {
            format!("{word}{}", words.get(at + 1)?)
        } else {
            (*word).to_owned()
        };
        rules.push(read_rule(&text)?);
        at += if alone { 2 } else { 1 };
    }
    Some(())
}

const OPERATORS: [char; 6] = ['=', '!', '<', '>', '~', '^'];

fn read_rule(text: &str) -> Option<Comparator> {
    let version = text.trim_start_matches(OPERATORS);
    let operator = match &text[..text.len() - version.len()] {
        "" | "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        ">" => Operator::Greater,
        ">=" | "=>" => Operator::GreaterEqual,
        "<" => Operator::Less,
        "<=" | "=<" => Operator::LessEqual,
        "~" | "~>" => Operator::Tilde,
        "^" => Operator::Caret,
        _ => return None,
    };
    let (version, known) = read_partial(version)?;
    // Of a wildcard alone, "*", "~*" and ">=*" contain everything; with other operators the
    // library that Flux and Helm use takes it for 0.0.0, and for 0.0 behind "<=".
    let (operator, known) = match (operator, known) {
        (Operator::Equal | Operator::Tilde, 0) => (Operator::GreaterEqual, 0),
        (Operator::NotEqual | Operator::Greater | Operator::Caret, 0) => (operator, 3),
        (Operator::LessEqual, 0) => (operator, 2),
        _ => (operator, known),
    };
    Some(Comparator {
        operator,
        version,
        known,
    })
}

/// Parses a version whose trailing numbers are missing or `x`.
fn read_partial(text: &str) -> Option<(Version, u8)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (rest, build) = split_tail(text, '+')?;
    let (numbers, pre) = split_tail(rest, '-')?;
    let mut version = Version {
        major: 0,
        minor: 0,
        patch: 0,
        pre: pre.into(),
        build: build.into(),
    };
    let mut known = 0;
    let mut wild = false;
    for (i, part) in numbers.split('.').enumerate() {
        wild |= matches!(part, "x" | "X" | "*");
        let slot = match i {
            0 => &mut version.major,
            1 => &mut version.minor,
            2 => &mut version.patch,
            _ => return None,
        };
        if !wild {
            *slot = number(part)?;
            known += 1;
        }
    }
    well_formed(&version).then_some((version, known))
}

fn read_version(text: &str, numbers_min: usize) -> Option<Version> {
    if text.len() > TEXT_MAX {
        return None;
    }
    let text = text.strip_prefix('v').unwrap_or(text);
    let (rest, build) = split_tail(text, '+')?;
    let (numbers, pre) = split_tail(rest, '-')?;
    let parts: Vec<u64> = numbers.split('.').map(number).collect::<Option<_>>()?;
    if parts.len() > 3 || parts.len() < numbers_min {
        return None;
    }
    let strict = numbers_min == 3;
    if strict
        && numbers
            .split('.')
            .any(|part| part.len() > 1 && part.starts_with('0'))
    {
        return None;
    }
    let at = |i: usize| parts.get(i).copied().unwrap_or_default();
    let version = Version {
        major: at(0),
        minor: at(1),
        patch: at(2),
        pre: pre.into(),
        build: build.into(),
    };
    well_formed(&version).then_some(version)
}

/// Splits at the first `mark`; a mark followed by nothing is an error.
fn split_tail(text: &str, mark: char) -> Option<(&str, &str)> {
    match text.split_once(mark) {
        Some((_, "")) => None,
        Some(parts) => Some(parts),
        None => Some((text, "")),
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

fn well_formed(version: &Version) -> bool {
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let padded = |part: &str| part.len() > 1 && part.starts_with('0') && number(part).is_some();
    (version.pre.is_empty()
        || version
            .pre
            .split('.')
            .all(|part| word(part) && !padded(part)))
        && (version.build.is_empty() || version.build.split('.').all(word))
}

// === order ===

/// Compares by precedence: numbers, then a pre-release before its release; build metadata does not
/// count.
fn compare(a: &Version, b: &Version) -> Ordering {
    a.numbers()
        .cmp(&b.numbers())
        .then_with(|| match (a.pre.is_empty(), b.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_pre(&a.pre, &b.pre),
        })
}

fn compare_pre(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (number(a), number(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => a.cmp(b),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_loosely_and_strictly() {
        for (text, loose, strict) in [
            ("1.2.3", Some("1.2.3"), true),
            ("v1.2.3", Some("1.2.3"), true),
            ("1.2", Some("1.2.0"), false),
            ("v1", Some("1.0.0"), false),
            ("1.2.3-rc.1+b.7", Some("1.2.3-rc.1+b.7"), true),
            ("01.2.3", Some("1.2.3"), false),
            ("1.2.3.4", None, false),
            ("1.2.3-", None, false),
            ("1.2.3-01", None, false),
            ("1.2.3-a..b", None, false),
            ("release-1", None, false),
            ("", None, false),
            ("1.2.99999999999999999999", None, false),
        ] {
            let got = Version::parse(text).ok().map(|version| version.to_string());
            assert_eq!(got.as_deref(), loose, "{text}");
            assert_eq!(Version::parse_strict(text).is_ok(), strict, "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_precedence() {
        let ordered = [
            "1.0.0-1",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-rc.2",
            "1.0.0-rc.11",
            "1.0.0",
        ];
        let versions: Vec<Version> = ordered
            .iter()
            .map(|text| Version::parse(text).unwrap())
            .collect();
        assert!(versions.is_sorted());
        assert!(Version::parse("1.10.0").unwrap() > Version::parse("1.9.9").unwrap());
    }

    #[test]
    fn ranges_hold_what_they_say() {
        for (range, yes, no) in [
            ("1.x", "1.0.0 1.9.3", "2.0.0 0.9.0 1.2.0-rc.1"),
            ("1", "1.0.0 1.9.3", "2.0.0"),
            ("1.2", "1.2.0 1.2.9", "1.3.0"),
            ("1.2.x", "1.2.0 1.2.9", "1.3.0"),
            ("*", "0.0.1 9.0.0", "1.0.0-rc.1"),
            ("*-0", "0.0.1 1.0.0-rc.1", ""),
            ("~*", "0.0.0 9.0.0", "1.0.0-rc.1"),
            ("^*", "0.0.0", "0.0.1 1.0.0"),
            (">*", "0.0.1 9.0.0", "0.0.0"),
            ("!=x.2", "0.0.1 1.2.0", "0.0.0"),
            ("<=*", "0.0.9", "0.1.0 1.0.0"),
            (">=1.0.0 <2", "1.0.0 1.9.9", "2.0.0 0.9.9 1.5.0-a"),
            (">= 1.0.0, < 2.0.0", "1.0.0", "2.0.0"),
            (">=1.0.0-0 <2.0.0-0", "1.5.0-a 1.0.0-rc.1", "2.0.0 2.0.0-0"),
            ("^1.2", "1.2.0 1.9.0", "2.0.0 1.1.9"),
            ("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2"),
            ("^0.0.3", "0.0.3", "0.0.4"),
            ("^0.0", "0.0.9", "0.1.0"),
            ("^0", "0.9.9", "1.0.0"),
            ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
            ("~1", "1.9.9", "2.0.0"),
            ("~>1.2", "1.2.9", "1.3.0"),
            (
                "^1.2.0-beta.2",
                "1.2.0-beta.3 1.9.0-a 1.3.0",
                "1.2.0-beta.1 2.0.0",
            ),
            ("1.2 - 1.4.5", "1.2.0 1.4.5", "1.4.6 1.1.0"),
            ("1.2 - 2", "2.9.9", "3.0.0"),
            ("1.0.0 || ^2.1", "1.0.0 2.5.0", "1.0.1 2.0.0"),
            ("<1.2.x", "1.1.9", "1.2.0"),
            (">11", "12.0.0", "11.1.0 11.0.0"),
            (">1.2", "1.3.0", "1.2.9"),
            ("<=11", "11.9.0", "12.0.0"),
            ("!=1.2.3", "1.2.4", "1.2.3 1.2.4-rc.1"),
            (">=1.0.0-0 <2.0.0", "1.5.0-a 2.0.0-rc.1", "2.0.0 0.9.0"),
            ("~0.0.0", "0.0.1 3.0.0", "1.0.0-a"),
            ("!=1.x", "2.0.0", "1.2.3"),
            ("=1.2.3", "1.2.3 1.2.3+build", "1.2.4"),
            ("v1.2.3", "1.2.3 v1.2.3", "1.2.4"),
        ] {
            let parsed = Range::parse(range).unwrap();
            for version in yes.split_whitespace() {
                assert!(
                    parsed.matches(&Version::parse(version).unwrap()),
                    "{version} in {range}"
                );
            }
            for version in no.split_whitespace() {
                assert!(
                    !parsed.matches(&Version::parse(version).unwrap()),
                    "{version} not in {range}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "||",
            "1.0 ||",
            "main",
            ">",
            ">>1",
            "1.2.3.4",
            "1.0 -",
            "~~1",
            "1,,2",
            &"1 ".repeat(200),
        ] {
            assert!(Range::parse(text).is_err(), "{text}");
        }
    }
}
