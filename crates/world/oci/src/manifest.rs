//! [`Manifest`]: what an artifact consists of.
//!
//! Input: the JSON of a manifest or of an index. Output: layers and annotations; from an index, the manifest for the
//! platform that all tools take for granted.

use std::collections::BTreeMap;

use lode_stdx::Digest;
use serde::Deserialize;

/// Media types of manifests and indexes, in the order of preference.
pub(crate) const ACCEPTED: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
/// Largest manifest read, in bytes: what the specification asks registries to take.
pub(crate) const MANIFEST_MAX: u64 = 4 << 20;
/// Most layers of a manifest, and most manifests of an index.
const PARTS_MAX: usize = 10_000;

/// What an artifact consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The configuration; an artifact that needs none has an empty one.
    #[serde(default)]
    pub config: Option<Descriptor>,
    /// The contents.
    #[serde(default, deserialize_with = "or_default")]
    pub layers: Vec<Descriptor>,
    /// What its maker says of it.
    #[serde(default, deserialize_with = "or_default")]
    pub annotations: BTreeMap<Box<str>, Box<str>>,
}

/// One blob of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The type of its content.
    #[serde(default)]
    pub media_type: Box<str>,
    /// Its digest, as it is written.
    pub digest: Box<str>,
    /// Its size in bytes.
    pub size: u64,
}

/// What a registry has under a name.
pub(crate) enum ManifestDocument {
    Manifest(Manifest),
    /// An index; the digest of the manifest for our platform, if it has one.
    Index(Option<Box<str>>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageIndex {
    #[serde(default, deserialize_with = "or_default")]
    manifests: Vec<Child>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Child {
    digest: Box<str>,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: Box<str>,
    #[serde(default)]
    os: Box<str>,
}

/// What a document may be; its own word for it counts more than that of the answer's header.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentKind {
    #[serde(default)]
    media_type: Option<Box<str>>,
    #[serde(default)]
    manifests: Option<serde::de::IgnoredAny>,
}

impl ManifestDocument {
    /// Reads a document, given the type that the answer's header says; nothing if it is neither of both.
    pub(crate) fn read(json: &[u8], header: &str) -> Option<Self> {
        // A list would be read as the fields in order.
        if !json.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        let kind: DocumentKind = serde_json::from_slice(json).ok()?;
        let said = kind.media_type.as_deref().unwrap_or(header);
        let is_index =
            said.contains("index") || said.contains("manifest.list") || kind.manifests.is_some();
        if is_index {
            let index: ImageIndex = serde_json::from_slice(json).ok()?;
            let fits = index.manifests.len() <= PARTS_MAX;
            let mut ours = index.manifests.into_iter().filter(Child::is_ours);
            return fits.then(|| Self::Index(ours.next().map(|child| child.digest)));
        }
        let manifest: Manifest = serde_json::from_slice(json).ok()?;
        (manifest.layers.len() <= PARTS_MAX).then_some(Self::Manifest(manifest))
    }
}

impl Child {
    /// A manifest without a platform is for all.
    fn is_ours(&self) -> bool {
        let platform = self.platform.as_ref();
        platform.is_none_or(|it| &*it.os == "linux" && &*it.architecture == "amd64")
    }
}

impl Descriptor {
    /// Returns the digest.
    ///
    /// # Errors
    /// It is not a SHA-256.
    pub fn digest(&self) -> Result<Digest, lode_stdx::digest::Error> {
        self.digest.parse()
    }
}

/// Reads a field; null counts as none.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(json: &str) -> Manifest {
        match ManifestDocument::read(json.as_bytes(), ACCEPTED[0]) {
            Some(ManifestDocument::Manifest(manifest)) => manifest,
            _ => panic!("{json} is no manifest"),
        }
    }

    fn child(json: &str, header: &str) -> Option<Box<str>> {
        match ManifestDocument::read(json.as_bytes(), header) {
            Some(ManifestDocument::Index(child)) => child,
            _ => panic!("{json} is no index"),
        }
    }

    #[test]
    fn layers_and_annotations_are_read() {
        let read = manifest(
            r#"{"schemaVersion": 2, "config": {"mediaType": "c", "digest": "sha256:0", "size": 2},
                "layers": [{"mediaType": "l", "digest": "sha256:1", "size": 3, "urls": ["http://x"]}],
                "annotations": {"a": "b"}}"#,
        );
        assert_eq!((&*read.layers[0].media_type, read.layers[0].size), ("l", 3));
        assert_eq!(read.annotations.len(), 1);
        assert_eq!(
            manifest(r#"{"annotations": null, "layers": null}"#),
            Manifest::default()
        );
    }

    #[test]
    fn an_index_leads_to_the_manifest_of_our_platform() {
        let json = r#"{"manifests": [
            {"digest": "sha256:1", "platform": {"os": "linux", "architecture": "arm64"}},
            {"digest": "sha256:2", "platform": {"os": "linux", "architecture": "amd64"}},
            {"digest": "sha256:3"}
        ]}"#;
        assert_eq!(child(json, "").as_deref(), Some("sha256:2"));
        let bare = r#"{"manifests": [{"digest": "sha256:3"}]}"#;
        assert_eq!(child(bare, "").as_deref(), Some("sha256:3"));
        assert_eq!(child("{}", ACCEPTED[2]), None);
        assert_eq!(
            child(
                r#"{"mediaType": "application/vnd.oci.image.index.v1+json"}"#,
                ""
            ),
            None
        );
    }

    #[test]
    fn what_is_neither_is_refused() {
        for json in [
            "",
            "[]",
            r#"{"layers": [1]}"#,
            r#"{"layers": [{"digest": "x", "size": -1}]}"#,
        ] {
            assert!(
                ManifestDocument::read(json.as_bytes(), "").is_none(),
                "{json}"
            );
        }
        let many = r#"{"digest": "sha256:1"},"#.repeat(PARTS_MAX + 1);
        let json = format!("{{\"manifests\": [{}]}}", many.trim_end_matches(','));
        assert!(ManifestDocument::read(json.as_bytes(), "").is_none());
    }
}
