//! What a release does to its rendered objects: post-renderers, common metadata and the labels of its owner (spec A11).
//!
//! Pure: a stream of documents in, a stream of documents out.

use std::borrow::Cow;

use lode_api::HelmRelease;
use lode_api::helm_release::{Kustomize, PostRenderStrategy, PostRenderer};
use lode_chart::Strategy;
use lode_kustomize::{Built, Options, Order, Restrictions, build_within};
use lode_object::meta;
use lode_stdx::budget::Budget;
use lode_tree::{RepoPath, Tree};
use lode_yaml::Node;
use serde_json::json;

/// File of the stream in the folder that kustomize builds, and its name in errors.
const STREAM: &str = "rendered-manifests.yaml";

/// Returns which documents are changed.
#[must_use]
pub fn strategy(of: PostRenderStrategy) -> Strategy {
    match of {
        PostRenderStrategy::NoHooks => Strategy::NoHooks,
        PostRenderStrategy::Combined => Strategy::Combined,
        PostRenderStrategy::Separate => Strategy::Separate,
    }
}

/// Changes a stream of rendered documents as a release says. What comes out has the form that
/// kustomize gives it: sorted keys, no comments.
///
/// # Errors
/// A document is no object, two have one name, or a patch cannot be applied: the reason.
pub fn change(object: &HelmRelease, stream: &str, budget: &Budget) -> Result<String, String> {
    let renderers = object.spec.post_renderers.iter().flatten();
    let renderers = renderers.filter_map(|renderer: &PostRenderer| renderer.kustomize.as_deref());
    let mut stream = Cow::Borrowed(stream);
    for kustomize in renderers {
        stream = Cow::Owned(write(&kustomized(kustomize, &stream, budget)?, budget)?);
    }

    let path = RepoPath::root().join(STREAM);
    let path = path.map_err(|error| error.to_string())?;
    let objects = lode_kustomize::read_stream(stream.as_bytes(), &path, budget);
    let mut objects = objects.map_err(|error| error.to_string())?;
    for built in &mut objects {
        label(object, &mut built.node)?;
    }
    write(&objects, budget)
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
fn kustomized(kustomize: &Kustomize, stream: &str, budget: &Budget) -> Result<Vec<Built>, String> {
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
        ..Options::default()
    };
    let built = build_within(&tree, &RepoPath::root(), &options, budget);
    Ok(built.map_err(|error| error.to_string())?.objects)
}

fn write(objects: &[Built], budget: &Budget) -> Result<String, String> {
    let mut out = String::new();
    for built in objects {
        if !out.is_empty() {
            out.push_str("---\n");
        }
        let written = built.write_within(&mut out, budget);
        written.map_err(|error| error.to_string())?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
