//! The built-in resources, compared with the discovery documents of a real API server.

use cases::Score;
use lode_schema::{ApiResource, Subresource, resources};
use serde_json::{Map, Value, json};

#[test]
fn resources_are_as_a_real_server_lists_them() {
    let mut theirs = Vec::new();
    for name in ["agg_api.json", "agg_apis.json"] {
        let Some(document) = cases::json(&format!("apiserver/{name}")) else {
            return;
        };
        theirs.extend(document["items"].as_array().unwrap().clone());
    }
    let ours = groups();
    assert_eq!(ours.len(), theirs.len());
    let mut score = Score::of_all("groups of resources", 20);
    for (our, their) in ours.iter().zip(&theirs) {
        score.check(&their["metadata"]["name"], our, their);
    }
    score.finish();
}

/// Returns the content of `/api` and `/apis`, in the form of `apidiscovery.k8s.io/v2`.
fn groups() -> Vec<Value> {
    let mut groups: Vec<Value> = Vec::new();
    for (group, version) in resources().group_versions() {
        let metadata = if group.is_empty() {
            json!({})
        } else {
            json!({"name": group})
        };
        let of_version = resources()
            .iter()
            .filter(|resource| (&*resource.group, &*resource.version) == (group, version));
        let entry = json!({"version": version, "freshness": "Current", "resources": of_version.map(entry).collect::<Value>()});
        match groups
            .last_mut()
            .filter(|last| last["metadata"] == metadata)
        {
            Some(last) => last["versions"].as_array_mut().unwrap().push(entry),
            None => groups.push(json!({"metadata": metadata, "versions": [entry]})),
        }
    }
    groups
}

fn entry(resource: &ApiResource) -> Value {
    let mut entry = json!({
        "resource": resource.plural, "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular, "verbs": resource.verbs,
    });
    let entry_map: &mut Map<_, _> = entry.as_object_mut().unwrap();
    let below: Vec<_> = resource
        .subresources
        .iter()
        .map(|below| subresource(resource, below))
        .collect();
    for (key, list) in [
        ("shortNames", json!(resource.short_names)),
        ("categories", json!(resource.categories)),
        ("subresources", Value::Array(below)),
    ] {
        if list != json!([]) {
            entry_map.insert(key.to_owned(), list);
        }
    }
    entry
}

fn subresource(resource: &ApiResource, below: &Subresource) -> Value {
    let (group, version) = match (&*below.group, &*below.version) {
        same if same == (&*resource.group, &*resource.version) => ("", ""),
        other => other,
    };
    json!({
        "subresource": below.name, "responseKind": {"group": group, "version": version, "kind": below.kind},
        "verbs": below.verbs,
    })
}
