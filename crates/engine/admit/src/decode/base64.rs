//! Bytes in JSON: base64 as Go reads and writes it.

use lode_stdx::base64::letter_value;

/// The alphabet, by value.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Returns base64 in canonical form, without line ends.
///
/// # Errors
/// The text is not base64; the message is Go's.
pub(crate) fn canonical(text: String) -> Result<String, String> {
    let fail = |at: usize| format!("illegal base64 data at input byte {at}");
    let (mut bits, mut letters) = (0_u32, 0_usize);
    let mut bytes = text
        .bytes()
        .enumerate()
        .filter(|(_, byte)| !is_line_end(*byte));
    let padded = loop {
        let Some((at, byte)) = bytes.next() else {
            break false;
        };
        if byte != b'=' {
            bits = u32::from(letter_value(byte).ok_or_else(|| fail(at))?);
            letters += 1;
            continue;
        }
        match letters % 4 {
            0 | 1 => return Err(fail(at)),
            2 => match bytes.next() {
                Some((_, b'=')) => {}
                Some((at, _)) => return Err(fail(at - 1)),
                None => return Err(fail(text.len())),
            },
            _ => {}
        }
        break true;
    };
    match bytes.next() {
        Some((at, _)) => return Err(fail(at)),
        None if letters % 4 != 0 && !padded => return Err(fail(text.len() - letters % 4)),
        None => {}
    }
    let unused = match letters % 4 {
        2 => 0b1111,
        3 => 0b11,
        _ => 0,
    };
    if bits & unused == 0 && !text.bytes().any(is_line_end) {
        return Ok(text);
    }
    let kept = text.bytes().filter(|byte| !is_line_end(*byte)).enumerate();
    let cleared = char::from(LETTERS[(bits & !unused) as usize]);
    Ok(kept
        .map(|(at, byte)| {
            if at + 1 == letters {
                cleared
            } else {
                char::from(byte)
            }
        })
        .collect())
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_go_writes_it_stays() {
        for text in ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="] {
            assert_eq!(canonical(text.to_owned()).unwrap(), text);
        }
    }

    #[test]
    fn line_ends_and_unused_bits_go() {
        assert_eq!(canonical("Zm9v\nYg==\n".to_owned()).unwrap(), "Zm9vYg==");
        assert_eq!(canonical("Zh==".to_owned()).unwrap(), "Zg==");
    }

    #[test]
    fn what_is_no_base64_is_refused_at_its_byte() {
        for (text, at) in [
            ("not base64!", 3),
            ("Zg=a", 2),
            ("Zg\n", 1),
            ("Zg=", 3),
            ("Zg", 0),
            ("Z", 0),
            ("Zg==Zg==", 4),
            ("=", 0),
            ("Zm9vZ", 4),
        ] {
            let error = canonical(text.to_owned()).unwrap_err();
            assert_eq!(
                error,
                format!("illegal base64 data at input byte {at}"),
                "{text}"
            );
        }
    }
}
