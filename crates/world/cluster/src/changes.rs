//! [`Changes`]: which owner has which objects to look at again.

use std::collections::{HashMap, HashSet};

use lode_object::{Id, NamespacedName};
use lode_stdx::Lock;
use tokio::sync::Notify;

/// The objects that each owner must look at again.
#[derive(Default)]
pub struct Changes {
    pub(crate) waiting: Lock<HashMap<NamespacedName, HashSet<Id>>>,
    pub(crate) arrived: Notify,
}

impl Changes {
    /// Waits for changes and returns all since the last call.
    pub async fn next(&self) -> HashMap<NamespacedName, HashSet<Id>> {
        loop {
            let arrived = self.arrived.notified();
            let changed = std::mem::take(&mut *self.waiting.lock());
            if !changed.is_empty() {
                return changed;
            }
            arrived.await;
        }
    }

    pub(crate) fn put(&self, owner: NamespacedName, id: Id) {
        self.waiting.lock().entry(owner).or_default().insert(id);
        self.arrived.notify_one();
    }
}
