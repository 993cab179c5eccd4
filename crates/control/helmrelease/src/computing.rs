//! Computes within the memory that all controllers share: what a tenant hands in may be small and cost a lot.

use std::fmt::Display;

use lode_chart::LIMITS;
use lode_runtime::{Bounded, Memory};
use lode_stdx::budget::{Budget, Exceeded, Limits, Spent};

/// Bytes that anything needs at first.
const BYTES_MIN: u64 = 1 << 20;
/// Bytes that reading a text needs at first, for each of its own.
const BYTES_PER_BYTE: u64 = 8;

/// Runs work that reads so many bytes of text on a thread, with a budget that grows while there is room.
///
/// # Errors
/// The work fails, or can never have the memory.
pub(crate) async fn read_within<T, E>(
    memory: &Memory,
    (namespace, bytes): (&str, usize),
    work: impl Fn(&Budget) -> Result<T, E> + Clone + Send + 'static,
    not_run: impl FnOnce(String) -> E,
) -> Result<T, E>
where
    T: Send + 'static,
    E: Display + Send + 'static,
{
    let likely = BYTES_MIN + (bytes as u64).saturating_mul(BYTES_PER_BYTE);
    let once = move |bytes: u64| {
        let budget = Budget::new(Limits { bytes, ..LIMITS });
        match work(&budget) {
            Ok(done) => Bounded::Ended(Ok(done)),
            Err(error) => {
                let reason = error.to_string();
                ended(Err(error), &reason, &budget)
            }
        }
    };
    let ended = memory
        .compute_growing(namespace, likely, LIMITS.bytes, once)
        .await;
    ended.unwrap_or_else(|error| Err(not_run(error.to_string())))
}

/// Returns what work came to that failed for a reason: if that is its bound of bytes, it may have more.
pub(crate) fn ended<T>(failed: T, reason: &str, budget: &Budget) -> Bounded<T> {
    let exceeded = Exceeded {
        what: Spent::Bytes,
        limit: budget.limits().bytes,
    };
    if reason.contains(&exceeded.to_string()) {
        Bounded::MetBound(failed)
    } else {
        Bounded::Ended(failed)
    }
}
