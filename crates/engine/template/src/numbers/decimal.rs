//! Decimal numbers of any length, with the rules of the library that sprig's float functions use.
//!
//! A float becomes its shortest decimal text, so that 0.1 + 0.2 is 0.3. Division is exact to
//! sixteen places.

use num_bigint::{BigInt, Sign};

/// A number: `value` times ten to the power of `exponent`.
#[derive(Debug, Clone)]
pub(crate) struct Decimal {
    value: BigInt,
    exponent: i64,
}

/// Places after the point of a quotient that does not end.
const DIVISION_PLACES: i64 = 16;
/// Most digits that a number may have. A float has at most 1,075 places, so that thousands of
/// factors are possible before this is reached.
pub(crate) const DIGITS_MAX: u64 = 1 << 20;

impl Decimal {
    /// Returns a float as a decimal; none if it is not finite.
    pub(crate) fn from_float(float: f64) -> Option<Self> {
        if !float.is_finite() {
            return None;
        }
        let shown = format!("{float:e}");
        let (mantissa, exponent) = shown.split_once('e')?;
        let places = mantissa
            .split_once('.')
            .map_or(0, |(_, places)| places.len());
        Some(Self {
            value: mantissa.replace('.', "").parse().ok()?,
            exponent: exponent.parse::<i64>().ok()? - places as i64,
        })
    }

    /// Returns the nearest float.
    pub(crate) fn to_float(&self) -> f64 {
        // Rust reads a text as the nearest float, however long it is.
        format!("{}e{}", self.value, self.exponent)
            .parse()
            .unwrap_or_default()
    }

    /// Returns an upper bound on the digits of the number when it is written out.
    pub(crate) fn digits(&self) -> u64 {
        self.value.bits() / 3 + self.exponent.unsigned_abs() + 1
    }

    /// Returns the sum.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self {
            value: self.scaled(exponent) + other.scaled(exponent),
            exponent,
        }
    }

    /// Returns the difference.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        let negated = Self {
            value: -other.value.clone(),
            exponent: other.exponent,
        };
        self.plus(&negated)
    }

    /// Returns the product.
    pub(crate) fn times(&self, other: &Self) -> Self {
        Self {
            value: &self.value * &other.value,
            exponent: self.exponent + other.exponent,
        }
    }

    /// Returns the quotient, rounded to sixteen places with halves away from zero; none if the
    /// other is zero.
    pub(crate) fn divided_by(&self, other: &Self) -> Option<Self> {
        if other.value.sign() == Sign::NoSign {
            return None;
        }
        let shift = self.exponent - other.exponent + DIVISION_PLACES;
        let (dividend, divisor) = if shift < 0 {
            (self.value.clone(), &other.value * power_of_ten(-shift))
        } else {
            (&self.value * power_of_ten(shift), other.value.clone())
        };
        let (mut quotient, rest) = (&dividend / &divisor, &dividend % &divisor);
        let doubled = rest.magnitude() * 2_u32;
        if doubled >= *divisor.magnitude() {
            let is_negative = dividend.sign() != divisor.sign() && dividend.sign() != Sign::NoSign;
            quotient += if is_negative { -1 } else { 1 };
        }
        Some(Self {
            value: quotient,
            exponent: -DIVISION_PLACES,
        })
    }

    fn scaled(&self, exponent: i64) -> BigInt {
        &self.value * power_of_ten(self.exponent - exponent)
    }
}

fn power_of_ten(exponent: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).unwrap_or_default())
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these floats are exact")]
mod tests {
    use super::*;

    fn decimal(float: f64) -> Decimal {
        Decimal::from_float(float).unwrap()
    }

    #[test]
    fn sums_are_those_of_decimals() {
        assert_eq!(decimal(0.1).plus(&decimal(0.2)).to_float(), 0.3);
        assert_eq!(decimal(1e300).plus(&decimal(1e-300)).to_float(), 1e300);
        assert_eq!(decimal(1.1).minus(&decimal(1.0)).to_float(), 0.1);
        assert_eq!(decimal(1.2).times(&decimal(2.4)).to_float(), 2.88);
        assert_eq!(decimal(-0.0).to_float(), 0.0);
    }

    #[test]
    fn quotients_have_sixteen_places() {
        let quotient = |a, b| decimal(a).divided_by(&decimal(b)).unwrap().to_float();
        assert_eq!(quotient(2.0, 3.0), 0.666_666_666_666_666_7);
        assert_eq!(quotient(-2.0, 3.0), -0.666_666_666_666_666_7);
        assert_eq!(quotient(1.0, 1e20), 0.0);
        assert_eq!(quotient(1e30, 4.0), 2.5e29);
        assert!(decimal(1.0).divided_by(&decimal(0.0)).is_none());
    }

    #[test]
    fn what_is_not_finite_is_no_decimal() {
        assert!(Decimal::from_float(f64::NAN).is_none());
        assert!(Decimal::from_float(f64::INFINITY).is_none());
    }
}
