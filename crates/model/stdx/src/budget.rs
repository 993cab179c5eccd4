//! [`Budget`]: what one piece of work may spend, passed down to all code that spends.
//!
//! A build or a fetch gets one budget of bytes, nodes and steps. Code that allocates or loops
//! charges it first and stops at [`Exceeded`], so the cost is bounded however the input is shaped
//! or nested. Charges add up and are never refunded: the sum bounds both peak memory and total
//! work. Engines have no clock, so time is counted in steps.
//!
//! ```
//! use lode_stdx::budget::{Budget, Limits, Spent};
//!
//! let budget = Budget::new(Limits { bytes: 10, ..Limits::UNLIMITED });
//! assert!(budget.bytes(8).is_ok());
//! assert_eq!(budget.bytes(8).unwrap_err().what, Spent::Bytes);
//! ```

use std::cell::Cell;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much one piece of work may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes allocated for content, in total.
    pub bytes: u64,
    /// Values created: YAML nodes, objects, files.
    pub nodes: u64,
    /// Steps taken: one is about the work of visiting one node or a few dozen bytes.
    pub steps: u64,
}

/// What is left to spend. Shared by reference, also between threads.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    bytes: AtomicU64,
    nodes: AtomicU64,
    steps: AtomicU64,
    /// The first charge that did not fit.
    refused: OnceLock<Exceeded>,
}

/// Spends a budget in advances, for loops with many small charges: a charge is then a single
/// addition.
///
/// No advance is taken if less than that is left, so work stops at the limit and not before. The
/// unused part is returned at the end.
#[derive(Debug)]
pub struct Meter<'b> {
    budget: &'b Budget,
    bytes: Cell<u64>,
    nodes: Cell<u64>,
    steps: Cell<u64>,
}

/// One of the three quantities that a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// [`Limits::bytes`].
    Bytes,
    /// [`Limits::nodes`].
    Nodes,
    /// [`Limits::steps`].
    Steps,
}

/// The work would exceed its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("needs more than {limit} {what}, the limit")]
pub struct Exceeded {
    /// The quantity.
    pub what: Spent,
    /// The limit.
    pub limit: u64,
}

impl Limits {
    /// No limits, for trusted input.
    pub const UNLIMITED: Self = Self {
        bytes: u64::MAX,
        nodes: u64::MAX,
        steps: u64::MAX,
    };
}

impl Budget {
    /// Starts with nothing spent.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            bytes: AtomicU64::new(0),
            nodes: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            refused: OnceLock::new(),
        }
    }

    /// Returns a budget without limits, for trusted input.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self::new(Limits::UNLIMITED)
    }

    /// Charges bytes that are about to be allocated.
    ///
    /// # Errors
    /// The total exceeds the limit; the caller must not allocate.
    pub fn bytes(&self, count: u64) -> Result<(), Exceeded> {
        self.charge(Spent::Bytes, count)
    }

    /// Charges values that are about to be created.
    ///
    /// # Errors
    /// The total exceeds the limit.
    pub fn nodes(&self, count: u64) -> Result<(), Exceeded> {
        self.charge(Spent::Nodes, count)
    }

    /// Charges steps that are about to be taken.
    ///
    /// # Errors
    /// The total exceeds the limit.
    pub fn steps(&self, count: u64) -> Result<(), Exceeded> {
        self.charge(Spent::Steps, count)
    }

    /// Returns the first charge that was refused, for work whose errors are texts only.
    pub fn refused(&self) -> Option<Exceeded> {
        self.refused.get().copied()
    }

    fn charge(&self, what: Spent, count: u64) -> Result<(), Exceeded> {
        self.take(what, count)
            .inspect_err(|exceeded| _ = self.refused.set(*exceeded))
    }

    /// Charges without noting a refusal.
    fn take(&self, what: Spent, count: u64) -> Result<(), Exceeded> {
        let (spent, limit) = match what {
            Spent::Bytes => (&self.bytes, self.limits.bytes),
            Spent::Nodes => (&self.nodes, self.limits.nodes),
            Spent::Steps => (&self.steps, self.limits.steps),
        };
        let add = |spent: u64| spent.checked_add(count).filter(|sum| *sum <= limit);
        match spent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(_) => Ok(()),
            Err(_) => Err(Exceeded { what, limit }),
        }
    }

    /// Returns the limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Returns what has been spent, for messages and for measuring real input.
    pub fn spent(&self) -> Limits {
        Limits {
            bytes: self.bytes.load(Ordering::Relaxed),
            nodes: self.nodes.load(Ordering::Relaxed),
            steps: self.steps.load(Ordering::Relaxed),
        }
    }

    /// Returns what was spent after so much.
    pub fn spent_since(&self, before: Limits) -> Limits {
        let now = self.spent();
        Limits {
            bytes: now.bytes.saturating_sub(before.bytes),
            nodes: now.nodes.saturating_sub(before.nodes),
            steps: now.steps.saturating_sub(before.steps),
        }
    }

    /// Charges what was spent before on the same work.
    ///
    /// # Errors
    /// A total exceeds its limit.
    pub fn spend(&self, spent: Limits) -> Result<(), Exceeded> {
        self.bytes(spent.bytes)?;
        self.nodes(spent.nodes)?;
        self.steps(spent.steps)
    }
}

/// Bytes that a meter takes in advance.
const BYTES_ADVANCE: u64 = 16 << 10;
/// Nodes that a meter takes in advance.
const NODES_ADVANCE: u64 = 256;
/// Steps that a meter takes in advance.
const STEPS_ADVANCE: u64 = 1024;

impl<'b> Meter<'b> {
    /// Starts without an advance.
    #[must_use]
    pub const fn new(budget: &'b Budget) -> Self {
        Self {
            budget,
            bytes: Cell::new(0),
            nodes: Cell::new(0),
            steps: Cell::new(0),
        }
    }

    /// Returns the underlying budget.
    pub const fn budget(&self) -> &'b Budget {
        self.budget
    }

    /// As [`Budget::bytes`].
    ///
    /// # Errors
    /// The total exceeds the limit.
    #[inline]
    pub fn bytes(&self, count: u64) -> Result<(), Exceeded> {
        self.spend(Spent::Bytes, count)
    }

    /// As [`Budget::nodes`].
    ///
    /// # Errors
    /// The total exceeds the limit.
    #[inline]
    pub fn nodes(&self, count: u64) -> Result<(), Exceeded> {
        self.spend(Spent::Nodes, count)
    }

    /// As [`Budget::steps`].
    ///
    /// # Errors
    /// The total exceeds the limit.
    #[inline]
    pub fn steps(&self, count: u64) -> Result<(), Exceeded> {
        self.spend(Spent::Steps, count)
    }
}

impl Meter<'_> {
    #[inline]
    fn spend(&self, what: Spent, count: u64) -> Result<(), Exceeded> {
        let (left, advance) = match what {
            Spent::Bytes => (&self.bytes, BYTES_ADVANCE),
            Spent::Nodes => (&self.nodes, NODES_ADVANCE),
            Spent::Steps => (&self.steps, STEPS_ADVANCE),
        };
        if let Some(rest) = left.get().checked_sub(count) {
            left.set(rest);
            return Ok(());
        }

        let missing = count - left.get();
        if self
            .budget
            .take(what, missing.saturating_add(advance))
            .is_ok()
        {
            left.set(advance);
            return Ok(());
        }
        self.budget.charge(what, missing)?;
        left.set(0);
        Ok(())
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        for (spent, left) in [
            (&self.budget.bytes, &self.bytes),
            (&self.budget.nodes, &self.nodes),
            (&self.budget.steps, &self.steps),
        ] {
            if left.get() > 0 {
                spent.fetch_sub(left.get(), Ordering::Relaxed);
            }
        }
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::Nodes => "values",
            Self::Steps => "steps",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_may_be_spent_to_the_last_and_no_further() {
        let budget = Budget::new(Limits {
            nodes: 3,
            ..Limits::UNLIMITED
        });
        assert!(budget.nodes(2).is_ok() && budget.nodes(1).is_ok());
        let error = budget.nodes(1).unwrap_err();
        assert_eq!(error.to_string(), "needs more than 3 values, the limit");
        assert_eq!(budget.spent().nodes, 3);
    }

    #[test]
    fn a_meter_spends_to_the_last_and_gives_the_rest_back() {
        let budget = Budget::new(Limits {
            steps: STEPS_ADVANCE + 10,
            ..Limits::UNLIMITED
        });
        let meter = Meter::new(&budget);
        assert!((0..STEPS_ADVANCE + 10).all(|_| meter.steps(1).is_ok()));
        assert!(meter.steps(1).is_err() && meter.steps(u64::MAX).is_err());
        assert_eq!(budget.spent().steps, STEPS_ADVANCE + 10);

        assert!(meter.nodes(1).is_ok());
        assert!(budget.spent().nodes > 1);
        drop(meter);
        assert_eq!(budget.spent().nodes, 1);
    }

    #[test]
    fn a_charge_that_would_overflow_is_refused() {
        let budget = Budget::unlimited();
        assert!(budget.bytes(u64::MAX).is_ok());
        assert!(budget.bytes(1).is_err());
    }

    #[test]
    fn the_first_refusal_is_remembered_and_an_advance_is_none() {
        let budget = Budget::new(Limits {
            nodes: 3,
            steps: 1,
            ..Limits::UNLIMITED
        });
        let meter = Meter::new(&budget);
        meter.nodes(3).unwrap();
        assert_eq!(budget.refused(), None);
        meter.nodes(1).unwrap_err();
        budget.steps(2).unwrap_err();
        let refused = budget.refused().unwrap();
        assert_eq!((refused.what, refused.limit), (Spent::Nodes, 3));
    }
}
