//! The letters of base64, for decoders that must fail, or forgive, as Go's do.

/// Returns the value of a letter of the standard alphabet.
#[must_use]
pub fn letter_value(letter: u8) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_have_the_values_of_their_places() {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (value, letter) in (0_u8..).zip(alphabet) {
            assert_eq!(letter_value(*letter), Some(value));
        }
        assert_eq!(letter_value(b'='), None);
    }
}
