//! Git repositories over http and https: resolving and reading commits, changing repositories in
//! memory, and serving them.
//!
//! **Reading others.** [`resolve`] asks a server for the relevant references and fetches nothing;
//! [`fetch()`] fetches one commit without its history into a [`GitCache`] and reads it as a
//! [`Tree`](lode_tree::Tree). Waiting for a server holds no thread, and dropping the future ends
//! the operation; computation runs on a thread once an [`Admission`] allows it. There is never a
//! checkout on disk, and no Git configuration is read.
//!
//! ```no_run
//! use lode_git::{GitCache, Options, Reference, Remote, fetch, resolve};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let remote = Remote::new("https://example.com/fleet.git")?;
//! let main = Reference { branch: Some("main".to_owned()), ..Reference::default() };
//! let resolved = resolve(&remote, &main).await?;
//! let snapshot = fetch(&remote, &resolved, &GitCache::open("/data/git")?, &Options::default()).await?;
//! println!("{}: {}, {} files", resolved.revision, snapshot.subject, snapshot.tree.len());
//! # Ok(())
//! # }
//! ```
//!
//! **Writing our own.** A [`Repository`] is in memory. [`Repository::commit`] adds [`Changes`] to a
//! branch, [`Repository::revert`] undoes a commit, [`Repository::history`] returns commits; a
//! [`Watch`] signals changes of references. These compute and do not wait.
//!
//! **Serving them.** A [`Server`] serves repositories and accepts pushes, from Git's own client and
//! from ours.
//!
//! The protocol itself is implemented here, in a page or two, because redirects, limits, deadlines
//! and error messages must be ours; packs and objects are read by gitoxide's plumbing. Left out for
//! now: ssh, submodules, signatures, pushing to others, our own repositories on disk.

mod admission;
mod cache;
mod client;
mod fetch;
mod fetch_error;
mod http;
mod id;
mod objects;
mod options;
mod pktline;
mod protocol;
mod reference;
mod remote;
mod repository;
mod server;
mod snapshot;
mod transport_error;

pub use admission::{Admission, Place, Refused};
pub use cache::GitCache;
pub use fetch::fetch;
pub use fetch_error::FetchError;
pub use id::{Error as IdError, ObjectId};
pub use options::{BUDGET, FetchLimits, Options};
pub use reference::{Error as ResolveError, Reference, Resolved, resolve};
pub use remote::{Credentials, Error as RemoteError, Remote};
pub use repository::{
    Author, Changes, Commit, CommitError, Draft, EditError, HistoryError, References, Refusal,
    Repository, Update, Watch,
};
pub use server::{Access, Gate, GitAnswer, Secret, Server, ServerLimits, serve};
pub use snapshot::Snapshot;
pub use transport_error::TransportError;
