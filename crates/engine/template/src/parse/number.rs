//! Number constants, which take the type they are needed as.

use super::unquote::unquote_char;

/// A number, as each of the types that can hold it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Number {
    /// The value as a signed integer.
    pub int: Option<i64>,
    /// The value as an unsigned integer.
    pub uint: Option<u64>,
    /// The value as a float.
    pub float: Option<f64>,
    /// Real and imaginary part, if it is written as a complex number.
    pub complex: Option<(f64, f64)>,
}

impl Number {
    /// Reads a number, or a character in single quotes.
    ///
    /// # Errors
    /// Go's text about what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(quoted) = text.strip_prefix('\'') {
            return Self::character(text, quoted);
        }
        if text.ends_with('i') {
            let complex = parse_complex(text).ok_or_else(|| illegal(text))?;
            return Ok(Self::from_complex(complex));
        }

        let mut number = Self {
            int: parse_int(text),
            uint: parse_uint(text),
            ..Self::default()
        };
        if number.int == Some(0) {
            // As in -0.
            number.uint = Some(0);
        }
        number.float = match (number.int, number.uint) {
            (Some(int), _) => Some(int as f64),
            (_, Some(uint)) => Some(uint as f64),
            _ => return number.with_float(text),
        };
        Ok(number)
    }

    fn character(text: &str, quoted: &str) -> Result<Self, String> {
        let (piece, tail) =
            unquote_char(quoted.as_bytes(), b'\'').ok_or_else(|| "invalid syntax".to_owned())?;
        if tail != b"'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let number = piece.number();
        Ok(Self {
            int: Some(i64::from(number)),
            uint: Some(u64::from(number)),
            float: Some(f64::from(number)),
            complex: None,
        })
    }

    #[expect(
        clippy::float_cmp,
        reason = "a float is an integer exactly or not at all"
    )]
    fn with_float(mut self, text: &str) -> Result<Self, String> {
        let float = parse_float(text).ok_or_else(|| illegal(text))?;
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {text:?}"));
        }
        self.float = Some(float);
        let (int, uint) = (float as i64, float as u64);
        self.int = (int as f64 == float && int != i64::MAX).then_some(int);
        self.uint = (uint as f64 == float && uint != u64::MAX).then_some(uint);
        Ok(self)
    }

    #[expect(
        clippy::float_cmp,
        reason = "a float is an integer exactly or not at all"
    )]
    fn from_complex(complex: (f64, f64)) -> Self {
        let mut number = Self {
            complex: Some(complex),
            ..Self::default()
        };
        let (real, imaginary) = complex;
        if imaginary == 0.0 {
            let (int, uint) = (real as i64, real as u64);
            number.float = Some(real);
            number.int = (int as f64 == real).then_some(int);
            number.uint = (uint as f64 == real).then_some(uint);
        }
        number
    }
}

fn illegal(text: &str) -> String {
    format!("illegal number syntax: {text:?}")
}

/// `strconv.ParseUint` with the base in the text.
fn parse_uint(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, base) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (digits, 2)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (digits, 8)
    } else if let Some(digits) = lower.strip_prefix('0').filter(|digits| !digits.is_empty()) {
        (digits, 8)
    } else {
        (lower.as_str(), 10)
    };

    if !digits
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        || !underscores_are_fine(text)
    {
        return None;
    }
    u64::from_str_radix(&digits.replace('_', ""), base).ok()
}

/// `strconv.ParseInt` with the base in the text.
fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'+' => (false, text.get(1..)?),
        b'-' => (true, text.get(1..)?),
        _ => (false, text),
    };
    let number = i128::from(parse_uint(digits)?);
    i64::try_from(if negative { -number } else { number }).ok()
}

/// `strconv.ParseFloat`; a number that is too large is none.
fn parse_float(text: &str) -> Option<f64> {
    if text.contains('_') && !underscores_are_fine(text) {
        return None;
    }
    let plain = text.replace('_', "").to_ascii_lowercase();
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let number = match unsigned.strip_prefix("0x") {
        Some(digits) => parse_hexadecimal(digits)?,
        None if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            unsigned.parse().ok()?
        }
        None => return None,
    };
    let number = if plain.starts_with('-') {
        -number
    } else {
        number
    };
    Some(number).filter(|number| number.is_finite())
}

/// Digits with a point and an exponent of two.
fn parse_hexadecimal(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }

    let mut exponent: i32 = exponent.parse().ok()?;
    let mut number = 0_u64;
    let is_fraction = |index: usize| index >= whole.len();
    for (index, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(digit.to_digit(16)?);
        if number >> 60 == 0 {
            number = number << 4 | digit;
            exponent = exponent.checked_sub(if is_fraction(index) { 4 } else { 0 })?;
        } else {
            // What does not fit only decides how the last bit is rounded.
            number |= u64::from(digit != 0);
            exponent = exponent.checked_add(if is_fraction(index) { 0 } else { 4 })?;
        }
    }
    // Two steps, so that the factor itself neither vanishes nor overflows.
    let exponent = exponent.clamp(-2200, 2200);
    let half = exponent / 2;
    Some(number as f64 * 2_f64.powi(half) * 2_f64.powi(exponent - half))
}

/// `1+2i`, or an imaginary number alone.
fn parse_complex(text: &str) -> Option<(f64, f64)> {
    let text = text.strip_suffix('i')?;
    let bytes = text.as_bytes();
    let is_exponent = |index: usize| {
        let is_hexadecimal = text.to_ascii_lowercase().contains("0x");
        matches!(bytes.get(index), Some(b'p' | b'P'))
            || !is_hexadecimal && matches!(bytes.get(index), Some(b'e' | b'E'))
    };
    let split = (1..bytes.len())
        .rev()
        .find(|index| matches!(bytes.get(*index), Some(b'+' | b'-')) && !is_exponent(index - 1));
    match split {
        Some(index) => {
            let (real, imaginary) = text.split_at(index);
            Some((parse_float(real)?, parse_float(imaginary)?))
        }
        None => Some((0.0, parse_float(text)?)),
    }
}

/// Whether each underscore stands between digits, or after the letter of the base.
fn underscores_are_fine(text: &str) -> bool {
    #[derive(PartialEq)]
    enum Seen {
        Start,
        Digit,
        Underscore,
        Other,
    }

    let text = text
        .strip_prefix(['+', '-'])
        .unwrap_or(text)
        .to_ascii_lowercase();
    let is_prefixed = ["0x", "0b", "0o"]
        .iter()
        .any(|prefix| text.starts_with(prefix));
    let is_hexadecimal = text.starts_with("0x");

    // The prefix counts as a digit.
    let (mut seen, digits) = if is_prefixed {
        (Seen::Digit, text.get(2..).unwrap_or_default())
    } else {
        (Seen::Start, text.as_str())
    };
    for byte in digits.bytes() {
        seen = match byte {
            b'0'..=b'9' => Seen::Digit,
            b'a'..=b'f' if is_hexadecimal => Seen::Digit,
            b'_' if seen == Seen::Digit => Seen::Underscore,
            b'_' => return false,
            _ if seen == Seen::Underscore => return false,
            _ => Seen::Other,
        };
    }
    seen != Seen::Underscore
}
