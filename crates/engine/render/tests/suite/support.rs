//! The location of the shared corpus, and reading plans.

use std::collections::BTreeMap;

use lode_object::Selector;
use lode_render::{Image, Patch, Plan, Substitution};
use serde_json::Value;

/// Writes objects as the build's text.
pub(crate) fn text(rendered: &lode_render::Rendered) -> String {
    let texts: Vec<String> = rendered
        .objects
        .iter()
        .map(|prepared| lode_yaml::to_string(prepared.object.value()))
        .collect();
    texts.join("---\n")
}

/// Reads a plan from a Kustomization's spec.
pub(crate) fn plan(spec: &Value) -> Plan {
    let text = |name: &str| spec[name].as_str().map(str::to_owned);
    let list = |name: &str| spec[name].as_array().cloned().unwrap_or_default();
    let texts = |name: &str| {
        list(name)
            .iter()
            .map(|item| item.as_str().unwrap().to_owned())
            .collect()
    };
    let map = |value: &Value| -> BTreeMap<String, String> {
        let entries = value.as_object().into_iter().flatten();
        entries
            .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
            .collect()
    };
    let substitute = (!spec["postBuild"].is_null()).then(|| Substitution {
        vars: map(&spec["postBuild"]["substitute"]),
        strict: spec["postBuild"]["strict"] != false,
        always: spec["postBuild"]["substituteStrategy"] == "Always",
        ..Substitution::default()
    });
    Plan {
        path: text("path").unwrap_or_default(),
        target_namespace: text("targetNamespace"),
        name_prefix: text("namePrefix"),
        name_suffix: text("nameSuffix"),
        patches: list("patches").iter().map(patch).collect(),
        images: list("images").iter().map(image).collect(),
        components: texts("components"),
        ignore_missing_components: spec["ignoreMissingComponents"] == true,
        common_labels: map(&spec["commonMetadata"]["labels"]),
        common_annotations: map(&spec["commonMetadata"]["annotations"]),
        build_metadata: texts("buildMetadata"),
        substitute,
        sources: false,
        by_type: false,
    }
}

fn patch(value: &Value) -> Patch {
    let target = value.get("target").map(|target| Selector {
        group: field(target, "group"),
        version: field(target, "version"),
        kind: field(target, "kind"),
        name: field(target, "name"),
        namespace: field(target, "namespace"),
        label_selector: field(target, "labelSelector"),
        annotation_selector: field(target, "annotationSelector"),
    });
    Patch {
        patch: field(value, "patch"),
        target,
        ..Patch::default()
    }
}

fn image(value: &Value) -> Image {
    Image {
        name: field(value, "name"),
        new_name: field(value, "newName"),
        new_tag: field(value, "newTag"),
        digest: field(value, "digest"),
        ..Image::default()
    }
}

fn field(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
