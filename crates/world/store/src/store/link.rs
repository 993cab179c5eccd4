//! [`Store::link`]: a name that always leads to the newest artifact.
//!
//! It is a second name of the same file, not a symbolic link: the server follows none.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

use super::{CLAIM, Error, Store};
use crate::lock::TEMPORARY;
use crate::owner::{self, Owner};

/// When a file was written, its name and its path.
type Listed = (SystemTime, String, String);

impl Store {
    /// Makes `name` lead to an artifact of `owner`, whatever it led to before.
    ///
    /// # Errors
    /// There is no such artifact, the name is not valid, or the disk reports an error.
    pub fn link(&self, owner: &Owner, path: &str, name: &str) -> Result<(), Error> {
        let folder = self.root.join(owner.folder());
        let full = self.full(owner, path)?;
        let full = full.ok_or_else(|| Error::NotFound(path.to_owned()))?;
        let place = folder.join(owner::checked(name)?);
        let artifact = inode(&full)?.ok_or_else(|| Error::NotFound(path.to_owned()))?;
        if inode(&place)? == Some(artifact) {
            return Ok(());
        }

        // A link cannot replace a file, but a rename can.
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .make_in(&folder, |temporary| fs::hard_link(&full, temporary))?;
        temporary.persist(place).map_err(|error| error.error)?;
        Ok(())
    }

    /// Returns time, name and path of the files of `owner`, without other names of the artifact `current`.
    pub(super) fn listed(
        &self,
        owner: &Owner,
        current: Option<&str>,
    ) -> Result<Vec<Listed>, Error> {
        let entries = match fs::read_dir(self.root.join(owner.folder())) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let linked = self.linked(owner, current)?;
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let metadata = entry.metadata()?;
            let path = format!("{}/{name}", owner.folder());
            let is_current = current == Some(path.as_str());
            if name == CLAIM || !is_current && linked == Some(metadata.ino()) {
                continue;
            }
            files.push((metadata.modified()?, name, path));
        }
        Ok(files)
    }

    /// Returns the inode of an artifact, by which its other names are known.
    fn linked(&self, owner: &Owner, path: Option<&str>) -> io::Result<Option<u64>> {
        let full = path.map(|path| self.full(owner, path)).transpose()?;
        full.flatten().map_or(Ok(None), |full| inode(&full))
    }
}

/// Returns which file a name leads to.
fn inode(path: &Path) -> io::Result<Option<u64>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Retention;

    const ONE: Retention = Retention {
        records: 1,
        ttl: Duration::ZERO,
    };

    fn owner() -> Owner {
        Owner::new("toy", "ns", "a", "1").unwrap()
    }

    fn put(store: &Store, file: &str) -> String {
        let content = &mut file.as_bytes();
        store.put_file(&owner(), file, content).unwrap().path
    }

    fn read(store: &Store, name: &str) -> Option<String> {
        let path = store.served().join(owner().folder()).join(name);
        fs::read_to_string(path).ok()
    }

    #[test]
    fn a_name_leads_to_the_newest_artifact() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for file in ["one", "two"] {
            let path = put(&store, file);
            store.link(&owner(), &path, "latest").unwrap();
            store.link(&owner(), &path, "latest").unwrap();
            assert_eq!(read(&store, "latest").as_deref(), Some(file));
        }
        let names = fs::read_dir(store.served().join(owner().folder())).unwrap();
        assert_eq!(names.count(), 4, "two artifacts, the name and the claim");
    }

    #[test]
    fn the_name_stays_as_long_as_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for file in ["one", "two"] {
            let path = put(&store, file);
            store.link(&owner(), &path, "latest").unwrap();
            let removed = store.collect(&owner(), Some(&path), ONE).unwrap();
            assert_eq!(removed.len(), usize::from(file == "two"));
            assert_eq!(read(&store, "latest").as_deref(), Some(file));
        }
        assert_eq!(read(&store, "one"), None);
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let path = put(&store, "one");
        let missing = "toy/ns/a/two";
        let foreign = "toy/ns/b/one";
        assert!(store.link(&owner(), missing, "latest").is_err());
        assert!(store.link(&owner(), foreign, "latest").is_err());
        for name in ["../up", ".owner", "a/b", ""] {
            assert!(store.link(&owner(), &path, name).is_err(), "{name}");
        }
    }
}
