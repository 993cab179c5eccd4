//! [`Pattern`]: a regular expression that came from outside, at the cost of a budget.
//!
//! A few characters can stand for a large program, and how long it runs grows with the program and the text; so both
//! compiling and matching are charged.

use lode_stdx::budget::{Budget, Exceeded, Meter};
use regex::{Regex, RegexBuilder};

/// A regular expression ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    regex: Regex,
    /// Steps of looking at one byte of a text.
    steps: u64,
}

/// Why there is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is no regular expression, or one that is too large.
    Invalid,
    /// The budget does not allow it.
    Exceeded(Exceeded),
}

/// What a program of a size costs.
struct Size {
    /// Bytes of the program, and of what is remembered while it runs.
    bytes: usize,
    /// Steps of compiling it.
    compile: u64,
    /// Steps of looking at one byte of a text.
    byte: u64,
}

/// Nearly every expression fits the first; the last is the largest that is taken.
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

/// How many times a program's size it may take up in memory: its forms, and what is remembered while it runs.
const FORMS: u64 = 4;

impl Pattern {
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
            let outcome = Pattern::new(pattern, &budget).map(|pattern| pattern.steps);
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
        let pattern = Pattern::new("^a?$", &budget).unwrap();
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
        let pattern = Pattern::new("a", &budget).unwrap();
        assert!(matches!(
            Pattern::new("b", &budget),
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
