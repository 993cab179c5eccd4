//! [`RepoPath`]: a path below a root, in the only form that Lodestone uses.
//!
//! Input: text from people, Git trees and archives. Output: a relative path with `/` between its
//! parts.

use std::borrow::Borrow;
use std::fmt;

/// Longest path accepted, in bytes (Linux' `PATH_MAX`).
const PATH_MAX: usize = 4096;

/// A path below the root of a [`Tree`](crate::Tree).
///
/// It cannot express an escape: no `..`, no leading `/`, no NUL, no `.git` part. The root itself is the empty path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RepoPath(Box<str>);

/// Why a text is not a [`RepoPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The path leaves its root.
    #[error("path \"{0}\" leaves its root")]
    Escapes(String),
    /// The path is absolute where it must be relative.
    #[error("path \"{0}\" is absolute")]
    Absolute(String),
    /// A part that no tree may contain (`.git`, NUL or a control character).
    #[error("path \"{0}\" contains a part that is not allowed")]
    Forbidden(String),
    /// Longer than any file system allows.
    #[error("path of {0} bytes is longer than {PATH_MAX}")]
    TooLong(usize),
}

impl RepoPath {
    /// Returns the root.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Parses a relative path; `.` and empty parts are removed, `..` must not leave the root.
    ///
    /// # Errors
    /// The path cannot be expressed as a [`RepoPath`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::root().join(text)
    }

    /// Parses a path as users write it in a spec: a leading `/` or `./` means the root.
    ///
    /// # Errors
    /// As [`RepoPath::parse`], except for the leading slash.
    pub fn parse_rooted(text: &str) -> Result<Self, Error> {
        Self::parse(text.trim_start_matches('/'))
    }

    /// Resolves `text` relative to this folder, as `cd` would, inside the root.
    ///
    /// # Errors
    /// The path cannot be expressed as a [`RepoPath`].
    pub fn join(&self, text: &str) -> Result<Self, Error> {
        if text.starts_with('/') {
            return Err(Error::Absolute(text.to_owned()));
        }
        if self.0.len() + text.len() > PATH_MAX {
            return Err(Error::TooLong(self.0.len() + text.len()));
        }
        let mut parts: Vec<&str> = self.parts().collect();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or_else(|| Error::Escapes(text.to_owned()))?;
                }
                part if forbidden(part) => return Err(Error::Forbidden(text.to_owned())),
                part => parts.push(part),
            }
        }
        Ok(Self(parts.join("/").into()))
    }

    /// Returns the path as text, with `/` between the parts; the root is the empty text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the parts from the root down.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// Returns the last part, or the empty text for the root.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the folder that contains this path; the root has none.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        Some(Self(
            self.0
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder)
                .into(),
        ))
    }

    /// Returns whether this is `folder` or lies anywhere below it.
    #[must_use]
    pub fn is_in(&self, folder: &Self) -> bool {
        folder.0.is_empty()
            || self
                .0
                .strip_prefix(&*folder.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Paths compare as their texts do.
impl Borrow<str> for RepoPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

/// Returns whether Git forbids a name in a checkout; file-system variants that Lodestone never
/// writes are not checked.
fn forbidden(part: &str) -> bool {
    part.eq_ignore_ascii_case(".git") || part.chars().any(char::is_control)
}

/// Removes `.` and, as far as possible, `..` from a relative path; the empty path is the folder itself.
///
/// The result may begin with `..`: only a [`RepoPath`] is known to stay below its root.
#[must_use]
pub fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_resolve_inside_the_root() {
        for (from, text, want) in [
            ("", "./a//b/", "a/b"),
            ("a/b", "../c", "a/c"),
            ("a", "..", ""),
            ("", ".", ""),
            ("a", "b/../../c", "c"),
        ] {
            assert_eq!(
                RepoPath::parse(from).unwrap().join(text).unwrap().as_str(),
                want,
                "{from} + {text}"
            );
        }
    }

    #[test]
    fn an_escape_cannot_be_said() {
        for text in ["..", "a/../..", "../etc"] {
            assert_eq!(RepoPath::parse(text), Err(Error::Escapes(text.to_owned())));
        }
        assert_eq!(
            RepoPath::parse("/etc"),
            Err(Error::Absolute("/etc".to_owned()))
        );
        assert!(matches!(
            RepoPath::parse("a/.GIT/config"),
            Err(Error::Forbidden(_))
        ));
        assert!(matches!(RepoPath::parse("a\0b"), Err(Error::Forbidden(_))));
        assert!(matches!(
            RepoPath::parse(&"a/".repeat(4096)),
            Err(Error::TooLong(_))
        ));
    }

    #[test]
    fn a_folder_holds_itself_and_what_is_below() {
        let at = |text| RepoPath::parse(text).unwrap();
        assert!(
            at("a/b").is_in(&at("a"))
                && at("a").is_in(&at("a"))
                && at("a").is_in(&RepoPath::root())
        );
        assert!(!at("ab").is_in(&at("a")));
        assert_eq!(at("a/b").parent(), Some(at("a")));
        assert_eq!(RepoPath::root().parent(), None);
    }
}
