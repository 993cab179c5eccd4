//! Quoted strings and characters, as Go's `strconv` writes them.

/// Appends a string in double quotes, with Go's escapes.
pub fn quote(out: &mut Vec<u8>, text: &[u8]) {
    append(out, text, b'"', false);
}

/// Appends a string in quotes, with Go's escapes; with `ascii`, everything else is escaped as well.
pub(super) fn append(out: &mut Vec<u8>, text: &[u8], quote: u8, ascii: bool) {
    out.push(quote);
    for chunk in text.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find(|c: char| !is_plain(c, quote, ascii)) {
            let (plain, special) = rest.split_at(at);
            out.extend_from_slice(plain.as_bytes());
            let mut chars = special.chars();
            if let Some(c) = chars.next() {
                escape(out, c, quote);
            }
            rest = chars.as_str();
        }
        out.extend_from_slice(rest.as_bytes());
        for byte in chunk.invalid() {
            hex(out, b"\\x", u32::from(*byte), 2);
        }
    }
    out.push(quote);
}

/// Returns whether a string can be written between backquotes.
pub(super) fn can_backquote(text: &[u8]) -> bool {
    let is_fine = |c: char| c != '\u{feff}' && c != '`' && c != '\u{7f}' && (c >= ' ' || c == '\t');
    std::str::from_utf8(text).is_ok_and(|text| text.chars().all(is_fine))
}

/// Returns whether Go prints a character as it is: letters, marks, numbers, punctuation, symbols
/// and the ASCII space.
pub fn is_print(c: char) -> bool {
    if c.is_ascii() || c.is_alphanumeric() {
        return matches!(c, ' '..='~') || !c.is_ascii();
    }
    // The standard library knows the same categories, but shows them only by escaping. A mark is
    // escaped at the start of a text, so the character comes second.
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().nth(1) == Some(c)
}

fn is_plain(c: char, quote: u8, ascii: bool) -> bool {
    if c == char::from(quote) || c == '\\' {
        return false;
    }
    matches!(c, ' '..='~') || !c.is_ascii() && !ascii && is_print(c)
}

fn escape(out: &mut Vec<u8>, c: char, quote: u8) {
    let short = match c {
        '\x07' => b'a',
        '\x08' => b'b',
        '\x0c' => b'f',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\x0b' => b'v',
        '\\' => b'\\',
        c if c == char::from(quote) => quote,
        c if c < ' ' || c == '\x7f' => return hex(out, b"\\x", u32::from(c), 2),
        c if u32::from(c) < 0x1_0000 => return hex(out, b"\\u", u32::from(c), 4),
        c => return hex(out, b"\\U", u32::from(c), 8),
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn hex(out: &mut Vec<u8>, prefix: &[u8], number: u32, digits: usize) {
    out.extend_from_slice(prefix);
    out.extend_from_slice(format!("{number:0digits$x}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_characters_are_those_of_go() {
        for c in [' ', 'a', 'é', '\u{301}', '☃', '😀', '„', '\u{fffd}'] {
            assert!(is_print(c), "{c:?}");
        }
        for c in [
            '\n', '\u{7f}', '\u{a0}', '\u{ad}', '\u{200b}', '\u{2028}', '\u{feff}', '\u{e000}',
        ] {
            assert!(!is_print(c), "{c:?}");
        }
    }
}
