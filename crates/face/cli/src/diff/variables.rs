//! The variables of a Kustomization: those of the objects it names, in order, then its own.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_api::Kustomization;
use lode_api::kustomization::SubstituteReference;
use lode_cluster::{Client, Resource};
use lode_object::Value;

use crate::report::Told;

/// Reads all variables; later ones win.
pub(super) async fn read(client: &Client, object: &Kustomization) -> anyhow::Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for reference in object.spec.post_build.iter().flat_map(|post_build| &post_build.substitute_from) {
        variables.extend(referenced(client, &object.metadata.namespace, reference).await?);
    }
    variables.extend(inline(object));
    Ok(variables)
}

/// Returns the variables the specification itself sets.
pub(super) fn inline(object: &Kustomization) -> BTreeMap<String, String> {
    let own = object.spec.post_build.iter().flat_map(|post_build| &post_build.substitute);
    own.map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

async fn referenced(
    client: &Client,
    namespace: &str,
    reference: &SubstituteReference,
) -> anyhow::Result<BTreeMap<String, String>> {
    let SubstituteReference { kind, name, optional } = reference;
    let (resource, read): (_, fn(&str) -> Option<String>) = match &**kind {
        "Secret" => (Resource::known("v1", "Secret", "secrets", true), decoded),
        _ => (Resource::known("v1", "ConfigMap", "configmaps", true), |text| Some(text.to_owned())),
    };
    match client.get(&resource, namespace, name).await {
        Ok(found) => Ok(values(&found, read)),
        Err(error) if error.is_not_found() && optional.unwrap_or_default() => Ok(BTreeMap::new()),
        Err(error) if error.is_not_found() => bail!(Told::new(
            format!("there is no {kind}/{namespace}/{name}, which spec.postBuild.substituteFrom names"),
            "a reference with `optional: true` may lead nowhere"
        )),
        Err(error) => Err(error).with_context(|| format!("read {kind}/{namespace}/{name}")),
    }
}

fn values(object: &Value, read: fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let data = object.get("data").and_then(Value::as_object).into_iter().flatten();
    data.filter_map(|(name, value)| Some((name.clone(), read(value.as_str()?)?))).collect()
}

fn decoded(text: &str) -> Option<String> {
    Some(String::from_utf8_lossy(&STANDARD.decode(text).ok()?).into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_a_secret_are_decoded() {
        let object = json!({"data": {"a": "b25l", "bad": "%", "none": null}});
        assert_eq!(values(&object, decoded), BTreeMap::from([("a".to_owned(), "one".to_owned())]));
    }
}
