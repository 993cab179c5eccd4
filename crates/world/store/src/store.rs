//! [`Store`]: artifacts on disk and in memory.
//!
//! Input: trees, paths and digests. Output: files below `<root>/artifacts`, and trees again. A file
//! is written under a temporary name and renamed, so a reader sees all of it or nothing.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use lode_spool::Spool;
use lode_stdx::{Digest, digest::Hasher};
use lode_stdx::{
    Lock,
    budget::{self, Budget},
};
use lode_tree::{Entry, RepoPath, Tree};
use tempfile::NamedTempFile;

use crate::archive::{self, ReadError};
use crate::lock::TEMPORARY;
use crate::owner::{self, Owner};
use crate::shared::SharedTrees;

mod collect;
mod link;

/// The file in an owner's folder that contains its uid.
const CLAIM: &str = ".owner";
const CHUNK: usize = 64 << 10;
/// Files whose digest is cached.
const KNOWN_MAX: usize = 20_000;

/// Artifacts below one folder.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// Where unpacked contents go; files there have no names.
    unpacked: PathBuf,
    /// Limits for reading one artifact.
    limits: budget::Limits,
    /// The owners of folders, as far as they were read: uid by folder.
    claims: Lock<HashMap<String, String>>,
    /// Digests of files that have not changed since.
    known: Lock<HashMap<PathBuf, (Stamp, Digest)>>,
    trees: SharedTrees,
}

/// A stored artifact.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its path below the root, as in status and URLs.
    pub path: String,
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// The file's size in bytes.
    pub size: u64,
    /// The artifact's content: the tree without links and large files; empty if it is not a tree.
    pub tree: Arc<Tree>,
    /// Files left out because they are larger than trees hold.
    pub too_large: Vec<RepoPath>,
}

/// Whether a file matches the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has the digest.
    Intact,
    /// It is gone.
    Missing,
    /// It has another digest.
    Changed,
}

/// How many artifacts of one owner are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The newest ones, whatever their age.
    pub records: usize,
    /// All that are younger than this.
    pub ttl: Duration,
}

/// Why an artifact cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk reports an error.
    #[error("artifact store: {0}")]
    Io(#[from] io::Error),
    /// The file name is not valid.
    #[error(transparent)]
    Name(#[from] owner::Error),
    /// No such artifact.
    #[error("artifact \"{0}\" not found")]
    NotFound(String),
    /// The file does not have the expected digest.
    #[error("artifact \"{0}\" does not match its digest")]
    Changed(String),
    /// The file is longer than the caller takes.
    #[error("artifact \"{path}\" is longer than {limit} bytes")]
    TooLong {
        /// The artifact's path.
        path: String,
        /// The limit.
        limit: u64,
    },
    /// The file has the digest, but is not a valid archive.
    #[error("artifact \"{path}\": {source}")]
    Archive {
        /// The artifact's path.
        path: String,
        /// The reason.
        source: ReadError,
    },
}

impl Store {
    /// Opens the store below `root`, creating it if needed.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn open(root: impl AsRef<Path>) -> io::Result<Self> {
        let unpacked = root.as_ref().to_owned();
        let root = unpacked.join("artifacts");
        fs::create_dir_all(&root)?;
        let (claims, known) = (Lock::default(), Lock::default());
        Ok(Self {
            root,
            unpacked,
            limits: archive::BUDGET,
            claims,
            known,
            trees: SharedTrees::default(),
        })
    }

    /// Creates a file beside the artifacts that has no name: it is gone once it is closed.
    ///
    /// # Errors
    /// The disk reports an error.
    pub fn temporary(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.unpacked)
    }

    /// Returns the folder for files that have no name.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        &self.unpacked
    }

    /// Returns a place for the contents of files.
    #[must_use]
    pub fn spool(&self) -> Spool {
        Spool::new(&self.unpacked)
    }

    /// Sets the limits for reading one artifact.
    #[must_use]
    pub fn with_limits(self, limits: budget::Limits) -> Self {
        Self { limits, ..self }
    }

    /// Returns the folder to [`serve`](crate::serve).
    #[must_use]
    pub fn served(&self) -> &Path {
        &self.root
    }

    /// Writes a tree to a file of `owner`, and keeps it in memory for its users.
    ///
    /// # Errors
    /// The file name is not valid, or the disk reports an error.
    pub fn put(&self, owner: &Owner, file: &str, tree: &Tree) -> Result<Stored, Error> {
        let kept = archive::storable(tree);
        let large = tree
            .entries()
            .filter(|(_, entry)| matches!(entry, Entry::Large(_)));
        let too_large = large.map(|(path, _)| path.clone()).collect();

        let stored = self.write(owner, file, |output| archive::write(&kept, output))?;
        let tree = self.trees.get(stored.digest, || Ok::<_, Error>(kept))?;
        Ok(Stored {
            tree,
            too_large,
            ..stored
        })
    }

    /// Writes a file of `owner` as it is, for artifacts that are not trees, such as an index or a chart. The caller
    /// bounds `content`.
    ///
    /// # Errors
    /// The file name is not valid, `content` cannot be read, or the disk reports an error.
    pub fn put_file(
        &self,
        owner: &Owner,
        file: &str,
        content: &mut dyn Read,
    ) -> Result<Stored, Error> {
        self.write(owner, file, |output| io::copy(content, output).map(drop))
    }

    /// Writes a file beside its place, then moves it there. Its tree is left empty.
    fn write(
        &self,
        owner: &Owner,
        file: &str,
        fill: impl FnOnce(&mut Tee<BufWriter<NamedTempFile>>) -> io::Result<()>,
    ) -> Result<Stored, Error> {
        let path = format!("{}/{}", owner.folder(), owner::checked(file)?);
        let folder = self.claim(owner)?;
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(&folder)?;
        let mut output = Tee {
            file: BufWriter::with_capacity(CHUNK, temporary),
            hasher: Hasher::default(),
            size: 0,
        };
        fill(&mut output)?;

        let Tee {
            file: output,
            hasher,
            size,
        } = output;
        let temporary = output
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        let full = folder.join(file);
        let written = temporary.persist(&full).map_err(|error| error.error)?;
        let digest = hasher.finish();
        self.know(full, Stamp::of(&written.metadata()?), digest);
        Ok(Stored {
            path,
            digest,
            size,
            tree: Arc::default(),
            too_large: Vec::new(),
        })
    }

    /// Returns whether a file of `owner` still has its digest. An unchanged file is not read again,
    /// and a file of another owner counts as missing, whatever the status says.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn verify(&self, owner: &Owner, path: &str, digest: Digest) -> Result<Verdict, Error> {
        let Some(full) = self.full(owner, path)? else {
            return Ok(Verdict::Missing);
        };
        let mut file = match File::open(&full) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Verdict::Missing),
            Err(error) => return Err(error.into()),
        };
        let stamp = Stamp::of(&file.metadata()?);
        let known = self.known.lock().get(&full).copied();
        let actual = match known {
            Some((then, actual)) if then == stamp => actual,
            _ => {
                let actual = digest_of(&mut file)?;
                self.know(full, stamp, actual);
                actual
            }
        };
        Ok(if actual == digest {
            Verdict::Intact
        } else {
            Verdict::Changed
        })
    }

    /// Returns the tree of an artifact of `owner` if it is in memory: the result of [`Store::tree`]
    /// without accessing the disk. Knowing only a digest does not give access.
    #[must_use]
    pub fn tree_in_memory(&self, owner: &Owner, path: &str, digest: Digest) -> Option<Arc<Tree>> {
        let full = self.root.join(owner.folder()).join(owner.file(path)?);
        let is_claimed = self
            .claims()
            .get(&owner.folder())
            .is_some_and(|uid| uid == owner.uid());
        let known = self.known.lock().get(&full).copied();
        let is_its = is_claimed && known.is_some_and(|(_, known)| known == digest);
        self.trees.held(digest).filter(|_| is_its)
    }

    /// Returns the tree of an artifact of `owner`, shared with all concurrent users.
    ///
    /// # Errors
    /// There is no such file, it has another digest, is not one of our archives, or exceeds the
    /// limits.
    pub fn tree(&self, owner: &Owner, path: &str, digest: Digest) -> Result<Arc<Tree>, Error> {
        // Also if the tree is in memory: it may be there for another owner.
        match self.verify(owner, path, digest)? {
            Verdict::Intact => {}
            Verdict::Missing => return Err(Error::NotFound(path.to_owned())),
            Verdict::Changed => return Err(Error::Changed(path.to_owned())),
        }
        self.trees.get(digest, || {
            let full = self
                .full(owner, path)?
                .ok_or_else(|| Error::NotFound(path.to_owned()))?;
            let input = BufReader::with_capacity(CHUNK, File::open(full)?);
            let read = archive::read(input, &mut self.spool(), &Budget::new(self.limits));
            read.map_err(|source| Error::Archive {
                path: path.to_owned(),
                source,
            })
        })
    }

    /// Removes one artifact of `owner`; one that is missing, or belongs to another owner, is not an
    /// error.
    ///
    /// # Errors
    /// The disk reports an error.
    pub fn remove(&self, owner: &Owner, path: &str) -> Result<(), Error> {
        let Some(full) = self.full(owner, path)? else {
            return Ok(());
        };
        self.known.lock().remove(&full);
        gone(fs::remove_file(full)).map_err(Error::Io)
    }

    /// Removes all artifacts of an owner.
    ///
    /// # Errors
    /// The disk reports an error.
    pub fn remove_all(&self, owner: &Owner) -> Result<(), Error> {
        self.trees.trim();
        if !self.is_claimed(owner)? {
            return Ok(());
        }
        self.clear(owner)
    }

    /// Drops trees from memory that were not used for a while.
    pub fn trim(&self) {
        self.trees.trim();
    }

    /// Returns the full path of a file that a status may name; nothing unless it is a file of
    /// `owner`.
    pub(crate) fn full(&self, owner: &Owner, path: &str) -> io::Result<Option<PathBuf>> {
        let Some(file) = owner.file(path) else {
            return Ok(None);
        };
        Ok(self
            .is_claimed(owner)?
            .then(|| self.root.join(owner.folder()).join(file)))
    }

    /// Returns whether a folder belongs to this very object, and not to an earlier one of the same
    /// name.
    fn is_claimed(&self, owner: &Owner) -> io::Result<bool> {
        if let Some(uid) = self.claims().get(&owner.folder()) {
            return Ok(uid == owner.uid());
        }
        let uid = match fs::read_to_string(self.root.join(owner.folder()).join(CLAIM)) {
            Ok(uid) => uid,
            // Created by an earlier version, which recorded no owner.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error),
        };
        let is_its = uid == owner.uid();
        self.claims().insert(owner.folder(), uid);
        Ok(is_its)
    }

    /// Creates an owner's folder, and removes what an earlier object of the same name left there.
    fn claim(&self, owner: &Owner) -> io::Result<PathBuf> {
        let folder = self.root.join(owner.folder());
        let is_known = self
            .claims()
            .get(&owner.folder())
            .is_some_and(|uid| uid == owner.uid());
        if is_known && folder.exists() {
            return Ok(folder);
        }
        if !self.is_claimed(owner)? {
            self.clear(owner).map_err(io::Error::other)?;
        }
        fs::create_dir_all(&folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(&folder)?;
        file.write_all(owner.uid().as_bytes())?;
        file.persist(folder.join(CLAIM))
            .map_err(|error| error.error)?;
        self.claims().insert(owner.folder(), owner.uid().to_owned());
        Ok(folder)
    }

    fn clear(&self, owner: &Owner) -> Result<(), Error> {
        let folder = self.root.join(owner.folder());
        self.known
            .lock()
            .retain(|path, _| !path.starts_with(&folder));
        self.claims().remove(&owner.folder());
        gone(fs::remove_dir_all(folder)).map_err(Error::Io)
    }

    fn claims(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.claims.lock()
    }

    fn know(&self, full: PathBuf, stamp: Stamp, digest: Digest) {
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(full, (stamp, digest));
    }
}

/// Detects whether a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// Writes to a file and computes its digest.
struct Tee<W> {
    file: W,
    hasher: Hasher,
    size: u64,
}

impl<W: Write> Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn digest_of(file: &mut File) -> io::Result<Digest> {
    let (mut hasher, mut chunk) = (Hasher::default(), vec![0; CHUNK]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hasher.finish()),
            count => hasher.update(&chunk[..count]),
        }
    }
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            Ok(())
        } else {
            Err(error)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const FOREVER: Duration = Duration::from_hours(1);

    fn tree(text: &str) -> Tree {
        let mut tree = Tree::default();
        let entry = Spool::in_memory().keep(text.into(), false).unwrap();
        tree.insert(RepoPath::parse("apps/web.yaml").unwrap(), entry);
        tree
    }

    fn owner() -> Owner {
        Owner::new("gitrepository", "default", "fleet", "1").unwrap()
    }

    #[test]
    fn what_is_put_is_given_back_from_memory_and_from_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut all = tree("x");
        all.insert(RepoPath::parse("link").unwrap(), Entry::Link("apps".into()));
        all.insert(RepoPath::parse("big").unwrap(), Entry::Large(1 << 30));
        let stored = store.put(&owner(), "1.tar.gz", &all).unwrap();
        assert_eq!(stored.path, "gitrepository/default/fleet/1.tar.gz");
        assert_eq!(stored.too_large, [RepoPath::parse("big").unwrap()]);
        assert!(Arc::ptr_eq(
            &stored.tree,
            &store.tree(&owner(), &stored.path, stored.digest).unwrap()
        ));
        let full = store.served().join(&stored.path);
        assert_eq!(stored.size, fs::metadata(&full).unwrap().len());
        assert_eq!(stored.digest, Digest::of(&fs::read(&full).unwrap()));
        let again = Store::open(folder.path())
            .unwrap()
            .tree(&owner(), &stored.path, stored.digest)
            .unwrap();
        assert_eq!(
            (&*again, again.len()),
            (&*stored.tree, 1),
            "the same ids after a restart"
        );
    }

    #[test]
    fn a_file_is_kept_as_it_is_and_is_no_tree() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let index = b"{\"entries\":{}}";
        let stored = store
            .put_file(&owner(), "index-1.yaml", &mut &index[..])
            .unwrap();
        assert_eq!(stored.path, "gitrepository/default/fleet/index-1.yaml");
        assert_eq!(
            (stored.digest, stored.size),
            (Digest::of(index), index.len() as u64)
        );
        assert_eq!(fs::read(store.served().join(&stored.path)).unwrap(), index);

        let verdict = store.verify(&owner(), &stored.path, stored.digest);
        assert_eq!(verdict.unwrap(), Verdict::Intact);
        let read = store.tree(&owner(), &stored.path, stored.digest);
        assert!(matches!(read, Err(Error::Archive { .. })), "{read:?}");
    }

    #[test]
    fn a_file_that_cannot_be_read_to_its_end_leaves_nothing() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the line was cut"))
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut content = (&b"a beginning"[..]).chain(Broken);
        let error = store.put_file(&owner(), "1.tgz", &mut content).unwrap_err();
        assert!(error.to_string().contains("the line was cut"), "{error}");

        let names = fs::read_dir(store.served().join(owner().folder())).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [CLAIM], "no part of it");
    }

    #[test]
    fn the_same_tree_has_the_same_digest() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let digests: Vec<_> = ["1", "2"]
            .map(|name| store.put(&owner(), name, &tree("x")).unwrap().digest)
            .into_iter()
            .collect();
        assert_eq!(digests[0], digests[1]);
        assert_ne!(
            digests[0],
            store.put(&owner(), "3", &tree("y")).unwrap().digest
        );
    }

    #[test]
    fn a_changed_or_lost_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let stored = store.put(&owner(), "1.tar.gz", &tree("x")).unwrap();
        let verify = || store.verify(&owner(), &stored.path, stored.digest).unwrap();
        assert_eq!(verify(), Verdict::Intact);
        let full = store.served().join(&stored.path);
        fs::write(&full, "other").unwrap();
        assert_eq!(verify(), Verdict::Changed);
        let fresh = Store::open(folder.path()).unwrap();
        assert!(matches!(
            fresh.tree(&owner(), &stored.path, stored.digest),
            Err(Error::Changed(_))
        ));
        fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(verify(), Verdict::Missing);
        assert!(matches!(
            fresh.tree(&owner(), &stored.path, stored.digest),
            Err(Error::NotFound(_))
        ));
        assert_eq!(
            store.put(&owner(), "1.tar.gz", &tree("x")).unwrap().digest,
            stored.digest,
            "it rebuilds itself"
        );
        assert_eq!(verify(), Verdict::Intact);
        for path in ["../../etc/passwd", "/etc/passwd", "a/b/c", ""] {
            assert_eq!(
                store.verify(&owner(), path, stored.digest).unwrap(),
                Verdict::Missing
            );
        }
    }

    #[test]
    fn the_newest_the_young_and_the_current_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let paths: Vec<String> = (0..5_u64)
            .map(|n| {
                let path = store
                    .put(&owner(), &format!("{n}.tar.gz"), &tree("x"))
                    .unwrap()
                    .path;
                let file = File::options()
                    .write(true)
                    .open(store.served().join(&path))
                    .unwrap();
                file.set_modified(SystemTime::now() - FOREVER * 2 + Duration::from_secs(n))
                    .unwrap();
                path
            })
            .collect();
        let young = Retention {
            records: 2,
            ttl: FOREVER * 3,
        };
        assert_eq!(store.collect(&owner(), None, young).unwrap(), [""; 0]);
        let keep = Retention {
            records: 2,
            ttl: FOREVER,
        };
        let mut removed = store.collect(&owner(), Some(&paths[0]), keep).unwrap();
        removed.sort();
        assert_eq!(removed, &paths[1..3]);
        store.remove(&owner(), &paths[0]).unwrap();
        store.remove_all(&owner()).unwrap();
        store.remove_all(&owner()).unwrap();
        assert_eq!(store.collect(&owner(), None, keep).unwrap(), [""; 0]);
    }

    #[test]
    fn a_path_of_somebody_else_opens_and_removes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let private = store.put(&owner(), "1.tar.gz", &tree("private")).unwrap();
        for thief in [
            Owner::new("gitrepository", "other", "fleet", "2").unwrap(),
            Owner::new("gitrepository", "default", "thief", "2").unwrap(),
            Owner::new("gitrepository", "default", "fleet", "2").unwrap(),
        ] {
            assert_eq!(
                store.verify(&thief, &private.path, private.digest).unwrap(),
                Verdict::Missing
            );
            assert!(matches!(
                store.tree(&thief, &private.path, private.digest),
                Err(Error::NotFound(_))
            ));
            assert!(
                store
                    .tree_in_memory(&thief, &private.path, private.digest)
                    .is_none()
            );
            let own = format!("{}/1.tar.gz", thief.folder());
            assert!(
                store.tree_in_memory(&thief, &own, private.digest).is_none(),
                "a digest alone is no key"
            );
            store.remove(&thief, &private.path).unwrap();
            store.remove_all(&thief).unwrap();
            store
                .collect(
                    &thief,
                    None,
                    Retention {
                        records: 0,
                        ttl: Duration::ZERO,
                    },
                )
                .unwrap();
        }
        assert_eq!(
            store
                .verify(&owner(), &private.path, private.digest)
                .unwrap(),
            Verdict::Intact
        );
        assert!(
            store
                .tree_in_memory(&owner(), &private.path, private.digest)
                .is_some()
        );
    }

    #[test]
    fn what_a_gone_object_of_the_same_name_left_is_not_inherited() {
        let folder = tempfile::tempdir().unwrap();
        let old = Store::open(folder.path())
            .unwrap()
            .put(&owner(), "1.tar.gz", &tree("old"))
            .unwrap();
        let store = Store::open(folder.path()).unwrap();
        let next = Owner::new("gitrepository", "default", "fleet", "2").unwrap();
        assert!(matches!(
            store.tree(&next, &old.path, old.digest),
            Err(Error::NotFound(_))
        ));
        let new = store.put(&next, "2.tar.gz", &tree("new")).unwrap();
        assert_eq!(
            store.verify(&next, &new.path, new.digest).unwrap(),
            Verdict::Intact
        );
        assert!(!store.served().join(&old.path).exists());
        store.remove_all(&owner()).unwrap();
        assert_eq!(
            store.verify(&next, &new.path, new.digest).unwrap(),
            Verdict::Intact,
            "the old one's end is over"
        );
    }

    #[test]
    fn what_a_killed_process_left_is_collected() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let stored = store.put(&owner(), "1.tar.gz", &tree("x")).unwrap();
        let left = store.served().join("gitrepository/default/fleet/.tmp-abc");
        fs::write(&left, "half").unwrap();
        store
            .collect(
                &owner(),
                None,
                Retention {
                    records: 1,
                    ttl: Duration::ZERO,
                },
            )
            .unwrap();
        assert!(!left.exists() && store.served().join(stored.path).exists());
    }
}
