//! [`Snapshot`]: one commit as a [`Tree`], read directly from the object store.
//!
//! Input: objects, a commit's id, a budget. Output: names and bytes. Submodules are skipped. A name
//! with control characters, or that is not UTF-8, is left out and reported ([`Entry::Misnamed`]). A
//! name that leads elsewhere is an error: Git itself would never check it out, so it was crafted.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use gix_hash::ObjectId;
use gix_object::tree::EntryKind;
use gix_object::{Kind, TreeRefIter};
use lode_spool::Spool;
use lode_tree::{ENTRY_BYTES, Entry, RepoPath, Tree};

use crate::fetch_error::FetchError as Error;
use crate::objects::{Lost, ObjectSource};
use crate::options::Options;

/// Most annotated tags followed to reach a commit.
const TAGS_MAX: usize = 8;
/// Deepest nesting of folders.
const DEPTH_MAX: usize = 256;
/// Longest commit subject kept, in characters.
const SUBJECT_MAX: usize = 1000;
/// Size that a folder or commit may always have, in bytes.
const FOLDER_BYTES: u64 = 1 << 20;
/// Longest target of a symbolic link, in bytes.
const LINK_MAX: u64 = 4096;

/// One commit's files.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The commit's id in hexadecimal digits.
    pub commit: String,
    /// The first line of the commit's message.
    pub subject: String,
    /// Whether the commit has a signature; it is not verified.
    pub signed: bool,
    /// The files. A blob's id is the SHA-256 of its bytes.
    pub tree: Tree,
}

/// Reads the commit `object`, or the one that an annotated tag leads to.
pub(crate) fn read(
    objects: &dyn ObjectSource,
    object: ObjectId,
    options: &Options,
    interrupted: &AtomicBool,
    spool: &mut Spool,
) -> Result<Snapshot, Error> {
    let mut reader = SnapshotReader {
        objects,
        options,
        interrupted,
        spool,
        known: HashMap::new(),
        misnamed: Vec::new(),
    };
    let (commit, text) = reader.commit(object)?;
    let root = header(&text, "tree").ok_or(Error::Corrupt)?;
    let mut tree = Tree::default();
    let sparse = Sparse::parse(&options.sparse)?;
    let mut found = vec![false; sparse.folders.len()];
    let mut folders = vec![(RepoPath::root(), root)];
    while let Some((folder, id)) = folders.pop() {
        if folder.parts().count() > DEPTH_MAX {
            return Err(Error::Limit {
                what: "folders within folders",
                limit: DEPTH_MAX as u64,
            });
        }
        for (path, kind, id) in reader.folder(&folder, id)? {
            // Each path is compared with each folder of the sparse checkout.
            options.budget.steps(1 + sparse.folders.len() as u64)?;
            for at in (0..found.len()).filter(|at| sparse.folders[*at] == path) {
                found[at] = true;
            }
            match kind {
                EntryKind::Tree if sparse.leads_to(&path) => folders.push((path, id)),
                EntryKind::Tree | EntryKind::Commit => {}
                _ if !sparse.holds(&path) => {}
                kind => {
                    let entry = reader.entry(&path, kind, id)?;
                    tree.insert(path, entry);
                }
            }
        }
    }
    for path in reader
        .misnamed
        .into_iter()
        .filter(|path| sparse.holds(path))
    {
        // A file that really has this name takes precedence.
        if !tree.contains(&path) {
            tree.insert(path, Entry::Misnamed);
        }
    }
    sparse
        .missing(&found)
        .map_or(Ok(()), |folder| Err(Error::Sparse(folder.to_string())))?;
    Ok(Snapshot {
        commit: commit.to_string(),
        subject: subject(&text),
        signed: is_signed(&text),
        tree,
    })
}

struct SnapshotReader<'o> {
    objects: &'o dyn ObjectSource,
    options: &'o Options,
    interrupted: &'o AtomicBool,
    /// Where contents go.
    spool: &'o mut Spool,
    /// Blobs already read: a content with many names is kept once.
    known: HashMap<ObjectId, Entry>,
    /// Files left out because of their names, escaped.
    misnamed: Vec<RepoPath>,
}

impl SnapshotReader<'_> {
    fn commit(&self, mut object: ObjectId) -> Result<(ObjectId, Vec<u8>), Error> {
        for _ in 0..TAGS_MAX {
            let (kind, bytes) = self.object(object)?;
            match kind {
                Kind::Commit => return Ok((object, bytes)),
                Kind::Tag => object = header(&bytes, "object").ok_or(Error::Corrupt)?,
                Kind::Tree | Kind::Blob => break,
            }
        }
        Err(Error::NoCommit)
    }

    fn folder(
        &mut self,
        folder: &RepoPath,
        id: ObjectId,
    ) -> Result<Vec<(RepoPath, EntryKind, ObjectId)>, Error> {
        let (Kind::Tree, bytes) = self.object(id)? else {
            return Err(Error::Corrupt);
        };
        let mut names = HashSet::new();
        let mut entries = Vec::new();
        for entry in TreeRefIter::from_bytes(&bytes, id.kind()) {
            let entry = entry.map_err(|_| Error::Corrupt)?;
            self.options.budget.nodes(1)?;
            // Names are repeated in every path below them, so a small pack can contain endless
            // paths.
            self.options
                .budget
                .bytes((folder.as_str().len() + entry.filename.len()) as u64 + ENTRY_BYTES)?;
            let path = match name_of(entry.filename) {
                EntryName::Plain(name) => folder
                    .join(name)
                    .map_err(|_| refused(folder, entry.filename))?,
                EntryName::Forbidden => return Err(refused(folder, entry.filename)),
                EntryName::Misnamed(escaped) => {
                    self.misnamed.push(
                        folder
                            .join(&escaped)
                            .map_err(|_| refused(folder, entry.filename))?,
                    );
                    continue;
                }
            };
            if !names.insert(path.file_name().to_owned()) {
                return Err(Error::FileName(path.to_string()));
            }
            entries.push((path, entry.mode.kind(), entry.oid.to_owned()));
        }
        Ok(entries)
    }

    fn entry(&mut self, path: &RepoPath, kind: EntryKind, id: ObjectId) -> Result<Entry, Error> {
        let size = self.objects.size(id)?;
        if kind == EntryKind::Link {
            // A target is in memory under each name of the link.
            self.options.budget.bytes(size.min(LINK_MAX))?;
            let target = if size > LINK_MAX {
                Vec::new()
            } else {
                self.object(id)?.1
            };
            let target = String::from_utf8(target)
                .ok()
                .filter(|target| !target.is_empty());
            return target
                .map(|target| Entry::Link(target.into()))
                .ok_or_else(|| Error::Link(path.to_string()));
        }
        if size > self.options.limits.blob_bytes {
            return Ok(Entry::Large(size));
        }
        self.options.budget.bytes(size)?;
        let is_executable = kind == EntryKind::BlobExecutable;
        let mut entry = if let Some(entry) = self.known.get(&id) {
            entry.clone()
        } else {
            let (_, bytes) = self.object(id)?;
            let entry = self
                .spool
                .keep(bytes, is_executable)
                .map_err(Error::Cache)?;
            self.known.insert(id, entry.clone());
            entry
        };
        if let Entry::File { executable, .. } | Entry::Stored { executable, .. } = &mut entry {
            *executable = is_executable;
        }
        Ok(entry)
    }

    fn object(&self, id: ObjectId) -> Result<(Kind, Vec<u8>), Error> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Error::Slow);
        }
        // A pack allows a folder or commit to be as large as any object; real ones are much
        // smaller.
        let limit = self.options.limits.blob_bytes.max(FOLDER_BYTES);
        if self.objects.size(id)? > limit {
            return Err(Error::Limit {
                what: "bytes in one folder or commit",
                limit,
            });
        }
        Ok(self.objects.object(id)?)
    }
}

impl From<Lost> for Error {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Missing => Self::Missing,
            Lost::Corrupt => Self::Corrupt,
        }
    }
}

/// How a name in a folder is treated.
#[derive(Debug, PartialEq, Eq)]
enum EntryName<'n> {
    Plain(&'n str),
    /// Git checks it out, but a path cannot contain it; this is its escaped form.
    Misnamed(String),
    /// Git itself would never check it out.
    Forbidden,
}

fn name_of(name: &[u8]) -> EntryName<'_> {
    if matches!(name, b"" | b"." | b"..")
        || name.contains(&b'/')
        || name.eq_ignore_ascii_case(b".git")
    {
        return EntryName::Forbidden;
    }
    match std::str::from_utf8(name) {
        Ok(text) if !text.contains(char::is_control) => EntryName::Plain(text),
        Ok(text) => EntryName::Misnamed(escaped(text)),
        Err(_) => {
            // Each byte that is not UTF-8 is shown as a number.
            let shown = name.utf8_chunks().fold(String::new(), |shown, chunk| {
                let bytes = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
                shown + &escaped(chunk.valid()) + &bytes.collect::<String>()
            });
            EntryName::Misnamed(shown)
        }
    }
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() {
                c.escape_default().to_string()
            } else {
                c.to_string()
            }
        })
        .collect()
}

fn refused(folder: &RepoPath, name: &[u8]) -> Error {
    Error::FileName(format!(
        "{folder}/{}",
        String::from_utf8_lossy(name).escape_debug()
    ))
}

/// Reads an id from a commit's or tag's header.
pub(crate) fn header(text: &[u8], key: &str) -> Option<ObjectId> {
    let line = text.split(|byte| *byte == b'\n').next()?;
    ObjectId::from_hex(line.strip_prefix(key.as_bytes())?.strip_prefix(b" ")?).ok()
}

/// Returns whether the headers, which end at the first empty line, contain a signature.
fn is_signed(commit: &[u8]) -> bool {
    let headers = commit
        .split(|byte| *byte == b'\n')
        .take_while(|line| !line.is_empty());
    headers
        .into_iter()
        .any(|line| line.starts_with(b"gpgsig ") || line.starts_with(b"gpgsig-sha256 "))
}

pub(crate) fn subject(commit: &[u8]) -> String {
    let text = String::from_utf8_lossy(commit);
    let message = text.split_once("\n\n").map_or("", |(_, message)| message);
    let first = message
        .trim_start()
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end();
    first
        .chars()
        .filter(|c| !c.is_control())
        .take(SUBJECT_MAX)
        .collect()
}

/// The folders to read; none means all.
struct Sparse {
    folders: Vec<RepoPath>,
}

impl Sparse {
    fn parse(folders: &[String]) -> Result<Self, Error> {
        let parse = |text: &String| RepoPath::parse(text).map_err(|_| Error::Sparse(text.clone()));
        Ok(Self {
            folders: folders.iter().map(parse).collect::<Result<_, _>>()?,
        })
    }

    fn holds(&self, path: &RepoPath) -> bool {
        self.folders.is_empty() || self.folders.iter().any(|folder| path.is_in(folder))
    }

    fn leads_to(&self, path: &RepoPath) -> bool {
        self.holds(path) || self.folders.iter().any(|folder| folder.is_in(path))
    }

    fn missing(&self, found: &[bool]) -> Option<&RepoPath> {
        let missing = self
            .folders
            .iter()
            .zip(found)
            .find(|(folder, found)| !**found && !folder.as_str().is_empty());
        missing.map(|(folder, _)| folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_or_left_out_or_refused() {
        for name in ["b.yaml", "a b", "grüße", "back\\slash", "\u{202e}rtl"] {
            assert_eq!(name_of(name.as_bytes()), EntryName::Plain(name));
        }
        for (name, shown) in [
            (&b"Icon\r"[..], "Icon\\r"),
            (b"new\nline", "new\\nline"),
            (b"\x01", "\\u{1}"),
            (b"nul\x7f", "nul\\u{7f}"),
            (b"caf\xe9.txt", "caf\\xe9.txt"),
            (b"\xff\xfe", "\\xff\\xfe"),
        ] {
            assert_eq!(name_of(name), EntryName::Misnamed(shown.to_owned()));
        }
        for name in [&b".."[..], b".", b"", b"x/y", b"/etc", b".git", b".GIT"] {
            assert_eq!(name_of(name), EntryName::Forbidden, "{name:?}");
        }
    }

    #[test]
    fn the_subject_is_the_first_line() {
        assert_eq!(
            subject(b"tree x\nauthor y\n\nfix: this\n\nbody"),
            "fix: this"
        );
        assert_eq!(subject(b"tree x\n\n\n  \nlate\x1b[0m"), "late[0m");
        assert_eq!(subject(b"tree x\n"), "");
    }
}
