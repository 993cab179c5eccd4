//! [`Spool`]: one file without a name for large contents, memory for small ones.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use lode_stdx::Digest;
use lode_tree::{Blob, Entry, Storage, Stored};

/// Largest file that may stay in memory, in bytes.
const SMALL: usize = 64 << 10;
/// Most bytes of small files that stay in memory.
const HELD_MAX: u64 = 4 << 20;

/// Stores the contents of one tree's files.
#[derive(Debug)]
pub struct Spool {
    /// Where the file is created; without a folder everything stays in memory.
    folder: Option<PathBuf>,
    file: Option<Arc<Disk>>,
    written: u64,
    held: u64,
}

/// The file on disk.
#[derive(Debug)]
struct Disk(File);

impl Storage for Disk {
    fn read(&self, offset: u64, size: u64) -> Result<Arc<[u8]>, Box<str>> {
        let failed = |error: io::Error| format!("read what was unpacked: {error}").into_boxed_str();
        let mut bytes =
            vec![0; usize::try_from(size).map_err(|error| failed(io::Error::other(error)))?];
        self.0.read_exact_at(&mut bytes, offset).map_err(failed)?;
        Ok(bytes.into())
    }
}

impl Spool {
    /// Creates an empty spool; the file is created with the first large content.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
            file: None,
            written: 0,
            held: 0,
        }
    }

    /// Creates a spool that keeps everything in memory: for small contents, or those already in
    /// memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            folder: None,
            file: None,
            written: 0,
            held: 0,
        }
    }

    /// Stores a file's content; its id is the SHA-256 of its bytes.
    ///
    /// # Errors
    /// The disk reports an error.
    pub fn keep(&mut self, bytes: Vec<u8>, executable: bool) -> io::Result<Entry> {
        let id = *Digest::of(&bytes).as_bytes();
        let size = bytes.len() as u64;
        let is_small = bytes.len() <= SMALL && self.held + size <= HELD_MAX;
        let Some(folder) = self.folder.as_deref().filter(|_| !is_small) else {
            self.held += size;
            return Ok(Entry::File {
                blob: Blob {
                    id,
                    bytes: bytes.into(),
                },
                executable,
            });
        };
        let disk = match &self.file {
            Some(disk) => disk.clone(),
            None => self
                .file
                .insert(Arc::new(Disk(tempfile::tempfile_in(folder)?)))
                .clone(),
        };
        let offset = self.written;

        disk.0.write_all_at(&bytes, offset)?;
        self.written += size;
        Ok(Entry::Stored {
            content: Stored {
                id,
                size,
                offset,
                storage: disk,
            },
            executable,
        })
    }
}

#[cfg(test)]
mod tests {
    use lode_tree::{RepoPath, Tree};

    use super::*;

    #[test]
    fn large_files_lie_on_disk_and_small_ones_in_memory_up_to_a_sum() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path());
        let small = spool.keep(b"small".to_vec(), true).unwrap();
        assert!(matches!(
            small,
            Entry::File {
                executable: true,
                ..
            }
        ));
        assert!(matches!(
            spool.keep(vec![1; SMALL + 1], false).unwrap(),
            Entry::Stored { .. }
        ));
        let many = (0..200).map(|_| spool.keep(vec![2; SMALL], false).unwrap());
        assert_eq!(
            many.filter(|entry| matches!(entry, Entry::File { .. }))
                .count() as u64,
            HELD_MAX / SMALL as u64 - 1
        );
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "the file has no name"
        );
    }

    #[test]
    fn what_is_kept_is_read_back_with_the_id_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path());
        let mut tree = Tree::default();
        for n in 0..3_u8 {
            let path = RepoPath::parse(&n.to_string()).unwrap();
            tree.insert(
                path,
                spool
                    .keep(vec![n; SMALL + 1 + usize::from(n)], false)
                    .unwrap(),
            );
        }
        drop(spool);
        for n in 0..3_u8 {
            let blob = tree
                .read(&RepoPath::parse(&n.to_string()).unwrap())
                .unwrap();
            assert_eq!(&*blob.bytes, vec![n; SMALL + 1 + usize::from(n)]);
            assert_eq!(blob.id, *Digest::of(&blob.bytes).as_bytes());
        }
    }
}
