//! Trees as `tar.gz` and back.
//!
//! Writing gives equal bytes for equal trees: sorted names relative to the root (which is the entry `.`), no owners, no
//! times, modes 0600, 0700 and 0750, one level of compression. Symbolic links and files too large for a tree are left
//! out. Reading takes nothing on trust: sizes, counts and names have limits, links and devices are refused.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use lode_stdx::Digest;
use lode_tree::{Blob, Entry, PathError, RepoPath, Tree};
use tar::{Archive, Builder, EntryType, Header};

/// Bytes of an archive when unpacked, headers included.
const UNPACKED_MAX: u64 = 768 << 20;
/// Bytes of one file a tree carries; a larger one is an [`Entry::Large`].
const FILE_MAX: u64 = 32 << 20;
/// Entries of one archive.
const ENTRIES_MAX: usize = 400_000;
/// How hard to compress. A digest is of the compressed bytes, so this must not change lightly.
const LEVEL: Compression = Compression::new(6);
/// "Unknown", so that the bytes do not tell where they were made.
const OPERATING_SYSTEM: u8 = 255;

/// Why an archive is no tree.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read, or is no `tar.gz`.
    #[error("archive cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A name that leads out of the archive, or is none.
    #[error("archive holds a name that is not allowed: {0}")]
    Path(#[from] PathError),
    /// A name that is no text.
    #[error("archive holds a name that is not UTF-8")]
    Name,
    /// A link, a device, or something else than a file or folder.
    #[error("archive holds {0}, which is neither a file nor a folder")]
    Kind(RepoPath),
    /// More than we take.
    #[error("archive holds more than {limit} {what}, the limit")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
}

/// Makes a blob with the id that every tree of the store uses: the SHA-256 of its bytes.
#[must_use]
pub fn blob(bytes: Vec<u8>) -> Blob {
    Blob { id: *Digest::of(&bytes).as_bytes(), bytes: bytes.into() }
}

/// Returns the part of a tree that an archive can hold.
pub(crate) fn storable(tree: &Tree) -> Tree {
    let mut tree = tree.clone();
    tree.retain(|_, entry| matches!(entry, Entry::File { .. }));
    tree
}

/// Writes a tree.
pub(crate) fn write(tree: &Tree, output: impl Write) -> io::Result<()> {
    let gzip = GzBuilder::new().mtime(0).operating_system(OPERATING_SYSTEM).write(output, LEVEL);
    let mut builder = Builder::new(gzip);
    append(&mut builder, ".", EntryType::Directory, 0o750, &[])?;
    let mut folders = BTreeSet::new();
    for (path, entry) in tree.entries() {
        let Entry::File { blob, executable } = entry else { continue };
        let mut above: Vec<RepoPath> = Vec::new();
        let mut folder = path.parent();
        while let Some(next) = folder.filter(|next| !next.as_str().is_empty() && !folders.contains(next)) {
            folder = next.parent();
            above.push(next);
        }
        for folder in above.into_iter().rev() {
            append(&mut builder, folder.as_str(), EntryType::Directory, 0o750, &[])?;
            folders.insert(folder);
        }
        let mode = if *executable { 0o700 } else { 0o600 };
        append(&mut builder, path.as_str(), EntryType::Regular, mode, &blob.bytes)?;
    }
    builder.into_inner()?.finish()?.flush()
}

fn append(builder: &mut Builder<impl Write>, name: &str, kind: EntryType, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    builder.append_data(&mut header, name, bytes)
}

/// Reads a `tar.gz` as a tree.
///
/// # Errors
/// It is none, or holds what a tree may not.
pub fn read(input: impl Read) -> Result<Tree, ReadError> {
    read_within(input, UNPACKED_MAX, ENTRIES_MAX)
}

fn read_within(input: impl Read, bytes_max: u64, entries_max: usize) -> Result<Tree, ReadError> {
    let mut archive = Archive::new(Bounded { input: GzDecoder::new(input), left: bytes_max });
    let mut tree = Tree::default();
    let over = |error: io::Error| match error.get_ref() {
        Some(inner) if inner.is::<TooMuch>() => ReadError::Limit { what: "bytes", limit: bytes_max },
        _ => ReadError::Io(error),
    };
    for (count, entry) in archive.entries().map_err(over)?.enumerate() {
        let mut entry = entry.map_err(over)?;
        if count >= entries_max {
            return Err(ReadError::Limit { what: "entries", limit: entries_max as u64 });
        }
        let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| ReadError::Name)?;
        let path = RepoPath::parse(&name)?;
        let (kind, size) = (entry.header().entry_type(), entry.size());
        match kind {
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            EntryType::Regular | EntryType::Continuous if !path.as_str().is_empty() => {}
            _ => return Err(ReadError::Kind(path)),
        }
        if size > FILE_MAX {
            tree.insert(path, Entry::Large(size));
            continue;
        }
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(over)?;
        tree.insert(path, Entry::File { blob: blob(bytes), executable });
    }
    Ok(tree)
}

/// A reader that fails, and does not just end, at its limit.
struct Bounded<R> {
    input: R,
    left: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("too many bytes")]
struct TooMuch;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other(TooMuch))?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(tree: &Tree) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(tree, &mut bytes).unwrap();
        bytes
    }

    fn tree() -> Tree {
        let mut tree = Tree::default();
        let long = format!("{}/deep.yaml", "folder-with-a-long-name/".repeat(12));
        for (path, text, executable) in
            [("a/b.yaml", "x", false), ("a-c", "", false), ("run", "#!", true), (&long, "y", false)]
        {
            let blob = blob(text.into());
            tree.insert(RepoPath::parse(path).unwrap(), Entry::File { blob, executable });
        }
        tree
    }

    /// One raw entry as others may write it.
    fn raw(name: &[u8], kind: EntryType, bytes: &[u8]) -> Vec<u8> {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let mut gzip = GzBuilder::new().write(Vec::new(), LEVEL);
        let mut builder = Builder::new(&mut gzip);
        builder.append(&header, bytes).unwrap();
        builder.finish().unwrap();
        drop(builder);
        gzip.finish().unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        let tree = tree();
        assert_eq!(read(&packed(&tree)[..]).unwrap(), tree);
        assert_eq!(read(&packed(&Tree::default())[..]).unwrap(), Tree::default());
    }

    #[test]
    fn equal_trees_are_equal_bytes() {
        assert_eq!(packed(&tree()), packed(&tree()));
        let first = Digest::of(&packed(&tree()));
        let mut other = tree();
        other.insert(RepoPath::parse("new").unwrap(), Entry::File { blob: blob(vec![]), executable: false });
        assert_ne!(first, Digest::of(&packed(&other)));
    }

    #[test]
    fn the_headers_are_those_of_the_contract() {
        let bytes = packed(&tree());
        let mut archive = Archive::new(GzDecoder::new(&bytes[..]));
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
            seen.push((String::from_utf8(entry.path_bytes().into_owned()).unwrap(), header.mode().unwrap()));
        }
        let wanted = [(".", 0o750), ("a", 0o750), ("a/b.yaml", 0o600), ("a-c", 0o600)];
        for (name, mode) in wanted.into_iter().chain([("run", 0o700)]) {
            assert!(seen.contains(&(name.to_owned(), mode)), "{name} in {seen:?}");
        }
        assert_eq!(seen[0].0, ".");
    }

    #[test]
    fn evil_archives_are_refused() {
        for name in [&b"../up"[..], b"/etc/passwd", b"a/../../b", b".git/config"] {
            assert!(matches!(read(&raw(name, EntryType::Regular, b"x")[..]), Err(ReadError::Path(_))), "{name:?}");
        }
        assert!(matches!(read(&raw(b"\xff", EntryType::Regular, b"x")[..]), Err(ReadError::Name)));
        for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Fifo] {
            assert!(matches!(read(&raw(b"a", kind, b"")[..]), Err(ReadError::Kind(_))));
        }
        assert!(matches!(read(&raw(b".", EntryType::Regular, b"")[..]), Err(ReadError::Kind(_))));
        assert!(matches!(read(&b"no archive"[..]), Err(ReadError::Io(_))));
        let mut cut = packed(&tree());
        cut.truncate(cut.len() / 2);
        assert!(read(&cut[..]).is_err());
    }

    #[test]
    fn bombs_stop_at_their_limit() {
        let zeros = raw(b"zeros", EntryType::Regular, &vec![0; 1 << 20]);
        assert!(zeros.len() < 10_000);
        let stopped = read_within(&zeros[..], 100_000, 10).unwrap_err();
        assert_eq!(stopped.to_string(), "archive holds more than 100000 bytes, the limit");
        let many = read_within(&packed(&tree())[..], UNPACKED_MAX, 3).unwrap_err();
        assert_eq!(many.to_string(), "archive holds more than 3 entries, the limit");
    }
}
