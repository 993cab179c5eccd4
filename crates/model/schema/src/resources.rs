//! [`Resources`]: the built-in resources of a Kubernetes API server, of the version named in the
//! data file.

use std::sync::LazyLock;

use serde_json::Value;

use crate::json::{text, texts};

/// The built-in resources of a Kubernetes API server, in the order it lists them.
#[derive(Debug, Clone, Default)]
pub struct Resources(Box<[ApiResource]>);

/// A resource, as one version of the API serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiResource {
    /// The group, empty for the core.
    pub group: Box<str>,
    /// The version.
    pub version: Box<str>,
    /// The kind of the objects.
    pub kind: Box<str>,
    /// Its name in paths: `deployments`.
    pub plural: Box<str>,
    /// Its name for one object: `deployment`.
    pub singular: Box<str>,
    /// Whether objects are namespaced.
    pub namespaced: bool,
    /// The verbs served: `create`, `deletecollection` …
    pub verbs: Box<[Box<str>]>,
    /// Short forms of the name: `deploy`.
    pub short_names: Box<[Box<str>]>,
    /// Categories it is part of: `all`.
    pub categories: Box<[Box<str>]>,
    /// Endpoints below the objects.
    pub subresources: Box<[Subresource]>,
    /// Changes with the stored form; empty for what is not stored.
    pub storage_version_hash: Box<str>,
}

/// An endpoint below the objects of a [`ApiResource`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// Its last path segment: `status`.
    pub name: Box<str>,
    /// The group of its request and response objects.
    pub group: Box<str>,
    /// The version of its request and response objects.
    pub version: Box<str>,
    /// The kind of its request and response objects.
    pub kind: Box<str>,
    /// The verbs served.
    pub verbs: Box<[Box<str>]>,
}

/// Returns the built-in resources of a Kubernetes API server; read once.
#[must_use]
pub fn resources() -> &'static Resources {
    &RESOURCES
}

impl Resources {
    /// Returns all, in the order of discovery.
    pub fn iter(&self) -> std::slice::Iter<'_, ApiResource> {
        self.0.iter()
    }

    /// Returns the resource with a name in paths.
    #[must_use]
    pub fn get(&self, group: &str, version: &str, plural: &str) -> Option<&ApiResource> {
        self.iter()
            .find(|resource| *resource.plural == *plural && resource.is_of(group, version))
    }

    /// Returns the resource whose objects are of a kind.
    #[must_use]
    pub fn of_kind(&self, group: &str, version: &str, kind: &str) -> Option<&ApiResource> {
        self.iter()
            .find(|resource| *resource.kind == *kind && resource.is_of(group, version))
    }

    /// Returns each group with its version, the core group first, and the preferred version of each
    /// group first.
    pub fn group_versions(&self) -> impl Iterator<Item = (&str, &str)> {
        let same = |a: &ApiResource, b: &ApiResource| a.is_of(&b.group, &b.version);
        self.0
            .chunk_by(same)
            .filter_map(|chunk| chunk.first())
            .map(|first| (&*first.group, &*first.version))
    }
}

impl<'r> IntoIterator for &'r Resources {
    type Item = &'r ApiResource;
    type IntoIter = std::slice::Iter<'r, ApiResource>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl ApiResource {
    /// Returns the subresource with a name.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources
            .iter()
            .find(|subresource| *subresource.name == *name)
    }

    /// Returns whether a verb is served.
    #[must_use]
    pub fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|allowed| **allowed == *verb)
    }

    fn is_of(&self, group: &str, version: &str) -> bool {
        *self.group == *group && *self.version == *version
    }

    fn read(group: &str, version: &str, entry: &Value) -> Option<Self> {
        let below = entry
            .get("subresources")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        Some(Self {
            group: group.into(),
            version: version.into(),
            kind: text(entry, "kind")?.into(),
            plural: text(entry, "name")?.into(),
            singular: text(entry, "singularName")?.into(),
            namespaced: entry.get("namespaced")?.as_bool()?,
            verbs: texts(entry, "verbs"),
            short_names: texts(entry, "shortNames"),
            categories: texts(entry, "categories"),
            subresources: below
                .map(|entry| Subresource::read(group, version, entry))
                .collect::<Option<_>>()?,
            storage_version_hash: text(entry, "storageVersionHash").unwrap_or_default().into(),
        })
    }
}

impl Subresource {
    /// Without a group, it is that of the resource.
    fn read(group: &str, version: &str, entry: &Value) -> Option<Self> {
        Some(Self {
            name: text(entry, "name")?.into(),
            group: text(entry, "group").unwrap_or(group).into(),
            version: text(entry, "version").unwrap_or(version).into(),
            kind: text(entry, "kind")?.into(),
            verbs: texts(entry, "verbs"),
        })
    }
}

/// Empty if the data file is malformed; a test checks that it is not.
static RESOURCES: LazyLock<Resources> = LazyLock::new(|| read(DATA).unwrap_or_default());

fn read(data: &str) -> Option<Resources> {
    let document: Value = serde_json::from_str(data).ok()?;
    let mut all = Vec::new();
    for entry in document.get("versions")?.as_array()? {
        let (group, version) = (text(entry, "group")?, text(entry, "version")?);
        for resource in entry.get("resources")?.as_array()? {
            all.push(ApiResource::read(group, version, resource)?);
        }
    }
    Some(Resources(all.into()))
}

/// Generated by `cargo xtask schema`; names its source.
const DATA: &str = include_str!("../data/resources.json");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;

    #[test]
    fn every_resource_and_what_its_subresources_take_is_of_a_known_type() {
        let kinds = &builtin().kinds;
        let known = |group: &str, version: &str, kind: &str| {
            let api_version = if group.is_empty() {
                version.to_owned()
            } else {
                format!("{group}/{version}")
            };
            // Some have only options in the query and no body.
            kind.ends_with("Options") || kinds.get(&api_version, kind).is_some()
        };
        let mut count = 0;
        for resource in resources() {
            assert!(
                known(&resource.group, &resource.version, &resource.kind),
                "{resource:?}"
            );
            for below in &resource.subresources {
                assert!(
                    known(&below.group, &below.version, &below.kind),
                    "{below:?}"
                );
            }
            count += 1;
        }
        assert!(count > 60, "{count}");
    }

    #[test]
    fn deployments_are_found_by_name_and_by_kind() {
        let deployments = resources().get("apps", "v1", "deployments").unwrap();
        assert_eq!(
            resources().of_kind("apps", "v1", "Deployment"),
            Some(deployments)
        );
        assert!(
            deployments.namespaced
                && deployments.allows("patch")
                && !deployments.allows("impersonate")
        );
        assert_eq!(
            (&*deployments.singular, &*deployments.short_names),
            ("deployment", &["deploy".into()][..])
        );
        let scale = deployments.subresource("scale").unwrap();
        assert_eq!(
            (&*scale.group, &*scale.version, &*scale.kind),
            ("autoscaling", "v1", "Scale")
        );
        assert_eq!(&*deployments.subresource("status").unwrap().group, "apps");
        assert_eq!(resources().get("apps", "v2", "deployments"), None);
    }

    #[test]
    fn of_a_group_the_preferred_version_comes_first() {
        let versions: Vec<_> = resources().group_versions().collect();
        assert_eq!(versions.first(), Some(&("", "v1")));
        let autoscaling: Vec<_> = versions
            .iter()
            .filter(|(group, _)| *group == "autoscaling")
            .collect();
        assert_eq!(
            autoscaling,
            [&("autoscaling", "v2"), &("autoscaling", "v1")]
        );
    }
}
