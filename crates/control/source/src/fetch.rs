//! Asks Git: which commit is meant, and what is in it.
//!
//! Waiting for a server holds nothing; what computes has a bounded number of places.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use lode_api::reasons;
use lode_git::{
    Admission, Cache, FetchError, Limits, Place, Reference, Refused, Remote, ResolveError, Resolved, Snapshot,
};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use crate::failure::Failure;
use crate::options::Options;

/// Objects of repositories from which nothing came for so long are removed.
const CACHE_UNUSED: Duration = Duration::from_hours(7 * 24);

/// Operations of Git.
pub(crate) struct Git {
    cache: Arc<Cache>,
    admission: Admission,
    limits: Limits,
}

impl Git {
    /// Opens the cache.
    pub(crate) fn open(options: &Options) -> io::Result<Self> {
        Ok(Self {
            cache: Arc::new(Cache::open(&options.cache_dir)?),
            admission: admission(options.concurrent),
            limits: options.limits.clone(),
        })
    }

    /// Asks which commit is meant; nothing is fetched.
    pub(crate) async fn resolve(&self, remote: &Arc<Remote>, reference: &Reference) -> Result<Resolved, Failure> {
        lode_git::resolve(remote, reference).await.map_err(|error| unresolved(&error, remote.url()))
    }

    /// Brings a commit's files here.
    pub(crate) async fn fetch(
        &self,
        remote: &Arc<Remote>,
        resolved: &Resolved,
        sparse: &[String],
    ) -> Result<Snapshot, Failure> {
        let (limits, admission) = (self.limits.clone(), self.admission.clone());
        let options = lode_git::Options { limits, admission, sparse: sparse.to_vec() };
        lode_git::fetch(remote, resolved, &self.cache, &options).await.map_err(|error| unfetched(&error, remote.url()))
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

/// Lets this many compute at once.
fn admission(places: usize) -> Admission {
    let places = Arc::new(Semaphore::new(places.max(1)));
    Admission::new(move |_| {
        let places = places.clone();
        async move {
            let place = places.acquire_owned().await.map_err(|_| Refused("we are stopping".to_owned()))?;
            Ok(Box::new(place) as Place)
        }
    })
}

/// Says why there is no commit.
pub(crate) fn unresolved(error: &ResolveError, url: &str) -> Failure {
    let text = match error {
        ResolveError::Empty => {
            return Failure::fetch(reasons::EMPTY_GIT_REPOSITORY, "git repository is empty");
        }
        ResolveError::NoVersion(_) | ResolveError::Range(_) | ResolveError::CommitId(_) => error.to_string(),
        _ => format!("unable to clone '{url}': {error}"),
    };
    Failure::fetch(reasons::GIT_OPERATION_FAILED, format!("failed to checkout and determine revision: {text}"))
}

/// Says why a commit could not be brought here.
pub(crate) fn unfetched(error: &FetchError, url: &str) -> Failure {
    match error {
        FetchError::Sparse(folder) => {
            let text = format!("sparse checkout dir '{folder}' does not exist in repository");
            let text = format!("failed to sparse checkout directories: {text}");
            Failure::fetch(reasons::GIT_OPERATION_FAILED, text)
        }
        FetchError::Cache(_) => Failure::store(reasons::CACHE_OPERATION_FAILED, error.to_string()),
        _ => {
            let text = format!("failed to checkout and determine revision: unable to clone '{url}': {error}");
            Failure::fetch(reasons::GIT_OPERATION_FAILED, text)
        }
    }
}
