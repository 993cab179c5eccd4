//! [`GitCache`]: object stores on disk, one for each URL and credential.
//!
//! A store contains packs and the list of fetched commits. Another secret means another store, so
//! knowing a commit's id never gives access to what someone else fetched. The names of stores are
//! salted digests and reveal no secret. Everything here can be lost at any time and is fetched
//! again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use gix_hash::ObjectId;
use lode_disk::private;
use lode_stdx::{Digest, Lock};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

use crate::remote::Remote;

/// Packs after which a store is cleared.
const PACKS_MAX: usize = 40;
/// Bytes after which a store is cleared.
const STORE_BYTES_MAX: u64 = 1 << 30;
/// Commits a store remembers.
const COMMITS_MAX: usize = 32;
const SALT_BYTES: usize = 32;

/// Object stores below one folder, used by one process at a time.
#[derive(Debug)]
pub struct GitCache {
    folder: PathBuf,
    salt: [u8; SALT_BYTES],
    /// The locks of stores that are in use.
    locks: Lock<HashMap<Digest, Weak<Mutex<()>>>>,
}

/// The right to use one store; released when dropped.
pub(crate) type StoreTurn = OwnedMutexGuard<()>;

impl GitCache {
    /// Opens the folder, creating it if needed.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        let salt = salt(&folder)?;
        Ok(Self {
            folder,
            salt,
            locks: Lock::default(),
        })
    }

    /// Removes stores that were not used for `unused`, and returns their number.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn collect(&self, unused: Duration) -> io::Result<usize> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let Some(key) = path
                .file_name()
                .and_then(|name| format!("sha256:{}", name.to_str()?).parse().ok())
            else {
                continue;
            };
            let Ok(_turn) = self.turn(key).try_lock_owned() else {
                continue;
            };
            let used = fs::metadata(path.join(COMMITS)).and_then(|file| file.modified());
            let age = used
                .ok()
                .and_then(|used| SystemTime::now().duration_since(used).ok());
            if age.is_none_or(|age| age >= unused) && fs::remove_dir_all(&path).is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Waits for the remote's store; returns nothing if it is in use until the deadline.
    pub(crate) async fn store(&self, remote: &Remote, deadline: Instant) -> Option<GitStore> {
        let key = remote.fingerprint(&self.salt);
        let turn = timeout_at(deadline, self.turn(key).lock_owned())
            .await
            .ok()?;
        Some(GitStore {
            folder: self.folder.join(key.hex()),
            unpacked: self.folder.clone(),
            commits: Vec::new(),
            _turn: turn,
        })
    }

    /// Returns a file without a name for incoming data, so that nothing is left behind whatever
    /// happens.
    pub(crate) fn spool(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.folder)
    }

    fn turn(&self, key: Digest) -> Arc<Mutex<()>> {
        let mut locks = self.locks.lock();
        if let Some(lock) = locks.get(&key).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(Mutex::new(()));
        locks.insert(key, Arc::downgrade(&lock));
        lock
    }
}

const COMMITS: &str = "commits";

/// A store that is locked for us. Its methods may block briefly.
pub(crate) struct GitStore {
    folder: PathBuf,
    unpacked: PathBuf,
    /// Commits that are complete but without history, the last fetched at the end.
    pub(crate) commits: Vec<ObjectId>,
    _turn: StoreTurn,
}

impl GitStore {
    /// Creates the folder if needed, cleans it up and reads the list of commits.
    pub(crate) fn open(&mut self) -> io::Result<()> {
        fs::create_dir_all(self.packs())?;
        if self.tidy()? {
            return self.clear();
        }
        let text = fs::read_to_string(self.folder.join(COMMITS)).unwrap_or_default();
        self.commits = text
            .lines()
            .filter_map(|line| ObjectId::from_hex(line.as_bytes()).ok())
            .collect();
        Ok(())
    }

    /// Returns the folder that holds the objects.
    pub(crate) fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }

    /// Returns the folder for unpacked contents; files there have no names.
    pub(crate) fn unpacked(&self) -> &Path {
        &self.unpacked
    }

    /// Returns the folder that holds the packs.
    pub(crate) fn packs(&self) -> PathBuf {
        self.folder.join("objects/pack")
    }

    /// Records that a commit is complete.
    pub(crate) fn remember(&mut self, commit: ObjectId) -> io::Result<()> {
        self.commits
            .retain(|known| *known != commit && known.kind() == commit.kind());
        self.commits.push(commit);
        let surplus = self.commits.len().saturating_sub(COMMITS_MAX);
        self.commits.drain(..surplus);
        let text = self.commits.iter().fold(String::new(), |text, commit| {
            text + &commit.to_string() + "\n"
        });
        private::write(&self.folder.join(COMMITS), text.as_bytes())
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.commits.clear();
        fs::remove_dir_all(&self.folder)?;
        fs::create_dir_all(self.packs())
    }

    /// Removes what a killed process left, and returns whether the store has grown too large.
    fn tidy(&self) -> io::Result<bool> {
        let (mut packs, mut bytes) = (0, 0);
        for entry in fs::read_dir(self.packs())? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !name.starts_with("pack-") || name.ends_with(".keep") {
                fs::remove_file(entry.path())?;
                continue;
            }
            packs += usize::from(name.ends_with(".pack"));
            bytes += entry.metadata()?.len();
        }
        Ok(packs > PACKS_MAX || bytes > STORE_BYTES_MAX)
    }
}

fn salt(folder: &Path) -> io::Result<[u8; SALT_BYTES]> {
    const NAME: &str = "salt";
    let known = fs::read(folder.join(NAME))
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    if let Some(salt) = known {
        return Ok(salt);
    }
    // The standard library's hash keys are the only system randomness available without a
    // dependency.
    let random: Vec<u8> = (0..8)
        .flat_map(|_| RandomState::new().build_hasher().finish().to_le_bytes())
        .collect();
    let salt = *Digest::of(&random).as_bytes();
    private::write(&folder.join(NAME), &salt)?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: &str) -> ObjectId {
        ObjectId::from_hex(digit.repeat(40).as_bytes()).unwrap()
    }

    async fn open(cache: &GitCache, remote: &Remote) -> GitStore {
        let mut store = cache
            .store(remote, Instant::now() + Duration::from_mins(1))
            .await
            .unwrap();
        store.open().unwrap();
        store
    }

    #[tokio::test]
    async fn a_store_remembers_the_last_commits_only() {
        let folder = tempfile::tempdir().unwrap();
        let cache = GitCache::open(folder.path()).unwrap();
        let remote = Remote::new("http://127.0.0.1/x").unwrap();
        open(&cache, &remote).await.remember(commit("1")).unwrap();
        assert_eq!(open(&cache, &remote).await.commits, [commit("1")]);
        for n in 0..COMMITS_MAX {
            let id = ObjectId::from_hex(format!("{n:040x}").as_bytes()).unwrap();
            open(&cache, &remote).await.remember(id).unwrap();
        }
        let commits = &open(&cache, &remote).await.commits;
        assert_eq!(commits.len(), COMMITS_MAX);
        assert!(!commits.contains(&commit("1")));
    }

    #[tokio::test]
    async fn a_store_in_use_is_waited_for_until_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let cache = GitCache::open(folder.path()).unwrap();
        let remote = Remote::new("http://127.0.0.1/x").unwrap();
        let first = open(&cache, &remote).await;
        assert!(cache.store(&remote, Instant::now()).await.is_none());
        drop(first);
        assert!(cache.store(&remote, Instant::now()).await.is_some());
        assert_eq!(cache.locks.lock().len(), 1);
    }

    #[tokio::test]
    async fn the_salt_outlives_the_process_and_the_secret_is_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let mut remote = Remote::new("http://127.0.0.1/x").unwrap();
        remote.credentials = crate::Credentials::Bearer("hunter2".into());
        let first = open(&GitCache::open(folder.path()).unwrap(), &remote)
            .await
            .folder;
        let again = open(&GitCache::open(folder.path()).unwrap(), &remote)
            .await
            .folder;
        assert_eq!(first, again);
        let other = tempfile::tempdir().unwrap();
        let elsewhere = open(&GitCache::open(other.path()).unwrap(), &remote)
            .await
            .folder;
        assert_ne!(
            first.file_name(),
            elsewhere.file_name(),
            "another salt, another name"
        );
    }

    #[tokio::test]
    async fn what_nobody_uses_is_collected() {
        let folder = tempfile::tempdir().unwrap();
        let cache = GitCache::open(folder.path()).unwrap();
        let remote = Remote::new("http://127.0.0.1/x").unwrap();
        open(&cache, &remote).await.remember(commit("1")).unwrap();
        assert_eq!(cache.collect(Duration::from_hours(1)).unwrap(), 0);
        assert_eq!(cache.collect(Duration::ZERO).unwrap(), 1);
    }
}
