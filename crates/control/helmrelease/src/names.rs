//! Where the records of a release are, and its `HelmChart` (spec A11).

use lode_api::HelmRelease;
use lode_object::NamespacedName;

/// Returns the namespace of the records of a release.
pub(crate) fn storage_namespace(object: &HelmRelease) -> &str {
    given(object.spec.storage_namespace.as_deref()).unwrap_or(&object.metadata.namespace)
}

/// Returns name and namespace of the `HelmChart` that is created for a release with a chart template.
pub(crate) fn chart_object(object: &HelmRelease) -> Option<NamespacedName> {
    let template = object.spec.chart.as_deref()?;
    let namespace = given(template.spec.source_ref.namespace.as_deref());
    let name = format!("{}-{}", object.metadata.namespace, object.metadata.name);
    let namespace = namespace.unwrap_or(&object.metadata.namespace);
    Some(NamespacedName::new(namespace, &name))
}

/// Returns a text unless it is empty, which means the same as none.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(spec: &Value) -> HelmRelease {
        let metadata = json!({"name": "web", "namespace": "team"});
        HelmRelease::parse(&json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    #[test]
    fn records_are_where_the_release_is_unless_it_says_so() {
        assert_eq!(storage_namespace(&object(&json!({}))), "team");
        let other = json!({"targetNamespace": "shop", "storageNamespace": "records"});
        assert_eq!(storage_namespace(&object(&other)), "records");
    }

    #[test]
    fn a_chart_object_is_where_its_source_is() {
        let spec = json!({"chart": {"spec": {"chart": "a", "sourceRef": {"kind": "HelmRepository",
            "name": "r", "namespace": "flux-system"}}}});
        let name = chart_object(&object(&spec)).unwrap();
        assert_eq!(name.to_string(), "flux-system/team-web");
        assert_eq!(chart_object(&object(&json!({}))), None);
    }
}
