//! Powers of two modulo a large odd number.
//!
//! Nearly all of the work of finding a prime is one such power for each candidate. Montgomery's
//! form needs no division, and a multiplication by two is a shift.

use std::cmp::Ordering;
use std::mem;

use num_bigint::BigUint;

/// An odd number, lowest digits first.
pub(super) struct Modulus {
    low: u64,
    high: Vec<u64>,
    /// What makes a lowest digit zero: -1 / `low` modulo 2^64.
    factor: u64,
}

impl Modulus {
    /// Takes an odd number; none if it is even.
    pub(super) fn new(number: &BigUint) -> Option<Self> {
        let digits = number.to_u64_digits();
        let (&low, high) = digits.split_first().filter(|(low, _)| *low % 2 == 1)?;
        // Each step doubles how many bits are right; an odd number is its own inverse modulo 8.
        let inverse = (0..5).fold(low, |inverse, _| {
            inverse.wrapping_mul(2_u64.wrapping_sub(low.wrapping_mul(inverse)))
        });
        Some(Self {
            low,
            high: high.to_vec(),
            factor: inverse.wrapping_neg(),
        })
    }

    /// Returns two to the power of `exponent`.
    pub(super) fn power_of_two(&self, exponent: &BigUint) -> BigUint {
        let length = self.high.len() + 1;
        let shift = 64 * length;
        let mut power = ((BigUint::from(1_u32) << shift) % self.number()).to_u64_digits();
        power.resize(length, 0);
        let mut sum = Vec::with_capacity(length + 1);
        for bit in (0..exponent.bits()).rev() {
            self.multiply(&power, &power, &mut sum);
            mem::swap(&mut power, &mut sum);
            if exponent.bit(bit) {
                self.double(&mut power);
            }
        }
        let mut one = vec![0; length];
        if let Some(lowest) = one.first_mut() {
            *lowest = 1;
        }
        self.multiply(&power, &one, &mut sum);
        joined(sum.iter())
    }

    fn digits(&self) -> impl DoubleEndedIterator<Item = &u64> {
        std::iter::once(&self.low).chain(&self.high)
    }

    fn number(&self) -> BigUint {
        joined(self.digits())
    }

    /// Puts left · right / 2^(64 · digits) into `sum`. Both are less than the number.
    fn multiply(&self, left: &[u64], right: &[u64], sum: &mut Vec<u64>) {
        sum.clear();
        sum.resize(right.len(), 0);
        let Some((&right_low, right_high)) = right.split_first() else {
            return;
        };
        let mut top = 0;
        for &digit in left {
            // The sum grows by digit · right and by the multiple of the number that makes its
            // lowest digit zero, which then falls off.
            let mut places = sum.iter_mut();
            let Some(mut place) = places.next() else {
                return;
            };
            let (grown, mut carry) = add_product(*place, digit, right_low, 0);
            let multiple = grown.wrapping_mul(self.factor);
            let (_, mut carry_reduced) = add_product(grown, multiple, self.low, 0);
            for ((next, &right), &own) in places.zip(right_high).zip(&self.high) {
                let grown;
                (grown, carry) = add_product(*next, digit, right, carry);
                (*place, carry_reduced) = add_product(grown, multiple, own, carry_reduced);
                place = next;
            }
            let (grown, is_over) = carry.overflowing_add(carry_reduced);
            let (grown, is_over_again) = grown.overflowing_add(top);
            *place = grown;
            top = u64::from(is_over) + u64::from(is_over_again);
        }
        self.reduce(sum, top != 0);
    }

    fn double(&self, digits: &mut [u64]) {
        let mut top = 0;
        for digit in &mut *digits {
            let next = *digit >> 63;
            *digit = *digit << 1 | top;
            top = next;
        }
        self.reduce(digits, top != 0);
    }

    /// Takes the number away once if the digits are not less than it.
    fn reduce(&self, digits: &mut [u64], is_over: bool) {
        if !is_over && digits.iter().rev().cmp(self.digits().rev()) == Ordering::Less {
            return;
        }
        let mut borrow = false;
        for (digit, &own) in digits.iter_mut().zip(self.digits()) {
            let (rest, is_under) = digit.overflowing_sub(own);
            let (rest, is_under_again) = rest.overflowing_sub(u64::from(borrow));
            *digit = rest;
            borrow = is_under || is_under_again;
        }
    }
}

/// Returns the low and the high digit of sum + left · right + carry, which two digits always hold.
fn add_product(sum: u64, left: u64, right: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(sum) + u128::from(left) * u128::from(right) + u128::from(carry);
    (wide as u64, (wide >> 64) as u64)
}

fn joined<'d>(digits: impl Iterator<Item = &'d u64>) -> BigUint {
    let bytes: Vec<u8> = digits.flat_map(|digit| digit.to_le_bytes()).collect();
    BigUint::from_bytes_le(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::key::testing::Counter;
    use crate::pki::prime;

    #[test]
    fn powers_of_two_are_right() {
        let two = BigUint::from(2_u32);
        let source = Counter::default();
        for bits in (2..200).chain([1023, 1024, 1025, 2048]) {
            let mut number = prime::number(&source, bits);
            number.set_bit(0, true);
            let exponent = prime::number(&source, bits);
            let found = Modulus::new(&number).unwrap().power_of_two(&exponent);
            assert_eq!(found, two.modpow(&exponent, &number), "{number} {exponent}");
        }
        // All digits are as high as can be.
        for bits in [64_u32, 128, 1024] {
            let number = (BigUint::from(1_u32) << bits) - 1_u32;
            let exponent = &number >> 1_u32;
            let found = Modulus::new(&number).unwrap().power_of_two(&exponent);
            assert_eq!(found, two.modpow(&exponent, &number));
        }
    }

    #[test]
    fn even_numbers_are_none() {
        for number in [0_u32, 2, 8] {
            assert!(Modulus::new(&BigUint::from(number)).is_none());
        }
    }
}
