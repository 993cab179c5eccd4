//! The controllers of sources: each looks for what is newest somewhere and stores it as an artifact.
//!
//! ```text
//!           Origin (a folder a kind)                          the same for all kinds
//! spec ─plan→ Plan ─look→ which revision? ─→ as stored: nothing to do
//!                              └─ new: bring → contents ─assemble (include, ignore)→ archive ─→ status, events
//! ```
//!
//! [`Origin`] is what one kind adds: it checks a specification, looks for the newest revision and brings its contents.
//! [`attempt`] puts these steps in order, [`assemble`] decides what of the contents an artifact holds, [`archive`] is
//! the store as one object sees it, [`status`] and [`events`] report, [`reconcile`] puts all of it into the frame of all
//! controllers. [`traffic`] bounds how many wait for servers, and ends a wait that nobody wants any more.
//!
//! `git` is the origin of `GitRepository`, `oci` that of `OCIRepository`, `helm_repository` and `helm_chart` those of the
//! kinds of these names, which share [`indexes`] and the way to a repository. A new kind of source is a folder beside them;
//! `docs/adding-a-kind.md` says how.

mod archive;
mod assemble;
mod attempt;
mod contents;
mod credentials;
mod download;
mod events;
mod facts;
mod git;
mod helm_access;
mod helm_chart;
mod helm_repository;
mod indexes;
mod oci;
mod options;
mod origin;
mod parts;
mod reconcile;
pub mod secret;
mod status;
pub mod step;
mod traffic;

pub use archive::SourceArchive;
pub use contents::{
    BroughtContents, IgnoreRules, IncludedPart, MadeWith, NewestRevision, SourceContents,
    SourceNotice,
};
pub use facts::AttemptFacts;
pub use git::{GitOptions, GitOrigin};
pub use helm_chart::{HelmChartOrigin, HelmChartOriginParts};
pub use helm_repository::HelmRepositoryOrigin;
pub use indexes::Indexes;
pub use oci::OciOrigin;
pub use options::SourceOptions;
pub use origin::{FetchMeans, Origin};
pub use parts::SourceParts;
pub use reconcile::SourceReconciler;
pub use traffic::UNDER_WAY_MAX;
