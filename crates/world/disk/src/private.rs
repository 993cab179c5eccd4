//! Files that only their owner may read, such as credentials.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Read and written by the owner alone.
const MODE: u32 = 0o600;

/// Writes a file that only its owner may read, even if one existed that others may read.
///
/// The content is written to a new file that replaces the old one, so that neither old permissions
/// nor a process that holds the old file open gives access to it. If no new file can be created (a
/// single mounted file, a read-only folder), the old one is first closed to others and then
/// written. A path that is not a regular file, such as a pipe or `/dev/stdout`, is written as it
/// is.
///
/// # Errors
/// The file cannot be written or made private.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            OpenOptions::new().write(true).open(path)?.write_all(bytes)
        }
        // A link stays, and its target is replaced.
        Ok(_) => {
            let real = fs::canonicalize(path)?;
            replace(&real, bytes).or_else(|_| overwrite(&real, bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => replace(path, bytes),
        Err(error) => Err(error),
    }
}

/// Temporary files are private from the start.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let mut file = tempfile::Builder::new()
        .prefix(".lode-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(MODE)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.set_len(0)?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_that_others_could_read_is_closed_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        for write in [write, |path: &Path, bytes: &[u8]| overwrite(path, bytes)] {
            fs::write(&file, "old and longer").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
            write(&file, b"new").unwrap();
            assert_eq!(
                (fs::read_to_string(&file).unwrap().as_str(), mode(&file)),
                ("new", MODE)
            );
        }
    }

    #[test]
    fn a_new_file_is_private_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        write(&file, b"new").unwrap();
        assert_eq!(mode(&file), MODE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn who_holds_the_old_file_open_does_not_see_the_new_content() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        fs::write(&file, "old").unwrap();
        let mut held = fs::File::open(&file).unwrap();
        write(&file, b"new").unwrap();
        let mut seen = String::new();
        held.read_to_string(&mut seen).unwrap();
        assert_eq!(seen, "old");
    }

    #[test]
    fn a_link_stays_and_a_device_is_written_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        symlink(&file, &link).unwrap();
        write(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            (fs::read_to_string(&file).unwrap().as_str(), mode(&file)),
            ("new", MODE)
        );
        write(Path::new("/dev/null"), b"new").unwrap();
    }
}
