//! Computations on separate low-priority threads.
//!
//! A build may need seconds of CPU time. Threads that answer probes, read watches and write for
//! others go first; on an idle machine such a thread runs as fast as any.

use std::{io, thread};

use rustix::process::{getpriority_process, setpriority_process};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;

use crate::memory::Reservation;

/// The `nice` value of these threads.
const NICENESS: i32 = 5;

/// Work that returned no result: its thread did not start, or panicked.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The system could not create a thread.
    #[error("no thread for the computation: {0}")]
    NoThread(#[from] io::Error),
    /// It panicked; the panic is in the log.
    #[error("it ended early because of a fault in it")]
    Panicked,
}

impl Reservation {
    /// Runs work on a thread, and frees the reserved memory when it has ended.
    ///
    /// # Errors
    /// There is no thread; the work is dropped.
    pub fn spawn(self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        start(move || {
            work();
            drop(self);
        })
    }

    /// Runs work on a thread, and returns the result after the reserved memory is freed. It is
    /// freed even if nobody waits for the result any more.
    ///
    /// # Errors
    /// There is no result.
    pub async fn compute<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let (done, result) = oneshot::channel();
        start(move || {
            let answer = work();
            drop(self);
            // The receiver may be gone.
            let _ = done.send(answer);
        })?;
        result.await.map_err(|_| Unfinished::Panicked)
    }
}

fn start(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // Where a test holds the clock of a runtime of one thread, the clock stands still for threads of the runtime alone.
    let is_alone = |handle: &Handle| handle.runtime_flavor() == RuntimeFlavor::CurrentThread;
    if let Some(handle) = Handle::try_current().ok().filter(is_alone) {
        drop(handle.spawn_blocking(work));
        return Ok(());
    }

    let thread = thread::Builder::new()
        .name("compute".to_owned())
        .spawn(move || {
            // If this is refused, the thread only has the same priority as others.
            let own = getpriority_process(None).unwrap_or_default();
            let _ = setpriority_process(None, own + NICENESS);
            work();
        });
    thread.map(drop)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::Memory;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn work_gives_way_to_others_and_its_memory_back() {
        let memory = Memory::new(64 << 20, 1);
        let priority = || getpriority_process(None).unwrap();
        let own = priority();
        let place = memory.reserve("a", 64 << 20).await.unwrap();
        assert_eq!(
            place.compute(priority).await.unwrap(),
            (own + NICENESS).min(19)
        );
        assert_eq!(priority(), own, "of that thread alone");
        assert!(
            memory.reserve("a", 64 << 20).now_or_never().is_some(),
            "given back before the result"
        );
    }

    #[tokio::test]
    async fn a_panic_is_told_and_gives_the_memory_back() {
        let memory = Memory::new(64 << 20, 1);
        let place = memory.reserve("a", 64 << 20).await.unwrap();
        let ended = place.compute(|| panic!("told to")).await;
        assert!(matches!(ended, Err(Unfinished::Panicked)));
        drop(memory.reserve("a", 64 << 20).await.unwrap());
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends_and_gives_its_memory_back() {
        let memory = Memory::new(64 << 20, 1);
        let place = memory.reserve("a", 64 << 20).await.unwrap();
        let (go_on, waits) = std::sync::mpsc::channel::<()>();
        let mut answer = Box::pin(place.compute(move || waits.recv().is_ok()));
        assert!(futures::poll!(&mut answer).is_pending());
        drop(answer);
        assert!(
            memory.reserve("a", 64 << 20).now_or_never().is_none(),
            "it still computes"
        );
        go_on.send(()).unwrap();
        drop(memory.reserve("a", 64 << 20).await.unwrap());
    }

    #[tokio::test]
    async fn work_without_a_result_holds_its_memory_until_it_ends() {
        let memory = Memory::new(64 << 20, 1);
        let place = memory.reserve("a", 64 << 20).await.unwrap();
        let (ended, end) = tokio::sync::oneshot::channel();
        let work = move || ended.send(7).unwrap();
        place.spawn(work).unwrap();
        assert_eq!(end.await, Ok(7));
        drop(memory.reserve("a", 64 << 20).await.unwrap());
    }
}
