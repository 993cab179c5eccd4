//! Work that computes, on threads of their own that give way to all others.
//!
//! A build may take seconds of a processor. Meanwhile what answers probes, reads watches and writes for others goes
//! first; on an idle machine such a thread runs as fast as any.

use std::{io, thread};

use rustix::process::setpriority_process;
use tokio::sync::oneshot;

use crate::memory::Reservation;

/// How much less urgent these threads are, as `nice` counts.
const NICENESS: i32 = 5;

/// Work that has no result: its thread did not start, or panicked.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The system has no thread for it.
    #[error("no thread to compute on: {0}")]
    NoThread(#[from] io::Error),
    /// It panicked; the panic is in the log.
    #[error("it ended early because of a fault in it")]
    Panicked,
}

impl Reservation {
    /// Computes on a thread, and gives the memory back when that has ended.
    ///
    /// # Errors
    /// There is no thread; the work is dropped.
    pub fn spawn(self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        start(move || {
            work();
            drop(self);
        })
    }

    /// Computes on a thread, and returns the result once the memory is given back. It is given back also when nobody
    /// waits any more.
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
            // Nobody may wait for it any more.
            let _ = done.send(answer);
        })?;
        result.await.map_err(|_| Unfinished::Panicked)
    }
}

fn start(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new()
        .name("compute".to_owned())
        .spawn(move || {
            // Where it is refused, the thread is as urgent as others, and nothing else is lost.
            let _ = setpriority_process(None, NICENESS);
            work();
        });
    thread.map(drop)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use rustix::process::getpriority_process;

    use super::*;
    use crate::Memory;

    #[tokio::test]
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
}
