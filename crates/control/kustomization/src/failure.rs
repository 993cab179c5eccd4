//! Why a reconcile ended without success: the reason for conditions and events, and when to try again.

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
    pub(crate) retry: Retry,
    /// Whether it is told as an event and as work that goes on; waiting for a source or a dependency is neither.
    pub(crate) quiet: bool,
}

/// When another try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// After the retry interval.
    Interval,
    /// Soon, then ever later: the fault passes by itself.
    Backoff,
    /// This process tries no more: it ends.
    NextProcess,
    /// Only when something changes; a fault of the specification also stalls.
    Change {
        /// Whether the specification itself must change.
        stalled: bool,
    },
}

impl Failure {
    pub(crate) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            retry: Retry::Interval,
            quiet: false,
        }
    }

    /// The specification itself is at fault: nothing helps but changing it.
    pub(crate) fn terminal(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            retry: Retry::Change { stalled: true },
            ..Self::new(reason, message)
        }
    }

    /// Something else is not there yet, and its coming wakes us.
    pub(crate) fn waiting(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            retry: Retry::Change { stalled: false },
            quiet: true,
            ..Self::new(reason, message)
        }
    }

    /// The process ends before the attempt does: nothing is told of it, the next process makes another.
    pub(crate) fn stopping() -> Self {
        Self {
            retry: Retry::NextProcess,
            quiet: true,
            ..Self::new(reasons::PROGRESSING, "the operator is stopping")
        }
    }

    /// A part of the contract that is not built yet. It is never ignored.
    pub(crate) fn unsupported(what: &str) -> Self {
        Self::terminal(
            reasons::UNSUPPORTED,
            format!(
                "{what} is not supported yet; nothing was applied, because ignoring it could do harm"
            ),
        )
    }
}

impl From<lode_apply::Error> for Failure {
    fn from(error: lode_apply::Error) -> Self {
        let retry = if error.is_passing() {
            Retry::Backoff
        } else {
            Retry::Interval
        };
        Self {
            retry,
            ..Self::new(reasons::RECONCILIATION_FAILED, error.to_string())
        }
    }
}

impl From<lode_cluster::Error> for Failure {
    fn from(error: lode_cluster::Error) -> Self {
        let retry = if error.is_passing() {
            Retry::Backoff
        } else {
            Retry::Interval
        };
        Self {
            retry,
            ..Self::new(reasons::RECONCILIATION_FAILED, error.to_string())
        }
    }
}
