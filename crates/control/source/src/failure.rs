//! Why a reconcile ended without success: the reason for conditions and events, which condition tells it, and when to
//! try again.

use lode_api::conditions::{
    FETCH_FAILED, INCLUDE_UNAVAILABLE, SOURCE_VERIFIED, STORAGE_OPERATION_FAILED,
};
use lode_api::reasons;
use lode_stdx::budget::{Exceeded, Spent};

/// An end without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A stable word for conditions, events and metrics.
    pub(crate) reason: &'static str,
    /// What happened, for people.
    pub(crate) message: String,
    /// The step that failed.
    pub(crate) step: Step,
    /// When another try makes sense.
    pub(crate) retry: Retry,
}

/// The step that failed; each has a condition of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Coming in, finding the commit, bringing it here.
    Fetch,
    /// Checking its signature.
    Verify,
    /// Finding the artifacts to include.
    Include,
    /// Making and keeping the artifact.
    Store,
}

/// When another try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Soon, then ever later.
    Backoff,
    /// When something that is waited for comes; at the latest after a fixed time.
    Wait,
    /// Only when the specification changes.
    Never,
    /// Not for this object as it was: it has changed or is gone, which has asked for another run already.
    Superseded,
}

impl Failure {
    pub(crate) fn new(step: Step, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            step,
            retry: Retry::Backoff,
        }
    }

    pub(crate) fn fetch(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Step::Fetch, reason, message)
    }

    pub(crate) fn store(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Step::Store, reason, message)
    }

    /// Something that is included is not there yet.
    pub(crate) fn include(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            retry: Retry::Wait,
            ..Self::new(Step::Include, reason, message)
        }
    }

    /// A part of the contract that is not built yet. It is never ignored.
    pub(crate) fn unsupported(what: &str) -> Self {
        let text = format!(
            "{what} is not supported yet; nothing was fetched, because ignoring it could do harm"
        );
        Self::fetch(reasons::UNSUPPORTED, text).terminal()
    }

    /// Nothing helps but changing the specification.
    pub(crate) fn terminal(self) -> Self {
        Self {
            retry: Retry::Never,
            ..self
        }
    }

    /// The object was changed or deleted meanwhile, or the process is to end.
    pub(crate) fn superseded() -> Self {
        Self {
            retry: Retry::Superseded,
            ..Self::fetch(
                reasons::GIT_OPERATION_FAILED,
                "the operation is not wanted any more",
            )
        }
    }

    /// Adds words at the end of the message.
    pub(crate) fn about(mut self, words: Option<&str>) -> Self {
        if let Some(words) = words {
            self.message = format!("{} ({words})", self.message);
        }
        self
    }

    /// Tells whether this is no fault but a wait for something that comes.
    pub(crate) fn is_wait(&self) -> bool {
        self.retry == Retry::Wait
    }
}

impl Step {
    /// Returns the condition that tells of the step.
    pub(crate) fn condition(self) -> &'static str {
        match self {
            Self::Fetch => FETCH_FAILED,
            Self::Verify => SOURCE_VERIFIED,
            Self::Include => INCLUDE_UNAVAILABLE,
            Self::Store => STORAGE_OPERATION_FAILED,
        }
    }
}

/// What a thread that ended early is told as.
pub(crate) fn broken<E>(step: Step, reason: &'static str) -> impl Fn(E) -> Failure {
    move |_| {
        Failure::new(
            step,
            reason,
            "the operation ended early, by a fault of ours or because we are stopping",
        )
    }
}

/// Says which bound was passed and which flag sets it.
pub(crate) fn with_flag(exceeded: &Exceeded) -> String {
    let flag = match exceeded.what {
        Spent::Bytes => "--fetch-bytes-max",
        Spent::Nodes => "--fetch-files-max",
        Spent::Steps => "--fetch-steps-max",
    };
    format!("{exceeded} ({flag})")
}
