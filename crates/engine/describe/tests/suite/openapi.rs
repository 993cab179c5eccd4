//! Published schemas: compared with the documents of the Kubernetes module, and what clients look
//! for in them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lode_describe::openapi::{self, Published};
use lode_schema::{ApiResource, Subresource, resources};
use serde_json::{Value, json};

/// Paths that equal those in the documents of the module; one serves the log of a pod.
const PATHS_MIN: usize = 221;
/// Types that are equal; the others have unions, or are only used by paths that are left out.
const TYPES_MIN: usize = 1151;

fn builtin(group: &str, version: &str) -> Value {
    let own = resources()
        .iter()
        .filter(|own| *own.group == *group && *own.version == *version);
    let published: Vec<_> = own
        .map(|resource| Published {
            resource,
            schema: None,
        })
        .collect();
    openapi::document(group, version, &published)
}

/// Returns the folder of documents in Go's module cache, or says that it is absent.
fn module() -> Option<PathBuf> {
    let cache = std::env::var_os("GOMODCACHE").map(PathBuf::from);
    let cache =
        cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join("go/pkg/mod")))?;
    let folder = cache.join("k8s.io/kubernetes@v1.36.4/api/openapi-spec/v3");
    if !folder.is_dir() {
        cases::not_run(
            "the OpenAPI documents of the module k8s.io/kubernetes",
            &folder,
        );
        return None;
    }
    Some(folder)
}

#[test]
fn documents_are_those_of_the_published_module() {
    let Some(folder) = module() else { return };
    let (mut same, mut all) = ([0, 0], [0, 0]);
    for (group, version) in resources().group_versions() {
        let name = openapi::place(group, version).replace('/', "__");
        let text = std::fs::read_to_string(folder.join(format!("{name}_openapi.json"))).unwrap();
        let their = without_descriptions(&serde_json::from_str(&text).unwrap());
        let ours = without_descriptions(&builtin(group, version));
        let parts = |document: &Value| {
            [
                served(&document["paths"]),
                document["components"]["schemas"]
                    .as_object()
                    .unwrap()
                    .clone(),
            ]
        };
        for (place, (their, ours)) in parts(&their).into_iter().zip(parts(&ours)).enumerate() {
            all[place] += their.len();
            same[place] += their
                .iter()
                .filter(|(name, part)| ours.get(*name) == Some(part))
                .count();
            let extra: Vec<_> = ours
                .keys()
                .filter(|name| !their.contains_key(*name))
                .collect();
            assert!(extra.is_empty(), "{name}: {extra:?}");
        }
    }
    println!(
        "published: {} of {} paths, {} of {} types are the same",
        same[0], all[0], same[1], all[1]
    );
    assert!(
        same[0] >= PATHS_MIN && same[1] >= TYPES_MIN,
        "{same:?} of {all:?}"
    );
}

/// Returns the paths that a server without a kubelet serves: no connections, and watches only in
/// their current form.
fn served(paths: &Value) -> serde_json::Map<String, Value> {
    let mut paths = paths.as_object().unwrap().clone();
    paths.retain(|path, operations| {
        operations
            .as_object_mut()
            .unwrap()
            .retain(|_, operation| operation["x-kubernetes-action"] != "connect");
        !path.contains("/watch/")
            && operations
                .as_object()
                .unwrap()
                .keys()
                .any(|key| key != "parameters")
    });
    paths
}

/// Removes descriptions, and an unsupported media type.
fn without_descriptions(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, value)| {
                !(key.contains("cbor") || *key == "description" && value.is_string())
            });
            Value::Object(
                kept.map(|(key, value)| (key.clone(), without_descriptions(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.iter().map(without_descriptions).collect(),
        other => other.clone(),
    }
}

#[test]
fn every_reference_leads_to_a_type_of_the_document() {
    for (group, version) in resources().group_versions() {
        let document = builtin(group, version);
        let mut wanted = BTreeSet::new();
        collect(&document, &mut wanted);
        let types = document["components"]["schemas"].as_object().unwrap();
        let missing: Vec<_> = wanted
            .iter()
            .filter(|name| !types.contains_key(*name))
            .collect();
        assert!(
            missing.is_empty() && !types.is_empty(),
            "{group}/{version}: {missing:?}"
        );
    }
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(Value::as_str) {
                names.insert(name.trim_start_matches("#/components/schemas/").to_owned());
            }
            map.values().for_each(|value| collect(value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}

#[test]
fn the_index_leads_to_the_places_that_a_real_server_has() {
    let places: Vec<String> = resources()
        .group_versions()
        .map(|(group, version)| openapi::place(group, version))
        .collect();
    let digest = openapi::digest(b"a document");
    let index = openapi::index(places.iter().map(|place| (&**place, &*digest)));
    assert_eq!(
        index["paths"]["apis/apps/v1"],
        json!({"serverRelativeURL": format!("/openapi/v3/apis/apps/v1?hash={digest}")})
    );
    let entries = cases::lines("apiserver/kubectl.jsonl");
    let Some(entry) = entries
        .iter()
        .find(|entry| entry["respBody"]["paths"]["api/v1"].is_object())
    else {
        return;
    };
    let theirs = entry["respBody"]["paths"].as_object().unwrap();
    let of_versions = |place: &&String| {
        place.starts_with("api/v") || place.split('/').count() == 3 && place.starts_with("apis/")
    };
    let theirs: BTreeSet<&String> = theirs.keys().filter(of_versions).collect();
    assert_eq!(places.iter().collect::<BTreeSet<_>>(), theirs);
}

// --- custom resources ---

fn gadget() -> ApiResource {
    let verbs = |verbs: &[&str]| verbs.iter().map(|verb| Box::from(*verb)).collect();
    let below = |name: &str, group: &str, version: &str, kind: &str| Subresource {
        name: name.into(),
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        verbs: verbs(&["get", "patch", "update"]),
    };
    ApiResource {
        group: "kc.io".into(),
        version: "v1".into(),
        kind: "Gadget".into(),
        plural: "gadgets".into(),
        singular: "gadget".into(),
        namespaced: true,
        verbs: verbs(&[
            "create",
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "update",
            "watch",
        ]),
        short_names: [].into(),
        categories: [].into(),
        subresources: [
            below("scale", "autoscaling", "v1", "Scale"),
            below("status", "kc.io", "v1", "Gadget"),
        ]
        .into(),
        storage_version_hash: "".into(),
    }
}

fn custom(schema: &Value) -> Value {
    openapi::document(
        "kc.io",
        "v1",
        &[Published {
            resource: &gadget(),
            schema: Some(schema),
        }],
    )
}

#[test]
fn a_custom_resource_has_its_schema_and_what_all_objects_have() {
    let spec = json!({"type": "object", "description": "What is wanted.", "properties": {"color": {"type": "string"}}});
    let document = custom(&json!({"type": "object", "properties": {"spec": spec}}));
    let types = &document["components"]["schemas"];
    let own = &types["io.kc.v1.Gadget"];
    assert_eq!(own["properties"]["spec"], spec);
    assert_eq!(own["properties"]["kind"]["type"], "string");
    let meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    assert_eq!(
        own["properties"]["metadata"]["allOf"],
        json!([{"$ref": format!("#/components/schemas/{meta}")}])
    );
    assert_eq!(types[meta]["type"], "object");
    let kinds = |kind: &str| json!([{"group": "kc.io", "version": "v1", "kind": kind}]);
    assert_eq!(own["x-kubernetes-group-version-kind"], kinds("Gadget"));
    let list = &types["io.kc.v1.GadgetList"];
    assert_eq!(list["x-kubernetes-group-version-kind"], kinds("GadgetList"));
    assert_eq!(
        list["properties"]["items"]["items"],
        json!({"$ref": "#/components/schemas/io.kc.v1.Gadget"})
    );
}

#[test]
fn an_object_within_an_object_has_what_all_objects_have() {
    let template = json!({"type": "object", "x-kubernetes-embedded-resource": true});
    let document =
        custom(&json!({"properties": {"templates": {"type": "array", "items": template}}}));
    let own =
        &document["components"]["schemas"]["io.kc.v1.Gadget"]["properties"]["templates"]["items"];
    assert_eq!(own["x-kubernetes-embedded-resource"], true);
    assert!(
        own["properties"]["metadata"]["allOf"].is_array()
            && own["properties"]["apiVersion"].is_object()
    );
}

#[test]
fn operations_say_for_what_they_are_and_which_parameters_they_know() {
    let document = custom(&json!({"type": "object"}));
    let path = &document["paths"]["/apis/kc.io/v1/namespaces/{namespace}/gadgets/{name}"];
    let patch = &path["patch"];
    let names: Vec<&Value> = patch["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|own| &own["name"])
        .collect();
    assert_eq!(
        names,
        ["dryRun", "fieldManager", "fieldValidation", "force"]
    );
    let common: Vec<&Value> = path["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|own| &own["name"])
        .collect();
    assert_eq!(common, ["name", "namespace", "pretty"]);
    assert_eq!(
        patch["x-kubernetes-group-version-kind"],
        json!({"group": "kc.io", "version": "v1", "kind": "Gadget"})
    );
    assert_eq!(
        (&patch["x-kubernetes-action"], &patch["operationId"]),
        (&json!("patch"), &json!("patchKcIoV1NamespacedGadget"))
    );
    let forms: Vec<&String> = patch["requestBody"]["content"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(
        forms,
        [
            "application/apply-patch+yaml",
            "application/json-patch+json",
            "application/merge-patch+json"
        ]
    );
    let scale =
        &document["paths"]["/apis/kc.io/v1/namespaces/{namespace}/gadgets/{name}/scale"]["get"];
    assert_eq!(scale["x-kubernetes-group-version-kind"]["kind"], "Scale");
    let places: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        places,
        [
            "/apis/kc.io/v1/",
            "/apis/kc.io/v1/gadgets",
            "/apis/kc.io/v1/namespaces/{namespace}/gadgets",
            "/apis/kc.io/v1/namespaces/{namespace}/gadgets/{name}",
            "/apis/kc.io/v1/namespaces/{namespace}/gadgets/{name}/scale",
            "/apis/kc.io/v1/namespaces/{namespace}/gadgets/{name}/status",
        ]
    );
}

#[test]
fn another_schema_has_another_digest() {
    let digest = |schema: Value| openapi::digest(custom(&schema).to_string().as_bytes());
    let (one, other) = (
        json!({"type": "object"}),
        json!({"type": "object", "description": "x"}),
    );
    assert_eq!(digest(one.clone()), digest(one.clone()));
    assert_ne!(digest(one), digest(other));
}
