//! Globs of `*`, `?`, `\x` and plain characters: which prefix or suffix of a text matches.
//!
//! A text is scanned once, whatever stars are in the pattern: all paths through the pattern are
//! followed at the same time. A star or a `?` stands for bytes; a match starts and ends at
//! character boundaries.

use lode_stdx::budget::{Exceeded, Meter};

/// A parsed pattern.
pub(crate) struct Glob {
    parts: Vec<GlobPart>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum GlobPart {
    /// `*`: any bytes.
    Any,
    /// `?`: one byte.
    One,
    Byte(u8),
    /// A `\` at the end, which matches nothing.
    Never,
}

/// Which of several prefixes or suffixes is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Shortest,
    Longest,
}

impl Glob {
    /// Parses a pattern.
    pub(crate) fn new(pattern: &str, meter: &Meter<'_>) -> Result<Self, Exceeded> {
        meter.bytes(PART_BYTES * pattern.len() as u64)?;
        let mut parts = Vec::new();
        let mut bytes = pattern.bytes();
        while let Some(byte) = bytes.next() {
            parts.push(match byte {
                b'*' if parts.last() == Some(&GlobPart::Any) => continue,
                b'*' => GlobPart::Any,
                b'?' => GlobPart::One,
                b'\\' => bytes.next().map_or(GlobPart::Never, GlobPart::Byte),
                byte => GlobPart::Byte(byte),
            });
        }
        Ok(Self { parts })
    }

    /// Returns the end of a matching prefix; `None` if there is none.
    pub(crate) fn front(
        &self,
        text: &str,
        want: Want,
        meter: &Meter<'_>,
    ) -> Result<Option<usize>, Exceeded> {
        let is_end = |at: usize| text.is_char_boundary(at);
        fitting(&self.parts, text.bytes(), want, (&is_end, meter))
    }

    /// Returns the start of a matching suffix; `None` if there is none.
    pub(crate) fn back(
        mut self,
        text: &str,
        want: Want,
        meter: &Meter<'_>,
    ) -> Result<Option<usize>, Exceeded> {
        self.parts.reverse();
        let is_end = |at: usize| text.is_char_boundary(text.len() - at);
        let len = fitting(&self.parts, text.bytes().rev(), want, (&is_end, meter))?;
        Ok(len.map(|len| text.len() - len))
    }
}

/// Bytes used by a part, including the lists of paths through the pattern.
const PART_BYTES: u64 = 40;
/// Paths through a pattern that are followed in one step.
const WAYS_PER_STEP: u64 = 8;

/// Returns how many of some bytes match a pattern.
fn fitting(
    parts: &[GlobPart],
    bytes: impl Iterator<Item = u8>,
    want: Want,
    (is_end, meter): (&dyn Fn(usize) -> bool, &Meter<'_>),
) -> Result<Option<usize>, Exceeded> {
    let (mut ways, mut next) = (Vec::new(), Vec::new());
    enter(parts, 0, &mut ways);
    let mut found = ways.contains(&parts.len()).then_some(0);
    for (at, byte) in bytes.enumerate() {
        if ways.is_empty() || (found.is_some() && want == Want::Shortest) {
            break;
        }
        meter.steps(1 + ways.len() as u64 / WAYS_PER_STEP)?;
        next.clear();
        for &way in &ways {
            match parts.get(way) {
                Some(GlobPart::Any) => enter(parts, way, &mut next),
                Some(GlobPart::One) => enter(parts, way + 1, &mut next),
                Some(GlobPart::Byte(wanted)) if *wanted == byte => enter(parts, way + 1, &mut next),
                _ => {}
            }
        }
        std::mem::swap(&mut ways, &mut next);
        if ways.last() == Some(&parts.len()) && is_end(at + 1) {
            found = Some(at + 1);
        }
    }
    Ok(found)
}

/// Adds a path through the pattern, and those that need no byte from there. Paths are added in
/// order, each once.
fn enter(parts: &[GlobPart], way: usize, ways: &mut Vec<usize>) {
    if ways.last().is_none_or(|last| *last < way) {
        ways.push(way);
    }
    if parts.get(way) == Some(&GlobPart::Any) && ways.last() == Some(&way) {
        ways.push(way + 1);
    }
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Budget;

    use super::*;

    /// Returns whether a whole text matches, by trying everything.
    fn fits(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            ([b'*', rest @ ..], text) => (0..=text.len()).any(|at| fits(rest, &text[at..])),
            ([b'?', rest @ ..], [_, text @ ..]) => fits(rest, text),
            ([b'\\'], _) | (_, []) => false,
            ([b'\\', wanted, rest @ ..] | [wanted, rest @ ..], [byte, text @ ..]) => {
                wanted == byte && fits(rest, text)
            }
        }
    }

    #[test]
    fn fronts_and_backs_are_those_that_trying_everything_finds() {
        let budget = Budget::unlimited();
        let meter = Meter::new(&budget);
        let texts = ["", "a", "ab", "aab", "abab", "a/b/a", "äa", "aä*", "b\\a"];
        let patterns = [
            "", "*", "?", "a", "a*", "*a", "*a*b", "**b", "?*?", "a\\*", "\\", "\\a", "*/", "/*",
            "*ä", "?b*",
        ];
        for (text, pattern) in texts
            .iter()
            .flat_map(|text| patterns.iter().map(move |pattern| (*text, *pattern)))
        {
            let places = || (0..=text.len()).filter(|at| text.is_char_boundary(*at));
            let fronts: Vec<usize> = places()
                .filter(|at| fits(pattern.as_bytes(), &text.as_bytes()[..*at]))
                .collect();
            let backs: Vec<usize> = places()
                .filter(|at| fits(pattern.as_bytes(), &text.as_bytes()[*at..]))
                .collect();
            let glob = || Glob::new(pattern, &meter).unwrap();
            let front = |want| glob().front(text, want, &meter).unwrap();
            let back = |want| glob().back(text, want, &meter).unwrap();
            assert_eq!(
                front(Want::Shortest),
                fronts.first().copied(),
                "{pattern} {text}"
            );
            assert_eq!(
                front(Want::Longest),
                fronts.last().copied(),
                "{pattern} {text}"
            );
            assert_eq!(
                back(Want::Longest),
                backs.first().copied(),
                "{pattern} {text}"
            );
            assert_eq!(
                back(Want::Shortest),
                backs.last().copied(),
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_long_text_is_looked_at_once() {
        let budget = Budget::unlimited();
        let text = "a".repeat(400_000);
        let glob = Glob::new(&"*a".repeat(8), &Meter::new(&budget)).unwrap();
        assert_eq!(
            glob.front(&format!("{text}b"), Want::Longest, &Meter::new(&budget))
                .unwrap(),
            Some(400_000)
        );
        assert!(budget.spent().steps < 10 * 400_000, "{:?}", budget.spent());
    }
}
