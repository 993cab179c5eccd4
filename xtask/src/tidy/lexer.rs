//! Distinguishes code, comments and literals of Rust source, well enough to count lines and find
//! words.
//!
//! It handles nested block comments, strings with escapes, raw strings, and characters versus
//! lifetimes. It does not parse.

use std::ops::Range;

/// What a piece of source is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PieceKind {
    Code,
    Comment,
    Literal,
}

/// Returns the source with all but one kind blanked; lines and offsets do not change.
pub(crate) fn only(text: &str, kind: PieceKind) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for (_, range) in pieces(text).into_iter().filter(|(found, _)| *found != kind) {
        blank(&mut bytes[range]);
    }
    String::from_utf8(bytes)
        .expect("whole pieces were blanked, and a piece starts and ends between characters")
}

/// Replaces everything but line ends by spaces.
pub(crate) fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

/// Returns the offset after the bracket that closes the one at `open`, which must be one of `{`,
/// `(` and `[` in plain code.
pub(crate) fn after_closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return offset + 1;
        }
    }
    code.len()
}

/// Returns offsets of `word` in plain code, except as part of a longer name.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(offset, _)| offset)
        .filter(move |offset| {
            let before = code[..*offset].bytes().next_back();
            let after = code[offset + word.len()..].bytes().next();
            !before.is_some_and(is_name) && !after.is_some_and(is_name)
        })
}

/// Returns whether a byte can be part of a name.
pub(crate) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Returns the line number of an offset, from 1.
pub(crate) fn line(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

fn pieces(text: &str) -> Vec<(PieceKind, Range<usize>)> {
    let bytes = text.as_bytes();
    let (mut pieces, mut at, mut code_from) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        let Some((kind, end)) = comment(bytes, at).or_else(|| literal(bytes, at)) else {
            at += 1;
            continue;
        };
        pieces.push((PieceKind::Code, code_from..at));
        pieces.push((kind, at..end));
        (at, code_from) = (end, end);
    }
    pieces.push((PieceKind::Code, code_from..at));
    pieces
}

/// Returns the kind and end of a comment that starts here, if one does.
fn comment(bytes: &[u8], at: usize) -> Option<(PieceKind, usize)> {
    if bytes[at..].starts_with(b"//") {
        let length = bytes[at..]
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(bytes.len() - at);
        return Some((PieceKind::Comment, at + length));
    }
    if !bytes[at..].starts_with(b"/*") {
        return None;
    }
    let (mut depth, mut end) = (0_usize, at);
    while end < bytes.len() {
        if bytes[end..].starts_with(b"/*") {
            (depth, end) = (depth + 1, end + 2);
        } else if bytes[end..].starts_with(b"*/") {
            (depth, end) = (depth - 1, end + 2);
            if depth == 0 {
                break;
            }
        } else {
            end += 1;
        }
    }
    Some((PieceKind::Comment, end))
}

/// Returns the kind and end of a string or character that starts here, if one does. A prefix such
/// as `b` counts as code.
fn literal(bytes: &[u8], at: usize) -> Option<(PieceKind, usize)> {
    let end = match bytes[at] {
        b'"' => quoted(bytes, at, b'"'),
        b'\'' => character(bytes, at)?,
        b'r' => raw(bytes, at)?,
        _ => return None,
    };
    Some((PieceKind::Literal, end))
}

/// Returns the end of a literal with escapes.
fn quoted(bytes: &[u8], at: usize, quote: u8) -> usize {
    let mut end = at + 1;
    while end < bytes.len() && bytes[end] != quote {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    (end + 1).min(bytes.len())
}

/// A character is closed by a quote right after it; a lifetime is not.
fn character(bytes: &[u8], at: usize) -> Option<usize> {
    let first = *bytes.get(at + 1)?;
    if first == b'\\' {
        return Some(quoted(bytes, at, b'\''));
    }
    let length = match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    };
    (bytes.get(at + 1 + length) == Some(&b'\'')).then_some(at + length + 2)
}

/// `r"…"` or `r#"…"#`, with any number of hashes; not `r#name`, and not the end of a name.
fn raw(bytes: &[u8], at: usize) -> Option<usize> {
    let before = bytes[..at]
        .strip_suffix(b"b")
        .or_else(|| bytes[..at].strip_suffix(b"c"))
        .unwrap_or(&bytes[..at]);
    let name_before = before.last().copied().is_some_and(is_name);
    let hashes = bytes[at + 1..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    let open = at + 1 + hashes;
    if name_before || bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut end = open + 1;
    while end < bytes.len() {
        let closes = bytes[end] == b'"'
            && bytes[end + 1..]
                .iter()
                .take_while(|byte| **byte == b'#')
                .count()
                >= hashes;
        if closes {
            return Some(end + 1 + hashes);
        }
        end += 1;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        only(text, PieceKind::Code)
    }

    #[test]
    fn comments_are_no_code() {
        assert_eq!(code("a // {\nb"), "a     \nb");
        assert_eq!(code("a /* { /* } */ { */ b"), "a                   b");
    }

    #[test]
    fn strings_are_no_code() {
        assert_eq!(code(r#"f("{ \" {", x)"#), "f(        , x)");
        assert_eq!(code(r##"f(r#"{ " {"#, x)"##), "f(          , x)");
        assert_eq!(code(r#"f(br"\", "}")"#), "f(b    ,    )");
        assert_eq!(code("f(\"a\n{\")"), "f(  \n  )");
    }

    #[test]
    fn a_lifetime_is_code_and_a_character_is_not() {
        assert_eq!(
            code("fn f<'a>(x: &'a str) { x == '{' }"),
            "fn f<'a>(x: &'a str) { x ==     }"
        );
        assert_eq!(
            code(r"['\'', '\\', '\u{7b}', 'é', '語']"),
            "[    ,     ,         ,     ,      ]"
        );
    }

    #[test]
    fn a_raw_name_is_code() {
        assert_eq!(
            code("let r#type = for_r; var\"{\""),
            "let r#type = for_r; var   "
        );
    }

    #[test]
    fn an_end_missing_is_the_end_of_the_file() {
        for text in ["/* {", "\"{", "r#\"{\"", "'\\", "'"] {
            assert!(!code(text).contains('{'), "{text}");
        }
    }

    #[test]
    fn comments_can_be_all_that_is_left() {
        assert_eq!(
            only("a // b\n\"// c\"", PieceKind::Comment),
            "  // b\n      "
        );
    }

    #[test]
    fn a_word_is_not_a_part_of_a_name() {
        assert_eq!(
            words("fn fnord xfn fn_a r#fn fn", "fn").collect::<Vec<_>>(),
            [0, 20, 23]
        );
    }
}
