//! [`KeptCharts`]: packed charts on the disk, by digest, and what they were asked for by.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use lode_disk::regular;
use lode_stdx::{Digest, read};

/// Packed charts on the disk.
pub(super) struct KeptCharts {
    folder: PathBuf,
}

impl KeptCharts {
    /// Uses a folder, which need not exist yet.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns what was last kept under a key; nothing if there is nothing, or it is damaged.
    pub(super) fn find(&self, key: &[&str]) -> Option<Vec<u8>> {
        let digest = content(&self.lead(key), DIGEST_MAX)?;
        let digest: Digest = str::from_utf8(&digest).ok()?.trim().parse().ok()?;
        let bytes = content(&self.chart(digest), lode_chart::ARCHIVE_MAX)?;
        (Digest::of(&bytes) == digest).then_some(bytes)
    }

    /// Keeps a chart under a key.
    pub(super) fn keep(&self, key: &[&str], bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let digest = Digest::of(bytes);
        self.write(&self.chart(digest), bytes)?;
        self.write(&self.lead(key), digest.to_string().as_bytes())
    }

    /// Writes a file whole or not at all: others may read it meanwhile.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    }

    fn chart(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{}.tgz", hex(digest)))
    }

    /// Returns the file that leads from a key to a digest. The key is not shown: it may hold a token.
    fn lead(&self, key: &[&str]) -> PathBuf {
        let name = Digest::of(key.join("\n").as_bytes());
        self.folder.join(format!("{}.lead", hex(name)))
    }
}

/// Longest text of a digest, in bytes.
const DIGEST_MAX: u64 = 128;

fn hex(digest: Digest) -> String {
    digest.to_string().replace(':', "-")
}

fn content(path: &Path, limit: u64) -> Option<Vec<u8>> {
    read::all(regular::open(path).ok()?, limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_found_unless_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptCharts::new(folder.path().join("charts"));
        assert_eq!(kept.find(&["a", "b"]), None);
        kept.keep(&["a", "b"], b"one").unwrap();
        kept.keep(&["a", "c"], b"two").unwrap();
        assert_eq!(kept.find(&["a", "b"]).as_deref(), Some(&b"one"[..]));
        kept.keep(&["a", "b"], b"two").unwrap();
        assert_eq!(kept.find(&["a", "b"]).as_deref(), Some(&b"two"[..]));
        fs::write(kept.chart(Digest::of(b"two")), b"evil").unwrap();
        assert_eq!(kept.find(&["a", "b"]), None);
    }
}
