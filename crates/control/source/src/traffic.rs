//! [`Traffic`]: which sources are waiting for servers, how many may at once, and how to end their waits.
//!
//! Waiting for a server costs next to nothing, so many may wait. A namespace has a bound of its own, so that its slow
//! servers leave room for other namespaces. A source that finds no room holds no worker: its key is parked, and queued
//! again when another source of its namespace is done.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lode_object::NamespacedName;
use lode_runtime::Failure;
use lode_stdx::Lock;
use tokio::sync::watch;

/// Sources of one kind under way at once: each holds a connection and its buffers.
pub const UNDER_WAY_MAX: usize = 512;
/// Sources of one kind and one namespace under way at once.
pub(crate) const OF_NAMESPACE_MAX: usize = 32;

type Wake = Box<dyn Fn(&NamespacedName) + Send + Sync>;

/// The sources of one kind that are under way.
#[derive(Clone)]
pub(crate) struct Traffic(Arc<SharedTraffic>);

struct SharedTraffic {
    wake: Wake,
    state: Lock<TrafficState>,
}

#[derive(Default)]
struct TrafficState {
    under_way: HashMap<NamespacedName, watch::Sender<bool>>,
    by_namespace: HashMap<Box<str>, NamespaceTraffic>,
    /// Nothing starts any more.
    is_stopped: bool,
}

#[derive(Default)]
struct NamespaceTraffic {
    count: usize,
    parked: BTreeSet<NamespacedName>,
}

/// One source under way.
pub(crate) struct Trip {
    traffic: Traffic,
    name: NamespacedName,
    called_back: watch::Receiver<bool>,
}

impl Traffic {
    /// Starts with nothing under way; `wake` queues a source that was parked.
    pub(crate) fn new(wake: impl Fn(&NamespacedName) + Send + Sync + 'static) -> Self {
        Self(Arc::new(SharedTraffic {
            wake: Box::new(wake),
            state: Lock::default(),
        }))
    }

    /// Sets off, or parks the name and returns `None`.
    pub(crate) fn set_off(&self, name: &NamespacedName) -> Option<Trip> {
        let mut state = self.0.state.lock();
        let is_stopped = state.is_stopped;

        let namespace = state
            .by_namespace
            .entry(name.namespace.clone())
            .or_default();
        namespace.parked.remove(name);
        if is_stopped || namespace.count >= OF_NAMESPACE_MAX {
            namespace.parked.insert(name.clone());
            return None;
        }

        namespace.count += 1;
        let (call, called_back) = watch::channel(false);
        state.under_way.insert(name.clone(), call);
        Some(Trip {
            traffic: self.clone(),
            name: name.clone(),
            called_back,
        })
    }

    /// Ends the waits of one source, because their outcome is not wanted any more.
    pub(crate) fn call_back(&self, name: &NamespacedName) {
        let mut state = self.0.state.lock();
        if let Some(call) = state.under_way.get(name) {
            call.send_replace(true);
        }
        if let Some(namespace) = state.by_namespace.get_mut(&name.namespace) {
            namespace.parked.remove(name);
        }
    }

    /// Ends all waits, for good.
    pub(crate) fn stop(&self) {
        let mut state = self.0.state.lock();
        state.is_stopped = true;
        for call in state.under_way.values() {
            call.send_replace(true);
        }
    }
}

impl Trip {
    /// Waits for an answer, or until the source is called back.
    pub(crate) async fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut called_back = self.called_back.clone();
        tokio::select! {
            biased;
            _ = called_back.wait_for(|called_back| *called_back) => Err(Failure::dropped()),
            answer = answer => answer,
        }
    }
}

impl Drop for Trip {
    fn drop(&mut self) {
        let next = {
            let mut state = self.traffic.0.state.lock();
            state.under_way.remove(&self.name);
            let is_stopped = state.is_stopped;
            let Some(namespace) = state.by_namespace.get_mut(&self.name.namespace) else {
                return;
            };
            namespace.count = namespace.count.saturating_sub(1);
            let next = namespace.parked.pop_first().filter(|_| !is_stopped);
            if namespace.count == 0 && namespace.parked.is_empty() {
                state.by_namespace.remove(&self.name.namespace);
            }
            next
        };
        if let Some(next) = next {
            (self.traffic.0.wake)(&next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn name(namespace: &str, n: usize) -> NamespacedName {
        NamespacedName::new(namespace, &n.to_string())
    }

    fn traffic() -> (Traffic, Arc<Mutex<Vec<NamespacedName>>>) {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let list = woken.clone();
        (
            Traffic::new(move |name| list.lock().unwrap().push(name.clone())),
            woken,
        )
    }

    #[test]
    fn a_namespace_that_is_full_leaves_room_for_others_and_parks_its_own() {
        let (traffic, woken) = traffic();
        let mut trips: Vec<_> = (0..OF_NAMESPACE_MAX)
            .map(|n| traffic.set_off(&name("a", n)).unwrap())
            .collect();
        assert!(traffic.set_off(&name("a", 99)).is_none());
        assert!(traffic.set_off(&name("b", 1)).is_some());
        drop(trips.pop());
        assert_eq!(*woken.lock().unwrap(), [name("a", 99)]);
        assert!(traffic.set_off(&name("a", 99)).is_some());
        drop(trips);
        assert!(
            traffic.0.state.lock().by_namespace.is_empty()
                && traffic.0.state.lock().under_way.is_empty()
        );
    }

    #[test]
    fn a_parked_source_that_is_called_back_is_not_woken() {
        let (traffic, woken) = traffic();
        let mut trips: Vec<_> = (0..OF_NAMESPACE_MAX)
            .map(|n| traffic.set_off(&name("a", n)).unwrap())
            .collect();
        assert!(traffic.set_off(&name("a", 98)).is_none());
        assert!(traffic.set_off(&name("a", 99)).is_none());
        traffic.call_back(&name("a", 98));
        drop(trips.pop());
        assert_eq!(*woken.lock().unwrap(), [name("a", 99)]);
    }

    #[test]
    fn nothing_is_woken_after_the_stop() {
        let (traffic, woken) = traffic();
        let trips: Vec<_> = (0..OF_NAMESPACE_MAX)
            .map(|n| traffic.set_off(&name("a", n)).unwrap())
            .collect();
        assert!(traffic.set_off(&name("a", 99)).is_none());
        traffic.stop();
        drop(trips);
        assert!(woken.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_new_trip_of_a_source_that_was_called_back_waits_again() {
        let (traffic, _) = traffic();
        drop(traffic.set_off(&name("a", 1)).unwrap());
        traffic.call_back(&name("a", 1));
        let trip = traffic.set_off(&name("a", 1)).unwrap();
        assert_eq!(trip.wait(async { Ok(7) }).await, Ok(7));
    }

    #[tokio::test]
    async fn who_is_called_back_waits_no_longer() {
        let (traffic, _) = traffic();
        let trip = traffic.set_off(&name("a", 1)).unwrap();
        let forever = || std::future::pending::<Result<(), Failure>>();
        traffic.call_back(&name("a", 1));
        assert_eq!(trip.wait(forever()).await, Err(Failure::dropped()));
        assert_eq!(
            trip.wait(forever()).await,
            Err(Failure::dropped()),
            "and every further wait ends, too"
        );
        let other = traffic.set_off(&name("a", 2)).unwrap();
        assert_eq!(other.wait(async { Ok(7) }).await, Ok(7));
        traffic.stop();
        assert_eq!(other.wait(forever()).await, Err(Failure::dropped()));
        assert!(traffic.set_off(&name("a", 3)).is_none());
    }
}
