//! In which styles a text may be written, by YAML 1.1's rules as go-yaml v2 (libyaml's descendant) applies them.

/// What a scalar's text allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// Without quotes, outside flow collections.
    pub(crate) plain: bool,
    /// In single quotes.
    pub(crate) single_quoted: bool,
    /// As a literal block.
    pub(crate) block: bool,
    /// Its columns are its bytes: printable ASCII on one line.
    pub(crate) simple: bool,
}

/// Looks at a text once.
pub(crate) fn analyze(text: &str) -> Allowed {
    if text.is_empty() {
        return Allowed { plain: true, single_quoted: true, block: false, simple: true };
    }
    let short = look_at_ascii(text.as_bytes());
    let seen = short.unwrap_or_else(|| look(text));
    let has = |traits: u8| seen & traits != 0;
    let escaped = SPACE_BEFORE_BREAK | SPECIAL;
    Allowed {
        plain: !has(INDICATOR | LINE_BREAK | OUTER_BLANK | BREAK_BEFORE_SPACE | escaped),
        single_quoted: !has(BREAK_BEFORE_SPACE | escaped),
        block: !has(TRAILING_SPACE | escaped),
        simple: short.is_some() && !has(LINE_BREAK),
    }
}

// Traits of a text, as a set of bits.
const INDICATOR: u8 = 1;
const LINE_BREAK: u8 = 1 << 1;
const SPECIAL: u8 = 1 << 2;
const OUTER_BLANK: u8 = 1 << 3;
const TRAILING_SPACE: u8 = 1 << 4;
const BREAK_BEFORE_SPACE: u8 = 1 << 5;
const SPACE_BEFORE_BREAK: u8 = 1 << 6;

/// Looks at a text of printable ASCII and line feeds, which nearly every text is; `None` for any other.
fn look_at_ascii(text: &[u8]) -> Option<u8> {
    let first = char::from(*text.first()?);
    let mut seen = if starts_document(text) { INDICATOR } else { 0 };
    let mut mark = |holds: bool, traits: u8| seen |= if holds { traits } else { 0 };
    mark(starts_structure(first, matches!(text.get(1), None | Some(b' ' | b'\n'))), INDICATOR);
    mark(matches!(first, ' ' | '\n'), OUTER_BLANK);
    mark(matches!(text.last(), Some(b' ' | b'\n')), OUTER_BLANK);
    mark(text.ends_with(b" "), TRAILING_SPACE);
    for (at, &byte) in text.iter().enumerate() {
        if IS_ORDINARY[usize::from(byte)] {
            continue;
        }
        let previous = at.checked_sub(1).map_or(b'x', |before| text[before]);
        match byte {
            b':' => mark(matches!(text.get(at + 1), None | Some(b' ' | b'\n')), INDICATOR),
            b'#' => mark(matches!(previous, b' ' | b'\n'), INDICATOR),
            b'\n' => mark(true, if previous == b' ' { LINE_BREAK | SPACE_BEFORE_BREAK } else { LINE_BREAK }),
            b' ' => mark(previous == b'\n', BREAK_BEFORE_SPACE),
            _ => return None,
        }
    }
    Some(seen)
}

/// Bytes that mean nothing unless they come first.
const IS_ORDINARY: [bool; 256] = {
    let mut ordinary = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        ordinary[byte as usize] = byte != b':' && byte != b'#';
        byte += 1;
    }
    ordinary
};

fn look(text: &str) -> u8 {
    let mut seen = if starts_document(text.as_bytes()) { INDICATOR } else { 0 };
    let mut mark = |holds: bool, traits: u8| seen |= if holds { traits } else { 0 };
    let (mut previous_space, mut previous_break, mut after_blank) = (false, false, true);
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let before_blank = next.is_none_or(is_blank);
        let opens = at == 0 && starts_structure(c, before_blank);
        mark(opens || (at > 0 && is_structure(c, after_blank, before_blank)), INDICATOR);
        mark(!is_printable(c), SPECIAL);
        if c == ' ' {
            mark(at == 0, OUTER_BLANK);
            mark(next.is_none(), OUTER_BLANK | TRAILING_SPACE);
            mark(previous_break, BREAK_BEFORE_SPACE);
        } else if is_break(c) {
            mark(true, LINE_BREAK);
            mark(at == 0 || next.is_none(), OUTER_BLANK);
            mark(previous_space, SPACE_BEFORE_BREAK);
        }
        (previous_space, previous_break, after_blank) = (c == ' ', is_break(c), is_blank(c));
    }
    seen
}

fn starts_document(text: &[u8]) -> bool {
    text.starts_with(b"---") || text.starts_with(b"...")
}

fn starts_structure(c: char, before_blank: bool) -> bool {
    match c {
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => true,
        '?' | ':' | '-' => before_blank,
        _ => false,
    }
}

fn is_structure(c: char, after_blank: bool, before_blank: bool) -> bool {
    (c == ':' && before_blank) || (c == '#' && after_blank)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t') || is_break(c)
}

/// Tells whether a character ends a line.
pub(crate) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Tells whether a character may stand unescaped: not a tab, and nothing beyond the basic plane.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_look_sees_what_the_long_one_sees() {
        let signs = [' ', '\n', ':', '#', '-', '.', 'a', '\''];
        for number in 0..signs.len().pow(5) {
            let text: String = (0..5).map(|place| signs[number / signs.len().pow(place) % signs.len()]).collect();
            for len in 1..=text.len() {
                assert_eq!(look_at_ascii(&text.as_bytes()[..len]), Some(look(&text[..len])), "{:?}", &text[..len]);
            }
        }
        assert_eq!(look_at_ascii("\u{e9}".as_bytes()), None);
        assert_eq!(look_at_ascii(b"\t"), None);
    }
}
