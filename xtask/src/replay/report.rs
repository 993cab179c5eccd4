//! [`Report`]: how many steps are right, per scenario, and the differences of the others.

use std::process::ExitCode;

use super::same::Difference;

/// Counts and misses, in order.
#[derive(Default)]
pub(crate) struct Report {
    scenarios: Vec<Scenario>,
    misses: Vec<String>,
}

struct Scenario {
    name: String,
    right: usize,
    total: usize,
}

/// Differences printed per miss.
const DIFFERENCES_MAX: usize = 4;

impl Report {
    /// Adds one step; it is right if nothing differs.
    pub(crate) fn add(&mut self, scenario: &str, step: &str, differences: &[Difference]) {
        if self
            .scenarios
            .last()
            .is_none_or(|last| last.name != scenario)
        {
            self.scenarios.push(Scenario {
                name: scenario.to_owned(),
                right: 0,
                total: 0,
            });
        }

        let Some(counts) = self.scenarios.last_mut() else {
            return;
        };

        counts.total += 1;
        if differences.is_empty() {
            counts.right += 1;
            return;
        }

        let mut lines = vec![format!("{scenario} {step}")];
        lines.extend(
            differences
                .iter()
                .take(DIFFERENCES_MAX)
                .map(ToString::to_string),
        );
        if differences.len() > DIFFERENCES_MAX {
            lines.push(format!("and {} more", differences.len() - DIFFERENCES_MAX));
        }

        self.misses.push(lines.join("\n    "));
    }

    /// Prints misses, then counts.
    pub(crate) fn print(&self, show: usize) {
        for miss in self.misses.iter().take(show) {
            println!("miss: {miss}");
        }
        if self.misses.len() > show {
            println!("and {} misses more", self.misses.len() - show);
        }
        for scenario in &self.scenarios {
            println!(
                "{:>4} of {:>4}  {}",
                scenario.right, scenario.total, scenario.name
            );
        }
        println!("{:>4} of {:>4}  in all", self.right(), self.total());
    }

    /// Success if all are right, or as many as the floor requires.
    pub(crate) fn outcome(&self, floor: Option<usize>) -> ExitCode {
        let wanted = floor.unwrap_or(self.total());
        if self.total() > 0 && self.right() >= wanted {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn right(&self) -> usize {
        self.scenarios.iter().map(|scenario| scenario.right).sum()
    }

    fn total(&self) -> usize {
        self.scenarios.iter().map(|scenario| scenario.total).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_miss_is_a_failure_unless_the_floor_allows_it() {
        let mut report = Report::default();
        report.add("a", "1", &[]);
        report.add("a", "2", &[Difference::of("status", 200, 404)]);
        assert_eq!((report.right(), report.total()), (1, 2));
        assert_eq!(report.outcome(None), ExitCode::FAILURE);
        assert_eq!(report.outcome(Some(1)), ExitCode::SUCCESS);
    }

    #[test]
    fn nothing_replayed_is_a_failure() {
        assert_eq!(Report::default().outcome(None), ExitCode::FAILURE);
    }
}
