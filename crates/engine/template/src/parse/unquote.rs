//! Strings and characters in quotes, as Go's `strconv` reads them.

/// Returns the content of a string in double quotes or backquotes; nothing if an escape is wrong.
pub(super) fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let (quote, rest) = quoted.split_first()?;
    let (last, content) = rest.split_last()?;
    if quote != last {
        return None;
    }
    let is_plain = match quote {
        b'`' => memchr::memchr(b'\r', content).is_none(),
        quote => content.is_ascii() && memchr::memchr3(b'\\', b'\n', *quote, content).is_none(),
    };
    if is_plain {
        return Some(content.to_vec());
    }
    if *quote == b'`' {
        // A carriage return is not part of a raw string.
        return Some(
            content
                .iter()
                .copied()
                .filter(|byte| *byte != b'\r')
                .collect(),
        );
    }

    let mut text = Vec::with_capacity(content.len());
    let mut rest = content;
    while !rest.is_empty() {
        let (piece, after) = unquote_char(rest, *quote)?;
        match piece {
            Piece::Char(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Piece::Byte(byte) => text.push(byte),
        }
        rest = after;
    }
    Some(text)
}

/// What one escape or character stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Char(char),
    Byte(u8),
}

impl Piece {
    /// The number of a character constant.
    pub(super) fn number(&self) -> u32 {
        match self {
            Self::Char(c) => u32::from(*c),
            Self::Byte(byte) => u32::from(*byte),
        }
    }
}

/// Reads one character or escape; returns what follows it.
pub(super) fn unquote_char(text: &[u8], quote: u8) -> Option<(Piece, &[u8])> {
    let (first, rest) = text.split_first()?;
    match first {
        byte if *byte == quote && matches!(quote, b'\'' | b'"') => None,
        b'\\' => escape(rest, quote),
        byte if byte.is_ascii() => Some((Piece::Char(char::from(*byte)), rest)),
        _ => {
            let start = text.get(..4).unwrap_or(text);
            let valid = start.utf8_chunks().next()?.valid();
            let (c, width) = match valid.chars().next() {
                Some(c) => (c, c.len_utf8()),
                None => (char::REPLACEMENT_CHARACTER, 1),
            };
            Some((Piece::Char(c), text.get(width..)?))
        }
    }
}

/// After the backslash.
fn escape(text: &[u8], quote: u8) -> Option<(Piece, &[u8])> {
    let (letter, rest) = text.split_first()?;
    let simple = match letter {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' => b'\\',
        b'\'' | b'"' if *letter == quote => quote,
        b'x' => return number(rest, 2, 16).and_then(|(n, rest)| byte(n, rest)),
        b'0'..=b'7' => return number(text, 3, 8).and_then(|(n, rest)| byte(n, rest)),
        b'u' => return number(rest, 4, 16).and_then(|(n, rest)| character(n, rest)),
        b'U' => return number(rest, 8, 16).and_then(|(n, rest)| character(n, rest)),
        _ => return None,
    };
    Some((Piece::Char(char::from(simple)), rest))
}

fn number(text: &[u8], count: usize, base: u32) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(count)?;
    let mut number = 0_u32;
    for digit in digits {
        let digit = char::from(*digit).to_digit(base)?;
        number = number.checked_mul(base)?.checked_add(digit)?;
    }
    Some((number, rest))
}

fn byte(number: u32, rest: &[u8]) -> Option<(Piece, &[u8])> {
    Some((Piece::Byte(u8::try_from(number).ok()?), rest))
}

fn character(number: u32, rest: &[u8]) -> Option<(Piece, &[u8])> {
    Some((Piece::Char(char::from_u32(number)?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_go() {
        let cases: [(&str, Option<&[u8]>); 9] = [
            (r#""a\n\t\"\\""#, Some(b"a\n\t\"\\")),
            (r#""\x41\101\u00e9\U0001F600""#, Some("AAé😀".as_bytes())),
            (r#""\xff""#, Some(b"\xff")),
            ("`a\\n\r`", Some(b"a\\n")),
            (r#""\'""#, None),
            (r#""\q""#, None),
            (r#""\400""#, None),
            (r#""\ud800""#, None),
            (r#""\x4""#, None),
        ];
        for (quoted, expected) in cases {
            assert_eq!(unquote(quoted.as_bytes()).as_deref(), expected, "{quoted}");
        }
        assert_eq!(unquote(b"\"\xff\"").unwrap(), "\u{fffd}".as_bytes());
    }
}
