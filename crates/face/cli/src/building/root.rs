//! [`Root`]: the folder that a build's files lie in; neither `..` nor a link leaves it.
//!
//! A repository is content of strangers, and must not read what else is on this machine (the
//! environment of the process, keys, other checkouts). Only the caller can widen the root, with
//! `--root`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::report::Told;

/// The entry that marks the top of a checkout.
const GIT: &str = ".git";

/// The folder that files may be read from, with links resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root(PathBuf);

impl Root {
    /// Finds the root for a folder, both with links resolved: the one given by the user, else the
    /// checkout that contains the folder, else the current folder if it contains it.
    pub(crate) fn find(folder: &Path, said: Option<&Path>) -> anyhow::Result<Option<Self>> {
        if let Some(said) = said {
            return Self::said(folder, said).map(Some);
        }
        let checkout = folder
            .ancestors()
            .find(|above| fs::symlink_metadata(above.join(GIT)).is_ok());
        if let Some(checkout) = checkout {
            return Ok(Some(Self(checkout.to_owned())));
        }
        let current = env::current_dir().and_then(fs::canonicalize).ok();
        Ok(current
            .filter(|current| folder.starts_with(current))
            .map(Self))
    }

    /// Returns a folder as its own root. Its links must be resolved.
    pub(crate) fn of(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    fn said(folder: &Path, said: &Path) -> anyhow::Result<Self> {
        let root = fs::canonicalize(said).with_context(|| format!("--root {}", said.display()))?;
        if !root.is_dir() {
            bail!(Told::new(
                format!("--root {}: is not a folder", said.display()),
                "name a folder that contains PATH"
            ));
        }
        if !folder.starts_with(&root) {
            let message = format!(
                "{} is not inside --root {}",
                folder.display(),
                said.display()
            );
            bail!(Told::new(message, "name a folder that contains PATH"));
        }
        Ok(Self(root))
    }

    /// Returns the folder.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns whether a path lies in the root. Links are not followed.
    pub(super) fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.0)
    }

    /// Returns why a path is not read: it lies outside the root, or a link (given with its target
    /// as written and where that leads) leads outside.
    pub(super) fn refusal(&self, link: Option<(&Path, &Path)>) -> String {
        let root = self.0.display();
        match link {
            Some((target, found)) => format!(
                "symbolic link to \"{}\" leads to \"{}\", outside of \"{root}\"; {HINT}",
                target.display(),
                found.display()
            ),
            None => format!("is outside of \"{root}\"; {HINT}"),
        }
    }
}

const HINT: &str = "--root DIR names the folder that may be read";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        fs::create_dir_all(path.join("work/repository/apps/web")).unwrap();
        (folder, path)
    }

    #[test]
    fn a_folder_of_a_checkout_has_its_top_as_root() {
        let (_folder, path) = folder();
        let (top, web) = (
            path.join("work/repository"),
            path.join("work/repository/apps/web"),
        );
        assert_eq!(
            Root::find(&web, None).unwrap(),
            None,
            "nothing says what belongs together"
        );
        // In a linked worktree `.git` is a file.
        fs::write(top.join(GIT), "gitdir: elsewhere").unwrap();
        assert_eq!(Root::find(&web, None).unwrap(), Some(Root(top.clone())));
        assert_eq!(Root::find(&top, None).unwrap(), Some(Root(top)));
    }

    #[test]
    fn what_the_user_says_wins_and_must_hold_the_folder() {
        let (_folder, path) = folder();
        let web = path.join("work/repository/apps/web");
        fs::create_dir(path.join("work/repository/.git")).unwrap();
        symlink(path.join("work"), path.join("link")).unwrap();
        assert_eq!(
            Root::find(&web, Some(&path.join("link"))).unwrap(),
            Some(Root(path.join("work")))
        );
        let error = Root::find(&path, Some(&web)).unwrap_err().to_string();
        assert!(error.contains("is not inside --root"), "{error}");
        assert!(Root::find(&web, Some(&path.join("none"))).is_err());
    }

    #[test]
    fn the_current_folder_is_the_root_of_what_lies_in_it() {
        let current = env::current_dir().unwrap().canonicalize().unwrap();
        // This crate lies in a checkout, unless it is built from a package.
        let root = Root::find(&current.join("src"), None).unwrap().unwrap();
        assert!(current.starts_with(root.path()));
    }
}
