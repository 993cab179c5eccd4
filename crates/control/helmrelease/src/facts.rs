//! [`Facts`]: what an attempt has come to, for whoever tells it while it goes on or after it ended.

use lode_apply::{Change, Drift};
use lode_stdx::Lock;

use crate::action_log::ActionLog;
use crate::working::Working;

/// What an attempt has come to.
#[derive(Default)]
pub struct Facts {
    /// The status as far as it has come, and events that are not sent yet; nothing before it began.
    pub(crate) working: Lock<Option<Working>>,
    doing: Lock<String>,
    awaited: Lock<String>,
    drifts: Lock<Vec<Drift>>,
    changes: Lock<Vec<Change>>,
    refused: Lock<Option<String>>,
    /// What the action that is under way has done.
    pub(crate) log: ActionLog,
}

impl Facts {
    /// Notes what is being done, in the words of the `Reconciling` condition.
    pub(crate) fn doing(&self, what: &str) {
        what.clone_into(&mut self.doing.lock());
        self.awaited.lock().clear();
    }

    /// Notes what is waited for; nothing if it has come.
    pub(crate) fn waits_for(&self, awaited: &str) {
        awaited.clone_into(&mut self.awaited.lock());
    }

    /// Returns what is being done, and what it waits for.
    pub(crate) fn progress(&self) -> String {
        let (doing, awaited) = (self.doing.lock(), self.awaited.lock());
        if awaited.is_empty() {
            doing.clone()
        } else {
            format!("{doing}: waiting for {awaited}")
        }
    }

    /// Notes why objects did not become ready.
    pub(crate) fn refuse(&self, reasons: String) {
        *self.refused.lock() = Some(reasons);
    }

    /// Takes why objects did not become ready.
    pub(crate) fn take_refused(&self) -> Option<String> {
        self.refused.lock().take()
    }

    pub(crate) fn drifted(&self, drift: &Drift) {
        self.drifts.lock().push(drift.clone());
    }

    pub(crate) fn changed(&self, changes: &[Change]) {
        self.changes.lock().extend_from_slice(changes);
    }

    /// Takes the live edits that were met, and what was written since the last time.
    pub(crate) fn take_drift(&self) -> (Vec<Drift>, Vec<Change>) {
        let drifts = std::mem::take(&mut *self.drifts.lock());
        (drifts, std::mem::take(&mut *self.changes.lock()))
    }

    /// Keeps where an attempt has come to.
    pub(crate) fn keep(&self, working: Working) {
        *self.working.lock() = Some(working);
    }

    /// Takes where an attempt has come to.
    pub(crate) fn take(&self) -> Option<Working> {
        self.working.lock().take()
    }
}
