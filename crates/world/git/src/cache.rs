//! [`Cache`]: object stores on disk, one for each URL and credential.
//!
//! A store holds packs and the list of commits fetched. Whoever asks with another secret gets another store, so a
//! commit's id never opens what somebody else was shown. Names of stores are salted: they tell nothing of a secret.
//! Everything here can be lost at any time and is fetched again.

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use gix_hash::ObjectId;
use lode_stdx::Digest;

use crate::remote::Remote;

/// Packs a store may hold before it starts anew.
const PACKS_MAX: usize = 40;
/// Bytes a store may hold before it starts anew.
const STORE_BYTES_MAX: u64 = 1 << 30;
/// Commits a store remembers.
const COMMITS_MAX: usize = 32;
const SALT_BYTES: usize = 32;

/// Object stores below one folder. One process uses a folder at a time.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    salt: [u8; SALT_BYTES],
    busy: Mutex<HashSet<Digest>>,
    freed: Condvar,
}

impl Cache {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        let salt = salt(&folder)?;
        Ok(Self { folder, salt, busy: Mutex::default(), freed: Condvar::new() })
    }

    /// Removes stores that nobody used for `unused`, and returns how many.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn collect(&self, unused: Duration) -> io::Result<usize> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let Some(key) = path.file_name().and_then(|name| format!("sha256:{}", name.to_str()?).parse().ok()) else {
                continue;
            };
            let Some(_turn) = self.turn(key, Instant::now()) else { continue };
            let used = fs::metadata(path.join(COMMITS)).and_then(|file| file.modified());
            let age = used.ok().and_then(|used| SystemTime::now().duration_since(used).ok());
            if age.is_none_or(|age| age >= unused) && fs::remove_dir_all(&path).is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Waits for the remote's store; nothing when it stays in use until the deadline.
    pub(crate) fn store(&self, remote: &Remote, deadline: Instant) -> Option<io::Result<Store<'_>>> {
        let key = remote.fingerprint(&self.salt);
        let turn = self.turn(key, deadline)?;
        Some(Store::open(self.folder.join(key.hex()), turn))
    }

    fn turn(&self, key: Digest, deadline: Instant) -> Option<Turn<'_>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        while !busy.insert(key) {
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            busy = self.freed.wait_timeout(busy, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(Turn { cache: self, key })
    }
}

/// The right to use one store; given back when dropped.
pub(crate) struct Turn<'c> {
    cache: &'c Cache,
    key: Digest,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.cache.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        self.cache.freed.notify_all();
    }
}

const COMMITS: &str = "commits";

/// One store, ours for now.
pub(crate) struct Store<'c> {
    folder: PathBuf,
    /// Commits held whole but without their history, the last fetched at the end.
    pub(crate) commits: Vec<ObjectId>,
    _turn: Turn<'c>,
}

impl<'c> Store<'c> {
    fn open(folder: PathBuf, turn: Turn<'c>) -> io::Result<Self> {
        let mut store = Self { folder, commits: Vec::new(), _turn: turn };
        fs::create_dir_all(store.packs())?;
        if store.tidy()? {
            store.clear()?;
            return Ok(store);
        }
        let text = fs::read_to_string(store.folder.join(COMMITS)).unwrap_or_default();
        store.commits = text.lines().filter_map(|line| ObjectId::from_hex(line.as_bytes()).ok()).collect();
        Ok(store)
    }

    /// Returns the folder that holds the objects.
    pub(crate) fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }

    /// Returns the folder that holds the packs.
    pub(crate) fn packs(&self) -> PathBuf {
        self.folder.join("objects/pack")
    }

    /// Remembers that a commit is held whole.
    pub(crate) fn remember(&mut self, commit: ObjectId) -> io::Result<()> {
        self.commits.retain(|known| *known != commit && known.kind() == commit.kind());
        self.commits.push(commit);
        let surplus = self.commits.len().saturating_sub(COMMITS_MAX);
        self.commits.drain(..surplus);
        let text = self.commits.iter().fold(String::new(), |text, commit| text + &commit.to_string() + "\n");
        write_private(&self.folder, COMMITS, text.as_bytes())
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.commits.clear();
        fs::remove_dir_all(&self.folder)?;
        fs::create_dir_all(self.packs())
    }

    /// Removes what a killed process left, and tells whether the store has grown too large.
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
    let known = fs::read(folder.join(NAME)).ok().and_then(|bytes| bytes.try_into().ok());
    if let Some(salt) = known {
        return Ok(salt);
    }
    // The standard library's hash keys are the one source of randomness from the system that needs no dependency.
    let random: Vec<u8> = (0..8).flat_map(|_| RandomState::new().build_hasher().finish().to_le_bytes()).collect();
    let salt = *Digest::of(&random).as_bytes();
    write_private(folder, NAME, &salt)?;
    Ok(salt)
}

/// Writes a file that only we can read, at once or not at all.
fn write_private(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(folder.join(name))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: &str) -> ObjectId {
        ObjectId::from_hex(digit.repeat(40).as_bytes()).unwrap()
    }

    #[test]
    fn a_store_remembers_the_last_commits_only() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let remote = Remote::new("http://127.0.0.1/x").unwrap();
        let open = || cache.store(&remote, Instant::now()).unwrap().unwrap();
        open().remember(commit("1")).unwrap();
        assert_eq!(open().commits, [commit("1")]);
        for n in 0..COMMITS_MAX {
            open().remember(ObjectId::from_hex(format!("{n:040x}").as_bytes()).unwrap()).unwrap();
        }
        assert_eq!(open().commits.len(), COMMITS_MAX);
        assert!(!open().commits.contains(&commit("1")));
    }

    #[test]
    fn a_store_in_use_is_waited_for_until_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let remote = Remote::new("http://127.0.0.1/x").unwrap();
        let first = cache.store(&remote, Instant::now()).unwrap().unwrap();
        assert!(cache.store(&remote, Instant::now()).is_none());
        drop(first);
        assert!(cache.store(&remote, Instant::now()).is_some());
    }

    #[test]
    fn the_salt_outlives_the_process_and_the_secret_is_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let mut remote = Remote::new("http://127.0.0.1/x").unwrap();
        remote.credentials = crate::Credentials::Bearer("hunter2".into());
        let name = || {
            let cache = Cache::open(folder.path()).unwrap();
            cache.store(&remote, Instant::now()).unwrap().unwrap().folder
        };
        assert_eq!(name(), name());
        let other = tempfile::tempdir().unwrap();
        let cache = Cache::open(other.path()).unwrap();
        let elsewhere = cache.store(&remote, Instant::now()).unwrap().unwrap().folder;
        assert_ne!(name().file_name(), elsewhere.file_name(), "another salt, another name");
    }

    #[test]
    fn what_nobody_uses_is_collected() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let remote = Remote::new("http://127.0.0.1/x").unwrap();
        cache.store(&remote, Instant::now()).unwrap().unwrap().remember(commit("1")).unwrap();
        assert_eq!(cache.collect(Duration::from_hours(1)).unwrap(), 0);
        assert_eq!(cache.collect(Duration::ZERO).unwrap(), 1);
    }
}
