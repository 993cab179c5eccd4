//! [`printable()`]: makes text of strangers safe to show on a terminal.
//!
//! A terminal interprets what it is sent: escape sequences change colours, overwrite text, set
//! titles and fill the clipboard, and direction characters reorder the surrounding text. Each such
//! character becomes a visible `\u001b`, which is also its JSON escape, so that JSON keeps its
//! meaning.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns the text with every character escaped that a terminal would interpret rather than show.
/// Line feeds and tabs stay.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + ESCAPE_LEN);
    for letter in text.chars() {
        if is_obeyed(letter) {
            escape(letter, &mut shown);
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// Bytes of one escape.
const ESCAPE_LEN: usize = "\\u001b".len();

fn is_obeyed(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        // Direction marks, embeddings, overrides and isolates; line and paragraph separators.
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
        // Hidden annotations, and tags: invisible text.
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        // C0, DEL and C1: some terminals treat U+009B as the start of an escape sequence.
        letter => letter.is_control(),
    }
}

fn escape(letter: char, shown: &mut String) {
    let mut units = [0; 2];
    for unit in letter.encode_utf16(&mut units) {
        // Writing to a `String` cannot fail.
        let _ = write!(shown, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_becomes_visible() {
        for (text, want) in [
            (
                "\u{1b}[31mred\u{1b}]0;title\u{7}",
                "\\u001b[31mred\\u001b]0;title\\u0007",
            ),
            (
                "a\rb\u{8}c\u{7f}d\u{9b}1m",
                "a\\u000db\\u0008c\\u007fd\\u009b1m",
            ),
            ("user\u{202e}txt.exe\u{2066}", "user\\u202etxt.exe\\u2066"),
            (
                "\u{200f}\u{2028}\u{feff}\u{e0041}",
                "\\u200f\\u2028\\ufeff\\udb40\\udc41",
            ),
        ] {
            assert_eq!(printable(text), want);
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in ["two\nlines\tand a tab", "héé 日本語 שלום 👩‍🚀", ""] {
            assert!(matches!(printable(text), Cow::Borrowed(shown) if shown == text));
        }
    }

    #[test]
    fn no_letter_that_is_obeyed_is_left() {
        let all: String = ('\0'..=char::MAX).collect();
        assert!(!printable(&all).contains(is_obeyed));
        assert_eq!(printable(&printable(&all)), printable(&all));
    }
}
