//! [`Snapshot`]: one commit as a [`Tree`], read straight from the object store.
//!
//! Input: objects, a commit's id, limits. Output: names and bytes. Submodules are skipped. A name that no path may hold
//! is refused by name: Git itself would never check it out, so somebody made it by hand.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use gix_hash::ObjectId;
use gix_object::tree::EntryKind;
use gix_object::{Kind, TreeRefIter};
use lode_stdx::Digest;
use lode_tree::{Blob, Entry, RepoPath, Tree};

use crate::fetch::{Error, Options};
use crate::objects::{Lost, Source};

/// Annotated tags followed before a commit must come.
const TAGS_MAX: usize = 8;
/// Folders within folders.
const DEPTH_MAX: usize = 256;
/// Longest commit subject kept, in characters.
const SUBJECT_MAX: usize = 1000;
/// Longest target of a symbolic link, in bytes.
const LINK_MAX: u64 = 4096;

/// One commit's files.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The commit's id in hexadecimal digits.
    pub commit: String,
    /// The first line of the commit's message.
    pub subject: String,
    /// Whether the commit carries a signature; nobody has checked it.
    pub signed: bool,
    /// The files. A blob's id is the SHA-256 of its bytes.
    pub tree: Tree,
}

/// Reads the commit that `object` is, or that an annotated tag leads to.
pub(crate) fn read(
    objects: &dyn Source,
    object: ObjectId,
    options: &Options,
    interrupted: &AtomicBool,
) -> Result<Snapshot, Error> {
    let mut reader = Reader { objects, options, interrupted, known: HashMap::new(), entries: 0, bytes: 0 };
    let (commit, text) = reader.commit(object)?;
    let root = header(&text, "tree").ok_or(Error::Corrupt)?;
    let mut tree = Tree::default();
    let sparse = Sparse::parse(&options.sparse)?;
    let mut found = vec![false; sparse.folders.len()];
    let mut folders = vec![(RepoPath::root(), root)];
    while let Some((folder, id)) = folders.pop() {
        if folder.parts().count() > DEPTH_MAX {
            return Err(Error::Limit { what: "folders within folders", limit: DEPTH_MAX as u64 });
        }
        for (path, kind, id) in reader.folder(&folder, id)? {
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
    sparse.missing(&found).map_or(Ok(()), |folder| Err(Error::Sparse(folder.to_string())))?;
    Ok(Snapshot { commit: commit.to_string(), subject: subject(&text), signed: is_signed(&text), tree })
}

struct Reader<'o> {
    objects: &'o dyn Source,
    options: &'o Options,
    interrupted: &'o AtomicBool,
    /// Blobs read already: one content under many names is kept once.
    known: HashMap<ObjectId, Entry>,
    entries: u64,
    bytes: u64,
}

impl Reader<'_> {
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

    fn folder(&mut self, folder: &RepoPath, id: ObjectId) -> Result<Vec<(RepoPath, EntryKind, ObjectId)>, Error> {
        let (Kind::Tree, bytes) = self.object(id)? else { return Err(Error::Corrupt) };
        let mut names = HashSet::new();
        let mut entries = Vec::new();
        for entry in TreeRefIter::from_bytes(&bytes, id.kind()) {
            let entry = entry.map_err(|_| Error::Corrupt)?;
            self.entries += 1;
            if self.entries > self.options.limits.files {
                return Err(Error::Limit { what: "files and folders", limit: self.options.limits.files });
            }
            let path = path_of(folder, entry.filename)?;
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
            let target = if size > LINK_MAX { Vec::new() } else { self.object(id)?.1 };
            let target = String::from_utf8(target).ok().filter(|target| !target.is_empty());
            return target.map(|target| Entry::Link(target.into())).ok_or_else(|| Error::Link(path.to_string()));
        }
        if size > self.options.limits.blob_bytes {
            return Ok(Entry::Large(size));
        }
        self.bytes += size;
        if self.bytes > self.options.limits.tree_bytes {
            return Err(Error::Limit { what: "bytes in files", limit: self.options.limits.tree_bytes });
        }
        let executable = kind == EntryKind::BlobExecutable;
        if let Some(Entry::File { blob, .. }) = self.known.get(&id) {
            return Ok(Entry::File { blob: blob.clone(), executable });
        }
        let (_, bytes) = self.object(id)?;
        let entry = Entry::File { blob: Blob { id: *Digest::of(&bytes).as_bytes(), bytes: bytes.into() }, executable };
        self.known.insert(id, entry.clone());
        Ok(entry)
    }

    fn object(&self, id: ObjectId) -> Result<(Kind, Vec<u8>), Error> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Error::Slow);
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

fn path_of(folder: &RepoPath, name: &[u8]) -> Result<RepoPath, Error> {
    let shown = || Error::FileName(format!("{folder}/{}", String::from_utf8_lossy(name).escape_debug()));
    let text = std::str::from_utf8(name).map_err(|_| shown())?;
    if matches!(text, "" | "." | "..") || text.contains('/') {
        return Err(shown());
    }
    folder.join(text).map_err(|_| shown())
}

/// Reads an id from a commit's or tag's header.
pub(crate) fn header(text: &[u8], key: &str) -> Option<ObjectId> {
    let line = text.split(|byte| *byte == b'\n').next()?;
    ObjectId::from_hex(line.strip_prefix(key.as_bytes())?.strip_prefix(b" ")?).ok()
}

/// Tells whether the headers, which end at the first empty line, hold a signature.
fn is_signed(commit: &[u8]) -> bool {
    let headers = commit.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    headers.into_iter().any(|line| line.starts_with(b"gpgsig ") || line.starts_with(b"gpgsig-sha256 "))
}

pub(crate) fn subject(commit: &[u8]) -> String {
    let text = String::from_utf8_lossy(commit);
    let message = text.split_once("\n\n").map_or("", |(_, message)| message);
    let first = message.trim_start().lines().next().unwrap_or_default().trim_end();
    first.chars().filter(|c| !c.is_control()).take(SUBJECT_MAX).collect()
}

/// The folders wanted; none means all.
struct Sparse {
    folders: Vec<RepoPath>,
}

impl Sparse {
    fn parse(folders: &[String]) -> Result<Self, Error> {
        let parse = |text: &String| RepoPath::parse(text).map_err(|_| Error::Sparse(text.clone()));
        Ok(Self { folders: folders.iter().map(parse).collect::<Result<_, _>>()? })
    }

    fn holds(&self, path: &RepoPath) -> bool {
        self.folders.is_empty() || self.folders.iter().any(|folder| path.is_in(folder))
    }

    fn leads_to(&self, path: &RepoPath) -> bool {
        self.holds(path) || self.folders.iter().any(|folder| folder.is_in(path))
    }

    fn missing(&self, found: &[bool]) -> Option<&RepoPath> {
        let missing = self.folders.iter().zip(found).find(|(folder, found)| !**found && !folder.as_str().is_empty());
        missing.map(|(folder, _)| folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_plain_part() {
        let folder = RepoPath::parse("a").unwrap();
        assert_eq!(path_of(&folder, b"b.yaml").unwrap().as_str(), "a/b.yaml");
        for name in [&b".."[..], b".", b"", b"x/y", b"/etc", b".git", b".GIT", b"a\nb", b"\xff"] {
            assert!(matches!(path_of(&folder, name), Err(Error::FileName(_))), "{name:?}");
        }
    }

    #[test]
    fn the_subject_is_the_first_line() {
        assert_eq!(subject(b"tree x\nauthor y\n\nfix: this\n\nbody"), "fix: this");
        assert_eq!(subject(b"tree x\n\n\n  \nlate\x1b[0m"), "late[0m");
        assert_eq!(subject(b"tree x\n"), "");
    }
}
