//! A local folder as a [`Tree`], within bounds.
//!
//! Left out, as in an artifact: symbolic links, the folder `.git`, and everything that is not a
//! regular file. A file whose name no path can hold (control characters, not UTF-8) is left out
//! with a warning.

use std::fs::{self, DirEntry};
use std::path::Path;

use anyhow::{Context as _, bail};
use lode_disk::regular;
use lode_stdx::{Digest, read};
use lode_tree::{Blob, Entry, RepoPath, Tree};

use crate::output;

/// Size up to which a file is read into the tree; of a larger one only the size is known.
const FILE_MAX: u64 = 32 << 20;
/// Most bytes of all files together.
const TOTAL_MAX: u64 = 768 << 20;
/// Most files.
const FILES_MAX: usize = 400_000;
/// Deepest nesting of folders.
const DEPTH_MAX: usize = 64;

/// Reads a folder.
pub(crate) fn read(root: &Path) -> anyhow::Result<Tree> {
    let mut reader = FolderReader {
        tree: Tree::default(),
        bytes: 0,
    };
    reader.folder(root, &RepoPath::root(), 0)?;
    Ok(reader.tree)
}

struct FolderReader {
    tree: Tree,
    bytes: u64,
}

impl FolderReader {
    fn folder(&mut self, folder: &Path, at: &RepoPath, depth: usize) -> anyhow::Result<()> {
        if depth > DEPTH_MAX {
            bail!(
                "{}: folders are nested deeper than {DEPTH_MAX}",
                folder.display()
            );
        }
        let step = || format!("read folder {}", folder.display());
        for child in fs::read_dir(folder).with_context(step)? {
            self.child(&child.with_context(step)?, at, depth)?;
        }
        Ok(())
    }

    fn child(&mut self, child: &DirEntry, at: &RepoPath, depth: usize) -> anyhow::Result<()> {
        let (path, kind) = (
            child.path(),
            child
                .file_type()
                .with_context(|| format!("read {}", child.path().display()))?,
        );
        if child.file_name() == ".git" || !(kind.is_dir() || kind.is_file()) {
            return Ok(());
        }
        let name = child.file_name();
        let Some(inside) = name.to_str().and_then(|name| at.join(name).ok()) else {
            output::talk(&format!(
                "warning: {} is left out: the name is not allowed in a source",
                path.display()
            ));
            return Ok(());
        };
        if kind.is_dir() {
            self.folder(&path, &inside, depth + 1)
        } else {
            self.file(&path, inside)
        }
    }

    fn file(&mut self, path: &Path, inside: RepoPath) -> anyhow::Result<()> {
        let step = || format!("read {}", path.display());
        let file = regular::open(path).with_context(step)?;
        let size = file.metadata().with_context(step)?.len();
        if self.tree.len() >= FILES_MAX {
            bail!("the folder holds more than {FILES_MAX} files");
        }
        if size > FILE_MAX {
            self.tree.insert(inside, Entry::Large(size));
            return Ok(());
        }
        self.bytes += size;
        if self.bytes > TOTAL_MAX {
            bail!("the folder holds more than {TOTAL_MAX} bytes");
        }
        let bytes = read::all(file, FILE_MAX).with_context(step)?;
        let blob = Blob {
            id: *Digest::of(&bytes).as_bytes(),
            bytes: bytes.into(),
        };
        self.tree.insert(
            inside,
            Entry::File {
                blob,
                executable: false,
            },
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn a_checkout_is_read_without_git_links_pipes_and_odd_names() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("a.yaml", "a"),
            ("apps/web/b.yaml", "b"),
            (".git/config", "c"),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        std::os::unix::fs::symlink("/etc", folder.path().join("out")).unwrap();
        nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let bytes = std::ffi::OsStr::from_bytes(b"no\xfftext");
        for name in [std::ffi::OsStr::new("Icon\r"), bytes] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let tree = read(folder.path()).unwrap();
        let paths: Vec<_> = tree.entries().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["a.yaml", "apps/web/b.yaml"]);
        assert_eq!(
            &*tree
                .read(&RepoPath::parse("apps/web/b.yaml").unwrap())
                .unwrap()
                .bytes,
            b"b"
        );
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = read(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(error.to_string(), "read folder /nowhere/at/all");
    }

    #[test]
    fn a_large_file_is_known_by_its_size() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("big"))
            .unwrap()
            .set_len(FILE_MAX + 1)
            .unwrap();
        let tree = read(folder.path()).unwrap();
        assert_eq!(
            tree.entries().next().unwrap().1,
            &Entry::Large(FILE_MAX + 1)
        );
    }
}
