//! [`Owner`]: the object that an artifact belongs to, and the resulting folder.

use lode_tree::RepoPath;

/// Longest name, in bytes: what Kubernetes and file systems allow.
const NAME_MAX: usize = 253;

/// Longest uid, in bytes; those of the API server have 36.
const UID_MAX: usize = 64;

/// The object that an artifact belongs to: kind in lower case, namespace, name and uid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    kind: String,
    namespace: String,
    name: String,
    uid: String,
}

/// A name that is not valid as a path segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" cannot be a folder's or file's name in the store")]
pub struct Error(pub String);

impl Owner {
    /// Checks the names and the uid.
    ///
    /// # Errors
    /// A name is not valid as a path segment, or the uid does not have the form of an API server's.
    pub fn new(kind: &str, namespace: &str, name: &str, uid: &str) -> Result<Self, Error> {
        let part = |text: &str| checked(text).map(str::to_owned);
        Ok(Self {
            kind: part(kind)?,
            namespace: part(namespace)?,
            name: part(name)?,
            uid: checked_uid(uid)?.to_owned(),
        })
    }

    /// Returns the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the uid.
    pub(crate) fn uid(&self) -> &str {
        &self.uid
    }

    /// Returns the file name if `path`, which may come from a status, is that of a file of this
    /// owner.
    pub(crate) fn file<'p>(&self, path: &'p str) -> Option<&'p str> {
        let file = path.strip_prefix(&self.folder())?.strip_prefix('/')?;
        checked(file).ok()
    }

    /// Returns the folder below the store's root, with `/` between the parts.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// Checks that a text is a single path segment and not hidden.
pub(crate) fn checked(text: &str) -> Result<&str, Error> {
    let shown = || Error(text.chars().take(80).collect());
    let one = !text.is_empty() && text.len() <= NAME_MAX && !text.starts_with('.');
    let plain = !text.contains(['/', '\\']) && !text.chars().any(char::is_control);
    if one && plain { Ok(text) } else { Err(shown()) }
}

/// Checks that a text has the form of an API server's uid.
pub(crate) fn checked_uid(text: &str) -> Result<&str, Error> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !text.is_empty() && text.len() <= UID_MAX && plain {
        Ok(text)
    } else {
        Err(Error(text.chars().take(80).collect()))
    }
}

/// Splits a path as in status and URLs: kind, namespace, name and file. Returns nothing for
/// anything else.
pub(crate) fn parts(path: &str) -> Option<[String; 4]> {
    let path = RepoPath::parse(path).ok()?;
    let parts: Option<Vec<String>> = path
        .parts()
        .map(|part| checked(part).ok().map(str::to_owned))
        .collect();
    parts?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_visible_part() {
        assert_eq!(
            Owner::new("gitrepository", "default", "a.b", "1")
                .unwrap()
                .folder(),
            "gitrepository/default/a.b"
        );
        for name in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "a\\b",
            "a\0",
            &"x".repeat(300),
        ] {
            assert!(Owner::new("k", "n", name, "1").is_err(), "{name:?}");
        }
        for uid in ["", "..", "a/b", "a.b", "a b", &"x".repeat(65)] {
            assert!(Owner::new("k", "n", "a", uid).is_err(), "{uid:?}");
        }
    }

    #[test]
    fn a_path_is_an_owners_only_below_its_own_folder() {
        let owner = Owner::new("gitrepository", "ns", "a", "1").unwrap();
        assert_eq!(owner.file("gitrepository/ns/a/1.tar.gz"), Some("1.tar.gz"));
        for path in [
            "gitrepository/ns/b/1.tar.gz",
            "gitrepository/ns/a2/1.tar.gz",
            "gitrepository/ns/a/../b/1.tar.gz",
            "gitrepository/ns/a/.owner",
            "gitrepository/ns/a/",
            "gitrepository/ns/a",
            "./gitrepository/ns/a/1.tar.gz",
            "",
        ] {
            assert_eq!(owner.file(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_has_four_parts_below_the_root() {
        let found = parts("ocirepository/ns/name/sha256:12.tar.gz").unwrap();
        assert_eq!(found, ["ocirepository", "ns", "name", "sha256:12.tar.gz"]);
        for path in [
            "a/b/c",
            "a/b/c/d/e",
            "../a/b/c/d",
            "/a/b/c/d",
            "a/b/c/.tmp",
            "a/.b/c/d",
            "",
        ] {
            assert_eq!(parts(path), None, "{path}");
        }
    }
}
