//! Writes trees as `tar.gz` and reads them back.
//!
//! Writing gives equal bytes for equal trees: sorted names relative to the root (which is the entry
//! `.`), no owners, no times, modes 0600, 0700 and 0750, a fixed compression level. Symbolic links
//! and files too large for a tree are left out. So are files whose names are not allowed in a path,
//! but their escaped names are in a global header, which other programs skip or read as an empty
//! file: a build that would read such a file must know about it. Reading trusts nothing: sizes,
//! counts and names have limits, links and devices are refused.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use lode_spool::Spool;
use lode_stdx::budget::{self, Budget, Exceeded};
use lode_tree::{ENTRY_BYTES, Entry, PathError, RepoPath, Tree};
use tar::{Archive, Builder, EntryType, Header, PaxExtensions};

/// Default limits for reading an archive; its bytes are those unpacked, including headers.
pub const BUDGET: budget::Limits = budget::Limits {
    bytes: 1 << 30,
    nodes: 400_000,
    steps: u64::MAX,
};
/// Largest file in a tree, in bytes; a larger one is an [`Entry::Large`].
const FILE_MAX: u64 = 32 << 20;
/// Compression level. The digest is of the compressed bytes, so this must not change lightly.
const LEVEL: Compression = Compression::new(6);
/// "Unknown", so that the bytes do not depend on the operating system.
const OPERATING_SYSTEM: u8 = 255;

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read, or is not a `tar.gz`.
    #[error("archive cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A name that leads out of the archive or is not valid.
    #[error("archive holds a name that is not allowed: {0}")]
    Path(#[from] PathError),
    /// A name that is not UTF-8.
    #[error("archive holds a name that is not UTF-8")]
    Name,
    /// A link, a device, or anything other than a file or folder.
    #[error("archive holds {0}, which is neither a file nor a folder")]
    Kind(RepoPath),
    /// It exceeds the budget.
    #[error("archive {0}")]
    Exceeded(#[from] Exceeded),
}

/// Returns the part of a tree that an archive can hold.
pub(crate) fn storable(tree: &Tree) -> Tree {
    let mut tree = tree.clone();
    tree.retain(|_, entry| {
        matches!(
            entry,
            Entry::File { .. } | Entry::Stored { .. } | Entry::Misnamed
        )
    });
    tree
}

/// Writes a tree.
pub(crate) fn write(tree: &Tree, output: impl Write) -> io::Result<()> {
    let gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(OPERATING_SYSTEM)
        .write(output, LEVEL);
    let mut builder = Builder::new(gzip);
    let misnamed = tree
        .entries()
        .filter(|(_, entry)| matches!(entry, Entry::Misnamed));
    let records: String = misnamed
        .map(|(path, _)| record(LEFT_OUT, path.as_str()))
        .collect();
    if !records.is_empty() {
        append(
            &mut builder,
            GLOBAL_HEADER,
            EntryType::XGlobalHeader,
            0o600,
            records.as_bytes(),
        )?;
    }
    append(&mut builder, ".", EntryType::Directory, 0o750, &[])?;
    let mut folders = BTreeSet::new();
    for (path, entry) in tree.entries() {
        let (Entry::File { executable, .. } | Entry::Stored { executable, .. }) = entry else {
            continue;
        };
        let mut above: Vec<RepoPath> = Vec::new();
        let mut folder = path.parent();
        while let Some(next) =
            folder.filter(|next| !next.as_str().is_empty() && !folders.contains(next))
        {
            folder = next.parent();
            above.push(next);
        }
        for folder in above.into_iter().rev() {
            append(
                &mut builder,
                folder.as_str(),
                EntryType::Directory,
                0o750,
                &[],
            )?;
            folders.insert(folder);
        }
        let mode = if *executable { 0o700 } else { 0o600 };
        // Only one file at a time is in memory.
        let Some(blob) = entry.content(path) else {
            continue;
        };
        append(
            &mut builder,
            path.as_str(),
            EntryType::Regular,
            mode,
            &blob.map_err(io::Error::other)?.bytes,
        )?;
    }
    builder.into_inner()?.finish()?.flush()
}

fn append(
    builder: &mut Builder<impl Write>,
    name: &str,
    kind: EntryType,
    mode: u32,
    bytes: &[u8],
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    builder.append_data(&mut header, name, bytes)
}

/// Key of a record in a global header: a path that was left out because of its name.
const LEFT_OUT: &str = "LODESTONE.leftout";
/// Conventional name of a global header.
const GLOBAL_HEADER: &str = "pax_global_header";

/// Returns a record of an extended header, which begins with its own length.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut len = rest.len();
    while len != rest.len() + len.to_string().len() {
        len = rest.len() + len.to_string().len();
    }
    format!("{len}{rest}")
}

/// Adds the files to a tree that a global header lists as left out.
fn take_left_out(tree: &mut Tree, header: &[u8], budget: &Budget) -> Result<(), ReadError> {
    for record in PaxExtensions::new(header) {
        let record = record?;
        if record.key_bytes() != LEFT_OUT.as_bytes() {
            continue;
        }
        budget.nodes(1)?;
        let path = RepoPath::parse(record.value().map_err(|_| ReadError::Name)?)?;
        budget.bytes(path.as_str().len() as u64 + ENTRY_BYTES)?;
        if !path.as_str().is_empty() {
            tree.insert(path, Entry::Misnamed);
        }
    }
    Ok(())
}

/// Reads a `tar.gz` as a tree whose contents are stored in a spool.
///
/// # Errors
/// It is not one, contains what a tree may not, or exceeds the budget.
pub fn read(input: impl Read, spool: &mut Spool, budget: &Budget) -> Result<Tree, ReadError> {
    Reading::new(spool, budget, Others::Refused).read(input)
}

/// Reads a `tar.gz` that others made, as a tree: symbolic links and the folders of Git are left out.
///
/// # Errors
/// As [`read`], but for what is left out.
pub fn read_foreign(
    input: impl Read,
    spool: &mut Spool,
    budget: &Budget,
) -> Result<Tree, ReadError> {
    Reading::new(spool, budget, Others::LeftOut).read(input)
}

/// What becomes of entries that others may write, but we do not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    Refused,
    LeftOut,
}

/// An archive as it is read.
struct Reading<'a> {
    tree: Tree,
    spool: &'a mut Spool,
    budget: &'a Budget,
    others: Others,
}

impl<'a> Reading<'a> {
    fn new(spool: &'a mut Spool, budget: &'a Budget, others: Others) -> Self {
        Self {
            tree: Tree::default(),
            spool,
            budget,
            others,
        }
    }

    fn read(mut self, input: impl Read) -> Result<Tree, ReadError> {
        let mut archive = Archive::new(Charged {
            input: GzDecoder::new(input),
            budget: self.budget,
        });
        for entry in archive.entries().map_err(over)? {
            self.take(entry.map_err(over)?)?;
        }
        Ok(self.tree)
    }

    fn take(&mut self, mut entry: tar::Entry<'_, impl Read>) -> Result<(), ReadError> {
        self.budget.nodes(1)?;
        let name =
            String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| ReadError::Name)?;
        self.budget.bytes(name.len() as u64 + ENTRY_BYTES)?;
        let kind = entry.header().entry_type();
        if self.others == Others::LeftOut && is_left_out(&name, kind) {
            return Ok(());
        }

        let path = RepoPath::parse(&name)?;
        match kind {
            EntryType::Directory => return Ok(()),
            EntryType::XGlobalHeader => {
                let mut header = Vec::new();
                let mut entry = entry.by_ref().take(FILE_MAX);
                entry.read_to_end(&mut header).map_err(over)?;
                return take_left_out(&mut self.tree, &header, self.budget);
            }
            EntryType::Regular | EntryType::Continuous if !path.as_str().is_empty() => {}
            _ => return Err(ReadError::Kind(path)),
        }
        if entry.size() > FILE_MAX {
            self.tree.insert(path, Entry::Large(entry.size()));
            return Ok(());
        }
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(over)?;
        self.tree.insert(path, self.spool.keep(bytes, executable)?);
        Ok(())
    }
}

/// Returns whether an entry of somebody else's archive says nothing to us.
fn is_left_out(name: &str, kind: EntryType) -> bool {
    kind == EntryType::Symlink || name.split('/').any(|part| part == ".git")
}

/// Returns the error of the budget if that is what ended the reading.
fn over(error: io::Error) -> ReadError {
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<Exceeded>()) {
        Some(exceeded) => ReadError::Exceeded(*exceeded),
        None => ReadError::Io(error),
    }
}

/// A reader that charges a budget for its output, and fails rather than ends at the limit.
struct Charged<'b, R> {
    input: R,
    budget: &'b Budget,
}

impl<R: Read> Read for Charged<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        self.budget.bytes(count as u64).map_err(io::Error::other)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use lode_stdx::Digest;
    use lode_tree::Blob;

    use super::*;

    fn blob(bytes: Vec<u8>) -> Blob {
        Blob {
            id: *Digest::of(&bytes).as_bytes(),
            bytes: bytes.into(),
        }
    }

    fn read(input: &[u8]) -> Result<Tree, ReadError> {
        super::read(input, &mut Spool::in_memory(), &Budget::new(BUDGET))
    }

    fn read_within(input: &[u8], limits: budget::Limits) -> ReadError {
        super::read(input, &mut Spool::in_memory(), &Budget::new(limits)).unwrap_err()
    }

    fn packed(tree: &Tree) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(tree, &mut bytes).unwrap();
        bytes
    }

    fn tree() -> Tree {
        let mut tree = Tree::default();
        let long = format!("{}/deep.yaml", "folder-with-a-long-name/".repeat(12));
        for (path, text, executable) in [
            ("a/b.yaml", "x", false),
            ("a-c", "", false),
            ("run", "#!", true),
            (&long, "y", false),
        ] {
            let blob = blob(text.into());
            tree.insert(
                RepoPath::parse(path).unwrap(),
                Entry::File { blob, executable },
            );
        }
        tree
    }

    /// Returns one raw entry as other programs may write it.
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
        assert_eq!(
            read(&packed(&Tree::default())[..]).unwrap(),
            Tree::default()
        );
    }

    #[test]
    fn what_was_left_out_for_its_name_is_remembered() {
        let mut odd = tree();
        for name in [r"a/Icon\r", r"a/x\u{1}.yaml"] {
            odd.insert(RepoPath::parse(name).unwrap(), Entry::Misnamed);
        }
        assert_eq!(storable(&odd), odd);
        assert_eq!(read(&packed(&odd)[..]).unwrap(), odd);
        assert_ne!(packed(&odd), packed(&tree()));
        let forged = raw(
            b"g",
            EntryType::XGlobalHeader,
            b"30 LODESTONE.leftout=../../up\n",
        );
        assert!(matches!(read(&forged), Err(ReadError::Path(_))));
        odd.retain(|_, entry| matches!(entry, Entry::Misnamed));
        let limits = budget::Limits { nodes: 3, ..BUDGET };
        assert!(matches!(
            read_within(&packed(&odd), limits),
            ReadError::Exceeded(_)
        ));
    }

    #[test]
    fn equal_trees_are_equal_bytes() {
        assert_eq!(packed(&tree()), packed(&tree()));
        let first = Digest::of(&packed(&tree()));
        let mut other = tree();
        other.insert(
            RepoPath::parse("new").unwrap(),
            Entry::File {
                blob: blob(vec![]),
                executable: false,
            },
        );
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
            assert_eq!(
                (
                    header.uid().unwrap(),
                    header.gid().unwrap(),
                    header.mtime().unwrap()
                ),
                (0, 0, 0)
            );
            seen.push((
                String::from_utf8(entry.path_bytes().into_owned()).unwrap(),
                header.mode().unwrap(),
            ));
        }
        let wanted = [
            (".", 0o750),
            ("a", 0o750),
            ("a/b.yaml", 0o600),
            ("a-c", 0o600),
        ];
        for (name, mode) in wanted.into_iter().chain([("run", 0o700)]) {
            assert!(
                seen.contains(&(name.to_owned(), mode)),
                "{name} in {seen:?}"
            );
        }
        assert_eq!(seen[0].0, ".");
    }

    #[test]
    fn evil_archives_are_refused() {
        for name in [&b"../up"[..], b"/etc/passwd", b"a/../../b", b".git/config"] {
            assert!(
                matches!(
                    read(&raw(name, EntryType::Regular, b"x")[..]),
                    Err(ReadError::Path(_))
                ),
                "{name:?}"
            );
        }
        assert!(matches!(
            read(&raw(b"\xff", EntryType::Regular, b"x")[..]),
            Err(ReadError::Name)
        ));
        for kind in [
            EntryType::Symlink,
            EntryType::Link,
            EntryType::Char,
            EntryType::Fifo,
        ] {
            assert!(matches!(
                read(&raw(b"a", kind, b"")[..]),
                Err(ReadError::Kind(_))
            ));
        }
        assert!(matches!(
            read(&raw(b".", EntryType::Regular, b"")[..]),
            Err(ReadError::Kind(_))
        ));
        assert!(matches!(read(&b"no archive"[..]), Err(ReadError::Io(_))));
        let mut cut = packed(&tree());
        cut.truncate(cut.len() / 2);
        assert!(read(&cut[..]).is_err());
    }

    #[test]
    fn links_and_folders_of_git_are_left_out_of_what_others_made() {
        let foreign = |name: &[u8], kind| {
            let archive = raw(name, kind, b"");
            read_foreign(&archive[..], &mut Spool::in_memory(), &Budget::new(BUDGET))
        };
        for (name, kind) in [
            (&b"link"[..], EntryType::Symlink),
            (b".git/config", EntryType::Regular),
            (b"a/.git", EntryType::Directory),
        ] {
            assert_eq!(foreign(name, kind).unwrap(), Tree::default(), "{name:?}");
        }
        assert_eq!(foreign(b"./a/b", EntryType::Regular).unwrap().len(), 1);
        assert!(foreign(b"hard", EntryType::Link).is_err());
        assert!(foreign(b"../up", EntryType::Regular).is_err());
    }

    #[test]
    fn bombs_stop_at_their_limit() {
        let zeros = raw(b"zeros", EntryType::Regular, &vec![0; 1 << 20]);
        assert!(zeros.len() < 10_000);
        let stopped = read_within(
            &zeros,
            budget::Limits {
                bytes: 100_000,
                ..BUDGET
            },
        );
        assert_eq!(
            stopped.to_string(),
            "archive needs more than 100000 bytes, the limit"
        );
        let many = read_within(&packed(&tree()), budget::Limits { nodes: 3, ..BUDGET });
        assert_eq!(
            many.to_string(),
            "archive needs more than 3 values, the limit"
        );
    }

    #[test]
    fn what_lies_on_disk_is_packed_as_what_is_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let (mut on_disk, mut in_memory) = (Spool::new(folder.path()), Spool::in_memory());
        let tree = |spool: &mut Spool| {
            let mut tree = Tree::default();
            for n in 0..3_u8 {
                let path = RepoPath::parse(&format!("a/{n}")).unwrap();
                tree.insert(path, spool.keep(vec![n; 100_000], n == 1).unwrap());
            }
            tree
        };
        let stored = tree(&mut on_disk);
        assert!(
            stored
                .entries()
                .all(|(_, entry)| matches!(entry, Entry::Stored { .. }))
        );
        assert_eq!(packed(&stored), packed(&tree(&mut in_memory)));
        assert_eq!(packed(&storable(&stored)), packed(&stored));
    }
}
