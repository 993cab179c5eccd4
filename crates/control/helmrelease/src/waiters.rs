//! [`Waiters`]: wakes the runs that wait for objects of their release.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use lode_object::NamespacedName;
use lode_stdx::Lock;
use tokio::sync::Notify;

/// Wakes the runs that wait for objects of their release.
#[derive(Default)]
pub(crate) struct Waiters(Lock<HashMap<NamespacedName, Weak<Notify>>>);

impl Waiters {
    /// Returns what is notified of changes as long as somebody holds it.
    pub(crate) fn of(&self, owner: &NamespacedName) -> Arc<Notify> {
        let mut waiters = self.0.lock();
        if let Some(found) = waiters.get(owner).and_then(Weak::upgrade) {
            return found;
        }
        waiters.retain(|_, waiter| waiter.strong_count() > 0);
        let new = Arc::new(Notify::new());
        waiters.insert(owner.clone(), Arc::downgrade(&new));
        new
    }

    /// Wakes whoever waits for objects of a release.
    pub(crate) fn wake(&self, owner: &NamespacedName) {
        let found = self.0.lock().get(owner).and_then(Weak::upgrade);
        if let Some(found) = found {
            found.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_wakes_who_waits_for_that_release_and_nobody_else() {
        let (waiters, one, two) = (
            Waiters::default(),
            NamespacedName::new("ns", "one"),
            NamespacedName::new("ns", "two"),
        );
        let heard = waiters.of(&one);
        let mut changed = Box::pin(heard.notified());
        changed.as_mut().enable();
        waiters.wake(&two);
        assert!(futures_poll(changed.as_mut()).await.is_none());
        waiters.wake(&one);
        assert!(futures_poll(changed.as_mut()).await.is_some());
    }

    /// Looks once whether something is ready.
    async fn futures_poll<F: Future + Unpin>(future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            done = future => Some(done),
            () = std::future::ready(()) => None,
        }
    }
}
