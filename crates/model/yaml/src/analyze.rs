//! Which styles a text can be written in, by YAML 1.1's rules as go-yaml v2 and v3 (descendants of
//! libyaml) apply them.

/// Properties of a text that decide how it can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traits(u16);

/// Analyses a text for v2; properties that only matter in flow collections may be skipped.
pub(crate) fn analyze(text: &str) -> Traits {
    Traits(look_at_ascii(text.as_bytes()).unwrap_or_else(|| look(text)))
}

/// Analyses a text for v3 and for flow collections.
pub(crate) fn analyze_v3(text: &str) -> Traits {
    Traits(look(text))
}

impl Traits {
    /// Returns whether it can be written without quotes, outside flow collections.
    pub(crate) fn may_be_plain(self) -> bool {
        !self.has(INDICATOR | LINE_BREAK | OUTER_BLANK | BREAK_BEFORE_SPACE | QUOTED)
    }

    /// Returns whether it can be written without quotes in a flow collection.
    pub(crate) fn may_be_plain_in_flow(self) -> bool {
        self.may_be_plain() && !self.has(FLOW_INDICATOR | EMPTY)
    }

    /// Returns whether it can be written in single quotes.
    pub(crate) fn may_be_single_quoted(self) -> bool {
        !self.has(BREAK_BEFORE_SPACE | QUOTED)
    }

    /// Returns whether v2 can write it as a literal block.
    pub(crate) fn may_be_block(self) -> bool {
        !self.has(TAB) && self.may_be_block_v3()
    }

    /// Returns whether v3, which allows tabs, can write it as a block.
    pub(crate) fn may_be_block_v3(self) -> bool {
        !self.has(TRAILING_SPACE | SPACE_BEFORE_BREAK | SPECIAL | EMPTY)
    }

    /// Returns whether it has more than one line.
    pub(crate) fn is_multiline(self) -> bool {
        self.has(LINE_BREAK)
    }

    /// Returns whether its columns equal its bytes: it is printable ASCII on one line.
    pub(crate) fn is_simple(self) -> bool {
        self.has(ASCII) && !self.has(LINE_BREAK)
    }

    fn has(self, traits: u16) -> bool {
        self.0 & traits != 0
    }
}

// Properties of a text, as a bit set.
const INDICATOR: u16 = 1;
const LINE_BREAK: u16 = 1 << 1;
const SPECIAL: u16 = 1 << 2;
const OUTER_BLANK: u16 = 1 << 3;
const TRAILING_SPACE: u16 = 1 << 4;
const BREAK_BEFORE_SPACE: u16 = 1 << 5;
const SPACE_BEFORE_BREAK: u16 = 1 << 6;
const TAB: u16 = 1 << 7;
const FLOW_INDICATOR: u16 = 1 << 8;
const EMPTY: u16 = 1 << 9;
const ASCII: u16 = 1 << 10;
/// What only double quotes can express.
const QUOTED: u16 = SPACE_BEFORE_BREAK | SPECIAL | TAB;

/// Analyses a text of printable ASCII and line feeds, the usual case; `None` for any other.
/// Characters that only matter in flow collections are skipped.
fn look_at_ascii(text: &[u8]) -> Option<u16> {
    let Some(first) = text.first().copied().map(char::from) else {
        return Some(EMPTY | ASCII);
    };

    let mut seen = if starts_document(text) {
        INDICATOR | ASCII
    } else {
        ASCII
    };
    let mut mark = |holds: bool, traits: u16| seen |= if holds { traits } else { 0 };
    mark(
        starts_structure(first, matches!(text.get(1), None | Some(b' ' | b'\n'))),
        INDICATOR,
    );
    mark(matches!(first, ' ' | '\n'), OUTER_BLANK);
    mark(matches!(text.last(), Some(b' ' | b'\n')), OUTER_BLANK);
    mark(text.ends_with(b" "), TRAILING_SPACE);
    for (at, &byte) in text.iter().enumerate() {
        if IS_ORDINARY[usize::from(byte)] {
            continue;
        }
        let previous = at.checked_sub(1).map_or(b'x', |before| text[before]);
        match byte {
            b':' => mark(
                matches!(text.get(at + 1), None | Some(b' ' | b'\n')),
                INDICATOR,
            ),
            b'#' => mark(matches!(previous, b' ' | b'\n'), INDICATOR),
            b'\n' => mark(
                true,
                if previous == b' ' {
                    LINE_BREAK | SPACE_BEFORE_BREAK
                } else {
                    LINE_BREAK
                },
            ),
            b' ' => mark(previous == b'\n', BREAK_BEFORE_SPACE),
            _ => return None,
        }
    }
    Some(seen)
}

/// Bytes that have no special meaning except at the start.
const IS_ORDINARY: [bool; 256] = {
    let mut ordinary = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        ordinary[byte as usize] = byte != b':' && byte != b'#';
        byte += 1;
    }
    ordinary
};

fn look(text: &str) -> u16 {
    let mut seen = match text.as_bytes() {
        [] => EMPTY,
        bytes if starts_document(bytes) => INDICATOR,
        _ => 0,
    };
    let mut mark = |holds: bool, traits: u16| seen |= if holds { traits } else { 0 };
    let (mut previous_space, mut previous_break, mut after_blank) = (false, false, true);
    let mut chars = text.chars().enumerate().peekable();

    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let before_blank = next.is_none_or(is_blank);
        let opens = at == 0 && starts_structure(c, before_blank);
        mark(
            opens || (at > 0 && is_structure(c, after_blank, before_blank)),
            INDICATOR,
        );
        mark(
            matches!(c, ',' | '?' | '[' | ']' | '{' | '}' | ':'),
            FLOW_INDICATOR,
        );
        mark(c == '\t', TAB);
        mark(c != '\t' && !is_printable(c), SPECIAL);
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
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
        | '@' | '`' => true,
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

/// Returns whether a character ends a line.
pub(crate) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Returns whether a character can be written unescaped: not a tab, and nothing outside the basic
/// plane.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_look_sees_what_the_long_one_sees() {
        let signs = [' ', '\n', ':', '#', '-', '.', 'a', '\''];
        for number in 0..signs.len().pow(5) {
            let text: String = (0..5)
                .map(|place| signs[number / signs.len().pow(place) % signs.len()])
                .collect();
            for len in 1..=text.len() {
                let long = look(&text[..len]) & !FLOW_INDICATOR | ASCII;
                assert_eq!(
                    look_at_ascii(&text.as_bytes()[..len]),
                    Some(long),
                    "{:?}",
                    &text[..len]
                );
            }
        }
        assert_eq!(look_at_ascii("\u{e9}".as_bytes()), None);
        assert_eq!(look_at_ascii(b"\t"), None);
    }
}
