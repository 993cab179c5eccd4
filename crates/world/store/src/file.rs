//! Reading artifacts that are one file, such as a chart.

use std::fs::File;
use std::io;

use lode_stdx::{Digest, read};

use crate::owner::Owner;
use crate::store::{Error, Store};

impl Store {
    /// Returns the bytes of an artifact of `owner`, as it was put.
    ///
    /// # Errors
    /// There is no such file, it has another digest, or it is longer than `max` bytes.
    pub fn file(
        &self,
        owner: &Owner,
        path: &str,
        digest: Digest,
        max: u64,
    ) -> Result<Vec<u8>, Error> {
        let Some(full) = self.full(owner, path)? else {
            return Err(Error::NotFound(path.to_owned()));
        };
        let file = match File::open(full) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NotFound(path.to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        let bytes = read::all(file, max).map_err(|error| match error {
            read::Error::Io(error) => Error::Io(error),
            read::Error::TooLong { limit } => Error::TooLong {
                path: path.to_owned(),
                limit,
            },
        })?;
        // What was read is checked, not what is on the disk now.
        if Digest::of(&bytes) == digest {
            Ok(bytes)
        } else {
            Err(Error::Changed(path.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_as_it_was_put() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let owner = Owner::new("helmchart", "default", "web", "u").unwrap();
        let chart = b"a chart";
        let stored = store.put_file(&owner, "web-1.0.0.tgz", &mut &chart[..]);
        let stored = stored.unwrap();
        let file = |digest, max| store.file(&owner, &stored.path, digest, max);

        assert_eq!(file(stored.digest, stored.size).unwrap(), chart);
        let short = file(stored.digest, stored.size - 1);
        assert!(matches!(short, Err(Error::TooLong { .. })), "{short:?}");
        let other = file(Digest::of(b"other"), stored.size);
        assert!(matches!(other, Err(Error::Changed(_))), "{other:?}");
        let absent = store.file(&owner, "helmchart/default/web/none.tgz", stored.digest, 9);
        assert!(matches!(absent, Err(Error::NotFound(_))), "{absent:?}");
    }
}
