//! [`BoundedPattern`]: an untrusted regular expression, charged to a budget.
//!
//! A few characters can compile to a large program, and its running time grows with the program and
//! the text; so both compiling and matching are charged.

use lode_stdx::budget::{Budget, Exceeded, Meter};
use regex::{Regex, RegexBuilder};

/// A compiled regular expression.
#[derive(Debug, Clone)]
pub(crate) struct BoundedPattern {
    regex: Regex,
    /// Steps per byte of a text.
    steps: u64,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not a regular expression, or is too large.
    Invalid,
    /// The budget is exceeded.
    Exceeded(Exceeded),
}

/// The cost of a program of a certain size.
struct Size {
    /// Bytes of the program and of its memory while it runs.
    bytes: usize,
    /// Steps of compiling it.
    compile: u64,
    /// Steps per byte of a text.
    byte: u64,
}

/// Nearly every expression fits the first; the last is the largest accepted.
const SIZES: [Size; 3] = [
    Size {
        bytes: 16 << 10,
        compile: 1_000,
        byte: 1,
    },
    Size {
        bytes: 128 << 10,
        compile: 10_000,
        byte: 4,
    },
    Size {
        bytes: 1 << 20,
        compile: 200_000,
        byte: 32,
    },
];

/// Memory as a multiple of a program's size: its forms, and its memory while it runs.
const FORMS: u64 = 4;

impl BoundedPattern {
    /// Compiles an expression.
    pub(crate) fn new(text: &str, budget: &Budget) -> Result<Self, Refused> {
        for size in &SIZES {
            let charged = budget.steps(size.compile + text.len() as u64);
            let charged =
                charged.and_then(|()| budget.bytes(FORMS * size.bytes as u64 + text.len() as u64));
            charged.map_err(Refused::Exceeded)?;

            let built = RegexBuilder::new(text)
                .size_limit(size.bytes)
                .dfa_size_limit(size.bytes)
                .build();
            match built {
                Ok(regex) => {
                    return Ok(Self {
                        regex,
                        steps: size.byte,
                    });
                }
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(_) => return Err(Refused::Invalid),
            }
        }
        Err(Refused::Invalid)
    }

    /// Returns whether it is found in a text.
    pub(crate) fn is_match(&self, text: &str, meter: &Meter<'_>) -> Result<bool, Exceeded> {
        meter.steps(self.steps.saturating_mul(1 + text.len() as u64))?;
        Ok(self.regex.is_match(text))
    }
}

impl From<Exceeded> for Refused {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Limits;

    use super::*;

    #[test]
    fn a_large_program_costs_more_than_a_small_one() {
        let spent = |pattern: &str| {
            let budget = Budget::unlimited();
            let outcome = BoundedPattern::new(pattern, &budget).map(|pattern| pattern.steps);
            (outcome, budget.spent().steps)
        };
        assert_eq!(spent("^web-.*$"), (Ok(1), 1_000 + 8));
        assert!(spent("(a{20}){100}").1 > 10_000);
        assert_eq!(spent("((a{100}){100}){100}").0, Err(Refused::Invalid));
        assert_eq!(spent("(").0, Err(Refused::Invalid));
    }

    #[test]
    fn asking_costs_something_even_of_an_empty_text() {
        let budget = Budget::unlimited();
        let pattern = BoundedPattern::new("^a?$", &budget).unwrap();
        let before = budget.spent().steps;
        assert_eq!(pattern.is_match("", &Meter::new(&budget)), Ok(true));
        assert!(budget.spent().steps > before);
    }

    #[test]
    fn a_budget_keeps_patterns_from_being_compiled_and_asked() {
        let budget = Budget::new(Limits {
            steps: 1_010,
            ..Limits::UNLIMITED
        });
        let pattern = BoundedPattern::new("a", &budget).unwrap();
        assert!(matches!(
            BoundedPattern::new("b", &budget),
            Err(Refused::Exceeded(_))
        ));
        assert_eq!(pattern.is_match("a", &Meter::new(&budget)), Ok(true));
        assert!(
            pattern
                .is_match("a long text", &Meter::new(&budget))
                .is_err()
        );
    }
}
