//! What engines hold at most, under an allocator that counts: never more than four times the bytes of their budget.
//!
//! Each input is a bomb of its own kind. Sizes and budgets are random, with the same seeds each time.

mod builds;
mod kit;
mod texts;

pub(crate) use kit::alone;
