//! [`Origin`]: what one kind of source adds to the way that all kinds share.
//!
//! ```text
//! plan ─→ look ─→ includes ─→ is_current? ─→ bring
//! ```
//!
//! The shared way does the rest: it checks that the stored artifact is intact, stops early if it is current, applies
//! ignore rules and includes, stores, collects old artifacts, and writes status and events.
//!
//! How kinds differ, and where the difference goes:
//!
//! | kind | `look` | `bring` | file |
//! |---|---|---|---|
//! | `GitRepository` | asks for references | fetches one commit | tree |
//! | `OCIRepository` | asks for the manifest's digest | verifies, then pulls one layer: `extract` is a tree, `copy` a file | tree or file |
//! | `HelmRepository` | downloads the index: its digest is the revision, its text the lead | sorts it | file |
//! | `HelmChart` | reads the version from the index, or from `Chart.yaml` in the artifact of its source | downloads or packages | file |
//! | `Bucket` | lists objects: the digest of the listing is the revision, the listing the lead | reads only what changed, beside [`FetchMeans::archive`] | tree |
//!
//! An `ExternalArtifact` has no origin: whoever makes it writes its status, and consumers find it as any other source
//! by `SourceStatus`.

use std::sync::Arc;

use lode_api::shared::Artifact;
use lode_api::{Kind, Resource, SourceStatus};
use lode_runtime::{Change, Failure, Use};
use lode_stdx::budget::Budget;

use crate::archive::SourceArchive;
use crate::contents::{BroughtContents, IncludedPart, MadeWith, NewestRevision, SourceNotice};
use crate::facts::AttemptFacts;

/// Where the artifacts of one kind come from.
///
/// Functions without `self` are pure. A future of [`look`](Origin::look) or [`bring`](Origin::bring) may be dropped at
/// any time: that ends the operation.
pub trait Origin: Send + Sync + 'static {
    /// The kind.
    type Spec: Kind<Status: SourceStatus + Clone + PartialEq + Send + Sync> + Send + Sync;
    /// A specification that can be acted on.
    type Plan: Send + Sync;
    /// What was found out while looking for the newest revision, and is needed to bring it.
    type Lead: Send + Sync;
    /// What the status notes of how an artifact was made.
    type Made: Send + Sync;
    /// Name in the store that always leads to the newest artifact; its address is in the status.
    const LATEST: Option<&'static str> = None;

    /// Returns whether an object only describes something that other kinds act on.
    fn is_static(_object: &Resource<Self::Spec>) -> bool {
        false
    }

    /// Checks a specification. Anything that is not built yet is refused, because ignoring it could do harm.
    ///
    /// # Errors
    /// The specification asks for something that is wrong or not built.
    fn plan(&self, object: &Resource<Self::Spec>) -> Result<Self::Plan, Failure>;

    /// Finds the newest revision, as cheaply as the origin can; notes what it sees on its way.
    fn look(
        &self,
        object: &Resource<Self::Spec>,
        plan: &Self::Plan,
        facts: &AttemptFacts,
    ) -> impl Future<Output = Result<NewestRevision<Self::Lead>, Failure>> + Send;

    /// Returns the parts of other sources that the artifact includes, in the order of the specification.
    ///
    /// # Errors
    /// One of them is not there yet, or includes this source itself.
    fn includes(
        &self,
        _object: &Resource<Self::Spec>,
        _plan: &Self::Plan,
    ) -> Result<Vec<IncludedPart>, Failure> {
        Ok(Vec::new())
    }

    /// Returns whether the artifact in the status was made as the specification says. That it is of this generation and
    /// of the newest revision is checked already.
    fn is_current(
        _object: &Resource<Self::Spec>,
        _plan: &Self::Plan,
        _lead: &Self::Lead,
        _included: &[IncludedPart],
    ) -> bool {
        true
    }

    /// Brings the contents of the newest revision.
    fn bring(
        &self,
        object: &Resource<Self::Spec>,
        plan: &Self::Plan,
        lead: Self::Lead,
        means: &FetchMeans,
    ) -> impl Future<Output = Result<BroughtContents<Self::Made>, Failure>> + Send;

    /// Notes in the status what its artifact was made with; `made` is `None` if it was not made again.
    fn observe(
        _spec: &Self::Spec,
        _status: &mut <Self::Spec as Kind>::Status,
        _made: Option<MadeWith<Self::Made>>,
    ) {
    }

    /// Notes in the status which revision of its own source an object was seen with, whether the attempt succeeded or not.
    fn observe_used(_status: &mut <Self::Spec as Kind>::Status, _revision: &str) {}

    /// Returns reason and text of the event about a failure, which most kinds report as in the conditions.
    fn told(failure: &Failure) -> (&'static str, &str) {
        (failure.reason, &failure.message)
    }

    /// Returns what `Ready` and `ArtifactInStorage` say of an artifact that is in the store; `made` is what an event
    /// says of it if it was made now.
    fn notice(
        _object: &Resource<Self::Spec>,
        artifact: &Artifact,
        _made: Option<&SourceNotice>,
    ) -> SourceNotice {
        SourceNotice::stored(artifact)
    }

    /// Returns the other objects that a source uses: a change of theirs wakes it.
    fn uses(_object: &Resource<Self::Spec>) -> Vec<Use> {
        Vec::new()
    }

    /// Returns whether a change of a source matters to the sources of its kind that use it.
    fn matters(_change: &Change<Resource<Self::Spec>>) -> bool {
        false
    }
}

/// What an origin works with while it brings contents.
#[derive(Debug, Clone)]
pub struct FetchMeans {
    /// What bringing the contents and making the artifact may cost together.
    pub budget: Arc<Budget>,
    /// The artifacts of this source, for an origin that reads only what has changed since.
    pub archive: SourceArchive,
}
