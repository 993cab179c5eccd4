//! Floats, as Go's `strconv` and `fmt` write them.

use super::printer::Printer;

/// The most digits after the point that a double can need; further ones are zeros.
const DIGITS_MAX: usize = 1100;

/// The significant digits of a positive number and where its point is: `0.d1d2d3… × 10^point`.
struct Decimal {
    digits: Vec<u8>,
    point: i32,
}

/// Appends a number as `strconv.AppendFloat` does with the formats `e`, `E`, `f`, `g`, `G`, `x`,
/// `X` and `b`. Without a precision it has as many digits as its type needs: `size` is 32 or 64.
pub fn append_float(
    out: &mut Vec<u8>,
    number: f64,
    format: u8,
    precision: Option<usize>,
    size: u8,
) {
    if number.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if number.is_infinite() {
        return out.extend_from_slice(if number > 0.0 { b"+Inf" } else { b"-Inf" });
    }
    if number.is_sign_negative() {
        out.push(b'-');
    }

    let number = number.abs();
    match format {
        b'e' | b'E' => {
            let decimal = match precision {
                Some(precision) => rounded(number, precision),
                None => shortest(number, size),
            };
            let places = precision.unwrap_or(decimal.digits.len() - 1);
            exponential(out, &decimal, places, format);
        }
        b'f' => fixed(out, number, precision, size),
        b'x' | b'X' => hexadecimal(out, number, precision, format),
        b'b' => binary(out, number, size),
        _ => general(out, number, format, precision, size),
    }
}

/// The fewest digits that identify the number among those of its type.
fn shortest(number: f64, size: u8) -> Decimal {
    if size == 32 {
        return decimal(&format!("{:e}", number as f32));
    }
    decimal(&format!("{number:e}"))
}

/// One digit and `places` more.
fn rounded(number: f64, places: usize) -> Decimal {
    decimal(&format!("{number:.*e}", places.min(DIGITS_MAX)))
}

/// Reads what the standard library writes: `d.ddde-7`.
fn decimal(text: &str) -> Decimal {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let digits = mantissa.bytes().filter(|byte| *byte != b'.').collect();
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let is_zero = mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    Decimal {
        digits,
        point: if is_zero { 1 } else { exponent + 1 },
    }
}

fn exponential(out: &mut Vec<u8>, decimal: &Decimal, places: usize, letter: u8) {
    let (first, rest) = decimal.digits.split_at(1);
    out.extend_from_slice(first);
    if places > 0 {
        out.push(b'.');
        out.extend_from_slice(rest.get(..places).unwrap_or(rest));
        out.resize(out.len() + places.saturating_sub(rest.len()), b'0');
    }
    let exponent = decimal.point - 1;
    let sign = if exponent < 0 { '-' } else { '+' };
    let text = format!("{}{sign}{:02}", char::from(letter), exponent.unsigned_abs());
    out.extend_from_slice(text.as_bytes());
}

fn fixed(out: &mut Vec<u8>, number: f64, precision: Option<usize>, size: u8) {
    let text = match precision {
        Some(precision) => format!("{number:.*}", precision.min(DIGITS_MAX)),
        None if size == 32 => format!("{}", number as f32),
        None => format!("{number}"),
    };
    out.extend_from_slice(text.as_bytes());
    let zeros = precision.unwrap_or_default().saturating_sub(DIGITS_MAX);
    out.resize(out.len() + zeros, b'0');
}

/// `g`: the exponential form for very small and large numbers, else the plain one; without zeros at
/// the end.
fn general(out: &mut Vec<u8>, number: f64, format: u8, precision: Option<usize>, size: u8) {
    let precision = precision.map(|precision| precision.max(1));
    let mut decimal = match precision {
        Some(precision) => rounded(number, precision - 1),
        None => shortest(number, size),
    };
    while decimal.digits.len() > 1 && decimal.digits.last() == Some(&b'0') {
        decimal.digits.pop();
    }

    let count = decimal.digits.len();
    let point = decimal.point;
    let limit = match precision {
        None => 6,
        Some(precision) if precision > count && i64::from(point) <= count as i64 => count,
        Some(precision) => precision,
    };
    let exponent = i64::from(point) - 1;
    if exponent < -4 || exponent >= limit as i64 {
        return exponential(
            out,
            &decimal,
            count - 1,
            if format == b'G' { b'E' } else { b'e' },
        );
    }
    plain(out, &decimal);
}

/// Writes all digits around the point.
fn plain(out: &mut Vec<u8>, decimal: &Decimal) {
    let Ok(whole) = usize::try_from(decimal.point) else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + decimal.point.unsigned_abs() as usize, b'0');
        return out.extend_from_slice(&decimal.digits);
    };
    let (before, after) = decimal.digits.split_at(whole.min(decimal.digits.len()));
    if before.is_empty() {
        out.push(b'0');
    }
    out.extend_from_slice(before);
    out.resize(out.len() + whole.saturating_sub(decimal.digits.len()), b'0');
    if !after.is_empty() {
        out.push(b'.');
        out.extend_from_slice(after);
    }
}

fn binary(out: &mut Vec<u8>, number: f64, size: u8) {
    let (mantissa, exponent) = if size == 32 {
        let bits = (number as f32).to_bits();
        let exponent = (bits >> 23) as i32 & 0xff;
        let implied = if exponent == 0 { 0 } else { 1 << 23 };
        (u64::from(bits & 0x7f_ffff | implied), exponent.max(1) - 150)
    } else {
        let (mantissa, exponent) = parts(number);
        (mantissa, exponent - 52)
    };
    let sign = if exponent < 0 { "" } else { "+" };
    out.extend_from_slice(format!("{mantissa}p{sign}{exponent}").as_bytes());
}

/// The mantissa as a whole number of 53 bits, and the exponent of its highest one.
fn parts(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let exponent = (bits >> 52) as i32 & 0x7ff;
    let implied = if exponent == 0 { 0 } else { 1 << 52 };
    (bits & ((1 << 52) - 1) | implied, exponent.max(1) - 1023)
}

fn hexadecimal(out: &mut Vec<u8>, number: f64, precision: Option<usize>, format: u8) {
    let (mantissa, exponent) = hexadecimal_parts(number, precision);
    let digits = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let digits = match precision {
        Some(precision) => digits.get(..precision.min(15)).unwrap_or_default(),
        None => digits.trim_end_matches('0'),
    };
    let zeros = precision.unwrap_or_default().saturating_sub(15);
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };

    let start = out.len();
    out.extend_from_slice(format!("0x{}{point}{digits}", mantissa >> 60 & 1).as_bytes());
    out.resize(out.len() + zeros, b'0');
    out.extend_from_slice(format!("p{sign}{:02}", exponent.unsigned_abs()).as_bytes());
    if format == b'X'
        && let Some(written) = out.get_mut(start..)
    {
        written.make_ascii_uppercase();
    }
}

/// The mantissa, rounded, with its highest one at bit 60, and the exponent.
fn hexadecimal_parts(number: f64, precision: Option<usize>) -> (u64, i32) {
    let (mut mantissa, mut exponent) = parts(number);
    if mantissa == 0 {
        return (0, 0);
    }
    let shift = mantissa.leading_zeros() - 3;
    mantissa <<= shift;
    exponent -= shift as i32 - 8;

    // Fifteen digits follow the leading one.
    if let Some(precision) = precision.filter(|precision| *precision < 15) {
        let shift = (precision * 4) as u32;
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    (mantissa, exponent)
}

impl Printer<'_, '_> {
    /// Writes a float. Returns whether it can be written by the verb.
    pub(super) fn float(&mut self, number: f64, size: u8, verb: char) -> bool {
        let (format, precision) = match verb {
            'v' => (b'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb as u8, None),
            'f' | 'F' => (b'f', Some(6)),
            'e' | 'E' => (verb as u8, Some(6)),
            _ => return false,
        };
        if self.is_plain_integer(number, verb) {
            let mut buffer = itoa::Buffer::new();
            self.text(buffer.format(number as i64));
            return true;
        }

        let precision = self.flags.precision.or(precision);
        if self.reserve(precision.unwrap_or_default()) {
            let mut text = vec![b'+'];
            append_float(&mut text, number, format, precision, size);
            if matches!(text.get(1), Some(b'-' | b'+')) {
                text.remove(0);
            }
            self.signed_float(text, format, precision);
        }
        true
    }

    /// Most floats of charts are small integers, printed without any flag.
    fn is_plain_integer(&self, number: f64, verb: char) -> bool {
        let has_layout = self.flags.width.is_some()
            || self.flags.precision.is_some()
            || self.flags.plus
            || self.flags.space
            || self.flags.sharp;
        verb == 'v'
            && !has_layout
            && number.abs() < 1e6
            && number.fract() == 0.0
            && !(number == 0.0 && number.is_sign_negative())
    }

    /// Writes a number that begins with its sign.
    fn signed_float(&mut self, mut text: Vec<u8>, format: u8, precision: Option<usize>) {
        if self.flags.space && !self.flags.plus && text.first() == Some(&b'+') {
            text[0] = b' ';
        }
        if matches!(text.get(1), Some(b'I' | b'N')) {
            // Infinities and NaN are not filled with zeros, and NaN has no sign of its own.
            let is_bare = text.get(1) == Some(&b'N') && !self.flags.space && !self.flags.plus;
            let start = usize::from(is_bare);
            return self.pad_with_spaces(text.get(start..).unwrap_or_default());
        }
        if self.flags.sharp && format != b'b' {
            with_point(&mut text, format, precision);
        }

        if !self.flags.plus && text.first() == Some(&b'+') {
            return self.pad(text.get(1..).unwrap_or_default());
        }
        match self.flags.width {
            // The sign comes before the zeros.
            Some(width) if self.flags.zero && !self.flags.minus && width > text.len() => {
                let (sign, digits) = text.split_at(1);
                self.bytes(sign);
                self.fill(width - text.len());
                self.bytes(digits);
            }
            _ => self.pad(&text),
        }
    }
}

/// Forces a point, and for the shortest forms the zeros up to the precision.
fn with_point(text: &mut Vec<u8>, format: u8, precision: Option<usize>) {
    let mut digits = match format {
        b'g' | b'G' | b'x' => precision.map_or(6, |precision| precision as i64),
        _ => 0,
    };
    let is_tail = |byte: u8| match byte {
        b'p' | b'P' => true,
        b'e' | b'E' => !matches!(format, b'x' | b'X'),
        _ => false,
    };
    let end = text.iter().position(|byte| is_tail(*byte));
    let tail = text.split_off(end.unwrap_or(text.len()));

    let mut is_significant = false;
    for byte in text.iter().skip(1).filter(|byte| **byte != b'.') {
        is_significant |= *byte != b'0';
        digits -= i64::from(is_significant);
    }
    if !text.contains(&b'.') {
        if text.len() == 2 && text.get(1) == Some(&b'0') {
            digits -= 1;
        }
        text.push(b'.');
    }
    text.resize(
        text.len() + usize::try_from(digits).unwrap_or_default(),
        b'0',
    );
    text.extend_from_slice(&tail);
}
