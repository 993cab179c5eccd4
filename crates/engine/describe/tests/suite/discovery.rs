//! Discovery, compared with a real API server.

use cases::{Score, lines};
use lode_describe::discovery::{Aggregated, Catalogue};
use lode_schema::{ApiResource, Subresource, resources};
use serde_json::{Value, json};

/// Returns a custom resource with a status.
fn custom(group: &str, version: &str, plural: &str, kind: &str) -> ApiResource {
    let verbs = |verbs: &[&str]| verbs.iter().map(|verb| Box::from(*verb)).collect();
    let status = Subresource {
        name: "status".into(),
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        verbs: verbs(&["get", "patch", "update"]),
    };
    ApiResource {
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        plural: plural.into(),
        singular: kind.to_lowercase().into(),
        namespaced: true,
        verbs: verbs(&[
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "create",
            "update",
            "watch",
        ]),
        short_names: [].into(),
        categories: [].into(),
        subresources: [status].into(),
        storage_version_hash: "x".into(),
    }
}

#[test]
fn everything_at_once_is_as_a_real_server_tells_it() {
    let catalogue = Catalogue::of(resources());
    let mut score = Score::of_all("aggregated discovery", 2);
    for (name, core) in [("agg_api.json", true), ("agg_apis.json", false)] {
        let Some(their) = cases::json(&format!("apiserver/{name}")) else {
            return;
        };
        score.check(&name, &catalogue.aggregated(core, Aggregated::V2), &their);
    }
    score.finish();
    assert_eq!(
        catalogue.aggregated(true, Aggregated::V2Beta1)["apiVersion"],
        "apidiscovery.k8s.io/v2beta1"
    );
}

#[test]
fn every_document_is_as_a_real_server_tells_it() {
    let catalogue = Catalogue::of(resources());
    let mut score = Score::of_all("discovery documents", 8);
    let recorded = lines("apiserver/http_core.jsonl")
        .into_iter()
        .map(|entry| (entry["path"].clone(), entry["resp"].clone()));
    let of_kubectl = lines("apiserver/kubectl.jsonl")
        .into_iter()
        .map(|entry| (entry["path"].clone(), entry["respBody"].clone()));
    for (path, their) in recorded.chain(of_kubectl) {
        let parts: Vec<&str> = path
            .as_str()
            .unwrap()
            .trim_start_matches('/')
            .split('/')
            .collect();
        let kind = their["kind"].as_str().unwrap_or_default();
        let ours = match (&*parts, kind) {
            (["api"], "APIVersions") => Some(
                catalogue.core(
                    their["serverAddressByClientCIDRs"][0]["serverAddress"]
                        .as_str()
                        .unwrap(),
                ),
            ),
            (["apis"], "APIGroupList") => Some(catalogue.groups()),
            (["apis", group], "APIGroup") => catalogue.group(group),
            (["api", version], "APIResourceList") => catalogue.resources("", version),
            (["apis", group, version], "APIResourceList") => catalogue.resources(group, version),
            _ => continue,
        };
        score.check(&path, &ours.as_ref(), &Some(&their));
    }
    score.finish();
}

#[test]
fn custom_groups_follow_the_built_in_ones_by_name() {
    let mine = [
        custom("z.io", "v1", "zs", "Z"),
        custom("kc.io", "v1beta1", "widgets", "Widget"),
        custom("kc.io", "v1", "widgets", "Widget"),
        custom("kc.io", "v1", "gadgets", "Gadget"),
    ];
    let catalogue = Catalogue::of(resources().iter().chain(&mine));
    let groups = catalogue.groups()["groups"].as_array().unwrap().clone();
    let last: Vec<&Value> = groups
        .iter()
        .rev()
        .take(2)
        .map(|group| &group["name"])
        .collect();
    assert_eq!(last, ["z.io", "kc.io"]);
    assert_eq!(
        catalogue.group("kc.io").unwrap(),
        json!({
            "kind": "APIGroup", "apiVersion": "v1", "name": "kc.io",
            "versions": [
                {"groupVersion": "kc.io/v1", "version": "v1"}, {"groupVersion": "kc.io/v1beta1", "version": "v1beta1"},
            ],
            "preferredVersion": {"groupVersion": "kc.io/v1", "version": "v1"},
        })
    );
    let rows = catalogue.resources("kc.io", "v1").unwrap()["resources"].clone();
    let names: Vec<&Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["name"])
        .collect();
    assert_eq!(
        names,
        ["gadgets", "gadgets/status", "widgets", "widgets/status"]
    );
    assert_eq!(
        (
            catalogue.group("nope.io"),
            catalogue.resources("kc.io", "v2")
        ),
        (None, None)
    );
}

#[test]
fn a_custom_group_is_told_as_a_real_server_tells_it() {
    let mut gadget = custom("kc.io", "v1", "gadgets", "Gadget");
    gadget.short_names = ["gd".into()].into();
    let with_it = |entry: &&Value| {
        entry["path"]
            .as_str()
            .is_some_and(|path| path.starts_with("/apis?"))
            && entry.to_string().contains("kc.io")
    };
    let entries = lines("apiserver/kubectl.jsonl");
    let Some(entry) = entries.iter().find(with_it) else {
        return;
    };
    let groups = entry["respBody"]["items"].as_array().unwrap();
    let their = groups
        .iter()
        .find(|group| group["metadata"]["name"] == "kc.io")
        .unwrap();
    let ours = Catalogue::of([&gadget]).aggregated(false, Aggregated::V2);
    assert_eq!(&ours["items"][0], their);
}
