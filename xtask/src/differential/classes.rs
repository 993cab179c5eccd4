//! [`Classes`]: differences grouped by operation, kind, and the first place where the answers
//! differ.

use std::collections::BTreeMap;

use super::operation::Operation;
use crate::replay::Difference;

/// Differences of a run.
#[derive(Default)]
pub(super) struct Classes {
    by_place: BTreeMap<(String, String, String), Class>,
    operations: usize,
    differing: usize,
    /// How often the first server answered with each status, because operations that all fail would
    /// prove little.
    statuses: BTreeMap<u16, usize>,
}

#[derive(Default)]
struct Class {
    /// How often they were the first of their sequence, and so not caused by an earlier one.
    first: usize,
    all: usize,
    example: String,
}

impl Classes {
    /// Records the outcome of an operation; `is_first` says whether its sequence had no difference
    /// before.
    pub(super) fn add(
        &mut self,
        operation: &Operation,
        sequence: usize,
        differences: &[Difference],
        is_first: &mut bool,
    ) {
        self.operations += 1;
        let Some(difference) = differences.first() else {
            return;
        };
        self.differing += 1;
        let key = (
            operation.label.to_owned(),
            operation.kind.clone(),
            without_numbers(&difference.path),
        );
        let class = self.by_place.entry(key).or_default();
        class.all += 1;
        if *is_first || class.example.is_empty() {
            class.example = format!(
                "sequence {sequence}: {} {}: {difference}",
                operation.call.method, operation.call.path
            );
        }
        class.first += usize::from(*is_first);
        *is_first = false;
    }

    /// Counts a status of the first server.
    pub(super) fn count(&mut self, status: u16) {
        *self.statuses.entry(status).or_default() += 1;
    }

    /// Returns whether nothing differs.
    pub(super) fn is_clean(&self) -> bool {
        self.differing == 0
    }

    /// Prints classes, those most often first in their sequence before others.
    pub(super) fn print(&self, show: usize) {
        let mut classes: Vec<_> = self.by_place.iter().collect();
        classes.sort_by_key(|(_, class)| std::cmp::Reverse((class.first, class.all)));
        for ((label, kind, path), class) in classes.iter().take(show) {
            println!(
                "{:>5} first, {:>5} in all: {label} {kind} at {path}",
                class.first, class.all
            );
            println!("       {}", class.example);
        }
        if classes.len() > show {
            println!("and {} classes more", classes.len() - show);
        }
        let statuses = self
            .statuses
            .iter()
            .map(|(status, count)| format!("{count} × {status}"));
        println!(
            "answers of the first server: {}",
            statuses.collect::<Vec<_>>().join(", ")
        );
        println!(
            "{} operations, {} answered differently, in {} classes",
            self.operations,
            self.differing,
            classes.len()
        );
    }
}

/// Returns a path without indices.
fn without_numbers(path: &str) -> String {
    let parts = path.split('.').map(|part| {
        if part.parse::<usize>().is_ok() {
            "*"
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_do_not_make_classes() {
        assert_eq!(
            without_numbers("items.3.metadata.name"),
            "items.*.metadata.name"
        );
        assert_eq!(without_numbers("status"), "status");
    }
}
