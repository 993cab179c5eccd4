//! [`Tree`]: names and bytes below one root.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::path::{Error as PathError, RepoPath};

/// Symbolic links followed before a path counts as a loop (Linux' own bound).
const LINKS_MAX: usize = 40;

/// Memory of an entry besides its path and content.
pub const ENTRY_BYTES: u64 = 160;

/// A file's bytes with an id; equal ids mean equal bytes, so comparing the bytes is unnecessary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Content id: equal ids mean equal bytes. Its origin (a Git object id, a SHA-256) is up to the
    /// creator, as long as a tree and its successors use the same.
    pub id: [u8; 32],
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

/// Storage outside of memory, such as a file on disk, that holds the bytes of many files.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Reads stored bytes.
    ///
    /// # Errors
    /// The reason they cannot be read.
    fn read(&self, offset: u64, size: u64) -> Result<Arc<[u8]>, Box<str>>;
}

/// A file's bytes stored outside of memory, with the id that they have as a [`Blob`].
#[derive(Debug, Clone)]
pub struct Stored {
    /// Content id, as [`Blob::id`].
    pub id: [u8; 32],
    /// Number of bytes.
    pub size: u64,
    /// Offset of the first byte.
    pub offset: u64,
    /// Where to read them from.
    pub storage: Arc<dyn Storage>,
}

/// Equal ids mean equal bytes, wherever they are.
impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Stored {}

/// The entry of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File {
        /// Its content.
        blob: Blob,
        /// Whether Git marks it executable.
        executable: bool,
    },
    /// A file whose content is read from storage on demand.
    Stored {
        /// Its content.
        content: Stored,
        /// Whether Git marks it executable.
        executable: bool,
    },
    /// A file or folder that was left out because its name is not allowed; the entry has the
    /// escaped name.
    Misnamed,
    /// A file that was left out because it is larger than trees hold, with its size.
    Large(u64),
    /// A symbolic link with its target as written.
    Link(Box<str>),
}

/// A name in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Child {
    /// A folder, or a link to one.
    Folder,
    /// A file, or a link to one.
    File,
}

/// Why a path gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The path does not exist.
    #[error("{0}: no such file or folder")]
    NotFound(RepoPath),
    /// It exists but cannot be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The path.
        path: RepoPath,
        /// The reason.
        reason: Box<str>,
    },
    /// A folder where a file was wanted.
    #[error("{0}: is a folder")]
    IsFolder(RepoPath),
    /// A file where a folder was wanted.
    #[error("{0}: is a file")]
    IsFile(RepoPath),
    /// Links lead in a circle.
    #[error("{0}: too many symbolic links, they may lead in a circle")]
    LinkLoop(RepoPath),
    /// A link's target leaves the root.
    #[error("{path}: symbolic link to \"{target}\": {source}")]
    Link {
        /// The link.
        path: RepoPath,
        /// The target as written.
        target: Box<str>,
        /// The reason.
        source: PathError,
    },
    /// A file larger than trees hold.
    #[error("{path}: {size} bytes are more than a source may hold in one file")]
    TooLarge {
        /// The file.
        path: RepoPath,
        /// Its size in bytes.
        size: u64,
    },
    /// A file or folder whose real name is not allowed in a path.
    #[error(
        "\"{0}\": the real name holds a control character or is not UTF-8, so the file was left out: rename it"
    )]
    Misnamed(RepoPath),
    /// Remote content, which this loader does not fetch.
    #[error("\"{}\" is remote, and nothing here fetches it", lode_stdx::bare_url(.0))]
    Remote(Box<str>),
    /// Remote content that could not be fetched.
    #[error("fetch \"{}\": {reason}", lode_stdx::bare_url(.url))]
    Fetch {
        /// The URL.
        url: Box<str>,
        /// The reason.
        reason: Box<str>,
    },
}

impl Entry {
    /// Returns a file's content; nothing if the entry is not a file or was left out. `path` is for
    /// the error.
    #[must_use]
    pub fn content(&self, path: &RepoPath) -> Option<Result<Blob, Error>> {
        match self {
            Self::File { blob, .. } => Some(Ok(blob.clone())),
            Self::Stored { content, .. } => Some(content.load(path)),
            Self::Misnamed | Self::Large(_) | Self::Link(_) => None,
        }
    }

    /// Returns the size of a file's content; 0 if it was left out.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::File { blob, .. } => blob.bytes.len() as u64,
            Self::Stored { content, .. } => content.size,
            Self::Misnamed | Self::Large(_) | Self::Link(_) => 0,
        }
    }
}

impl Stored {
    fn load(&self, path: &RepoPath) -> Result<Blob, Error> {
        let unreadable = |reason| Error::Unreadable {
            path: path.clone(),
            reason,
        };
        let bytes = self
            .storage
            .read(self.offset, self.size)
            .map_err(unreadable)?;
        Ok(Blob { id: self.id, bytes })
    }
}

/// Names and bytes below one root. Cloning shares the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    entries: BTreeMap<RepoPath, Entry>,
}

impl Tree {
    /// Inserts an entry, replacing one of the same name.
    pub fn insert(&mut self, path: RepoPath, entry: Entry) {
        self.entries.insert(path, entry);
    }

    /// Keeps only the entries for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(&RepoPath, &Entry) -> bool) {
        self.entries.retain(|path, entry| keep(path, entry));
    }

    /// Returns the entries by path, without following links.
    pub fn entries(&self) -> impl Iterator<Item = (&RepoPath, &Entry)> {
        self.entries.iter()
    }

    /// Returns whether an entry has exactly this path.
    #[must_use]
    pub fn contains(&self, path: &RepoPath) -> bool {
        self.entries.contains_key(path)
    }

    /// Returns how many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the tree is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Resolves symbolic links in every part of `path` and returns the real path and what is there.
    ///
    /// # Errors
    /// The path leads nowhere, in a circle or out of the root.
    pub fn canonical(&self, path: &RepoPath) -> Result<(RepoPath, Child), Error> {
        let mut budget = LINKS_MAX;
        let at = self.follow(path, path, &mut budget)?;
        match self.entries.get(&at) {
            Some(_) => Ok((at, Child::File)),
            None if self.is_folder(&at) => Ok((at, Child::Folder)),
            None => Err(Error::NotFound(path.clone())),
        }
    }

    /// Returns a file's content.
    ///
    /// # Errors
    /// There is no such file, it is a folder, a link is bad, or the file was left out.
    pub fn read(&self, path: &RepoPath) -> Result<Blob, Error> {
        match self.file(path)? {
            Entry::Stored { content, .. } => content.load(path),
            Entry::File { blob, .. } => Ok(blob.clone()),
            _ => Err(Error::IsFolder(path.clone())),
        }
    }

    /// Returns the id of a file's content, without reading it.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn id(&self, path: &RepoPath) -> Result<[u8; 32], Error> {
        match self.file(path)? {
            Entry::Stored { content, .. } => Ok(content.id),
            Entry::File { blob, .. } => Ok(blob.id),
            _ => Err(Error::IsFolder(path.clone())),
        }
    }

    /// Finds a file that has content.
    fn file(&self, path: &RepoPath) -> Result<&Entry, Error> {
        let (at, _) = self.canonical(path)?;
        match self.entries.get(&at) {
            Some(entry @ (Entry::File { .. } | Entry::Stored { .. })) => Ok(entry),
            Some(Entry::Large(size)) => Err(Error::TooLarge {
                path: path.clone(),
                size: *size,
            }),
            Some(Entry::Misnamed) => Err(Error::Misnamed(path.clone())),
            Some(Entry::Link(_)) | None => Err(Error::IsFolder(path.clone())),
        }
    }

    /// Returns the names directly in a folder, sorted; bad links are left out.
    ///
    /// # Errors
    /// There is no such folder, it is a file, or a link is bad.
    pub fn list(&self, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, Error> {
        let (at, child) = self.canonical(folder)?;
        if child == Child::File {
            return Err(Error::IsFile(folder.clone()));
        }

        let mut names: Vec<(Box<str>, Child)> = Vec::new();
        for path in self.below(&at) {
            let Some(name) = path.parts().nth(at.parts().count()) else {
                continue;
            };
            if names.last().is_some_and(|(last, _)| **last == *name) {
                continue;
            }
            let Ok(inside) = at.join(name) else { continue };
            let Ok((_, child)) = self.canonical(&inside) else {
                continue;
            };
            names.push((name.into(), child));
        }

        names.sort();
        names.dedup_by(|a, b| a.0 == b.0);
        Ok(names)
    }

    fn below<'a>(&'a self, folder: &'a RepoPath) -> impl Iterator<Item = &'a RepoPath> {
        self.entries
            .range(folder.clone()..)
            .map(|(path, _)| path)
            .take_while(move |path| path.as_str().starts_with(folder.as_str()))
            .filter(move |path| path.is_in(folder))
    }

    fn is_folder(&self, path: &RepoPath) -> bool {
        path.as_str().is_empty() || self.below(path).next().is_some()
    }

    /// Returns whether a part of a path is a link; this is rare.
    fn has_link(&self, path: &RepoPath) -> bool {
        let text = path.as_str();
        let mut parts = text
            .match_indices('/')
            .map(|(end, _)| &text[..end])
            .chain([text]);
        parts.any(|part| matches!(self.entries.get(part), Some(Entry::Link(_))))
    }

    fn follow(
        &self,
        asked: &RepoPath,
        path: &RepoPath,
        budget: &mut usize,
    ) -> Result<RepoPath, Error> {
        if !self.has_link(path) {
            return Ok(path.clone());
        }

        let mut at = RepoPath::root();
        for part in path.parts() {
            let next = at.join(part).map_err(|_| Error::NotFound(asked.clone()))?;
            let Some(Entry::Link(target)) = self.entries.get(&next) else {
                at = next;
                continue;
            };
            *budget = budget
                .checked_sub(1)
                .ok_or_else(|| Error::LinkLoop(asked.clone()))?;
            let target = at.join(target).map_err(|source| Error::Link {
                path: next.clone(),
                target: target.clone(),
                source,
            })?;
            at = self.follow(asked, &target, budget)?;
        }
        Ok(at)
    }
}

impl<P: AsRef<str>, B: AsRef<[u8]>> FromIterator<(P, B)> for Tree {
    /// Builds a tree of plain files for tests and examples; paths that are not valid are left out.
    fn from_iter<I: IntoIterator<Item = (P, B)>>(files: I) -> Self {
        let mut tree = Self::default();
        for (path, bytes) in files {
            let Ok(path) = RepoPath::parse(path.as_ref()) else {
                continue;
            };
            let mut id = [0_u8; 32];
            for (i, byte) in bytes.as_ref().iter().enumerate() {
                id[i % 32] = id[i % 32].rotate_left(3) ^ byte;
            }
            let blob = Blob {
                id,
                bytes: bytes.as_ref().into(),
            };
            tree.insert(
                path,
                Entry::File {
                    blob,
                    executable: false,
                },
            );
        }
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> RepoPath {
        RepoPath::parse(text).unwrap()
    }

    #[test]
    fn a_folder_lists_its_own_names_only() {
        let tree = Tree::from_iter([
            ("a/b.yaml", ""),
            ("a/c/d.yaml", ""),
            ("a-b/x", ""),
            ("top", ""),
        ]);
        let names: Vec<_> = tree.list(&RepoPath::root()).unwrap();
        assert_eq!(
            names,
            [
                ("a".into(), Child::Folder),
                ("a-b".into(), Child::Folder),
                ("top".into(), Child::File)
            ]
        );
        assert_eq!(
            tree.list(&at("a")).unwrap(),
            [("b.yaml".into(), Child::File), ("c".into(), Child::Folder)]
        );
        assert_eq!(tree.list(&at("top")), Err(Error::IsFile(at("top"))));
        assert_eq!(
            tree.list(&at("nothere")),
            Err(Error::NotFound(at("nothere")))
        );
        assert_eq!(tree.read(&at("a")), Err(Error::IsFolder(at("a"))));
    }

    #[test]
    fn links_lead_inside_the_root_or_nowhere() {
        let mut tree = Tree::from_iter([("real/file", "x")]);
        for (name, target) in [
            ("dir", "real"),
            ("deep/up", "../real/file"),
            ("out", "../../etc"),
            ("abs", "/etc"),
        ] {
            tree.insert(at(name), Entry::Link(target.into()));
        }
        assert_eq!(&*tree.read(&at("dir/file")).unwrap().bytes, b"x");
        assert_eq!(&*tree.read(&at("deep/up")).unwrap().bytes, b"x");
        assert!(matches!(tree.read(&at("out")), Err(Error::Link { .. })));
        assert!(matches!(tree.read(&at("abs")), Err(Error::Link { .. })));
    }

    #[test]
    fn a_link_loop_ends() {
        let mut tree = Tree::default();
        tree.insert(at("a"), Entry::Link("b".into()));
        tree.insert(at("b"), Entry::Link("a".into()));
        assert_eq!(tree.read(&at("a")), Err(Error::LinkLoop(at("a"))));
    }

    #[test]
    fn what_lies_elsewhere_is_read_when_it_is_asked_for() {
        #[derive(Debug)]
        struct Disk(&'static str);
        impl Storage for Disk {
            fn read(&self, offset: u64, size: u64) -> Result<Arc<[u8]>, Box<str>> {
                let (offset, size) = (offset as usize, size as usize);
                let bytes = self.0.as_bytes().get(offset..offset + size);
                bytes
                    .map(Into::into)
                    .ok_or_else(|| "the disk is gone".into())
            }
        }
        let stored = |offset| Stored {
            id: [7; 32],
            size: 3,
            offset,
            storage: Arc::new(Disk("onetwo")),
        };
        let mut tree = Tree::default();
        tree.insert(
            at("a"),
            Entry::Stored {
                content: stored(3),
                executable: false,
            },
        );
        tree.insert(
            at("lost"),
            Entry::Stored {
                content: stored(6),
                executable: false,
            },
        );
        assert_eq!(&*tree.read(&at("a")).unwrap().bytes, b"two");
        assert_eq!(tree.id(&at("a")), Ok([7; 32]));
        assert_eq!(
            tree.read(&at("lost")).unwrap_err().to_string(),
            "lost: the disk is gone"
        );
    }

    #[test]
    fn a_file_whose_name_no_path_can_have_is_listed_and_named_when_it_is_read() {
        let mut tree = Tree::from_iter([("a/b.yaml", "")]);
        tree.insert(at("a/Icon\\r"), Entry::Misnamed);
        assert_eq!(tree.list(&at("a")).unwrap().len(), 2);
        let words = "\"a/Icon\\r\": the real name holds a control character or is not UTF-8, so the file was left out";
        assert!(
            tree.read(&at("a/Icon\\r"))
                .unwrap_err()
                .to_string()
                .starts_with(words)
        );
    }

    #[test]
    fn a_large_file_is_named_not_read() {
        let mut tree = Tree::default();
        tree.insert(at("big"), Entry::Large(1 << 30));
        assert_eq!(
            tree.read(&at("big")),
            Err(Error::TooLarge {
                path: at("big"),
                size: 1 << 30
            })
        );
    }
}
