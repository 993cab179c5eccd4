//! [`Lock`]: restricts a storage folder to one process.
//!
//! Two processes that write the same artifacts and records would remove each other's. The lock is
//! the kernel's, so it ends with its process; what a killed process was writing is removed by the
//! next one that gets the lock.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// Prefix of files that are being written.
pub(crate) const TEMPORARY: &str = ".tmp-";
const NAME: &str = "lock";
/// Depth of folders with our files: `git/STORE/objects/pack`.
const DEPTH_MAX: usize = 4;
/// Bytes read from a lock file: a process id.
const PID_MAX: u64 = 20;

/// The right to use a storage folder; released when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why a storage folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process uses it.
    #[error(
        "storage folder {} is in use by another process (pid {pid}): stop that one, or give this one a --storage-path of its own",
        .folder.display()
    )]
    Taken {
        /// The folder.
        folder: PathBuf,
        /// The process id, if known.
        pid: String,
    },
    /// The disk reports an error.
    #[error("storage folder {}: {source}", .folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// The error.
        source: io::Error,
    },
}

impl Lock {
    /// Locks the folder, creating it if needed, and removes what a killed process left half
    /// written.
    ///
    /// # Errors
    /// Another process uses the folder, or the disk reports an error.
    pub fn take(folder: impl Into<PathBuf>) -> Result<Self, LockError> {
        let folder = folder.into();
        match take(&folder) {
            Ok(Ok(file)) => Ok(Self { _file: file }),
            Ok(Err(pid)) => Err(LockError::Taken { folder, pid }),
            Err(source) => Err(LockError::Io { folder, source }),
        }
    }
}

fn take(folder: &Path) -> io::Result<Result<File, String>> {
    fs::create_dir_all(folder)?;
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join(NAME))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let read = file.take(PID_MAX).read_to_string(&mut pid);
            let is_pid =
                read.is_ok() && !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
            return Ok(Err(if is_pid { pid } else { "unknown".to_owned() }));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }

    file.set_len(0)?;
    file.rewind()?;
    file.write_all(std::process::id().to_string().as_bytes())?;
    sweep(folder, DEPTH_MAX)?;
    Ok(Ok(file))
}

/// Removes half-written files. Links are not followed.
fn sweep(folder: &Path, depth: usize) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            sweep(&entry.path(), depth - 1)?;
        } else if kind.is_file()
            && entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(TEMPORARY.as_bytes())
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_for_one_and_free_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("data");
        let held = Lock::take(&storage).unwrap();
        let refused = Lock::take(&storage).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("(pid {})", std::process::id())),
            "{refused}"
        );
        assert!(refused.contains("--storage-path"), "{refused}");
        drop(held);
        Lock::take(&storage).unwrap();
    }

    #[test]
    fn what_a_killed_process_left_is_removed_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            "records/apply/.tmp-a",
            "artifacts/k/n/o/.tmp-b",
            "git/s/objects/pack/.tmp-c",
            "artifacts/k/n/o/1",
        ];
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "half").unwrap();
        }
        Lock::take(folder.path()).unwrap();
        assert_eq!(
            files.map(|file| folder.path().join(file).exists()),
            [false, false, false, true]
        );
    }
}
