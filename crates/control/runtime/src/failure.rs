//! [`Failure`]: why a reconcile ended without success, and when to try again.

use std::fmt;

use lode_api::reasons;

/// An end without success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// A stable word for conditions, events and metrics.
    pub reason: &'static str,
    /// What happened, for people.
    pub message: String,
    /// When another try makes sense.
    pub retry: Retry,
    /// The condition that names the step that failed, besides `Ready`.
    pub condition: Option<&'static str>,
    /// Whether nobody needs to be told by an event: waiting for a source or a dependency is no fault.
    pub quiet: bool,
}

/// When another try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// After the object's retry interval.
    Interval,
    /// Soon, then ever later: the fault passes by itself.
    Backoff,
    /// When something that is waited for changes; its kind says after how long at the latest.
    Wait,
    /// Only when the specification changes: it stalls.
    Never,
    /// Not by this run: the object was changed or deleted, which has asked for another run already, or the process ends.
    /// Nothing is told of it.
    Dropped,
}

impl Failure {
    /// Returns a failure that is tried again after the retry interval.
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            reason,
            message,
            retry: Retry::Interval,
            condition: None,
            quiet: false,
        }
    }

    /// Returns a failure that nothing helps but changing the specification.
    pub fn terminal(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(reason, message).with(Retry::Never)
    }

    /// Returns a quiet wait for something that is not there yet and whose coming wakes us.
    pub fn waiting(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            quiet: true,
            ..Self::new(reason, message).with(Retry::Wait)
        }
    }

    /// Returns the end of a run whose outcome nobody wants any more.
    #[must_use]
    pub fn dropped() -> Self {
        let message = "the operation is not wanted any more";
        Self {
            quiet: true,
            ..Self::new(reasons::PROGRESSING, message).with(Retry::Dropped)
        }
    }

    /// Returns the failure of a request, which is tried again soon if the fault passes by itself.
    pub fn of_request(error: &impl fmt::Display, is_passing: bool) -> Self {
        let retry = if is_passing {
            Retry::Backoff
        } else {
            Retry::Interval
        };
        Self::new(reasons::RECONCILIATION_FAILED, error.to_string()).with(retry)
    }

    /// Returns the failure with another time for the next try.
    #[must_use]
    pub fn with(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Returns the failure of a step that has a condition of its own.
    #[must_use]
    pub fn in_step(self, condition: &'static str) -> Self {
        Self {
            condition: Some(condition),
            ..self
        }
    }

    /// Returns the failure with words at the end of its message.
    #[must_use]
    pub fn about(mut self, words: Option<&str>) -> Self {
        if let Some(words) = words {
            self.message = format!("{} ({words})", self.message);
        }
        self
    }
}

impl From<lode_cluster::Error> for Failure {
    fn from(error: lode_cluster::Error) -> Self {
        Self::of_request(&error, error.is_passing())
    }
}
