//! In which styles a text may be written, by YAML 1.1's rules as go-yaml v2 (libyaml's descendant) applies them.

/// What a scalar's text allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// Has line breaks.
    pub(crate) multiline: bool,
    /// Without quotes, outside flow collections.
    pub(crate) plain: bool,
    /// In single quotes.
    pub(crate) single_quoted: bool,
    /// As a literal block.
    pub(crate) block: bool,
}

/// Looks at a text once.
pub(crate) fn analyze(text: &str) -> Allowed {
    if text.is_empty() {
        return Allowed { multiline: false, plain: true, single_quoted: true, block: false };
    }
    let seen = look(text);
    let outer_blank = seen.leading_blank || seen.trailing_blank;
    let escaped = seen.space_before_break || seen.special;
    Allowed {
        multiline: seen.line_breaks,
        plain: !(outer_blank || seen.break_before_space || escaped || seen.line_breaks || seen.indicators),
        single_quoted: !(seen.break_before_space || escaped),
        block: !(seen.trailing_space || escaped),
    }
}

#[derive(Default)]
struct Seen {
    indicators: bool,
    line_breaks: bool,
    special: bool,
    leading_blank: bool,
    trailing_blank: bool,
    trailing_space: bool,
    break_before_space: bool,
    space_before_break: bool,
}

fn look(text: &str) -> Seen {
    let mut seen = Seen { indicators: text.starts_with("---") || text.starts_with("..."), ..Seen::default() };
    let (mut previous_space, mut previous_break, mut after_blank) = (false, false, true);
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let before_blank = next.is_none_or(is_blank);
        seen.indicators |= if at == 0 { starts_structure(c, before_blank) } else { is_structure(c, after_blank, before_blank) };
        seen.special |= !is_printable(c);
        if c == ' ' {
            seen.leading_blank |= at == 0;
            seen.trailing_blank |= next.is_none();
            seen.trailing_space |= next.is_none();
            seen.break_before_space |= previous_break;
        } else if is_break(c) {
            seen.line_breaks = true;
            seen.leading_blank |= at == 0;
            seen.trailing_blank |= next.is_none();
            seen.space_before_break |= previous_space;
        }
        (previous_space, previous_break, after_blank) = (c == ' ', is_break(c), is_blank(c));
    }
    seen
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
