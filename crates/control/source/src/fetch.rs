//! Asks Git: which commit is meant, and what is in it.
//!
//! Waiting for a server holds nothing; what computes has a bounded number of places.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use lode_api::reasons;
use lode_git::{
    Admission, Cache, FetchError, Limits, Place, Reference, Refused, Remote, ResolveError,
    Resolved, Snapshot, TransportError,
};
use lode_runtime::{Failure, Memory, Reservation};
use lode_stdx::bare_url;
use lode_stdx::budget::Budget;
use tracing::{debug, warn};

use crate::options::Options;
use crate::step::{self, with_flag};
use crate::validate::Plan;

/// Objects of repositories from which nothing came for so long are removed.
const CACHE_UNUSED: Duration = Duration::from_hours(7 * 24);

/// Operations of Git.
pub(crate) struct Git {
    cache: Arc<Cache>,
    memory: Memory,
    limits: Limits,
}

impl Git {
    /// Opens the cache.
    pub(crate) fn open(options: &Options, memory: Memory) -> io::Result<Self> {
        // One object must fit beside the others that a delta rests on.
        let object_bytes = options.limits.object_bytes.min(memory.total() / 2);
        let limits = Limits {
            object_bytes,
            ..options.limits
        };
        Ok(Self {
            cache: Arc::new(Cache::open(&options.cache_dir)?),
            memory,
            limits,
        })
    }

    /// Asks which commit is meant; nothing is fetched.
    pub(crate) async fn resolve(
        &self,
        remote: &Remote,
        reference: &Reference,
    ) -> Result<Resolved, Failure> {
        lode_git::resolve(remote, reference)
            .await
            .map_err(|error| unresolved(&error, remote.url()))
    }

    /// Brings a commit's files here.
    pub(crate) async fn fetch(
        &self,
        remote: &Remote,
        resolved: &Resolved,
        plan: &Plan,
        budget: &Arc<Budget>,
        namespace: &str,
    ) -> Result<Snapshot, Failure> {
        let (limits, admission) = (self.limits, admission(self.memory.clone(), namespace));
        let options = lode_git::Options {
            limits,
            admission,
            budget: budget.clone(),
            sparse: plan.sparse.clone(),
        };
        lode_git::fetch(remote, resolved, &self.cache, &options)
            .await
            .map_err(|error| unfetched(&error, remote.url()))
    }

    /// Removes what the cache holds of repositories that nobody asks for any more.
    pub(crate) async fn collect(&self) {
        let cache = self.cache.clone();
        match tokio::task::spawn_blocking(move || cache.collect(CACHE_UNUSED)).await {
            Ok(Ok(removed)) => debug!(removed, "Git objects collected"),
            Ok(Err(error)) => warn!(%error, "Git objects not collected"),
            Err(_) => {}
        }
    }
}

/// Lets what computes for a namespace begin once there is memory for it.
fn admission(memory: Memory, namespace: &str) -> Admission {
    let namespace: Arc<str> = namespace.into();
    Admission::new(move |bytes| {
        let (memory, namespace) = (memory.clone(), namespace.clone());
        async move {
            // An estimate; on a small machine one piece of work takes what there is.
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

/// Says why there is no commit.
pub(crate) fn unresolved(error: &ResolveError, url: &str) -> Failure {
    let url = bare_url(url);
    let text = match error {
        ResolveError::Remote(TransportError::Egress(refused)) => return denied(refused),
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

/// Says that the egress policy forbids a connection. Names change their addresses, so it is tried again.
fn denied(refused: &lode_net::Refused) -> Failure {
    step::fetch(reasons::ACCESS_DENIED, refused.to_string())
}

/// Says why a commit could not be brought here.
pub(crate) fn unfetched(error: &FetchError, url: &str) -> Failure {
    let url = bare_url(url);
    match error {
        FetchError::Remote(TransportError::Egress(refused)) => denied(refused),
        FetchError::Sparse(folder) => {
            let text = format!("sparse checkout dir '{folder}' does not exist in repository");
            let text = format!("failed to sparse checkout directories: {text}");
            step::fetch(reasons::GIT_OPERATION_FAILED, text)
        }
        FetchError::Cache(disk) => {
            let hint = match disk.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    ": make room below --storage-path, or give it a larger volume"
                }
                _ => "",
            };
            step::store(reasons::CACHE_OPERATION_FAILED, format!("{error}{hint}"))
        }
        FetchError::Exceeded(exceeded) => {
            let text = format!(
                "failed to checkout and determine revision: '{url}' {}",
                with_flag(exceeded)
            );
            step::fetch(reasons::GIT_OPERATION_FAILED, text)
        }
        _ => {
            let text = format!(
                "failed to checkout and determine revision: unable to clone '{url}': {error}"
            );
            step::fetch(reasons::GIT_OPERATION_FAILED, text)
        }
    }
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
}
