//! A folder of blobs whose paths cannot escape.
//!
//! A [`Tree`] is the form that a commit, an archive or a directory takes inside Lodestone: names
//! and bytes, never a checkout on disk. A [`RepoPath`] cannot express `..`, an absolute path or
//! `.git`, so a path that was parsed once needs no further check. A [`Loader`] is anything that can
//! be read like a tree. A [`ReadSet`] records what a computation read; with it, a commit re-renders
//! only what it affects.
//!
//! ```
//! use lode_tree::{RepoPath, Tree};
//!
//! let tree = Tree::from_iter([("apps/web.yaml", "kind: ConfigMap")]);
//! let folder = RepoPath::parse("apps").unwrap();
//! assert_eq!(tree.list(&folder).unwrap().len(), 1);
//! assert!(folder.join("../../etc/passwd").is_err());
//! ```
//!
//! Left out on purpose: permissions other than the executable bit, owners, times, and writing.

pub mod ignore;
mod include;
mod loader;
mod path;
mod read_set;
mod tree;

pub use include::IncludeError;
pub use loader::Loader;
pub use path::{Error as PathError, RepoPath, cleaned};
pub use read_set::{Read, ReadSet};
pub use tree::{Blob, Child, ENTRY_BYTES, Entry, Error, Storage, Stored, Tree};
