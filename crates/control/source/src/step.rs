//! The steps of bringing a source here, and their failures: each step has a condition of its own.

use lode_api::conditions::{
    FETCH_FAILED, INCLUDE_UNAVAILABLE, SOURCE_VERIFIED, STORAGE_OPERATION_FAILED,
};
use lode_api::reasons;
use lode_runtime::{Failure, Retry};
use lode_stdx::budget::{Exceeded, Spent};

/// Conditions of failed steps that are there only while they are true.
pub(crate) const FAILURES: [&str; 3] =
    [FETCH_FAILED, INCLUDE_UNAVAILABLE, STORAGE_OPERATION_FAILED];

/// Finding the commit or bringing it here failed.
pub(crate) fn fetch(reason: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(reason, message)
        .with(Retry::Backoff)
        .in_step(FETCH_FAILED)
}

/// Making or keeping the artifact failed.
pub(crate) fn store(reason: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(reason, message)
        .with(Retry::Backoff)
        .in_step(STORAGE_OPERATION_FAILED)
}

/// A signature is not what it has to be.
pub(crate) fn verify(reason: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(reason, message)
        .with(Retry::Backoff)
        .in_step(SOURCE_VERIFIED)
}

/// Something that is included is not there yet.
pub(crate) fn include(reason: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(reason, message)
        .with(Retry::Wait)
        .in_step(INCLUDE_UNAVAILABLE)
}

/// A part of the contract is not built yet. It is never ignored.
pub(crate) fn unsupported(what: &str) -> Failure {
    let text = format!(
        "{what} is not supported yet; nothing was fetched, because ignoring it could do harm"
    );
    fetch(reasons::UNSUPPORTED, text).with(Retry::Never)
}

/// Returns what a thread that ended early is told as, given how failures of its step are made.
pub(crate) fn broken<E>(
    step: fn(&'static str, String) -> Failure,
    reason: &'static str,
) -> impl Fn(E) -> Failure {
    move |_| {
        let text = "the operation ended early, by a fault of ours or because we are stopping";
        step(reason, text.to_owned())
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
