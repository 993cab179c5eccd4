//! Counting allocations, random numbers, and the shared check.

use std::sync::MutexGuard;

use lode_stdx::{
    Lock,
    budget::{Budget, Limits},
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Allocations are counted for the whole process, so one input is tried at a time.
static ONE: Lock<()> = Lock::new(());

/// Waits until no other test allocates. Every test of this binary holds the returned guard.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ONE.lock()
}

/// Work may hold this many times its budget of bytes.
const PEAK_MAX: usize = 4;
/// Budgets tried on each input.
const BUDGETS: u64 = 8;

/// Random numbers, the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Returns a number below a bound.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// Returns a number in a range; small numbers are as frequent as large ones.
    pub(crate) fn between(&mut self, start: u64, end: u64) -> u64 {
        let doublings = u64::from((end / start).max(1).ilog2()) + 1;
        let size = start << self.below(doublings);
        (size + self.below(size)).min(end)
    }
}

/// The result of work with a budget.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Exceeded,
    Failed(String),
}

/// Generates inputs and works on them within small budgets: the memory held stays in proportion,
/// and the work ends with a result or reports the exceeded limit. Results are dropped inside
/// `work`.
#[track_caller]
pub(crate) fn check<I>(
    name: &str,
    make: impl Fn(&mut Random) -> I,
    work: impl Fn(&I, &Budget) -> Outcome,
) {
    let _alone = alone();
    // Tables that are read once for all builds are not charged to any.
    work(
        &make(&mut Random::new(0)),
        &Budget::new(limits(4 << 20, 200_000)),
    );

    let (mut exceeded, mut most) = (0, 0);
    for seed in 1..=BUDGETS {
        let mut random = Random::new(seed);
        let input = make(&mut random);
        let limits = limits(
            random.between(64 << 10, 4 << 20),
            random.between(10_000, 400_000),
        );
        let budget = Budget::new(limits);

        ALLOCATED.reset_peak_usage();
        let before = ALLOCATED.current_usage();
        let outcome = work(&input, &budget);
        let peak = ALLOCATED.peak_usage().saturating_sub(before);

        let bytes = usize::try_from(limits.bytes).unwrap();
        most = most.max(peak * 100 / bytes);
        assert!(
            peak <= PEAK_MAX * bytes,
            "{name} {seed}: {peak} bytes of {bytes}, {:?} spent",
            budget.spent()
        );
        assert!(
            !matches!(outcome, Outcome::Failed(_)),
            "{name} {seed}: {outcome:?}"
        );
        exceeded += u64::from(outcome == Outcome::Exceeded);
    }
    println!(
        "{name}: {exceeded} of {BUDGETS} cost too much, at most {most} % of the bytes were held"
    );
    assert!(exceeded > 0, "{name} never costs too much: it is no bomb");
}

fn limits(bytes: u64, steps: u64) -> Limits {
    Limits {
        bytes,
        nodes: u64::MAX,
        steps,
    }
}
