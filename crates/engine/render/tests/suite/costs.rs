//! The memory engines use at most, measured with a counting allocator: never more than four times
//! the bytes of their budget.
//!
//! Each input stresses another resource. Sizes and budgets are random, with the same seeds each
//! time.

mod builds;
mod kit;
mod texts;

pub(crate) use kit::alone;
