//! Strategies, compared with what a real API server resets, selects and documents.

use cases::Score;
use lode_admit::{Kind, strategy};
use lode_object::GroupVersionKind;
use lode_schema::resources;
use serde_json::json;

/// Returns a built-in kind.
pub(crate) fn kind(api_version: &str, name: &str) -> Option<Kind> {
    let gvk = GroupVersionKind::new(api_version, name);
    Kind::builtin(resources().of_kind(&gvk.group, &gvk.version, name)?)
}

/// The kind whose registry has another name, by the last word of the registry.
const NAMED_OTHERWISE: [(&str, &str); 1] = [("certificates", "certificatesigningrequests")];

/// The endpoint that a strategy of the registry serves, by the end of its name.
const ENDPOINTS: [(&str, &str); 4] = [
    ("StatusStrategy", "status"),
    ("statusStrategy", "status"),
    ("ApprovalStrategy", "approval"),
    ("FinalizeStrategy", "finalize"),
];

#[test]
fn endpoints_reset_what_those_of_the_server_do() {
    let Some(registries) = cases::json("smd/reset_fields.json") else {
        return;
    };
    let mut score = Score::new("fields that endpoints reset", 55);
    for (registry, strategies) in registries.as_object().unwrap() {
        let word = registry.rsplit('/').next().unwrap();
        let plural = NAMED_OTHERWISE
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, plural)| *plural);
        let singular = if word == "storagemigration" {
            "storageversionmigration"
        } else {
            word
        };
        for (name, versions) in strategies.as_object().unwrap() {
            let endpoint = ENDPOINTS
                .iter()
                .find(|(end, _)| name.ends_with(end))
                .map_or("", |(_, endpoint)| endpoint);
            for (version, paths) in versions.as_object().unwrap() {
                let of = |resource: &&lode_schema::ApiResource| {
                    let gv = GroupVersionKind::new(version, "");
                    (&resource.group, &resource.version) == (&gv.group, &gv.version)
                        && (plural == Some(&*resource.plural) || &*resource.singular == singular)
                };
                let Some(resource) = resources().iter().find(of) else {
                    continue;
                };
                let Some(kind) = kind(version, &resource.kind) else {
                    continue;
                };
                let found = strategy::of(&kind)
                    .resets(endpoint)
                    .map(|path| path.collect::<Vec<_>>().join("."));
                let mut found: Vec<String> = found.collect();
                found.sort();
                let mut expected: Vec<String> = serde_json::from_value(paths.clone()).unwrap();
                expected.sort();
                score.add(found == expected, || {
                    format!("{registry} {name} {version}: {found:?} not {expected:?}")
                });
            }
        }
    }
    score.finish();
}

#[test]
fn every_row_is_of_a_kind_that_is_served() {
    for resource in resources()
        .iter()
        .filter(|resource| resource.verbs.iter().any(|verb| &**verb == "create"))
    {
        let api_version = GroupVersionKind {
            group: resource.group.clone(),
            version: resource.version.clone(),
            kind: resource.kind.clone(),
        };
        let Some(kind) = kind(&api_version.api_version(), &resource.kind) else {
            continue;
        };
        let has_status = strategy::of(&kind).resets("status").next().is_some();
        // A review is answered but not stored.
        let stored = resource.verbs.iter().any(|verb| &**verb == "list");
        assert!(
            !stored || kind.status == has_status,
            "{} says it has a status: {}",
            resource.kind,
            kind.status
        );
        let scaled = resource
            .subresources
            .iter()
            .any(|subresource| &*subresource.name == "scale");
        assert_eq!(
            strategy::of(&kind).scale.is_some(),
            scaled,
            "{}",
            resource.kind
        );
    }
}

#[test]
fn objects_are_selected_by_what_their_kind_has() {
    let pods = kind("v1", "Pod").unwrap();
    let pod = json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}});
    let select = |field: &str| strategy::of(&pods).select(&pod, field);
    assert_eq!(select("metadata.name").as_deref(), Some("a"));
    assert_eq!(select("spec.nodeName").as_deref(), Some("n"));
    assert_eq!(select("spec.hostNetwork").as_deref(), Some("false"));
    assert_eq!(select("status.podIP").as_deref(), Some(""));
    assert_eq!(select("spec.containers"), None);
    let events = kind("v1", "Event").unwrap();
    let event = json!({"reportingComponent": "kubelet", "source": {"component": ""}, "involvedObject": {"kind": "Pod"}});
    assert_eq!(
        strategy::of(&events).select(&event, "source").as_deref(),
        Some("kubelet")
    );
    assert_eq!(
        strategy::of(&events)
            .select(&event, "involvedObject.kind")
            .as_deref(),
        Some("Pod")
    );
}

#[test]
fn some_are_created_by_an_update_and_few_end_gracefully() {
    let of = |version: &str, name: &str| strategy::of(&kind(version, name).unwrap());
    assert!(
        of("v1", "Service").create_on_update
            && of("coordination.k8s.io/v1", "Lease").create_on_update
    );
    assert!(!of("v1", "ConfigMap").create_on_update && of("v1", "ConfigMap").unconditional_update);
    assert!(of("v1", "Pod").graceful_deletion && !of("apps/v1", "Deployment").graceful_deletion);
    assert!(of("v1", "Pod").returns_deleted && !of("v1", "ConfigMap").returns_deleted);
    assert!(!of("policy/v1", "PodDisruptionBudget").unconditional_update);
}
