//! [`Facts`]: what an attempt has come to, for whoever tells it while it goes on or after it failed.

use std::sync::OnceLock;
use std::time::Duration;

use lode_api::shared::InventoryEntry;
use lode_runtime::Failure;
use lode_stdx::Lock;
use lode_stdx::duration;

use crate::validate::Checked;

/// What an attempt has come to.
#[derive(Default)]
pub struct Facts {
    checked: OnceLock<Checked>,
    known: Lock<Known>,
}

/// What is known of an attempt so far.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// What it is doing.
    pub(crate) doing: String,
    /// Revision it has begun to build.
    pub(crate) attempted: Option<String>,
    /// Revision that the artifact was made from, if its maker says so.
    pub(crate) origin: Option<String>,
    /// Digest of the text it has built.
    pub(crate) built: Option<String>,
    /// Inventory to be told although it failed.
    pub(crate) inventory: Option<Vec<InventoryEntry>>,
    /// Whether anything in the cluster was changed.
    pub(crate) changed: bool,
    /// Values that came from Secrets.
    secrets: Vec<String>,
}

impl Known {
    /// Blanks what came from Secrets: the API server quotes values it refuses.
    pub(crate) fn mask(&self, failure: &Failure) -> Failure {
        Failure {
            message: self.masked(&failure.message),
            ..failure.clone()
        }
    }

    /// Returns a text without what came from Secrets.
    pub(crate) fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "***");
            }
        }
        text
    }
}

impl Facts {
    /// Notes that the specification can be acted on.
    pub(crate) fn check(&self, checked: Checked) -> &Checked {
        self.checked.get_or_init(|| checked)
    }

    /// Returns the specification as it was checked, if it can be acted on.
    pub(crate) fn checked(&self) -> Option<&Checked> {
        self.checked.get()
    }

    /// Returns what is known so far.
    pub(crate) fn known(&self) -> Known {
        self.known.lock().clone()
    }

    /// Notes what it is doing, in the words of the `Reconciling` condition.
    pub(crate) fn doing(&self, what: &str, revision: &str, timeout: Duration) {
        let timeout = duration::format(timeout);
        self.known.lock().doing =
            format!("{what} for revision {revision} with a timeout of {timeout}");
    }

    pub(crate) fn attempted(&self, revision: &str, origin: Option<&str>) {
        let mut known = self.known.lock();
        known.attempted = Some(revision.to_owned());
        known.origin = origin.map(str::to_owned);
    }

    pub(crate) fn built(&self, digest: &str) {
        self.known.lock().built = Some(digest.to_owned());
    }

    pub(crate) fn inventory(&self, entries: Vec<InventoryEntry>) {
        self.known.lock().inventory = Some(entries);
    }

    pub(crate) fn secrets(&self, mut values: Vec<String>) {
        // A longer value may hold a shorter one.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        self.known.lock().secrets = values;
    }

    pub(crate) fn changed(&self) {
        self.known.lock().changed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_a_secret_is_not_told() {
        let facts = Facts::default();
        facts.secrets(vec!["hunter2".to_owned(), "hunter2hunter2".to_owned()]);
        let failure = Failure::new(
            "ReconciliationFailed",
            "Invalid value: \"hunter2hunter2\" and hunter2",
        );
        assert_eq!(
            facts.known().mask(&failure).message,
            "Invalid value: \"***\" and ***"
        );
    }
}
