//! Text as Go sees it: bytes that are usually UTF-8, read one rune at a time.
//!
//! A byte that begins no character counts as U+FFFD and is one byte long. Case mappings are the
//! simple ones, one rune for one rune; categories are those of Unicode, for which non-ASCII runes
//! ask the tables of the `regex` crate.

use std::sync::LazyLock;

use regex::Regex;

use crate::print;

/// Returns the first rune of a text and its length in bytes; none at the end of the text.
#[inline]
pub(crate) fn first(text: &[u8]) -> Option<(char, usize)> {
    let lead = *text.first()?;
    if lead < 0x80 {
        return Some((char::from(lead), 1));
    }

    let length = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return Some((char::REPLACEMENT_CHARACTER, 1)),
    };
    let whole = text
        .get(..length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    match whole.and_then(|whole| whole.chars().next()) {
        Some(rune) => Some((rune, length)),
        None => Some((char::REPLACEMENT_CHARACTER, 1)),
    }
}

/// Returns the last rune of a text and its length in bytes; none if the text is empty.
pub(crate) fn last(text: &[u8]) -> Option<(char, usize)> {
    let longest = text.len().min(4);
    for length in 2..=longest {
        let tail = text.get(text.len() - length..).unwrap_or_default();
        if let Some((rune, width)) = first(tail)
            && width == length
        {
            return Some((rune, width));
        }
    }
    let byte = *text.last()?;
    let rune = if byte < 0x80 {
        char::from(byte)
    } else {
        char::REPLACEMENT_CHARACTER
    };
    Some((rune, 1))
}

/// Iterates over the runes of a text, with their positions.
pub(crate) fn runes(text: &[u8]) -> Runes<'_> {
    Runes { text, at: 0 }
}

/// The runes of a text.
#[derive(Clone)]
pub(crate) struct Runes<'t> {
    text: &'t [u8],
    at: usize,
}

impl Iterator for Runes<'_> {
    type Item = (usize, char);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (rune, width) = first(self.text.get(self.at..)?)?;
        let at = self.at;
        self.at += width;
        Some((at, rune))
    }
}

/// Appends a rune in UTF-8.
#[inline]
pub(crate) fn push(out: &mut Vec<u8>, rune: char) {
    out.extend_from_slice(rune.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Returns a text with every rune replaced by another.
pub(crate) fn map(text: &[u8], mut change: impl FnMut(char) -> char) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (_, rune) in runes(text) {
        push(&mut out, change(rune));
    }
    out
}

/// Returns a text in double quotes, with Go's escapes.
pub(crate) fn quoted(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    print::quote(&mut out, text);
    // What is quoted is always UTF-8.
    String::from_utf8_lossy(&out).into_owned()
}

// === case ===

/// Returns the uppercase rune of a rune.
pub(crate) fn to_upper(rune: char) -> char {
    let mut mapped = rune.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(upper), None) => upper,
        // The long mapping of a Greek letter with a iota below has two letters, the simple one is
        // the title case.
        _ => iota_title(rune),
    }
}

/// Returns the lowercase rune of a rune.
pub(crate) fn to_lower(rune: char) -> char {
    match rune {
        'İ' => 'i',
        rune => rune.to_lowercase().next().unwrap_or(rune),
    }
}

/// Returns the title case rune of a rune.
pub(crate) fn to_title(rune: char) -> char {
    match rune {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        // Georgian letters have an uppercase that is no title case.
        'ა'..='ჺ' | 'ჽ'..='ჿ' => rune,
        rune => to_upper(rune),
    }
}

fn iota_title(rune: char) -> char {
    let offset = match u32::from(rune) {
        0x1F80..=0x1F87 | 0x1F90..=0x1F97 | 0x1FA0..=0x1FA7 => 8,
        0x1FB3 | 0x1FC3 | 0x1FF3 => 9,
        _ => return rune,
    };
    char::from_u32(u32::from(rune) + offset).unwrap_or(rune)
}

/// Returns a text in uppercase.
pub(crate) fn upper(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    map(text, to_upper)
}

/// Returns a text in lowercase.
pub(crate) fn lower(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    map(text, to_lower)
}

// === categories ===

macro_rules! category {
    ($(#[$page:meta])* $name:ident, $ascii:pat, $pattern:literal) => {
        $(#[$page])*
        #[inline]
        pub(crate) fn $name(rune: char) -> bool {
            static OTHERS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($pattern).ok());

            if rune.is_ascii() {
                return matches!(rune, $ascii);
            }
            OTHERS
                .as_ref()
                .is_some_and(|others| others.is_match(rune.encode_utf8(&mut [0; 4])))
        }
    };
}

category!(
    /// Returns whether a rune is a letter.
    is_letter, 'a'..='z' | 'A'..='Z', r"\p{L}"
);
category!(
    /// Returns whether a rune is an uppercase letter.
    is_upper, 'A'..='Z', r"\p{Lu}"
);
category!(
    /// Returns whether a rune is a lowercase letter.
    is_lower, 'a'..='z', r"\p{Ll}"
);
category!(
    /// Returns whether a rune is a decimal digit.
    is_digit, '0'..='9', r"\p{Nd}"
);
category!(
    /// Returns whether a rune is a number.
    is_number, '0'..='9', r"\p{N}"
);
category!(
    /// Returns whether a rune is punctuation.
    is_punctuation,
    '!'..='#' | '%'..='*' | ','..='/' | ':' | ';' | '?' | '@' | '['..=']' | '_' | '{' | '}',
    r"\p{P}"
);

/// Returns whether a rune is a title case letter.
pub(crate) fn is_title(rune: char) -> bool {
    matches!(rune, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ' | '\u{1F88}'..='\u{1F8F}' | '\u{1F98}'..='\u{1F9F}')
        || matches!(
            rune,
            '\u{1FA8}'..='\u{1FAF}' | '\u{1FBC}' | '\u{1FCC}' | '\u{1FFC}'
        )
}

/// Returns whether a rune is white space.
#[inline]
pub(crate) fn is_space(rune: char) -> bool {
    rune.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_begin_no_character_are_one_replacement_each() {
        let read: Vec<(usize, char)> = runes(b"a\xff\xe2\x82z\xe2\x82\xac").collect();
        assert_eq!(
            read,
            [
                (0, 'a'),
                (1, '\u{fffd}'),
                (2, '\u{fffd}'),
                (3, '\u{fffd}'),
                (4, 'z'),
                (5, '€')
            ]
        );
        assert_eq!(last("x€".as_bytes()), Some(('€', 3)));
        assert_eq!(last(b"x\xac"), Some(('\u{fffd}', 1)));
        assert_eq!((first(b""), last(b"")), (None, None));
    }

    #[test]
    fn case_is_mapped_rune_by_rune() {
        assert_eq!(upper("straße ŉ ᾳ".as_bytes()), "STRAßE ŉ ᾼ".as_bytes());
        assert_eq!(lower("İÄ".as_bytes()), "iä".as_bytes());
        assert_eq!(
            (to_title('ǆ'), to_title('ა'), to_upper('ა')),
            ('ǅ', 'ა', 'Ა')
        );
    }

    #[test]
    fn categories_are_those_of_unicode() {
        // A circled letter is alphabetic and no letter, a Roman numeral a number and no digit.
        assert!(!is_letter('Ⓐ') && is_letter('ä') && is_letter('Z') && !is_letter('1'));
        assert!(is_number('Ⅷ') && !is_digit('Ⅷ') && is_digit('٣'));
        assert!(is_title('ǅ') && is_upper('Ä') && is_lower('ä'));
        assert!(is_punctuation('«') && is_punctuation('-') && !is_punctuation('$'));
    }
}
