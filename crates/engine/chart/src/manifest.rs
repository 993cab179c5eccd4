//! Manifests: rendered files split into objects, sorted into hooks and the rest.

mod head;
mod known_files;
mod manifest_text;
mod order;
mod sort;
mod split;

pub use head::{HeadError, ManifestHead};
pub(crate) use known_files::{KnownFiles, known_files};
pub use manifest_text::ManifestText;
pub use order::{INSTALL_ORDER, UNINSTALL_ORDER, by_kind};
pub(crate) use sort::{Files, sort};
pub use sort::{ManifestError, Sorted};
pub use split::split;

use std::fmt;

/// One object of a release, as rendered.
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Path of its template, which begins with the chart's name.
    pub path: String,
    /// The object as YAML; it may be a comment only.
    pub content: ManifestText,
    /// What it says about itself.
    pub head: ManifestHead,
}

impl Manifest {
    /// Returns whether the object stays when it is no longer in the release.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        let policy = self.head.annotations.get(RESOURCE_POLICY);
        policy.is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
    }
}

/// The annotation that protects an object from deletion.
pub const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// Returns manifests as one text, as records contain it and Helm shows it.
#[must_use]
pub fn text(manifests: &[Manifest]) -> String {
    let mut text = String::new();
    for manifest in manifests {
        show(&manifest.path, &manifest.content, &mut text);
    }
    text
}

/// What a document begins with: the path of its file follows.
pub(crate) const SOURCE: &str = "---\n# Source: ";

/// Appends a document with the path of its file, as Helm shows it.
pub fn show(path: &str, content: &str, into: &mut String) {
    for part in [SOURCE, path, "\n", content, "\n"] {
        into.push_str(part);
    }
}

/// Without the content, which may be secret.
impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("path", &self.path)
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}
