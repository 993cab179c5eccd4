//! What a Kustomization says about building, in the words of the renderer. Pure.

use std::collections::BTreeMap;

use anyhow::bail;
use lode_api::Kustomization;
use lode_api::kustomization::SubstituteStrategy;
use lode_api::shared;
use lode_render::{Image, Patch, Plan, Substitution, Target};

use crate::report::Told;

/// Refuses what would make the answer wrong: another cluster, or files that cannot be opened.
pub(super) fn refuse_unsupported(object: &Kustomization) -> anyhow::Result<()> {
    let spec = &object.spec;
    for (field, is_set) in
        [("spec.kubeConfig", spec.kube_config.is_some()), ("spec.decryption", spec.decryption.is_some())]
    {
        if is_set {
            bail!(Told::new(format!("{field} is not built yet"), "a Kustomization without it can be compared"));
        }
    }
    Ok(())
}

/// Returns the plan; `variables` are the values of all variables.
pub(super) fn plan(object: &Kustomization, variables: BTreeMap<String, String>) -> anyhow::Result<Plan> {
    let spec = &object.spec;
    let common = spec.common_metadata.as_deref().cloned().unwrap_or_default();
    let map =
        |map: BTreeMap<Box<str>, Box<str>>| map.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    Ok(Plan {
        path: text(spec.path.as_deref()),
        target_namespace: spec.target_namespace.as_deref().map(str::to_owned),
        name_prefix: spec.name_prefix.as_deref().map(str::to_owned),
        name_suffix: spec.name_suffix.as_deref().map(str::to_owned),
        patches: spec.patches.iter().map(patch).collect(),
        images: spec.images.iter().map(image).collect(),
        components: spec.components.iter().map(ToString::to_string).collect(),
        ignore_missing_components: spec.ignore_missing_components.unwrap_or_default(),
        common_labels: map(common.labels),
        common_annotations: map(common.annotations),
        build_metadata: spec.build_metadata.iter().map(ToString::to_string).collect(),
        substitute: substitution(object, variables)?,
    })
}

fn substitution(object: &Kustomization, vars: BTreeMap<String, String>) -> anyhow::Result<Option<Substitution>> {
    let Some(post_build) = object.spec.post_build.as_deref() else { return Ok(None) };
    let always = post_build.substitute_strategy()? == SubstituteStrategy::Always;
    Ok(Some(Substitution { vars, strict: true, always }))
}

fn patch(patch: &shared::Patch) -> Patch {
    let target = patch.target.as_deref().map(|target| Target {
        group: text(target.group.as_deref()),
        version: text(target.version.as_deref()),
        kind: text(target.kind.as_deref()),
        name: text(target.name.as_deref()),
        namespace: text(target.namespace.as_deref()),
        label_selector: text(target.label_selector.as_deref()),
        annotation_selector: text(target.annotation_selector.as_deref()),
    });
    Patch { patch: patch.patch.to_string(), target, ..Patch::default() }
}

fn image(image: &shared::Image) -> Image {
    Image {
        name: image.name.to_string(),
        new_name: text(image.new_name.as_deref()),
        new_tag: text(image.new_tag.as_deref()),
        digest: text(image.digest.as_deref()),
        ..Image::default()
    }
}

fn text(field: Option<&str>) -> String {
    field.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(spec: &serde_json::Value) -> Kustomization {
        Kustomization::parse(&json!({"metadata": {"name": "apps", "namespace": "team"}, "spec": spec})).unwrap()
    }

    #[test]
    fn every_field_about_building_is_taken_over() {
        let object = object(&json!({
            "path": "./apps", "targetNamespace": "shop", "namePrefix": "p-", "nameSuffix": "-s", "components": ["../c"],
            "ignoreMissingComponents": true, "buildMetadata": ["originAnnotations"],
            "commonMetadata": {"labels": {"a": "1"}, "annotations": {"b": "2"}},
            "patches": [{"patch": "x", "target": {"kind": "Deployment", "labelSelector": "app=web"}}],
            "images": [{"name": "web", "newTag": "2"}],
            "postBuild": {"substituteStrategy": "Always"},
        }));
        let plan = plan(&object, BTreeMap::from([("v".to_owned(), "1".to_owned())])).unwrap();
        assert_eq!(plan.target_namespace.as_deref(), Some("shop"));
        assert_eq!((plan.name_prefix.as_deref(), plan.name_suffix.as_deref()), (Some("p-"), Some("-s")));
        assert_eq!(plan.patches[0].target.as_ref().unwrap().label_selector, "app=web");
        assert_eq!((&*plan.images[0].new_tag, &*plan.components[0]), ("2", "../c"));
        assert_eq!((&*plan.common_labels["a"], &*plan.common_annotations["b"]), ("1", "2"));
        let substitute = plan.substitute.unwrap();
        assert!(substitute.always && substitute.strict && plan.ignore_missing_components);
        assert_eq!(substitute.vars["v"], "1");
    }

    #[test]
    fn another_cluster_is_refused() {
        assert!(refuse_unsupported(&object(&json!({}))).is_ok());
        let error = refuse_unsupported(&object(&json!({"kubeConfig": {"secretRef": {"name": "a"}}}))).unwrap_err();
        assert_eq!(error.to_string(), "spec.kubeConfig is not built yet");
    }
}
