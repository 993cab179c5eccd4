//! Asks a Git server: which commit is meant, and what is in it.
//!
//! Waiting for a server holds nothing; work that computes waits for memory first.

use std::io;
use std::sync::Arc;

use lode_api::reasons;
use lode_git::{
    Admission, FetchError, GitCache, Place, Reference, Refused, Remote, ResolveError, Resolved,
    Snapshot, TransportError,
};
use lode_runtime::{Failure, Memory, Reservation};
use lode_stdx::bare_url;
use tracing::warn;

use crate::step::{self, with_flag};

/// Asks which commit is meant; nothing is fetched.
pub(crate) async fn resolve(remote: &Remote, reference: &Reference) -> Result<Resolved, Failure> {
    lode_git::resolve(remote, reference)
        .await
        .map_err(|error| unresolved(&error, remote.url()))
}

/// Brings the files of a commit.
pub(crate) async fn bring(
    remote: &Remote,
    resolved: &Resolved,
    cache: &GitCache,
    options: &lode_git::Options,
) -> Result<Snapshot, Failure> {
    lode_git::fetch(remote, resolved, cache, options)
        .await
        .map_err(|error| unfetched(&error, remote.url()))
}

/// Lets work that computes for a namespace begin once there is memory for it.
pub(crate) fn admission(memory: Memory, namespace: &str) -> Admission {
    let namespace: Arc<str> = namespace.into();
    Admission::new(move |bytes| {
        let (memory, namespace) = (memory.clone(), namespace.clone());
        async move {
            // The size is an estimate: on a small machine one piece of work takes what there is.
            let reserved = memory
                .reserve(&namespace, bytes.min(memory.for_one()))
                .await;
            reserved
                .map(|reserved| Box::new(Reserved(reserved)) as _)
                .map_err(|error| Refused(error.to_string()))
        }
    })
}

/// Memory that was reserved for what Git computes.
struct Reserved(Reservation);

impl Place for Reserved {
    fn compute(self: Box<Self>, work: Box<dyn FnOnce() + Send>) {
        if let Err(error) = self.0.spawn(work) {
            warn!(%error, "no thread for what Git computes");
        }
    }
}

/// Returns the failure to find a commit.
pub(crate) fn unresolved(error: &ResolveError, url: &str) -> Failure {
    let url = bare_url(url);
    let text = match error {
        ResolveError::Remote(TransportError::Egress(refused)) => return step::denied(refused),
        ResolveError::Empty => {
            return step::fetch(reasons::EMPTY_GIT_REPOSITORY, "git repository is empty");
        }
        ResolveError::NoVersion(_) | ResolveError::Range(_) | ResolveError::CommitId(_) => {
            error.to_string()
        }
        _ => format!("unable to clone '{url}': {error}"),
    };
    step::fetch(
        reasons::GIT_OPERATION_FAILED,
        format!("failed to checkout and determine revision: {text}"),
    )
}

/// Returns the failure to bring a commit.
pub(crate) fn unfetched(error: &FetchError, url: &str) -> Failure {
    let url = bare_url(url);
    let text = match error {
        FetchError::Remote(TransportError::Egress(refused)) => return step::denied(refused),
        FetchError::Cache(disk) => return unkept(error, disk),
        FetchError::Sparse(folder) => {
            let text = format!("sparse checkout dir '{folder}' does not exist in repository");
            format!("failed to sparse checkout directories: {text}")
        }
        FetchError::Exceeded(exceeded) => {
            let exceeded = with_flag(exceeded);
            format!("failed to checkout and determine revision: '{url}' {exceeded}")
        }
        _ => {
            let text = format!("unable to clone '{url}': {error}");
            format!("failed to checkout and determine revision: {text}")
        }
    };
    step::fetch(reasons::GIT_OPERATION_FAILED, text)
}

/// Returns the failure of our own disk, with what helps.
fn unkept(error: &FetchError, disk: &io::Error) -> Failure {
    let hint = match disk.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ": make room below --storage-path, or give it a larger volume"
        }
        _ => "",
    };
    step::store(reasons::CACHE_OPERATION_FAILED, format!("{error}{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_no_token_of_the_url() {
        let url = "https://user:secret@host/a.git?private_token=secret";
        let missing = || lode_git::TransportError::NotFound;
        for failure in [
            unresolved(&ResolveError::Remote(missing()), url),
            unfetched(&FetchError::Remote(missing()), url),
        ] {
            assert!(
                failure.message.contains("'https://host/a.git?***'"),
                "{}",
                failure.message
            );
            assert!(!failure.message.contains("secret"), "{}", failure.message);
        }
    }

    #[test]
    fn each_cause_has_its_reason() {
        let url = "https://host/a.git";
        let remote = || ResolveError::Remote(TransportError::NotFound);
        for (error, reason, text) in [
            (
                ResolveError::Empty,
                reasons::EMPTY_GIT_REPOSITORY,
                "git repository is empty",
            ),
            (
                ResolveError::NoVersion(">=3".to_owned()),
                reasons::GIT_OPERATION_FAILED,
                "failed to checkout and determine revision: ",
            ),
            (
                remote(),
                reasons::GIT_OPERATION_FAILED,
                "failed to checkout and determine revision: unable to clone 'https://host/a.git': ",
            ),
        ] {
            let failure = unresolved(&error, url);
            assert_eq!(failure.reason, reason);
            assert!(failure.message.starts_with(text), "{failure}");
        }
    }

    #[test]
    fn a_full_disk_says_what_helps_and_is_no_fault_of_the_repository() {
        let failure = |kind| unfetched(&FetchError::Cache(io::Error::from(kind)), "https://host/a");
        let full = failure(io::ErrorKind::StorageFull);
        assert_eq!(full.reason, reasons::CACHE_OPERATION_FAILED);
        assert_eq!(full.condition, Some("StorageOperationFailed"));
        assert!(full.message.contains("--storage-path"), "{full}");
        let denied = failure(io::ErrorKind::PermissionDenied);
        assert!(!denied.message.contains("--storage-path"), "{denied}");
    }

    #[test]
    fn a_bound_that_was_exceeded_is_named_with_the_repository_and_the_flag() {
        let exceeded = lode_stdx::budget::Exceeded {
            what: lode_stdx::budget::Spent::Bytes,
            limit: 7,
        };
        let failure = unfetched(&FetchError::Exceeded(exceeded), "https://host/a.git");
        assert!(
            failure.message.contains("'https://host/a.git'"),
            "{failure}"
        );
        assert!(
            failure.message.ends_with("(--fetch-bytes-max)"),
            "{failure}"
        );
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let failure = unfetched(&FetchError::Sparse("x".to_owned()), "https://host/a.git");
        assert!(
            failure
                .message
                .contains("sparse checkout dir 'x' does not exist")
        );
    }
}
