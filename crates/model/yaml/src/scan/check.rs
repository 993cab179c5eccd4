//! Whether YAML accepts bytes as text at all.
//!
//! Input: bytes. Output: the same as UTF-8 without forbidden control characters, or the position of
//! the first error.

use crate::error::Syntax;

/// Checks bytes as a whole, before scanning. The error contains the byte offset.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, (usize, Syntax)> {
    let (valid, fault) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            (valid, Some((error.valid_up_to(), Syntax::NotUtf8)))
        }
    };
    match control_character(valid) {
        Some(at) => Err((at, Syntax::ControlCharacter)),
        None => fault.map_or(Ok(valid), Err),
    }
}

/// Bytes processed in one step of the quick check.
const CHUNK: usize = 64;

fn control_character(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    for (number, chunk) in bytes.chunks(CHUNK).enumerate() {
        // Combining with "or" instead of stopping early lets the compiler vectorise the loop.
        let suspicious = chunk
            .iter()
            .fold(false, |found, &byte| found | is_suspicious(byte));
        if suspicious {
            let base = number * CHUNK;
            let at = (base..base + chunk.len()).find(|&at| is_forbidden(bytes, at));
            if at.is_some() {
                return at;
            }
        }
    }
    None
}

fn is_suspicious(byte: u8) -> bool {
    byte < b' ' && byte != b'\n' || byte == 0x7f || byte == 0xc2 || byte == 0xef
}

fn is_forbidden(bytes: &[u8], at: usize) -> bool {
    match &bytes[at..] {
        [b'\t' | b'\n' | b'\r', ..] | [0xc2, 0x85, ..] => false,
        [0..b' ' | 0x7f, ..] | [0xc2, 0..0xa0, ..] | [0xef, 0xbf, 0xbe | 0xbf, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found_wherever_they_stand() {
        for before in [0, 1, 63, 64, 200] {
            for (fault, cause) in [
                (&b"\x00"[..], Some(Syntax::ControlCharacter)),
                (b"\x1b", Some(Syntax::ControlCharacter)),
                (b"\x7f", Some(Syntax::ControlCharacter)),
                ("\u{80}".as_bytes(), Some(Syntax::ControlCharacter)),
                ("\u{ffff}".as_bytes(), Some(Syntax::ControlCharacter)),
                (b"\xff", Some(Syntax::NotUtf8)),
                (b"\xc3", Some(Syntax::NotUtf8)),
                ("\u{85}\u{a0}\u{feff}\t\r\n\u{1F600}".as_bytes(), None),
            ] {
                let bytes = [&vec![b'x'; before], fault].concat();
                assert_eq!(
                    text(&bytes).err(),
                    cause.map(|cause| (before, cause)),
                    "{before} {fault:?}"
                );
            }
        }
    }
}
