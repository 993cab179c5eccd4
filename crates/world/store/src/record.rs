//! [`Records`]: small values by kind and uid, such as what was last applied.
//!
//! A record is written atomically, is readable only by this user, and is outside of what is served.
//! Losing all of them costs time, never correctness.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::lock::TEMPORARY;
use crate::owner;

/// Largest record, in bytes.
const RECORD_MAX: u64 = 64 << 20;

/// Records below one folder.
#[derive(Debug, Clone)]
pub struct Records {
    root: PathBuf,
}

impl Records {
    /// Opens the records below `root`; folders are created on first use.
    #[must_use]
    pub fn open(root: impl AsRef<Path>) -> Self {
        Self {
            root: root.as_ref().join("records"),
        }
    }

    /// Writes a record, replacing the previous one.
    ///
    /// # Errors
    /// A name is not valid, the record is too large, or an I/O error.
    pub fn put(&self, kind: &str, uid: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(kind, uid)?;
        check_size(bytes)?;
        let folder = self.root.join(kind);
        fs::create_dir_all(&folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(&folder)?;
        file.write_all(bytes)?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    /// Returns a record, or nothing if there is none.
    ///
    /// # Errors
    /// The file is larger than a record may be, or an I/O error.
    pub fn get(&self, kind: &str, uid: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path(kind, uid)?) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(RECORD_MAX + 1).read_to_end(&mut bytes)?;
        check_size(&bytes)?;
        Ok(Some(bytes))
    }

    /// Removes a record; a missing one is not an error.
    ///
    /// # Errors
    /// An I/O error.
    pub fn remove(&self, kind: &str, uid: &str) -> io::Result<()> {
        match fs::remove_file(self.path(kind, uid)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the uids that have a record of a kind.
    ///
    /// # Errors
    /// An I/O error.
    pub fn uids(&self, kind: &str) -> io::Result<Vec<String>> {
        owner::checked(kind).map_err(invalid)?;
        let entries = match fs::read_dir(self.root.join(kind)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
        names
            .filter(|name| {
                name.as_ref()
                    .map_or(true, |name| owner::checked_uid(name).is_ok())
            })
            .collect()
    }

    fn path(&self, kind: &str, uid: &str) -> io::Result<PathBuf> {
        let kind = owner::checked(kind).map_err(invalid)?;
        Ok(self
            .root
            .join(kind)
            .join(owner::checked_uid(uid).map_err(invalid)?))
    }
}

fn invalid(error: owner::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

fn check_size(bytes: &[u8]) -> io::Result<()> {
    if bytes.len() as u64 > RECORD_MAX {
        let text = "record is larger than one may be";
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_record_is_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(folder.path());
        assert_eq!(records.get("apply", "uid-1").unwrap(), None);
        assert_eq!(records.uids("apply").unwrap(), [""; 0]);
        records.put("apply", "uid-1", b"one").unwrap();
        records.put("apply", "uid-1", b"two").unwrap();
        assert_eq!(
            records.get("apply", "uid-1").unwrap().as_deref(),
            Some(&b"two"[..])
        );
        assert_eq!(records.uids("apply").unwrap(), ["uid-1"]);
        records.remove("apply", "uid-1").unwrap();
        records.remove("apply", "uid-1").unwrap();
        assert_eq!(records.get("apply", "uid-1").unwrap(), None);
    }

    #[test]
    fn a_record_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(folder.path());
        records.put("apply", "uid-1", b"one").unwrap();
        let mode = fs::metadata(folder.path().join("records/apply/uid-1"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn names_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(folder.path());
        for name in ["../x", "a/b", "", ".hidden", "a\0"] {
            assert!(
                records.put("apply", name, b"").is_err() && records.put(name, "uid", b"").is_err(),
                "{name:?}"
            );
        }
    }
}
