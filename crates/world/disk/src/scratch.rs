//! [`Scratch`]: a temporary folder that does not outlive its process for long.
//!
//! A process that ends by itself, or by a signal it catches, removes its folder. A killed process
//! cannot; its folder holds credentials of a server that no longer exists. Therefore the name
//! contains the process id, the folder is locked while the process lives, and creating a folder of
//! the same kind removes those that are not locked.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tempfile::TempDir;

/// Accessible by the owner only.
const MODE: u32 = 0o700;
/// A folder of a live process is locked within this time. Until then only its id shows that it is
/// in use; later a process may have the id of a dead one, as in containers, where the first always
/// has the same.
const LOCKED_WITHIN: Duration = Duration::from_mins(1);
/// Attempts to remove a folder, and the pause between them.
const REMOVALS_MAX: u32 = 100;
const REMOVAL_PAUSE: Duration = Duration::from_millis(20);

/// A temporary folder for its owner only, removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    /// Held while the folder is in use, and dropped after the folder is removed.
    _lock: File,
}

impl Scratch {
    /// Creates a folder, and removes those of the same prefix that dead processes left.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn create(prefix: &str) -> io::Result<Self> {
        Self::create_in(&std::env::temp_dir(), prefix)
    }

    fn create_in(above: &Path, prefix: &str) -> io::Result<Self> {
        let name = format!("{prefix}-{}-", std::process::id());
        let folder = tempfile::Builder::new()
            .prefix(&name)
            .permissions(Permissions::from_mode(MODE))
            .tempdir_in(above)?;
        let lock = File::open(folder.path())?;
        lock.lock()?;

        let owner = lock.metadata()?.uid();
        remove_abandoned(above, prefix, owner);
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Returns the folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Scratch {
    /// A thread that still writes into the folder can make the removal fail, so it is retried for a
    /// moment.
    fn drop(&mut self) {
        for _ in 0..REMOVALS_MAX {
            let removed = fs::remove_dir_all(self.folder.path());
            if removed.is_ok() || !self.folder.path().exists() {
                return;
            }
            std::thread::sleep(REMOVAL_PAUSE);
        }
    }
}

/// Removes abandoned folders; what cannot be removed now is left to the next process and is not an
/// error.
fn remove_abandoned(above: &Path, prefix: &str, owner: u32) {
    let Ok(entries) = fs::read_dir(above) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let Some(process) = entry
            .file_name()
            .to_str()
            .and_then(|name| process_of(name, prefix))
        else {
            continue;
        };
        // Links are not followed, and folders of other users are left alone.
        let is_ours = |about: &Metadata| about.is_dir() && about.uid() == owner;
        let Some(about) = entry.metadata().ok().filter(is_ours) else {
            continue;
        };
        if !is_alive(process) || is_old(&about) {
            let _ = remove_unless_locked(&entry.path());
        }
    }
}

fn remove_unless_locked(folder: &Path) -> io::Result<()> {
    let lock = File::open(folder)?;
    match lock.try_lock() {
        Ok(()) => fs::remove_dir_all(folder),
        Err(_) => Ok(()),
    }
}

fn process_of(name: &str, prefix: &str) -> Option<i32> {
    let (process, _) = name
        .strip_prefix(prefix)?
        .strip_prefix('-')?
        .split_once('-')?;
    process.parse().ok().filter(|process| *process > 0)
}

fn is_alive(process: i32) -> bool {
    kill(Pid::from_raw(process), None) != Err(Errno::ESRCH)
}

fn is_old(about: &Metadata) -> bool {
    about
        .modified()
        .ok()
        .and_then(|made| made.elapsed().ok())
        .is_some_and(|age| age > LOCKED_WITHIN)
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::os::unix::fs::symlink;
    use std::time::SystemTime;

    use super::*;

    /// No process has this id: Linux assigns none above 2^22.
    const DEAD: i32 = i32::MAX;

    #[test]
    fn a_folder_is_its_owners_alone_and_goes_with_its_holder() {
        let above = tempfile::tempdir().unwrap();
        let scratch = Scratch::create_in(above.path(), "lode-x").unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            MODE
        );
        assert!(
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(&format!("lode-x-{}-", std::process::id()))
        );
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_process_left_is_removed_by_the_next_and_nothing_else() {
        let above = tempfile::tempdir().unwrap();
        let at = |name: &str| above.path().join(name);
        let left = at(&format!("lode-x-{DEAD}-abc"));
        let others = [
            at(&format!("lode-y-{DEAD}-abc")),
            at("lode-x-notes"),
            at(&format!("lode-x-{}-new", std::process::id())),
            at("elsewhere"),
        ];
        for folder in others.iter().chain([&left]) {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("kubeconfig"), "token").unwrap();
        }
        symlink(at("elsewhere"), at(&format!("lode-x-{DEAD}-link"))).unwrap();

        let _scratch = Scratch::create_in(above.path(), "lode-x").unwrap();
        assert!(!left.exists());
        for folder in others {
            assert!(folder.join("kubeconfig").exists(), "{}", folder.display());
        }
    }

    #[test]
    fn a_folder_in_use_stays_whatever_its_name_and_age_say() {
        let above = tempfile::tempdir().unwrap();
        let held = Scratch::create_in(above.path(), "lode-x").unwrap();
        make_old(held.path());
        let _other = Scratch::create_in(above.path(), "lode-x").unwrap();
        assert!(held.path().exists());
    }

    #[test]
    fn an_old_folder_that_nobody_holds_goes_though_its_id_is_in_use_again() {
        let above = tempfile::tempdir().unwrap();
        let left = above
            .path()
            .join(format!("lode-x-{}-abc", std::process::id()));
        fs::create_dir(&left).unwrap();
        make_old(&left);
        let _scratch = Scratch::create_in(above.path(), "lode-x").unwrap();
        assert!(!left.exists());
    }

    fn make_old(folder: &Path) {
        let times = FileTimes::new().set_modified(SystemTime::now() - 2 * LOCKED_WITHIN);
        File::open(folder).unwrap().set_times(times).unwrap();
    }
}
