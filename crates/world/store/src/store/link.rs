//! [`Store::link`]: a name that always leads to the newest artifact.
//!
//! It is a second name of the same file, not a symbolic link: the server follows none.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{Error, Store};
use crate::lock::TEMPORARY;
use crate::owner::{self, Owner};

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
}

/// Returns which file a name leads to.
pub(super) fn inode(path: &Path) -> io::Result<Option<u64>> {
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
