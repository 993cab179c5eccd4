//! [`Computing`]: computes within the memory that all controllers share: what a tenant hands in may be small and cost a
//! lot.

use lode_runtime::{Bounded, Memory};
use lode_stdx::budget::{Budget, Limits, Spent};

/// Bytes that anything needs at first.
const BYTES_MIN: u64 = 1 << 20;
/// Bytes that reading a text needs at first, for each of its own.
const BYTES_PER_BYTE: u64 = 8;

/// Computes on threads, each piece of work within the limits.
#[derive(Clone)]
pub(crate) struct Computing {
    memory: Memory,
    limits: Limits,
}

impl Computing {
    pub(crate) fn new(memory: Memory, limits: Limits) -> Self {
        Self { memory, limits }
    }

    /// Returns a budget for work that is too little to wait for memory.
    pub(crate) fn budget(&self) -> Budget {
        Budget::new(self.limits)
    }

    /// Runs work for a namespace on a thread, with a budget of `likely` bytes at first, which grows while there is room;
    /// `not_run` says why it could not be run at all.
    ///
    /// # Errors
    /// The work fails, or can never have the memory.
    pub(crate) async fn run<T, E>(
        &self,
        (namespace, likely): (&str, u64),
        work: impl Fn(&Budget) -> Result<T, E> + Clone + Send + 'static,
        not_run: impl FnOnce(String) -> E,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let limits = self.limits;
        let once = move |bytes: u64| {
            let budget = Budget::new(Limits { bytes, ..limits });
            let ended = work(&budget);
            let met = budget.refused().is_some_and(|it| it.what == Spent::Bytes);
            match ended {
                Err(error) if met => Bounded::MetBound(Err(error)),
                ended => Bounded::Ended(ended),
            }
        };
        // Boxed: what a release awaits while it acts would be one large future.
        let ended = self
            .memory
            .compute_growing(namespace, likely, limits.bytes, once);
        let ended = Box::pin(ended).await;
        ended.unwrap_or_else(|error| Err(not_run(error.to_string())))
    }
}

/// Returns how many bytes reading so many bytes of text takes at first.
pub(crate) fn for_text(bytes: usize) -> u64 {
    BYTES_MIN + (bytes as u64).saturating_mul(BYTES_PER_BYTE)
}
