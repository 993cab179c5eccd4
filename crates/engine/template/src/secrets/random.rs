//! Random texts and numbers, from the randomness of the environment.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, int, text};
use crate::go::runes;
use crate::value::Value;

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("randAlphaNum", "func(int) string", |context, args| {
        letters(context, args, u8::is_ascii_alphanumeric)
    }),
    TemplateFunction::new("randAlpha", "func(int) string", |context, args| {
        letters(context, args, u8::is_ascii_alphabetic)
    }),
    TemplateFunction::new("randNumeric", "func(int) string", |context, args| {
        letters(context, args, u8::is_ascii_digit)
    }),
    TemplateFunction::new("randAscii", "func(int) string", |context, args| {
        letters(context, args, |byte| matches!(byte, b' '..=b'~'))
    }),
    TemplateFunction::new("randBytes", "func(int) (string, error)", |context, args| {
        let count = usize::try_from(int(args, 0))
            .map_err(|_| TemplateError::new("runtime error: makeslice: len out of range"))?;
        context.bytes(count.saturating_mul(3))?;
        context.steps(count / 16)?;
        let mut bytes = vec![0; count];
        context.environment().random.fill(&mut bytes);
        Ok(STANDARD.encode(bytes).into())
    }),
    TemplateFunction::new("randInt", "func(int, int) int", |context, args| {
        let (least, end) = (int(args, 0), int(args, 1));
        let range = end.wrapping_sub(least);
        let range = u64::try_from(range).ok().filter(|range| *range > 0);
        let range = range.ok_or_else(|| TemplateError::new("invalid argument to Intn"))?;
        Ok(Value::Int(least.wrapping_add(below(context, range) as i64)))
    }),
    TemplateFunction::new("shuffle", "func(string) string", |context, args| {
        let whole = text(args, 0);
        context.bytes(whole.len().saturating_mul(4))?;
        context.steps(whole.len())?;
        let mut shuffled: Vec<char> = runes::runes(whole).map(|(_, rune)| rune).collect();
        for at in (1..shuffled.len()).rev() {
            let other = below(context, at as u64 + 1) as usize;
            shuffled.swap(at, other);
        }
        Ok(shuffled.into_iter().collect::<String>().into())
    }),
    TemplateFunction::new("uuidv4", "func() string", |context, _| {
        let mut bytes = [0; 16];
        context.environment().random.fill(&mut bytes);
        Ok(uuid(u128::from_be_bytes(bytes)).into())
    }),
];

/// Returns a text of so many letters of an alphabet; none if the number is negative.
fn letters(context: &Context<'_>, args: &[Value], is_letter: fn(&u8) -> bool) -> FunctionResult {
    let count = usize::try_from(int(args, 0)).unwrap_or(0);
    context.bytes(count)?;
    context.steps(count / 4)?;
    let alphabet: Vec<u8> = (b' '..=b'~').filter(is_letter).collect();
    let mut out = Vec::with_capacity(count);
    let mut bytes = [0; 64];
    while out.len() < count {
        context.environment().random.fill(&mut bytes);
        // Seven bits are enough; what is beyond the alphabet is drawn again.
        let drawn = bytes
            .iter()
            .filter_map(|byte| alphabet.get(usize::from(byte & 127)));
        out.extend(drawn.take(count - out.len()));
    }
    Ok(Value::text(out))
}

/// Returns a random number below `end`, all equally likely.
fn below(context: &Context<'_>, end: u64) -> u64 {
    // Numbers beyond the last multiple of `end` are drawn again, which happens less than once in
    // two times.
    let fair = u64::MAX - u64::MAX % end;
    for _ in 0..DRAWS_MAX {
        let mut bytes = [0; 8];
        context.environment().random.fill(&mut bytes);
        let number = u64::from_le_bytes(bytes);
        if number < fair {
            return number % end;
        }
    }
    0
}

/// Most numbers that are drawn for one: not even unfair ones come so often.
const DRAWS_MAX: usize = 256;

/// Writes a random number as a UUID of version 4.
fn uuid(bits: u128) -> String {
    let bits = bits & !(0xF << 76) & !(3 << 62) | 4 << 76 | 2 << 62;
    let digits = format!("{bits:032x}");
    let mut out = String::with_capacity(36);
    for (at, digit) in digits.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version() {
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
    }
}
