//! [`Weather`]: how long requests take and which fail, by the seed; and the trace of them all.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use lode_admit::Status;
use lode_apiserver::{Faults, InjectedFault, Request};
use tokio::time::Instant;

use super::chance::Chance;

/// Longest that a request is held up.
const LATE_MAX_MS: u64 = 40;
/// One request of so many fails.
const FAILS_OF: u64 = 25;

/// Decides what becomes of each request.
///
/// What is decided depends on the request and on how many like it there were, not on the order of requests that are made
/// at the same moment: threads that read files may end in another order.
pub(crate) struct Weather {
    seed: u64,
    began: Instant,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// How often each request was made.
    counts: HashMap<String, u64>,
    trace: Vec<(u128, String)>,
}

impl Weather {
    pub(crate) fn new(seed: u64, began: Instant) -> Self {
        Self {
            seed,
            began,
            seen: Mutex::default(),
        }
    }

    /// Returns all requests so far with their times in milliseconds; those of the same moment are in order of their text.
    pub(crate) fn trace(&self) -> Vec<(u128, String)> {
        let mut trace = self.seen.lock().unwrap().trace.clone();
        trace.sort();
        trace
    }

    /// Notes a request; returns what decides about it.
    fn meet_one(&self, request: &Request<'_>) -> Chance {
        let Request {
            verb,
            resource,
            subresource,
            name,
            ..
        } = request;
        let text = format!("{verb} {resource}/{subresource} {name}");

        let mut seen = self.seen.lock().unwrap();
        let count = seen.counts.entry(text.clone()).or_default();
        *count += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, &text, *count).hash(&mut hasher);
        seen.trace.push((self.began.elapsed().as_millis(), text));
        Chance::new(hasher.finish())
    }
}

impl Faults for Weather {
    fn meet<'r>(
        &'r self,
        request: Request<'r>,
    ) -> Pin<Box<dyn Future<Output = InjectedFault> + Send + 'r>> {
        Box::pin(async move {
            let chance = self.meet_one(&request);
            // Which controller an event is of stands in its body alone.
            if request.resource == "events" {
                return InjectedFault::None;
            }
            tokio::time::sleep(Duration::from_millis(chance.below(LATE_MAX_MS))).await;
            let failure = || Status::internal("a fault of the simulation");
            match chance.below(FAILS_OF * 2) {
                0 => InjectedFault::Refused(failure()),
                1 => InjectedFault::Lost(failure()),
                _ => InjectedFault::None,
            }
        })
    }
}
