//! [`Resources`]: what a Kubernetes API server serves of its own, of the version named in the data file.

use std::sync::LazyLock;

use serde_json::Value;

/// What a Kubernetes API server serves of its own, in the order in which it lists it.
#[derive(Debug, Clone, Default)]
pub struct Resources(Box<[Resource]>);

/// A sort of objects, as one version of the API serves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
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
    /// Objects live in namespaces.
    pub namespaced: bool,
    /// What can be done: `create`, `deletecollection` …
    pub verbs: Box<[Box<str>]>,
    /// Short forms of the name: `deploy`.
    pub short_names: Box<[Box<str>]>,
    /// Sets of resources it is part of: `all`.
    pub categories: Box<[Box<str>]>,
    /// Endpoints below the objects.
    pub subresources: Box<[Subresource]>,
    /// Changes when what is stored does; empty for what is not stored.
    pub storage_version_hash: Box<str>,
}

/// An endpoint below the objects of a [`Resource`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// Its last word in paths: `status`.
    pub name: Box<str>,
    /// The group of what it takes and gives.
    pub group: Box<str>,
    /// The version of what it takes and gives.
    pub version: Box<str>,
    /// The kind of what it takes and gives.
    pub kind: Box<str>,
    /// What can be done.
    pub verbs: Box<[Box<str>]>,
}

/// Returns what a Kubernetes API server serves of its own; read once.
#[must_use]
pub fn resources() -> &'static Resources {
    &RESOURCES
}

impl Resources {
    /// Returns all, in the order of discovery.
    pub fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.0.iter()
    }

    /// Returns the resource of a name in paths.
    #[must_use]
    pub fn get(&self, group: &str, version: &str, plural: &str) -> Option<&Resource> {
        self.iter()
            .find(|resource| *resource.plural == *plural && resource.is_of(group, version))
    }

    /// Returns the resource whose objects are of a kind.
    #[must_use]
    pub fn of_kind(&self, group: &str, version: &str, kind: &str) -> Option<&Resource> {
        self.iter()
            .find(|resource| *resource.kind == *kind && resource.is_of(group, version))
    }

    /// Returns each group with its version, the core first and of each group the preferred version first.
    pub fn group_versions(&self) -> impl Iterator<Item = (&str, &str)> {
        let same = |a: &Resource, b: &Resource| a.is_of(&b.group, &b.version);
        self.0
            .chunk_by(same)
            .filter_map(|chunk| chunk.first())
            .map(|first| (&*first.group, &*first.version))
    }
}

impl<'r> IntoIterator for &'r Resources {
    type Item = &'r Resource;
    type IntoIter = std::slice::Iter<'r, Resource>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Resource {
    /// Returns the endpoint below the objects that has a name.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources
            .iter()
            .find(|subresource| *subresource.name == *name)
    }

    /// Tells whether a verb is served.
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
    /// Where no group is named, it is that of the resource.
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

/// Empty if the data file were not what it should be; a test sees that it is.
static RESOURCES: LazyLock<Resources> = LazyLock::new(|| read(DATA).unwrap_or_default());

fn read(data: &str) -> Option<Resources> {
    let document: Value = serde_json::from_str(data).ok()?;
    let mut all = Vec::new();
    for entry in document.get("versions")?.as_array()? {
        let (group, version) = (text(entry, "group")?, text(entry, "version")?);
        for resource in entry.get("resources")?.as_array()? {
            all.push(Resource::read(group, version, resource)?);
        }
    }
    Some(Resources(all.into()))
}

fn text<'v>(entry: &'v Value, key: &str) -> Option<&'v str> {
    entry.get(key)?.as_str()
}

fn texts(entry: &Value, key: &str) -> Box<[Box<str>]> {
    entry
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(Into::into)
        .collect()
}

/// Made by `cargo xtask schema`; names its source.
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
            // What only has options of its own in the path and no body.
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
