//! Three-way merge of texts, line by line.
//!
//! The changes from `base` to `theirs` are applied to `ours`, if between any two changes of
//! different sides there is at least one line that neither has touched; a change that both made
//! alike is made once. These are the cases in which Git merges, too.

use std::ops::Range;

/// Largest text that is merged, in bytes.
pub(crate) const BYTES_MAX: u64 = 1 << 20;
/// Most pairs of lines that are compared, after removing what is equal at both ends.
const PAIRS_MAX: usize = 4 << 20;

/// Merges three texts; nothing if they conflict, or if finding out is too expensive.
pub(crate) fn merge(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    if [base, ours, theirs].iter().any(|text| text.contains(&0)) {
        return None;
    }

    let [base, ours, theirs] = [base, ours, theirs].map(lines);
    let (of_ours, of_theirs) = (hunks(&base, &ours)?, hunks(&base, &theirs)?);
    let (mut left, mut right) = (of_ours.iter().peekable(), of_theirs.iter().peekable());
    let (mut merged, mut at) = (Vec::new(), 0);
    loop {
        let (hunk, side) = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(a), Some(b)) if a.touches(b) => {
                if a.base != b.base || ours[a.side.clone()] != theirs[b.side.clone()] {
                    return None;
                }
                right.next();
                (left.next()?, &ours)
            }
            (Some(a), Some(b)) if b.base.start < a.base.start => (right.next()?, &theirs),
            (Some(_), _) => (left.next()?, &ours),
            (None, Some(_)) => (right.next()?, &theirs),
        };
        merged.extend_from_slice(&base[at..hunk.base.start]);
        merged.extend_from_slice(&side[hunk.side.clone()]);
        at = hunk.base.end;
    }

    merged.extend_from_slice(&base[at..]);
    Some(merged.concat())
}

/// Lines of the base that a side replaces.
#[derive(Debug, PartialEq, Eq)]
struct Hunk {
    base: Range<usize>,
    side: Range<usize>,
}

impl Hunk {
    fn touches(&self, other: &Self) -> bool {
        self.base.start <= other.base.end && other.base.start <= self.base.end
    }
}

/// Returns the lines, each with its line end.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

fn hunks(base: &[&[u8]], side: &[&[u8]]) -> Option<Vec<Hunk>> {
    let same = |(a, b): &(&&[u8], &&[u8])| a == b;
    let head = base.iter().zip(side).take_while(same).count();
    let tail = base[head..]
        .iter()
        .rev()
        .zip(side[head..].iter().rev())
        .take_while(same)
        .count();
    let (base, side) = (
        &base[head..base.len() - tail],
        &side[head..side.len() - tail],
    );
    if base.len().saturating_mul(side.len()) > PAIRS_MAX {
        return None;
    }

    let common = common(base, side);
    let mut hunks: Vec<Hunk> = Vec::new();
    let (mut a, mut b) = (0, 0);
    for (next_a, next_b) in common.into_iter().chain([(base.len(), side.len())]) {
        if (a, b) != (next_a, next_b) {
            hunks.push(Hunk {
                base: head + a..head + next_a,
                side: head + b..head + next_b,
            });
        }
        (a, b) = (next_a + 1, next_b + 1);
    }
    Some(hunks)
}

/// Returns the positions of the longest common subsequence of lines.
fn common(base: &[&[u8]], side: &[&[u8]]) -> Vec<(usize, usize)> {
    let width = side.len() + 1;
    let mut longest = vec![0_u32; (base.len() + 1) * width];
    for a in (0..base.len()).rev() {
        for b in (0..side.len()).rev() {
            longest[a * width + b] = if base[a] == side[b] {
                longest[(a + 1) * width + b + 1] + 1
            } else {
                longest[(a + 1) * width + b].max(longest[a * width + b + 1])
            };
        }
    }

    let (mut places, mut a, mut b) = (Vec::new(), 0, 0);
    while a < base.len() && b < side.len() {
        if base[a] == side[b] {
            places.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if longest[(a + 1) * width + b] >= longest[a * width + b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
        let spread = |text: &str| {
            text.chars()
                .map(|c| format!("{c}\n"))
                .collect::<Vec<_>>()
                .concat()
        };
        let [base, ours, theirs] = [base, ours, theirs].map(spread);
        let merged = merge(base.as_bytes(), ours.as_bytes(), theirs.as_bytes())?;
        Some(String::from_utf8(merged).unwrap().replace('\n', ""))
    }

    #[test]
    fn changes_apart_are_merged_and_changes_together_are_not() {
        for (base, ours, theirs, wanted) in [
            ("abcde", "aBcde", "abcDe", Some("aBcDe")),
            ("abcde", "abcde", "ae", Some("ae")),
            ("abcde", "xabcde", "abcdey", Some("xabcdey")),
            ("abcde", "ade", "abcdXe", Some("adXe")),
            ("abcde", "ade", "abcXde", None),
            ("abcde", "abXcde", "abcYde", Some("abXcYde")),
            ("abcde", "aBcde", "abCde", None),
            ("abcde", "aBcde", "aBcde", Some("aBcde")),
            ("abcde", "aBcdE", "aBcde", Some("aBcdE")),
            ("abcde", "aXcde", "aYcde", None),
            ("abcde", "abcdex", "abcdey", None),
            ("", "a", "b", None),
            ("abc", "", "abc", Some("")),
        ] {
            assert_eq!(
                merged(base, ours, theirs).as_deref(),
                wanted,
                "{base} {ours} {theirs}"
            );
            assert_eq!(
                merged(base, theirs, ours).as_deref(),
                wanted,
                "{base} {theirs} {ours}"
            );
        }
    }

    #[test]
    fn what_is_no_text_or_too_much_is_left_alone() {
        assert_eq!(merge(b"a\0\nb\nc\n", b"a\0\nb\nC\n", b"A\0\nb\nc\n"), None);
        let many: Vec<u8> = (0..5000)
            .flat_map(|n| format!("{n}\n").into_bytes())
            .collect();
        let other: Vec<u8> = (5000..10_000)
            .flat_map(|n| format!("{n}\n").into_bytes())
            .collect();
        assert_eq!(merge(&many, &other, &many), None);
    }
}
