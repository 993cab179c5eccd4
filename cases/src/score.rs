//! How many cases of a suite come out right.

use std::fmt::{Debug, Display};

use crate::{corpus, report};

/// How many cases of a suite are right. [`finish`](Self::finish) fails the test where they are too few.
#[derive(Debug)]
pub struct Score {
    suite: String,
    /// How many must be right.
    floor: usize,
    must_all_be_right: bool,
    right: usize,
    total: usize,
    misses: Vec<String>,
}

impl Score {
    /// Starts a suite of which at least `floor` cases must be right.
    pub fn new(suite: &str, floor: usize) -> Self {
        Self {
            suite: suite.to_owned(),
            floor,
            must_all_be_right: false,
            right: 0,
            total: 0,
            misses: Vec::new(),
        }
    }

    /// Starts a suite of which every case must be right, and which must have at least `cases_min` of them.
    pub fn of_all(suite: &str, cases_min: usize) -> Self {
        Self {
            must_all_be_right: true,
            ..Self::new(suite, cases_min)
        }
    }

    /// Counts a case that may be right; `miss` names it and says what is wrong with it.
    pub fn add(&mut self, is_right: bool, miss: impl FnOnce() -> String) {
        self.total += 1;
        if is_right {
            self.right += 1;
        } else {
            self.misses.push(miss());
        }
    }

    /// Counts a case that is right if what came of it is what is expected.
    pub fn check<T: PartialEq + Debug>(&mut self, name: &impl Display, got: &T, expected: &T) {
        self.add(got == expected, || {
            format!("{name}:\n    expected {expected:?}\n    got      {got:?}")
        });
    }

    /// Prints and reports the figures, and the cases that are wrong.
    ///
    /// # Panics
    ///
    /// Panics if too few cases are right. Where there were none it panics too, unless the corpus is absent.
    #[expect(
        clippy::print_stdout,
        reason = "the figures belong to the test's output"
    )]
    pub fn finish(self) {
        if self.total == 0 && !corpus::is_present() {
            return;
        }

        println!("{}: {} of {}", self.suite, self.right, self.total);
        for miss in self.misses.iter().take(MISSES_SHOWN) {
            println!("  {}", miss.chars().take(MISS_CHARS).collect::<String>());
        }
        if self.misses.len() > MISSES_SHOWN {
            println!("  and {} more", self.misses.len() - MISSES_SHOWN);
        }
        report::scored(&self.suite, self.right, self.total);

        let floor = if self.must_all_be_right {
            self.floor.max(self.total)
        } else {
            self.floor
        };
        assert!(self.total > 0, "{}: there were no cases", self.suite);
        assert!(
            self.right >= floor,
            "{}: {} of {} are right, must be {floor}",
            self.suite,
            self.right,
            self.total
        );
    }
}

const MISSES_SHOWN: usize = 40;
const MISS_CHARS: usize = 1200;

#[cfg(test)]
mod tests {
    use super::*;

    fn with(mut score: Score, cases: &[(i32, i32)]) -> Score {
        for (number, (got, expected)) in cases.iter().enumerate() {
            score.check(&number, got, expected);
        }
        score
    }

    #[test]
    fn a_suite_passes_at_its_floor() {
        with(Score::new("a", 1), &[(1, 1), (2, 3)]).finish();
        with(Score::of_all("a", 2), &[(1, 1), (2, 2)]).finish();
    }

    #[test]
    #[should_panic(expected = "a: 1 of 2 are right, must be 2")]
    fn a_suite_below_its_floor_fails() {
        with(Score::new("a", 2), &[(1, 1), (2, 3)]).finish();
    }

    #[test]
    #[should_panic(expected = "a: 1 of 2 are right, must be 2")]
    fn one_wrong_case_fails_a_suite_of_which_all_must_be_right() {
        with(Score::of_all("a", 1), &[(1, 1), (2, 3)]).finish();
    }

    #[test]
    #[should_panic(expected = "a: 1 of 1 are right, must be 2")]
    fn too_few_cases_fail_a_suite() {
        with(Score::of_all("a", 2), &[(1, 1)]).finish();
    }

    #[test]
    fn a_miss_names_the_case_with_what_was_expected_and_what_came() {
        let score = with(Score::of_all("a", 1), &[(2, 3)]);
        assert_eq!(score.misses, ["0:\n    expected 3\n    got      2"]);
    }
}
