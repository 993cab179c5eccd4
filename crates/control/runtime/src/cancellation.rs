//! [`Cancellation`]: what ends a wait before its time.
//!
//! A thread that computes cannot be called back; the run that waits for it can go on without its outcome.

use lode_api::{Kind, Resource};
use tokio::sync::watch;

use crate::failure::Failure;
use crate::own::Own;
use crate::store::Change;

/// Ends waits of runs whose outcome nobody wants any more, because the process ends or their object was deleted.
#[derive(Debug)]
pub struct Cancellation {
    stopping: watch::Sender<bool>,
    /// Changes when an object of the kind is deleted.
    deletions: watch::Sender<()>,
}

impl Default for Cancellation {
    fn default() -> Self {
        Self {
            stopping: watch::Sender::new(false),
            deletions: watch::Sender::new(()),
        }
    }
}

impl Cancellation {
    /// Ends all waits, now and later: the process ends.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Ends the waits for an object if the change is its deletion.
    pub fn note<S: Kind>(&self, change: &Change<Resource<S>>) {
        if change.new.as_ref().is_none_or(|new| new.deleting()) {
            self.deletions.send_replace(());
        }
    }

    /// Waits for work of a run, unless the process ends or the object is deleted meanwhile. The run of an object that
    /// was being deleted at its start is about the deletion: only the end of the process ends its waits.
    ///
    /// # Errors
    /// [`Failure::dropped`] if the outcome is no longer wanted; else the error of the work.
    pub async fn unless<S, T, E>(
        &self,
        own: &Own<S>,
        object: &Resource<S>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E>
    where
        S: Kind<Status: Send + Sync + PartialEq> + Send + Sync + 'static,
        E: From<Failure>,
    {
        let mut stopping = self.stopping.subscribe();
        let mut deletions = self.deletions.subscribe();
        let deleted = async {
            let is_wanted =
                || object.deleting() || own.latest(object).is_some_and(|latest| !latest.deleting());
            // The sender lives as long as the controller.
            while is_wanted() && deletions.changed().await.is_ok() {}
        };
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => Err(Failure::dropped().into()),
            () = deleted => Err(Failure::dropped().into()),
            ended = work => ended,
        }
    }
}
