//! Quantities in the form in which Go writes them: `1000m` is `1`, `1024Mi` is `1Gi`, `0.5` is
//! `500m`.
//!
//! A number that is already in that form keeps its spelling, so `+5` and `1E3` stay. Numbers with
//! too many digits to compute with keep it too; Go computes them exactly.

use std::borrow::Cow;

/// Why a text is not a quantity, in Go's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// It is not a number with a suffix.
    #[error(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )]
    Format,
    /// An unknown suffix.
    #[error("unable to parse quantity's suffix")]
    Suffix,
    /// A malformed number.
    #[error("unable to parse numeric part of quantity")]
    Number,
}

/// Returns a quantity as Go writes it.
///
/// # Errors
/// The text is not a quantity.
pub(crate) fn canonical(text: &str) -> Result<Cow<'_, str>, Error> {
    if text == "0" {
        return Ok(Cow::Borrowed(text));
    }
    let parts = NumberParts::of(text)?;
    let form = form(parts.suffix).ok_or(Error::Suffix)?;
    if parts.keeps_its_spelling(form) {
        return Ok(Cow::Borrowed(text));
    }
    let Some(amount) = parts.amount(form)? else {
        return Ok(Cow::Borrowed(text));
    };
    Ok(amount.written(form).map_or(Cow::Borrowed(text), Cow::Owned))
}

/// How a number is scaled and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberForm {
    /// Powers of ten with a letter.
    Si(i32),
    /// Powers of two with two letters.
    Binary(u32),
    /// Powers of ten as `e3`.
    Exponent(i32),
}

fn form(suffix: &str) -> Option<NumberForm> {
    Some(match suffix {
        "n" => NumberForm::Si(-9),
        "u" => NumberForm::Si(-6),
        "m" => NumberForm::Si(-3),
        "" => NumberForm::Si(0),
        "k" => NumberForm::Si(3),
        "M" => NumberForm::Si(6),
        "G" => NumberForm::Si(9),
        "T" => NumberForm::Si(12),
        "P" => NumberForm::Si(15),
        "E" => NumberForm::Si(18),
        "Ki" => NumberForm::Binary(10),
        "Mi" => NumberForm::Binary(20),
        "Gi" => NumberForm::Binary(30),
        "Ti" => NumberForm::Binary(40),
        "Pi" => NumberForm::Binary(50),
        "Ei" => NumberForm::Binary(60),
        other => NumberForm::Exponent(other.strip_prefix(['e', 'E'])?.parse().ok()?),
    })
}

/// The parts of a text: digits before and after the point, without leading zeros, and the suffix.
struct NumberParts<'t> {
    negative: bool,
    has_digits: bool,
    whole: &'t str,
    fraction: &'t str,
    suffix: &'t str,
}

impl<'t> NumberParts<'t> {
    fn of(text: &'t str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Format);
        }
        let (negative, rest) = match text.as_bytes()[0] {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let unpadded = rest.trim_start_matches('0');
        let (whole, tail) = split(unpadded, |c| c.is_ascii_digit());
        let has_digits = rest.len() > tail.len();
        let (fraction, suffix) = match tail.strip_prefix('.') {
            Some(tail) => split(tail, |c| c.is_ascii_digit()),
            None => ("", tail),
        };
        let has_digits = has_digits || !fraction.is_empty();
        let (_, tail) = split(suffix, |c| "eEinumkKMGTP".contains(c));
        let (_, tail) = split(tail.strip_prefix(['-', '+']).unwrap_or(tail), |c| {
            c.is_ascii_digit()
        });
        if !tail.is_empty() {
            return Err(Error::Format);
        }
        let whole = if whole.is_empty() { "0" } else { whole };
        Ok(Self {
            negative,
            has_digits,
            whole,
            fraction,
            suffix,
        })
    }

    /// Go keeps the text if a quick check shows that it is in canonical form.
    fn keeps_its_spelling(&self, form: NumberForm) -> bool {
        match form {
            NumberForm::Binary(power) => {
                self.is_small(power) && self.whole.parse::<i64>().is_ok_and(|whole| whole & 7 != 0)
            }
            NumberForm::Si(power) | NumberForm::Exponent(power) => {
                let digits = self.whole.len() + self.fraction.len();
                let scale = i64::from(power) - self.fraction.len() as i64;
                let ends_in = |at: usize| {
                    let bytes = if at < self.fraction.len() {
                        self.fraction
                    } else {
                        self.whole
                    };
                    let at = if at < self.fraction.len() {
                        at
                    } else {
                        at - self.fraction.len()
                    };
                    bytes
                        .len()
                        .checked_sub(at + 1)
                        .map(|at| bytes.as_bytes()[at])
                };
                let ends_in_zeros = (0..3).all(|at| ends_in(at) == Some(b'0'));
                digits <= DIGITS_QUICK
                    && scale >= -9
                    && scale % 3 == 0
                    && !ends_in_zeros
                    && !self.whole.starts_with('0')
            }
        }
    }

    /// Returns whether a number of bytes has so few digits that Go uses its fast path.
    fn is_small(&self, power: u32) -> bool {
        self.fraction.is_empty() && self.whole.len() + power as usize * 3 / 10 < 15
    }

    /// Returns the number; `None` if it has too many digits to compute with.
    fn amount(&self, form: NumberForm) -> Result<Option<Amount>, Error> {
        if !self.has_digits && matches!(form, NumberForm::Binary(power) if !self.is_small(power)) {
            return Err(Error::Number);
        }
        let (power, factor) = match form {
            NumberForm::Si(power) | NumberForm::Exponent(power) => (power, 1),
            NumberForm::Binary(power) => (0, 1_i128 << power),
        };
        let scale = power.saturating_sub(self.fraction.len() as i32);
        let value = format!("{}{}", self.whole, self.fraction)
            .parse::<i128>()
            .ok();
        let amount = match (value.and_then(|value| value.checked_mul(factor)), form) {
            (Some(value), _) => Amount { value, scale }.rounded_up().capped(form),
            (None, NumberForm::Binary(_)) if self.whole.len() >= DIGITS_QUICK => LARGEST,
            (None, _) => return Ok(None),
        };
        Ok(Some(if self.negative {
            Amount {
                value: -amount.value,
                ..amount
            }
        } else {
            amount
        }))
    }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// `value` times ten to the power of `scale`.
#[derive(Debug, Clone, Copy)]
struct Amount {
    value: i128,
    scale: i32,
}

impl Amount {
    /// Values smaller than a billionth are rounded up to one.
    fn rounded_up(self) -> Self {
        let Self {
            mut value,
            mut scale,
        } = self;
        let mut lost = false;
        while scale < -9 && value != 0 {
            lost |= value % 10 != 0;
            value /= 10;
            scale += 1;
        }
        let value = value + i128::from(lost);
        Self {
            value,
            scale: if value == 0 { 0 } else { scale.max(-9) },
        }
    }

    fn capped(self, form: NumberForm) -> Self {
        match form {
            NumberForm::Binary(_) if self.scale <= 0 && self.whole().0 >= LARGEST.value => LARGEST,
            _ => self,
        }
    }

    /// Returns the part before the point, and whether there is no fraction. Only for scales up to
    /// 0.
    fn whole(self) -> (i128, bool) {
        let divisor = 10_i128.pow(self.scale.unsigned_abs());
        (self.value / divisor, self.value % divisor == 0)
    }

    fn written(self, form: NumberForm) -> Option<String> {
        if self.value == 0 {
            return Some("0".to_owned());
        }
        if matches!(form, NumberForm::Binary(_)) && self.scale <= 0 {
            let (whole, exact) = self.whole();
            // A small or fractional number of bytes is written in decimal, so that nothing of it is
            // lost.
            if exact && whole.unsigned_abs() >= 1024 {
                return Some(binary(whole));
            }
        }
        self.in_tens(form)
    }

    fn in_tens(self, form: NumberForm) -> Option<String> {
        let Self {
            mut value,
            mut scale,
        } = self;
        while value % 10 == 0 {
            value /= 10;
            scale = scale.checked_add(1)?;
        }
        let above = scale.rem_euclid(3);
        value = value.checked_mul(10_i128.pow(above.unsigned_abs()))?;
        scale -= above;
        let suffix = match form {
            NumberForm::Exponent(_) if scale != 0 => format!("e{scale}"),
            NumberForm::Exponent(_) => String::new(),
            // There is no suffix beyond the letters.
            _ => usize::try_from(scale / 3 + 3)
                .ok()
                .and_then(|at| LETTERS.get(at))
                .map_or("", |l| *l)
                .to_owned(),
        };
        Some(format!("{value}{suffix}"))
    }
}

fn binary(mut whole: i128) -> String {
    let mut power = 0;
    while whole % 1024 == 0 && power + 1 < BINARY_LETTERS.len() {
        whole /= 1024;
        power += 1;
    }
    format!("{whole}{}", BINARY_LETTERS[power])
}

/// Digits up to which a number is checked without computing.
const DIGITS_QUICK: usize = 18;
/// Largest number of bytes.
const LARGEST: Amount = Amount {
    value: i64::MAX as i128,
    scale: 0,
};
const LETTERS: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const BINARY_LETTERS: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_get_the_form_that_go_writes() {
        for (text, expected) in [
            ("0", "0"),
            ("00", "0"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("1.500", "1.500"),
            ("1024Mi", "1Gi"),
            ("1025Ki", "1025Ki"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("2Gi", "2Gi"),
            ("16Gi", "16Gi"),
            ("1e3", "1e3"),
            ("1e4", "10e3"),
            ("12E6", "12E6"),
            ("1000k", "1M"),
            ("100000", "100k"),
            ("1234567", "1234567"),
            ("-1000m", "-1"),
            ("+5", "+5"),
            ("0.1n", "1n"),
            ("0.0000000001", "1n"),
            ("100Ei", "9223372036854775807"),
            ("1000000000000000000000", "1"),
            ("0Mi", "0"),
            (".5", "500m"),
            ("5.", "5."),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused_in_gos_words() {
        for (text, error) in [
            ("", Error::Format),
            ("1 Gi", Error::Format),
            ("abc", Error::Format),
            ("1x", Error::Format),
            ("1KMi", Error::Suffix),
        ] {
            assert_eq!(canonical(text), Err(error), "{text}");
        }
    }
}
