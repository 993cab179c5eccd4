//! What a release does to its rendered objects: post-renderers, common metadata and the labels of its owner (spec A11).
//!
//! Pure: a stream of documents in, a stream of documents out.

use lode_api::HelmRelease;
use lode_api::helm_release::{Kustomize, PostRenderStrategy, PostRenderer};
use lode_chart::Strategy;
use lode_kustomize::{Options, Order, Restrictions, build_within};
use lode_object::meta;
use lode_stdx::budget::Budget;
use lode_tree::{RepoPath, Tree};
use lode_yaml::{Dialect, Node, Nodes, Origins};
use serde_json::json;

/// File of the stream in the folder that kustomize builds.
const STREAM: &str = "all.yaml";

/// Returns which documents are changed.
#[must_use]
pub fn strategy(of: PostRenderStrategy) -> Strategy {
    match of {
        PostRenderStrategy::NoHooks => Strategy::NoHooks,
        PostRenderStrategy::Combined => Strategy::Combined,
        PostRenderStrategy::Separate => Strategy::Separate,
    }
}

/// Changes a stream of rendered documents as a release says.
///
/// # Errors
/// A document is no object, or a patch cannot be applied: the reason.
pub fn change(object: &HelmRelease, stream: &str, budget: &Budget) -> Result<String, String> {
    let renderers = object.spec.post_renderers.iter().flatten();
    let renderers = renderers.filter_map(|renderer: &PostRenderer| renderer.kustomize.as_deref());
    let mut stream = stream.to_owned();
    for kustomize in renderers {
        stream = kustomized(kustomize, &stream, budget)?;
    }

    let nodes = Nodes::new(stream.as_bytes(), Dialect::V3, Origins::default());
    let mut out = String::with_capacity(stream.len() + stream.len() / 8);
    for node in nodes.with_comments().with_budget(budget) {
        let mut node = node.map_err(|error| error.to_string())?;
        if node.is_null() {
            continue;
        }
        label(object, &mut node)?;
        write(&node, &mut out, budget)?;
    }
    Ok(out)
}

/// Sets common metadata, then the labels that say whose object it is, which win.
fn label(object: &HelmRelease, node: &mut Node) -> Result<(), String> {
    if let Some(common) = object.spec.common_metadata.as_deref() {
        for (place, pairs) in [
            ("labels", &common.labels),
            ("annotations", &common.annotations),
        ] {
            for (key, value) in pairs {
                set(node, place, key, value)?;
            }
        }
    }
    set(
        node,
        "labels",
        meta::RELEASE_OWNER_NAME,
        &object.metadata.name,
    )?;
    set(
        node,
        "labels",
        meta::RELEASE_OWNER_NAMESPACE,
        &object.metadata.namespace,
    )
}

fn set(node: &mut Node, place: &str, key: &str, value: &str) -> Result<(), String> {
    let mut at = node;
    for key in ["metadata", place] {
        let is_missing = at.get(key).is_none_or(Node::is_null);
        if is_missing && at.entries().is_some() {
            at.insert(key, Node::mapping());
        }
        at = at.get_mut(key).ok_or("a document is not an object")?;
    }
    if at.entries().is_none() {
        return Err(format!("metadata.{place} of an object is not a table"));
    }
    at.insert(key, Node::string(value));
    Ok(())
}

/// Applies patches and images as kustomize does.
fn kustomized(kustomize: &Kustomize, stream: &str, budget: &Budget) -> Result<String, String> {
    let settings = json!({"resources": [STREAM], "patches": kustomize.patches,
        "images": kustomize.images});
    let settings = settings.to_string();
    let tree: Tree = [
        (STREAM, stream.to_owned()),
        ("kustomization.yaml", settings),
    ]
    .into_iter()
    .collect();
    let options = Options {
        restrictions: Restrictions::None,
        order: Order::None,
        comments: true,
        ..Options::default()
    };
    let built = build_within(&tree, &RepoPath::root(), &options, budget);
    let built = built.map_err(|error| error.to_string())?;
    let mut out = String::with_capacity(stream.len());
    for object in &built.objects {
        write(&object.node, &mut out, budget)?;
    }
    Ok(out)
}

fn write(node: &Node, out: &mut String, budget: &Budget) -> Result<(), String> {
    if !out.is_empty() {
        out.push_str("---\n");
    }
    let text = lode_yaml::write_v3_within(node, lode_yaml::Options::default(), budget);
    out.push_str(&text.map_err(|error| error.to_string())?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const STREAM: &str = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n---\napiVersion: \
        apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: {team: red}\nspec:\n  template:\n    \
        spec:\n      containers:\n      - name: c\n        image: nginx:1\n";

    fn changed(spec: &Value) -> Result<String, String> {
        let metadata = json!({"name": "web", "namespace": "shop"});
        let object = HelmRelease::parse(&json!({"metadata": metadata, "spec": spec})).unwrap();
        change(&object, STREAM, &Budget::unlimited())
    }

    #[test]
    fn every_object_gets_the_labels_of_its_owner_and_the_common_ones() {
        let text = changed(&json!({"commonMetadata": {"labels": {"team": "blue"}}})).unwrap();
        let want = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n  labels:\n    team: blue\n    \
            helm.toolkit.fluxcd.io/name: web\n    helm.toolkit.fluxcd.io/namespace: shop\n---\n";
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
}
