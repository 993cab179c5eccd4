//! [`shortened()`]: takes the middle out of a text that is too long.

use std::borrow::Cow;

/// What stands for the part that was taken out.
const SIGN: &str = " … ";
/// The end gets this part of the room: the reason of a failure is often its last words.
const END_PART: usize = 4;

/// Returns a text of at most `max` bytes: the beginning and the end of one that is longer.
#[must_use]
pub fn shortened(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let room = max.saturating_sub(SIGN.len());
    let end = &text[text.ceil_char_boundary(text.len() - room / END_PART)..];
    let start = &text[..text.floor_char_boundary(room - end.len())];
    Cow::Owned(format!("{start}{SIGN}{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_long_text_stay() {
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("0123456789abcdefghij", 17), "012345678 … hij");
        for max in 8..40 {
            let text = shortened("äöüäöüäöüäöüäöüäöüäöüäöü", max).into_owned();
            assert!(text.len() <= max && text.len() + 4 > max.min(48), "{text}");
        }
    }
}
