//! Calls of one stage: many at once, and their answers in order.

use futures::stream::{FuturesUnordered, StreamExt as _};

use crate::error::{Error, Fault};

/// Makes all calls, with at most `parallel` under way at once; returns their answers in the order of the calls.
///
/// # Errors
/// Some calls failed: all their faults, after the last call has ended.
pub(crate) async fn all_in_order<T, F>(
    calls: impl Iterator<Item = F>,
    parallel: usize,
) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<T, Box<Fault>>>,
{
    let (done, faults) = all(calls, parallel).await;
    Error::unless_empty(faults)?;
    Ok(done)
}

/// Makes all calls, with at most `parallel` under way at once, whatever some of them come to. Returns the answers in the
/// order of the calls, and the faults in any.
pub(crate) async fn all<T, E, F>(
    calls: impl Iterator<Item = F>,
    parallel: usize,
) -> (Vec<T>, Vec<E>)
where
    F: Future<Output = Result<T, E>>,
{
    bounded(calls, parallel, false).await
}

/// Makes calls with at most `parallel` under way at once. A fault starts nothing new; what runs is finished. Returns the
/// answers in the order of the calls, and the faults in any.
pub(crate) async fn until_a_fault<T, E, F>(
    calls: impl Iterator<Item = F>,
    parallel: usize,
) -> (Vec<T>, Vec<E>)
where
    F: Future<Output = Result<T, E>>,
{
    bounded(calls, parallel, true).await
}

async fn bounded<T, E, F>(
    calls: impl Iterator<Item = F>,
    parallel: usize,
    stop: bool,
) -> (Vec<T>, Vec<E>)
where
    F: Future<Output = Result<T, E>>,
{
    let mut ended = Vec::new();
    let mut has_failed = false;
    let mut running = FuturesUnordered::new();
    for (place, call) in calls.enumerate() {
        if stop && has_failed {
            break;
        }
        running.push(async move { (place, call.await) });
        if running.len() >= parallel.max(1)
            && let Some((place, answer)) = running.next().await
        {
            has_failed |= answer.is_err();
            ended.push((place, answer));
        }
    }
    while let Some(one) = running.next().await {
        ended.push(one);
    }

    ended.sort_by_key(|(place, _)| *place);
    let mut done = Vec::with_capacity(ended.len());
    let mut faults = Vec::new();
    for (_, answer) in ended {
        match answer {
            Ok(value) => done.push(value),
            Err(fault) => faults.push(fault),
        }
    }
    (done, faults)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;

    /// A call that takes so long, and fails if it takes 13 ms.
    async fn call(ms: u64, started: &Cell<usize>) -> Result<u64, u64> {
        started.set(started.get() + 1);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        if ms == 13 { Err(ms) } else { Ok(ms) }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_come_in_the_order_of_the_calls() {
        let started = Cell::new(0);
        for parallel in [0, 1, 2, 9] {
            let calls = [30, 10, 20].map(|ms| call(ms, &started)).into_iter();
            let (done, faults) = until_a_fault(calls, parallel).await;
            assert_eq!((done, faults), (vec![30, 10, 20], Vec::new()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_starts_nothing_new_and_what_runs_is_finished() {
        let started = Cell::new(0);
        let calls = [13, 40, 5, 6, 7].map(|ms| call(ms, &started)).into_iter();
        let (done, faults) = until_a_fault(calls, 2).await;
        assert_eq!((done, faults), (vec![40], vec![13]));
        assert_eq!(started.get(), 2);

        let calls = [13, 40, 5].map(|ms| call(ms, &started)).into_iter();
        let (done, faults) = all(calls, 2).await;
        assert_eq!((done, faults), (vec![40, 5], vec![13]), "all are made");
    }
}
