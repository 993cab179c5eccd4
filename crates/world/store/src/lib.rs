//! What Lodestone keeps on disk; all of it can be lost and is created again.
//!
//! A [`Store`] contains artifacts (a source's files as a deterministic `tar.gz`, found by path,
//! identified by digest) and returns them as [`Tree`](lode_tree::Tree)s that concurrent users
//! share. [`Records`] contains small values by kind and uid. [`serve`] serves artifacts to other
//! programs over http. All functions except `serve` block. A [`Lock`] restricts a folder to one
//! process.
//!
//! What is read, verified or removed follows from an [`Owner`], which is an object's identity: a
//! path in a status counts only if it belongs to that very object.
//!
//! ```
//! use lode_store::{Owner, Store};
//! use lode_tree::Tree;
//!
//! let folder = tempfile::tempdir()?;
//! let store = Store::open(folder.path())?;
//! let tree = Tree::from_iter([("apps/web.yaml", "kind: ConfigMap")]);
//! let owner = Owner::new("gitrepository", "default", "fleet", "5a3f")?;
//! let stored = store.put(&owner, "4d1158.tar.gz", &tree)?;
//! assert_eq!(stored.path, "gitrepository/default/fleet/4d1158.tar.gz");
//! assert_eq!(store.tree(&owner, &stored.path, stored.digest)?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Left out: symbolic links (the contract excludes them), owners and times of files.

mod archive;
mod file;
mod lock;
mod owner;
mod record;
mod server;
mod shared;
mod store;

pub use archive::{BUDGET, ReadError, read as read_archive, read_foreign as read_foreign_archive};
pub use lock::{Lock, LockError};
pub use owner::{Error as OwnerError, Owner};
pub use record::Records;
pub use server::serve;
pub use store::{Error, Retention, Store, Stored, Verdict};
