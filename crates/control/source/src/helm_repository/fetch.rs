//! Brings the index of a repository, in a file.

use std::fs::File;

use lode_api::reasons;
use lode_fetch::{ChartRepository, FetchError};
use lode_net::OutboundError;
use lode_runtime::Failure;
use lode_stdx::Digest;
use lode_store::Store;

use crate::download::Download;
use crate::step;

/// An index that was fetched.
pub(crate) struct FetchedIndex {
    pub(crate) file: File,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
}

/// Fetches the index of a repository, which may have at most `limit` bytes.
pub(crate) async fn index(
    repository: &ChartRepository,
    store: &Store,
    limit: u64,
) -> Result<FetchedIndex, Failure> {
    let mut answer = repository
        .index(limit)
        .await
        .map_err(|error| failed(&error))?;
    let mut download = Download::begin(store)?;
    let mut size = 0_u64;
    while let Some(bytes) = answer.chunk().await.map_err(|error| failed(&error))? {
        size = size.saturating_add(bytes.len() as u64);
        download.write(&bytes).await?;
    }
    Ok(FetchedIndex {
        file: download.end().await?,
        size,
        digest: answer.digest(),
    })
}

fn failed(error: &FetchError) -> Failure {
    if let Some(refused) = error.egress() {
        return step::denied(refused);
    }
    let is_too_large = matches!(
        error,
        FetchError::Outbound {
            source: OutboundError::TooLarge { .. },
            ..
        }
    );
    let hint = if is_too_large {
        " (--helm-index-max-size)"
    } else {
        ""
    };
    let text = format!(
        "failed to fetch Helm repository index: failed to cache index to temporary file: {error}{hint}"
    );
    step::fetch(reasons::FAILED, text)
}
