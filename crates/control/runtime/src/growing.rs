//! Work that learns only while it runs how much memory it needs.
//!
//! It begins with what its input makes likely, and that is its bound. Work that meets its bound gives everything back,
//! waits until there is room for more, and starts again: if it held on to what it has, two pieces of work could wait for
//! one another for ever.

use crate::compute::Unfinished;
use crate::memory::{Memory, TooLarge};

/// How many times as much work may have when it starts again: all it did before costs a third of the last time.
const GROWTH: u64 = 4;

/// What work within a bound came to.
pub enum Bounded<T> {
    /// It has ended.
    Ended(T),
    /// It met its bound; this is its result if it cannot have more.
    MetBound(T),
}

/// Work that returned no result.
#[derive(Debug, thiserror::Error)]
pub enum NotRun {
    /// It can never have the memory.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// It ended early.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

impl Memory {
    /// Runs work on a thread with `likely` bytes at first and `most` in the end, which are held until the thread has
    /// ended, whoever still waits for it.
    ///
    /// # Errors
    /// There is no result.
    pub async fn compute_growing<T, W>(
        &self,
        namespace: &str,
        likely: u64,
        most: u64,
        work: W,
    ) -> Result<T, NotRun>
    where
        T: Send + 'static,
        W: Fn(u64) -> Bounded<T> + Clone + Send + 'static,
    {
        let most = most.min(self.for_one());
        let mut bytes = likely.min(most);
        loop {
            let place = self.reserve(namespace, bytes).await?;
            let once = work.clone();
            match place.compute(move || once(bytes)).await? {
                Bounded::MetBound(_) if bytes < most => {
                    bytes = bytes.saturating_mul(GROWTH).min(most);
                }
                Bounded::Ended(result) | Bounded::MetBound(result) => return Ok(result),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lode_stdx::Lock;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// Runs work that needs so many bytes; returns whether it had them, and the bounds that it was tried with.
    async fn run(needs: u64, likely: u64) -> (bool, Vec<u64>) {
        let memory = Memory::new(64 * MIB, 1);
        let tried = Arc::new(Lock::new(Vec::new()));
        let noted = tried.clone();
        let work = move |bytes: u64| {
            noted.lock().push(bytes / MIB);
            if bytes < needs {
                Bounded::MetBound(false)
            } else {
                Bounded::Ended(true)
            }
        };
        let result = memory.compute_growing("a", likely, 32 * MIB, work).await;
        let tried = tried.lock().clone();
        (result.unwrap(), tried)
    }

    #[tokio::test]
    async fn work_starts_again_with_more_until_it_has_enough_or_there_is_no_more() {
        assert_eq!(run(2 * MIB, 2 * MIB).await, (true, vec![2]));
        assert_eq!(run(9 * MIB, MIB).await, (true, vec![1, 4, 16]));
        assert_eq!(run(90 * MIB, 4 * MIB).await, (false, vec![4, 16, 32]));
        assert_eq!(
            run(0, 99 * MIB).await,
            (true, vec![32]),
            "no more than it may have"
        );
    }
}
