//! The resources that a Kubernetes API server serves by default.
//!
//! The module contains the discovery documents of a server with everything enabled. Versions that
//! are not stable (`v1alpha1`, `v1beta2`) are off by default, so they are left out. One resource
//! per line, in the order of discovery.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::document::read_json;

/// Returns the data file and its number of resources.
pub(super) fn made(module: &str, folder: &Path) -> Result<(String, usize)> {
    let (mut versions, mut count) = (Vec::new(), 0);
    for (group, version) in group_versions(&read_json(&folder.join("apis.json"))?) {
        let file = if group.is_empty() {
            "api__v1.json".to_owned()
        } else {
            format!("apis__{group}__{version}.json")
        };
        let lines =
            resources(&read_json(&folder.join(&file))?).with_context(|| format!("read {file}"))?;
        count += lines.len();
        let lines: Vec<_> = lines.iter().map(Value::to_string).collect();
        let (group, version) = (Value::from(group), Value::from(version));
        versions.push(format!(
            "{{\"group\":{group},\"version\":{version},\"resources\":[\n{}\n]}}",
            lines.join(",\n")
        ));
    }
    let source = Value::from(format!("{module} api/discovery"));
    Ok((
        format!(
            "{{\"source\":{source},\"versions\":[\n{}\n]}}\n",
            versions.join(",\n")
        ),
        count,
    ))
}

/// Returns the core group, then the others as a server lists them; of each group, the preferred
/// version first.
fn group_versions(groups: &Value) -> Vec<(String, String)> {
    let mut found = vec![(String::new(), "v1".to_owned())];
    for group in groups["groups"].as_array().into_iter().flatten() {
        let versions = group["versions"].as_array().into_iter().flatten();
        for version in versions
            .filter_map(|version| version["version"].as_str())
            .filter(|version| is_stable(version))
        {
            found.push((
                group["name"].as_str().unwrap_or_default().to_owned(),
                version.to_owned(),
            ));
        }
    }
    found
}

fn is_stable(version: &str) -> bool {
    !version.contains("alpha") && !version.contains("beta")
}

/// Returns the resources of an `APIResourceList`, each containing its subresources.
fn resources(list: &Value) -> Result<Vec<Value>> {
    let mut found: Vec<Value> = Vec::new();
    for entry in list["resources"].as_array().context("find the resources")? {
        let name = entry["name"].as_str().context("find a resource's name")?;
        let Some((parent, subresource)) = name.split_once('/') else {
            found.push(Value::Object(kept(entry, name, &RESOURCE_KEPT)));
            continue;
        };
        let parent = found.iter_mut().find(|resource| resource["name"] == parent);
        let parent = parent.with_context(|| format!("find what {name} is part of"))?;
        let subresources = parent
            .as_object_mut()
            .map(|parent| parent.entry("subresources"));
        let subresources = subresources
            .context("a resource is an object")?
            .or_insert_with(|| Value::Array(Vec::new()));
        let kept = kept(entry, subresource, &SUBRESOURCE_KEPT);
        subresources
            .as_array_mut()
            .context("subresources are a list")?
            .push(Value::Object(kept));
    }
    Ok(found)
}

fn kept(entry: &Value, name: &str, keys: &[&str]) -> Map<String, Value> {
    let kept = keys
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), entry.get(key)?.clone())));
    std::iter::once(("name".to_owned(), Value::from(name)))
        .chain(kept)
        .collect()
}

const RESOURCE_KEPT: [&str; 7] = [
    "kind",
    "singularName",
    "namespaced",
    "verbs",
    "shortNames",
    "categories",
    "storageVersionHash",
];
const SUBRESOURCE_KEPT: [&str; 4] = ["group", "version", "kind", "verbs"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn subresources_lie_within_their_resource() {
        let list = json!({"resources": [
            {"name": "pods", "kind": "Pod", "namespaced": true, "singularName": "pod", "verbs": ["get"]},
            {"name": "pods/eviction", "group": "policy", "version": "v1", "kind": "Eviction", "namespaced": true,
                "singularName": "", "verbs": ["create"]},
        ]});
        let expected = json!({"name": "pods", "kind": "Pod", "namespaced": true, "singularName": "pod", "verbs": ["get"],
            "subresources": [{"name": "eviction", "group": "policy", "version": "v1", "kind": "Eviction", "verbs": ["create"]}]});
        assert_eq!(resources(&list).unwrap(), [expected]);
    }

    #[test]
    fn what_is_not_yet_stable_is_left_out() {
        let groups = json!({"groups": [{"name": "a.io", "versions": [{"version": "v2"}, {"version": "v1"}]},
            {"name": "b.io", "versions": [{"version": "v1beta1"}]}]});
        let found = group_versions(&groups);
        assert_eq!(
            found
                .iter()
                .map(|(_, version)| &**version)
                .collect::<Vec<_>>(),
            ["v1", "v2", "v1"]
        );
    }
}
