//! Discovery: document by document (`/api`, `/apis`, `/apis/apps`, `/apis/apps/v1`), and aggregated
//! (`APIGroupDiscoveryList`).
//!
//! Built-in groups come first, in their own order, then others by name; the preferred version of a
//! group comes first.

use std::{cmp::Reverse, collections::BTreeMap};

use lode_schema::ApiResource;
use serde_json::{Map, Value, json};

/// Everything that is served, in the order of discovery.
#[derive(Debug, Default)]
pub struct Catalogue<'r>(Vec<Group<'r>>);

/// The version of aggregated discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregated {
    /// `apidiscovery.k8s.io/v2`
    V2,
    /// `apidiscovery.k8s.io/v2beta1`
    V2Beta1,
}

/// The resources of a group by version, the preferred one first.
type RankedVersions<'r> = BTreeMap<Reverse<Rank<'r>>, Vec<&'r ApiResource>>;

#[derive(Debug)]
struct Group<'r> {
    name: &'r str,
    /// Whether it is a built-in group, whose documents omit some defaults.
    builtin: bool,
    versions: Vec<(&'r str, Vec<&'r ApiResource>)>,
}

impl<'r> Catalogue<'r> {
    /// Returns the catalogue of some resources.
    #[must_use]
    pub fn of(resources: impl IntoIterator<Item = &'r ApiResource>) -> Self {
        let mut groups: BTreeMap<(usize, &str), RankedVersions<'_>> = BTreeMap::new();
        let builtin: Vec<&str> = lode_schema::resources()
            .group_versions()
            .map(|(group, _)| group)
            .collect();
        for resource in resources {
            let place = builtin
                .iter()
                .position(|group| **group == *resource.group)
                .unwrap_or(builtin.len());
            let versions = groups.entry((place, &resource.group)).or_default();
            versions
                .entry(Reverse(rank(&resource.version)))
                .or_default()
                .push(resource);
        }
        let group = |((place, name), versions): ((usize, &'r str), RankedVersions<'r>)| {
            let versions = versions.into_values().map(|mut resources| {
                resources.sort_by_key(|resource| &resource.plural);
                (
                    resources.first().map_or("", |first| &*first.version),
                    resources,
                )
            });
            Group {
                name,
                builtin: place < builtin.len(),
                versions: versions.collect(),
            }
        };
        Self(groups.into_iter().map(group).collect())
    }

    /// Returns `/api`. The address is where clients reach the server.
    #[must_use]
    pub fn core(&self, address: &str) -> Value {
        let core = self.0.iter().find(|group| group.name.is_empty());
        let versions = core
            .into_iter()
            .flat_map(|core| core.versions.iter().map(|(version, _)| *version));
        json!({
            "kind": "APIVersions",
            "versions": versions.collect::<Value>(),
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
        })
    }

    /// Returns `/apis`.
    #[must_use]
    pub fn groups(&self) -> Value {
        let groups = self
            .0
            .iter()
            .filter(|group| !group.name.is_empty())
            .map(Group::summary);
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups.collect::<Value>()})
    }

    /// Returns `/apis/GROUP`; nothing for a group that is not served.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<Value> {
        let group = self.0.iter().find(|group| group.name == name)?;
        let mut document = json!({"kind": "APIGroup", "apiVersion": "v1"});
        document.as_object_mut()?.extend(group.summary());
        Some(document)
    }

    /// Returns `/api/VERSION` or `/apis/GROUP/VERSION`; nothing for a version that is not served.
    #[must_use]
    pub fn resources(&self, group: &str, version: &str) -> Option<Value> {
        let found = self.0.iter().find(|own| own.name == group)?;
        let (_, resources) = found.versions.iter().find(|(own, _)| *own == version)?;
        let mut document = json!({
            "kind": "APIResourceList",
            "groupVersion": group_version(group, version),
            "resources": resources.iter().flat_map(|resource| rows(resource)).collect::<Value>(),
        });
        if !group.is_empty() {
            // The core group's document is older than the field.
            document["apiVersion"] = json!("v1");
        }
        Some(document)
    }

    /// Returns everything below `/api` (`core`) or below `/apis` in one document.
    #[must_use]
    pub fn aggregated(&self, core: bool, form: Aggregated) -> Value {
        let groups = self
            .0
            .iter()
            .filter(|group| group.name.is_empty() == core)
            .map(Group::whole);
        let api_version = match form {
            Aggregated::V2 => "apidiscovery.k8s.io/v2",
            Aggregated::V2Beta1 => "apidiscovery.k8s.io/v2beta1",
        };
        json!({
            "kind": "APIGroupDiscoveryList",
            "apiVersion": api_version,
            "metadata": {},
            "items": groups.collect::<Value>(),
        })
    }
}

impl Group<'_> {
    fn summary(&self) -> Map<String, Value> {
        let version = |version: &str| json!({"groupVersion": group_version(self.name, version), "version": version});
        let versions: Vec<Value> = self.versions.iter().map(|(own, _)| version(own)).collect();
        let preferred = versions.first().cloned().unwrap_or_default();
        let fields = [
            ("name", json!(self.name)),
            ("versions", versions.into()),
            ("preferredVersion", preferred),
        ];
        fields
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }

    fn whole(&self) -> Value {
        let versions = self.versions.iter().map(|(version, resources)| {
            let resources: Value = resources
                .iter()
                .map(|resource| entry(resource, self.builtin))
                .collect();
            json!({"version": version, "resources": resources, "freshness": "Current"})
        });
        let metadata = if self.name.is_empty() {
            json!({})
        } else {
            json!({"name": self.name})
        };
        json!({"metadata": metadata, "versions": versions.collect::<Value>()})
    }
}

/// Returns a resource and its subresources as items of a list.
fn rows(resource: &ApiResource) -> impl Iterator<Item = Value> {
    let mut own = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
    });
    extend(&mut own, resource);
    if !resource.storage_version_hash.is_empty() {
        own["storageVersionHash"] = json!(resource.storage_version_hash);
    }
    let below = resource.subresources.iter().map(|below| {
        let mut row = json!({
            "name": format!("{}/{}", resource.plural, below.name),
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": below.kind,
            "verbs": below.verbs,
        });
        if (&below.group, &below.version) != (&resource.group, &resource.version) {
            row["group"] = json!(below.group);
            row["version"] = json!(below.version);
        }
        row
    });
    std::iter::once(own).chain(below)
}

/// Returns a resource as in aggregated discovery.
fn entry(resource: &ApiResource, builtin: bool) -> Value {
    let kind = |group: &str, version: &str, kind: &str| {
        let implied = builtin && (group, version) == (&*resource.group, &*resource.version);
        let (group, version) = if implied { ("", "") } else { (group, version) };
        json!({"group": group, "version": version, "kind": kind})
    };
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": kind(&resource.group, &resource.version, &resource.kind),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    extend(&mut entry, resource);
    let below = resource.subresources.iter().map(|below| {
        let kind = kind(&below.group, &below.version, &below.kind);
        json!({"subresource": below.name, "responseKind": kind, "verbs": below.verbs})
    });
    if !resource.subresources.is_empty() {
        entry["subresources"] = below.collect();
    }
    entry
}

fn extend(entry: &mut Value, resource: &ApiResource) {
    for (key, texts) in [
        ("shortNames", &resource.short_names),
        ("categories", &resource.categories),
    ] {
        if !texts.is_empty() {
            entry[key] = json!(texts);
        }
    }
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// The preference of a version: `v2`, `v1`, `v1beta2`, `v1beta1`, `v1alpha1`, and then other words,
/// `a` before `b`.
type Rank<'v> = (u8, u64, u64, Reverse<&'v str>);

fn rank(version: &str) -> Rank<'_> {
    let numbers = || {
        let rest = version.strip_prefix('v')?;
        let digits = rest.len()
            - rest
                .trim_start_matches(|letter: char| letter.is_ascii_digit())
                .len();
        let (major, rest) = rest.split_at(digits);
        let (maturity, minor) = match rest {
            "" => (3, "0"),
            rest => rest
                .strip_prefix("beta")
                .map(|minor| (2, minor))
                .or_else(|| Some((1, rest.strip_prefix("alpha")?)))?,
        };
        Some((maturity, major.parse().ok()?, minor.parse().ok()?))
    };
    let (maturity, major, minor) = numbers().unwrap_or_default();
    (maturity, major, minor, Reverse(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_come_before_others_and_high_ones_before_low_ones() {
        let mut versions = [
            "foo10",
            "v1",
            "v1alpha1",
            "v10",
            "v1beta2",
            "v2",
            "v1beta10",
            "foo1",
            "v11alpha2",
        ];
        versions.sort_by_key(|version| Reverse(rank(version)));
        assert_eq!(
            versions,
            [
                "v10",
                "v2",
                "v1",
                "v1beta10",
                "v1beta2",
                "v11alpha2",
                "v1alpha1",
                "foo1",
                "foo10"
            ]
        );
    }
}
