//! Digests, and texts in base 64 and base 32.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_stdx::base64::letter_value;
use sha2::{Digest as _, Sha256, Sha512};

use crate::context::Context;
use crate::function::TemplateFunction;
use crate::functions::args::{text, written};
use crate::value::Value;

const TEXT: &str = "func(string) string";

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("sha1sum", TEXT, |context, args| {
        paid(context, args)?;
        let algorithm = &digest::SHA1_FOR_LEGACY_USE_ONLY;
        Ok(hex(digest::digest(algorithm, text(args, 0)).as_ref()))
    }),
    TemplateFunction::new("sha256sum", TEXT, |context, args| {
        paid(context, args)?;
        Ok(hex(&Sha256::digest(&**text(args, 0))))
    }),
    TemplateFunction::new("sha512sum", TEXT, |context, args| {
        paid(context, args)?;
        Ok(hex(&Sha512::digest(&**text(args, 0))))
    }),
    TemplateFunction::new("adler32sum", TEXT, |context, args| {
        paid(context, args)?;
        Ok(adler32(text(args, 0)).to_string().into())
    }),
    TemplateFunction::new("b64enc", TEXT, |context, args| {
        let whole = text(args, 0);
        context.bytes(whole.len().div_ceil(3).saturating_mul(4))?;
        Ok(STANDARD.encode(&**whole).into())
    }),
    TemplateFunction::new("b64dec", TEXT, |context, args| {
        let whole = text(args, 0);
        context.bytes(whole.len())?;
        Ok(match decode_base64(whole) {
            Ok(decoded) => Value::text(decoded),
            Err(message) => message.into(),
        })
    }),
    TemplateFunction::new("b32enc", TEXT, |context, args| {
        let whole = text(args, 0);
        context.bytes(whole.len().div_ceil(5).saturating_mul(8))?;
        Ok(encode_base32(whole).into())
    }),
    TemplateFunction::new("b32dec", TEXT, |context, args| {
        match decode_base32(text(args, 0)) {
            Ok(decoded) => written(context, &decoded),
            Err(message) => Ok(message.into()),
        }
    }),
];

/// Bytes that are digested in one step.
const BYTES_PER_STEP: usize = 16;

fn paid(context: &Context<'_>, args: &[Value]) -> Result<(), crate::error::TemplateError> {
    context.steps(1 + text(args, 0).len() / BYTES_PER_STEP)
}

fn hex(bytes: &[u8]) -> Value {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect::<String>().into()
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    // So many sums stay below 2^32.
    const UNREDUCED_MAX: usize = 5552;
    let (mut a, mut b) = (1_u32, 0_u32);
    for chunk in bytes.chunks(UNREDUCED_MAX) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    b << 16 | a
}

// === base 64 ===

/// Decodes a text as Go does: line breaks are skipped, and bits that are left over do not count.
pub(crate) fn decode_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let mut letters = text.iter().enumerate().filter(|(_, byte)| !is_break(byte));
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let corrupt = |at: usize| format!("illegal base64 data at input byte {at}");
    let (mut bits, mut count) = (0_u32, 0_usize);

    while let Some((at, &byte)) = letters.next() {
        if let Some(value) = letter_value(byte) {
            bits = bits << 6 | u32::from(value);
            count += 1;
            if count == 4 {
                out.extend(bits.to_be_bytes().iter().skip(1));
                (bits, count) = (0, 0);
            }
            continue;
        }

        // Two or three letters may be followed by the marks that complete them.
        if byte != b'=' || count < 2 {
            return Err(corrupt(at));
        }
        if count == 2 {
            match letters.next() {
                None => return Err(corrupt(text.len())),
                Some((at, byte)) if *byte != b'=' => return Err(corrupt(at)),
                Some(_) => {}
            }
        }
        if let Some((at, _)) = letters.next() {
            return Err(corrupt(at));
        }
        bits <<= 6 * (4 - count);
        out.extend(bits.to_be_bytes().iter().skip(1).take(count - 1));
        return Ok(out);
    }
    if count > 0 {
        return Err(corrupt(text.len() - count));
    }
    Ok(out)
}

// === base 32 ===

const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn encode_base32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut group = [0; 8];
        for (place, byte) in group.iter_mut().skip(3).zip(chunk) {
            *place = *byte;
        }
        let bits = u64::from_be_bytes(group);
        let letters = (chunk.len() * 8).div_ceil(5);
        for at in 0..8 {
            let letter = LETTERS.get((bits >> (35 - 5 * at)) as usize & 31);
            out.push(match letter {
                Some(letter) if at < letters => char::from(*letter),
                _ => '=',
            });
        }
    }
    out
}

fn decode_base32(text: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| Err(format!("illegal base32 data at input byte {at}"));
    let is_break = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    let letters: Vec<u8> = text
        .iter()
        .filter(|byte| !is_break(byte))
        .copied()
        .collect();

    let mut out = Vec::with_capacity(letters.len() / 8 * 5);
    for (start, group) in (0..).step_by(8).zip(letters.chunks(8)) {
        let (mut bits, mut count) = (0_u64, 0);
        for (at, byte) in (start..).zip(group) {
            if *byte == b'=' {
                break;
            }
            let Some(value) = LETTERS.iter().position(|letter| letter == byte) else {
                return corrupt(at);
            };
            bits = bits << 5 | value as u64;
            count += 1;
        }

        // Only the last group may be short of letters, and then for whole bytes.
        let is_last = start + 8 >= letters.len();
        let padded = group.iter().skip(count).all(|byte| *byte == b'=');
        if group.len() < 8 {
            return corrupt(letters.len());
        }
        if count < 8 && !(is_last && padded && matches!(count, 2 | 4 | 5 | 7)) {
            return corrupt(start + count);
        }

        bits <<= 5 * (8 - count);
        out.extend(bits.to_be_bytes().iter().skip(3).take(count * 5 / 8));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_read_as_go_reads_it() {
        for (text, want) in [
            ("", Ok("")),
            ("Y29mZmVl", Ok("coffee")),
            ("YQ==", Ok("a")),
            ("YR==", Ok("a")),
            ("YW\nI=\n", Ok("ab")),
            ("YQ", Err("illegal base64 data at input byte 0")),
            ("YQ=", Err("illegal base64 data at input byte 3")),
            ("YQ=a", Err("illegal base64 data at input byte 3")),
            ("Y$==", Err("illegal base64 data at input byte 1")),
            ("=", Err("illegal base64 data at input byte 0")),
            ("YQ==YQ==", Err("illegal base64 data at input byte 4")),
            ("YWJjY", Err("illegal base64 data at input byte 4")),
        ] {
            let want = want
                .map(|text| text.as_bytes().to_vec())
                .map_err(str::to_owned);
            assert_eq!(decode_base64(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn base_32_is_written_and_read() {
        for (plain, coded) in [
            ("", ""),
            ("f", "MY======"),
            ("fo", "MZXQ===="),
            ("foo", "MZXW6==="),
            ("foob", "MZXW6YQ="),
            ("fooba", "MZXW6YTB"),
            ("coffee", "MNXWMZTFMU======"),
        ] {
            assert_eq!(encode_base32(plain.as_bytes()), coded);
            assert_eq!(
                decode_base32(coded.as_bytes()),
                Ok(plain.as_bytes().to_vec())
            );
        }
        let message = decode_base32(b"MY1=====").unwrap_err();
        assert_eq!(message, "illegal base32 data at input byte 2");
    }

    #[test]
    fn sums_are_those_of_adler() {
        assert_eq!(adler32(b"abc"), 38_600_999);
        assert_eq!(adler32(&[255; 6000]), 2_761_382_378);
    }
}
