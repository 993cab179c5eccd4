//! [`Failure`]: why a reconcile failed, and when to try again.

use std::fmt;

use lode_api::reasons;

/// The failure of a reconcile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// A stable word for conditions, events and metrics.
    pub reason: &'static str,
    /// What happened, for people.
    pub message: String,
    /// When another try makes sense.
    pub retry: Retry,
    /// The condition for the failed step, in addition to `Ready`.
    pub condition: Option<&'static str>,
    /// Whether no event is sent: waiting for a source or a dependency is not a fault.
    pub quiet: bool,
}

/// When another try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// After the object's retry interval.
    Interval,
    /// Soon, then with increasing delays: the fault is temporary.
    Backoff,
    /// When something that is waited for changes; its kind defines the longest wait.
    Wait,
    /// Only when the specification changes: it stalls.
    Never,
    /// Not by this run: the object was changed or deleted, which has requested another run already,
    /// or the process ends. Nothing is reported.
    Dropped,
}

impl Failure {
    /// Returns a failure that is retried after the retry interval.
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

    /// Returns a failure that only a change of the specification can solve.
    pub fn terminal(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(reason, message).with(Retry::Never)
    }

    /// Returns a quiet wait for something that does not exist yet and wakes the object when it
    /// appears.
    pub fn waiting(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            quiet: true,
            ..Self::new(reason, message).with(Retry::Wait)
        }
    }

    /// Returns the end of a run whose outcome is no longer needed.
    #[must_use]
    pub fn dropped() -> Self {
        let message = "the operation is not wanted any more";
        Self {
            quiet: true,
            ..Self::new(reasons::PROGRESSING, message).with(Retry::Dropped)
        }
    }

    /// Returns the failure of a request, which is retried soon if the fault is temporary.
    pub fn of_request(error: &impl fmt::Display, is_passing: bool) -> Self {
        let retry = if is_passing {
            Retry::Backoff
        } else {
            Retry::Interval
        };
        Self::new(reasons::RECONCILIATION_FAILED, error.to_string()).with(retry)
    }

    /// Returns the failure with another retry time.
    #[must_use]
    pub fn with(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Returns the failure of a step that has its own condition.
    #[must_use]
    pub fn in_step(self, condition: &'static str) -> Self {
        Self {
            condition: Some(condition),
            ..self
        }
    }

    /// Returns the failure with a text appended to its message.
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

#[cfg(test)]
mod tests {
    use lode_cluster::{Error, Status};

    use super::*;

    #[test]
    fn a_failure_is_tried_again_after_the_interval_unless_it_says_otherwise() {
        assert_eq!(Failure::new("Bad", "no").retry, Retry::Interval);
        assert_eq!(Failure::terminal("Bad", "no").retry, Retry::Never);
        let backoff = Failure::new("Bad", "no").with(Retry::Backoff);
        assert_eq!(backoff.retry, Retry::Backoff);
        assert_eq!((backoff.reason, &*backoff.message), ("Bad", "no"));
    }

    #[test]
    fn waiting_and_unwanted_ends_are_quiet() {
        let waiting = Failure::waiting("NotThere", "no");
        assert!(waiting.quiet);
        assert_eq!(waiting.retry, Retry::Wait);
        let dropped = Failure::dropped();
        assert!(dropped.quiet);
        assert_eq!(dropped.retry, Retry::Dropped);
        assert!(!Failure::new("Bad", "no").quiet);
    }

    #[test]
    fn a_request_is_tried_again_soon_only_if_the_fault_passes_by_itself() {
        for (is_passing, retry) in [(true, Retry::Backoff), (false, Retry::Interval)] {
            let failure = Failure::of_request(&"refused", is_passing);
            assert_eq!(failure.retry, retry);
            assert_eq!(failure.reason, reasons::RECONCILIATION_FAILED);
            assert_eq!(failure.message, "refused");
        }
    }

    #[test]
    fn an_overloaded_server_is_asked_again_soon_and_one_that_forbids_is_not() {
        let failure = |code, message| {
            let status = Status::new(code, "", message);
            Failure::from(Error::Refused(Box::new(status)))
        };
        assert_eq!(failure(503, "busy").retry, Retry::Backoff);
        let forbidden = failure(403, "pods is forbidden");
        assert_eq!(forbidden.retry, Retry::Interval);
        assert!(
            forbidden.message.contains("pods is forbidden"),
            "{forbidden}"
        );
    }

    #[test]
    fn a_step_and_more_words_are_added_and_change_nothing_else() {
        let failure = Failure::new("Bad", "no").in_step("FetchFailed");
        assert_eq!(failure.condition, Some("FetchFailed"));
        let about = failure.clone().about(Some("tag 'v1'"));
        assert_eq!(about.to_string(), "no (tag 'v1')");
        assert_eq!(about.condition, failure.condition);
        assert_eq!(failure.clone().about(None), failure);
    }
}
