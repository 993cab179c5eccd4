//! The steps from a source to its artifact, and their failures: each step has a condition of its own.

use lode_api::conditions::{
    BUILD_FAILED, FETCH_FAILED, INCLUDE_UNAVAILABLE, SOURCE_VERIFIED, STORAGE_OPERATION_FAILED,
};
use lode_api::{FieldError, reasons};
use lode_runtime::{Failure, Retry};
use lode_stdx::budget::{Exceeded, Spent};

/// Conditions of failed steps; each is set only while it is true.
pub(crate) const FAILURES: [&str; 4] = [
    FETCH_FAILED,
    BUILD_FAILED,
    INCLUDE_UNAVAILABLE,
    STORAGE_OPERATION_FAILED,
];

/// A failure to find the newest revision or to bring it.
pub fn fetch(reason: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(reason, message)
        .with(Retry::Backoff)
        .in_step(FETCH_FAILED)
}

/// A failure to make the artifact from what was brought.
pub fn build(reason: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(reason, message)
        .with(Retry::Backoff)
        .in_step(BUILD_FAILED)
}

/// A failure to make or keep the artifact.
pub fn store(reason: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(reason, message)
        .with(Retry::Backoff)
        .in_step(STORAGE_OPERATION_FAILED)
}

/// A signature that is missing or does not hold.
pub fn verify(reason: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(reason, message)
        .with(Retry::Backoff)
        .in_step(SOURCE_VERIFIED)
}

/// An included artifact that is not there yet: its coming wakes the source.
pub fn include(reason: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(reason, message)
        .with(Retry::Wait)
        .in_step(INCLUDE_UNAVAILABLE)
}

/// A connection that the egress policy forbids. The address behind a name may change, so it is tried again.
pub(crate) fn denied(refused: &lode_net::Refused) -> Failure {
    fetch(reasons::ACCESS_DENIED, refused.to_string())
}

/// A part of the contract that is not built yet. It is never ignored.
pub fn unsupported(what: &str) -> Failure {
    let text = format!(
        "{what} is not supported yet; nothing was fetched, because ignoring it could do harm"
    );
    fetch(reasons::UNSUPPORTED, text).with(Retry::Never)
}

/// Refuses a specification with a reference whose name is empty, given its path.
pub(crate) fn check_named(nameless: Option<String>) -> Result<(), Failure> {
    match nameless {
        None => Ok(()),
        Some(empty) => {
            let text = format!("{empty} is empty: a reference needs it");
            Err(fetch(reasons::FAILED, text).with(Retry::Never))
        }
    }
}

/// A field that does not have the form of its kind.
pub fn field(error: &FieldError) -> Failure {
    fetch(reasons::FAILED, error.to_string()).with(Retry::Never)
}

/// Returns the failure of a thread that ended early, given how failures of its step are made.
pub(crate) fn broken<E>(
    step: fn(&'static str, String) -> Failure,
    reason: &'static str,
) -> impl Fn(E) -> Failure {
    move |_| {
        let text = "the operation ended early, by a fault of ours or because we are stopping";
        step(reason, text.to_owned())
    }
}

/// Returns which bound was exceeded and which flag sets it.
pub(crate) fn with_flag(exceeded: &Exceeded) -> String {
    let flag = match exceeded.what {
        Spent::Bytes => "--fetch-bytes-max",
        Spent::Nodes => "--fetch-files-max",
        Spent::Steps => "--fetch-steps-max",
    };
    format!("{exceeded} ({flag})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_condition_and_its_time_for_another_try() {
        for (failure, condition, retry) in [
            (fetch("X", "no"), FETCH_FAILED, Retry::Backoff),
            (build("X", "no"), BUILD_FAILED, Retry::Backoff),
            (store("X", "no"), STORAGE_OPERATION_FAILED, Retry::Backoff),
            (verify("X", "no"), SOURCE_VERIFIED, Retry::Backoff),
            (include("X", "no"), INCLUDE_UNAVAILABLE, Retry::Wait),
            (unsupported("x"), FETCH_FAILED, Retry::Never),
        ] {
            assert_eq!(failure.condition, Some(condition));
            assert_eq!(failure.retry, retry, "{condition}");
        }
    }

    #[test]
    fn what_is_not_built_is_named() {
        let failure = unsupported("spec.verify");
        assert_eq!(failure.reason, reasons::UNSUPPORTED);
        assert!(failure.message.starts_with("spec.verify is not supported"));
    }

    #[test]
    fn an_exceeded_bound_names_its_flag() {
        for (what, flag) in [
            (Spent::Bytes, "--fetch-bytes-max"),
            (Spent::Nodes, "--fetch-files-max"),
            (Spent::Steps, "--fetch-steps-max"),
        ] {
            let text = with_flag(&Exceeded { what, limit: 7 });
            assert!(
                text.contains('7') && text.ends_with(&format!("({flag})")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_thread_that_ended_early_is_a_failure_of_its_step() {
        let failure = broken(store, "X")(());
        assert_eq!(failure.condition, Some(STORAGE_OPERATION_FAILED));
        assert_eq!(failure.reason, "X");
    }
}
