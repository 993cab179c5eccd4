//! [`Progress`]: what an attempt has come to, for whoever tells it while it goes on or after it failed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lode_api::shared::InventoryEntry;
use lode_stdx::duration;

/// What an attempt has come to.
#[derive(Default)]
pub(crate) struct Progress(Mutex<Facts>);

/// The facts of an attempt so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// What it is doing.
    pub(crate) doing: String,
    /// Revision it has begun to build.
    pub(crate) attempted: Option<String>,
    /// Digest of the text it has built.
    pub(crate) built: Option<String>,
    /// Inventory to be told although it failed.
    pub(crate) inventory: Option<Vec<InventoryEntry>>,
    /// Whether anything in the cluster was changed.
    pub(crate) changed: bool,
}

impl Progress {
    /// Returns the facts so far.
    pub(crate) fn facts(&self) -> Facts {
        self.lock().clone()
    }

    /// Notes what it is doing, in the words of the `Reconciling` condition.
    pub(crate) fn doing(&self, what: &str, revision: &str, timeout: Duration) {
        let timeout = duration::format(timeout);
        self.lock().doing = format!("{what} for revision {revision} with a timeout of {timeout}");
    }

    pub(crate) fn attempted(&self, revision: &str) {
        self.lock().attempted = Some(revision.to_owned());
    }

    pub(crate) fn built(&self, digest: &str) {
        self.lock().built = Some(digest.to_owned());
    }

    pub(crate) fn inventory(&self, entries: Vec<InventoryEntry>) {
        self.lock().inventory = Some(entries);
    }

    pub(crate) fn changed(&self) {
        self.lock().changed = true;
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
