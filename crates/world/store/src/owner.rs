//! [`Owner`]: the object an artifact belongs to, and the folder that follows from it.

use std::path::PathBuf;

use lode_tree::RepoPath;

/// Longest name, in bytes: what Kubernetes and file systems take.
const NAME_MAX: usize = 253;

/// The object an artifact belongs to: kind in lower case, namespace, name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    kind: String,
    namespace: String,
    name: String,
}

/// A name that cannot be one part of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" cannot be a folder's or file's name in the store")]
pub struct Error(pub String);

impl Owner {
    /// Checks the three names.
    ///
    /// # Errors
    /// A name that cannot be one part of a path.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Result<Self, Error> {
        let part = |text: &str| checked(text).map(str::to_owned);
        Ok(Self { kind: part(kind)?, namespace: part(namespace)?, name: part(name)? })
    }

    /// Returns the folder below the store's root, parts separated by `/`.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// Checks that a text is one visible part of a path.
pub(crate) fn checked(text: &str) -> Result<&str, Error> {
    let shown = || Error(text.chars().take(80).collect());
    let one = !text.is_empty() && text.len() <= NAME_MAX && !text.starts_with('.');
    let plain = !text.contains(['/', '\\']) && !text.chars().any(char::is_control);
    if one && plain { Ok(text) } else { Err(shown()) }
}

/// Splits a path as status and URLs show it: kind, namespace, name and file. Returns nothing for what no artifact can
/// have.
pub(crate) fn parts(path: &str) -> Option<[String; 4]> {
    let path = RepoPath::parse(path).ok()?;
    let parts: Option<Vec<String>> = path.parts().map(|part| checked(part).ok().map(str::to_owned)).collect();
    parts?.try_into().ok()
}

/// Turns a path as status and URLs show it into one on disk; nothing for what no artifact can have.
pub(crate) fn below(root: &std::path::Path, path: &str) -> Option<PathBuf> {
    let mut full = root.to_owned();
    full.extend(parts(path)?);
    Some(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_visible_part() {
        assert_eq!(Owner::new("gitrepository", "default", "a.b").unwrap().folder(), "gitrepository/default/a.b");
        for name in ["", ".", "..", ".hidden", "a/b", "a\\b", "a\0", &"x".repeat(300)] {
            assert!(Owner::new("k", "n", name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_path_has_four_parts_below_the_root() {
        let root = std::path::Path::new("/data");
        let full = below(root, "ocirepository/ns/name/sha256:12.tar.gz").unwrap();
        assert_eq!(full, std::path::Path::new("/data/ocirepository/ns/name/sha256:12.tar.gz"));
        for path in ["a/b/c", "a/b/c/d/e", "../a/b/c/d", "/a/b/c/d", "a/b/c/.tmp", "a/.b/c/d", ""] {
            assert_eq!(below(root, path), None, "{path}");
        }
    }
}
