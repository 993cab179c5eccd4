//! [`Spool`]: where the contents of a tree's files go, so that a large tree does not live in memory.
//!
//! Input: the bytes of one file after the other. Output: an [`Entry`](lode_tree::Entry) for each. Small files stay in
//! memory, up to a sum; all others are written behind one another into one file on disk, which is read when somebody asks. That file
//! has no name: it goes with the last entry that lies in it, also when the process is killed.
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
