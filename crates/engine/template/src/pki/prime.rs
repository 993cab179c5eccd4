//! Random primes.
//!
//! A prime is searched from a random start: numbers with a small factor are sieved out, the rest
//! are tested by Miller and Rabin. The arithmetic does not hide how long it takes, which would
//! matter for a key that many signatures are made with by whoever can measure them.

use std::sync::LazyLock;

use num_bigint::BigUint;

use crate::context::Random;
use crate::pki::modulus::Modulus;

/// Odd numbers that are sieved at once: they hold a dozen primes of a thousand bits.
const WINDOW: usize = 4096;
/// Starts after which the search ends: randomness that is none could find nothing forever.
const STARTS_MAX: usize = 64;
/// Random bases of the test: the larger a random number, the rarer a base that it deceives.
const ROUNDS: usize = 32;
const LARGE_BITS: u64 = 1024;
const LARGE_ROUNDS: usize = 4;
/// Factors that are sieved out are below this.
const FACTOR_END: usize = 1 << 16;

static FACTORS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut is_composite = vec![false; FACTOR_END];
    let mut factors = Vec::new();
    for number in 2..FACTOR_END {
        if is_composite.get(number).is_some_and(|composite| !composite) {
            factors.push(number as u32);
            let multiples = is_composite.iter_mut().skip(number).step_by(number);
            multiples.for_each(|composite| *composite = true);
        }
    }
    // Only odd numbers are looked at.
    factors.remove(0);
    factors
});

/// Returns a prime of exactly `bits` bits, with its two highest bits set, for which `accepts`
/// holds; none if the randomness is none.
pub(super) fn random(
    source: &dyn Random,
    bits: u64,
    accepts: impl Fn(&BigUint) -> bool,
) -> Option<BigUint> {
    for _ in 0..STARTS_MAX {
        let mut start = number(source, bits);
        for bit in [bits - 1, bits - 2, 0] {
            start.set_bit(bit, true);
        }
        for step in survivors(&start) {
            let candidate = &start + 2 * step as u64;
            if candidate.bits() == bits && accepts(&candidate) && is_prime(source, &candidate) {
                return Some(candidate);
            }
        }
    }
    None
}

/// Returns a random number of at most `bits` bits.
pub(super) fn number(source: &dyn Random, bits: u64) -> BigUint {
    let mut bytes = vec![0; bits.div_ceil(8) as usize];
    source.fill(&mut bytes);
    BigUint::from_bytes_be(&bytes) % (BigUint::from(1_u32) << bits)
}

/// Returns which of the odd numbers from `start` on have no small factor.
fn survivors(start: &BigUint) -> impl Iterator<Item = usize> {
    let mut is_composite = vec![false; WINDOW];
    for &factor in FACTORS.iter() {
        let rest = (start % factor).iter_u32_digits().next().unwrap_or(0);
        // The first step s with start + 2 s = 0: half of what is missing, made even by the factor.
        let missing = (factor - rest) % factor;
        let first = if missing.is_multiple_of(2) {
            missing / 2
        } else {
            missing.midpoint(factor)
        };
        let multiples = is_composite.iter_mut().skip(first as usize);
        let multiples = multiples.step_by(factor as usize);
        multiples.for_each(|composite| *composite = true);
    }
    (0..WINDOW).filter(move |step| is_composite.get(*step).is_some_and(|composite| !composite))
}

/// Returns whether a number has no small factor.
pub(super) fn has_no_small_factor(number: &BigUint) -> bool {
    let zero = BigUint::ZERO;
    FACTORS.iter().all(|factor| number % factor != zero)
}

/// Returns whether an odd number is prime; wrong less than once in 2^100 random numbers.
pub(super) fn is_prime(source: &dyn Random, number: &BigUint) -> bool {
    let one = BigUint::from(1_u32);
    let minus_one = number - &one;
    let Some(twos) = minus_one.trailing_zeros() else {
        return false;
    };
    let odd = &minus_one >> twos;
    let passes = |mut power: BigUint| {
        if power == one || power == minus_one {
            return true;
        }
        for _ in 1..twos {
            power = &power * &power % number;
            if power == minus_one {
                return true;
            }
        }
        false
    };

    let rounds = if number.bits() < LARGE_BITS {
        ROUNDS
    } else {
        LARGE_ROUNDS
    };
    // Nearly all composite numbers fail the first test.
    Modulus::new(number).is_some_and(|modulus| passes(modulus.power_of_two(&odd)))
        && (0..rounds).all(|_| {
            let base = self::number(source, number.bits()) % &minus_one;
            base <= one || passes(base.modpow(&odd, number))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::key::testing::Counter;

    #[test]
    fn small_primes_are_found_out() {
        let is_known = |number: u32| (2..number).all(|factor| !number.is_multiple_of(factor));
        for number in (5..2000).step_by(2) {
            let found = is_prime(&Counter::default(), &BigUint::from(number));
            assert_eq!(found, is_known(number), "{number}");
        }
        // These fool a test with few fixed bases.
        for pseudo in [2047_u64, 3_215_031_751, 3_474_749_660_383] {
            assert!(!is_prime(&Counter::default(), &BigUint::from(pseudo)));
        }
    }

    #[test]
    fn survivors_have_no_small_factor() {
        let start = (BigUint::from(1_u32) << 200_u32) + 1_u32;
        let survivors: Vec<usize> = survivors(&start).collect();
        assert!(!survivors.is_empty() && survivors.len() < WINDOW / 3);
        for step in survivors.iter().take(20) {
            assert!(has_no_small_factor(&(&start + 2 * *step as u64)));
        }
    }

    #[test]
    fn primes_have_their_size_and_randomness_that_is_none_ends() {
        let prime = random(&Counter::default(), 128, |_| true).unwrap();
        assert_eq!(prime.bits(), 128);
        assert!(random(&Counter::default(), 64, |_| false).is_none());
    }
}
