//! [`Spool`]: stores the contents of a tree's files, so that a large tree is not held in memory.
//!
//! Input: the bytes of one file after the other. Output: an [`Entry`](lode_tree::Entry) for each.
//! Small files stay in memory, up to a total; all others are appended to one file on disk, which is
//! read on demand. That file has no name: it disappears with the last entry stored in it, even if
//! the process is killed.
//!
//! ```
//! use lode_spool::Spool;
//! use lode_tree::{RepoPath, Tree};
//!
//! let folder = tempfile::tempdir()?;
//! let mut spool = Spool::new(folder.path());
//! let mut tree = Tree::default();
//! let path = RepoPath::parse("large.bin").unwrap();
//! tree.insert(path.clone(), spool.keep(vec![7; 1 << 20], false)?);
//! assert_eq!(tree.read(&path).unwrap().bytes.len(), 1 << 20);
//! # Ok::<(), std::io::Error>(())
//! ```

mod spool;

pub use spool::Spool;
