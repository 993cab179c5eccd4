//! What post-rendering makes of a stream.

use serde_json::Value;

use super::*;

const STREAM: &str = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n---\napiVersion: \
    apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: {team: red}\nspec:\n  template:\n    \
    spec:\n      containers:\n      - name: c\n        image: nginx:1\n";

fn changed(spec: &Value) -> Result<String, String> {
    changed_stream(spec, STREAM)
}

fn changed_stream(spec: &Value, stream: &str) -> Result<String, String> {
    let metadata = json!({"name": "web", "namespace": "shop"});
    let object = HelmRelease::parse(&json!({"metadata": metadata, "spec": spec})).unwrap();
    change(&object, stream, &Budget::unlimited())
}

#[test]
fn every_object_gets_the_labels_of_its_owner_and_the_common_ones() {
    let text = changed(&json!({"commonMetadata": {"labels": {"team": "blue"}}})).unwrap();
    let want = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels:\n    \
        helm.toolkit.fluxcd.io/name: web\n    helm.toolkit.fluxcd.io/namespace: shop\n    team: blue\n  \
        name: a\n---\n";
    assert!(text.starts_with(want), "{text}");
    assert!(
        text.contains("team: blue") && !text.contains("team: red"),
        "{text}"
    );
}

#[test]
fn post_renderers_change_images_and_patch() {
    let patch =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n";
    let spec = json!({"postRenderers": [{"kustomize": {
        "images": [{"name": "nginx", "newTag": "2"}], "patches": [{"patch": patch}]}}]});
    let text = changed(&spec).unwrap();
    assert!(
        text.contains("image: nginx:2") && text.contains("replicas: 3"),
        "{text}"
    );
    let wrong = json!({"postRenderers": [{"kustomize": {"patches": [{"patch": "kind: X"}]}}]});
    assert!(changed(&wrong).is_err());
}

#[test]
fn what_comes_out_has_the_form_of_kustomize() {
    let stream = "# about\nkind: ConfigMap\napiVersion: v1\ndata: {on: yes, text: \"1\"} # why\nmetadata: {name: a}\n";
    let text = changed_stream(&json!({}), stream).unwrap();
    let want = "apiVersion: v1\ndata:\n  \"on\": \"yes\"\n  text: \"1\"\nkind: ConfigMap\nmetadata:\n  labels:\n    \
        helm.toolkit.fluxcd.io/name: web\n    helm.toolkit.fluxcd.io/namespace: shop\n  name: a\n";
    assert_eq!(text, want);
}

#[test]
fn an_object_for_local_use_is_installed_without_post_renderers_only() {
    let stream = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n  annotations: \
        {config.kubernetes.io/local-config: \"true\"}\n";
    assert!(
        changed_stream(&json!({}), stream)
            .unwrap()
            .contains("name: a")
    );
    let spec =
        json!({"postRenderers": [{"kustomize": {"images": [{"name": "nginx", "newTag": "2"}]}}]});
    assert_eq!(changed_stream(&spec, stream).unwrap(), "");
}

#[test]
fn two_objects_of_one_name_are_refused() {
    let error = changed_stream(&json!({}), &format!("{STREAM}---\n{STREAM}")).unwrap_err();
    assert!(error.contains("ConfigMap/a is defined twice"), "{error}");
}
