//! Reads what a reconcile needs: the source's artifact, its tree, and the variables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_api::kustomization::PostBuild;
use lode_api::shared::Artifact;
use lode_api::{Kustomization, reasons};
use lode_cluster::{Client, Resource};
use lode_object::Value;
use lode_runtime::{Failure, OpenError, Retry, Sources, Use};
use lode_stdx::duration;
use lode_store::Owner;
use lode_tree::Tree;

use crate::options::Options;
use crate::validate::unsupported;

/// Finds the artifact of the source, and whose artifacts it may be among.
pub(crate) fn artifact(
    sources: &Sources,
    source: &Use,
    options: &Options,
) -> Result<(Artifact, Owner), Failure> {
    let (kind, name) = (&source.kind, &source.name);
    let Some(found) = sources.find(kind, name) else {
        let text = format!(
            "{kind}.source.toolkit.fluxcd.io \"{}\" not found",
            name.name
        );
        return Err(Failure::waiting(reasons::ARTIFACT_FAILED, text));
    };
    let artifact = found.artifact.ok_or_else(|| {
        let wait = duration::format(options.requeue_dependency);
        let text = format!("Source artifact not found, retrying in {wait}");
        Failure::waiting(reasons::ARTIFACT_FAILED, text)
    })?;
    let owner = Owner::new(
        &kind.to_lowercase(),
        &name.namespace,
        &name.name,
        &found.uid,
    );
    let owner = owner.map_err(|error| Failure::new(reasons::ARTIFACT_FAILED, error.to_string()))?;
    Ok((artifact, owner))
}

/// Opens the artifact's tree; all who use it share one.
pub(crate) async fn tree(
    sources: &Sources,
    artifact: &Artifact,
    owner: &Owner,
) -> Result<Arc<Tree>, Failure> {
    sources.open(artifact, owner).await.map_err(|error| {
        let text = error.to_string();
        match error {
            // The source's status stays as it is when it stores the same revision again: nothing would wake us.
            OpenError::Lost { .. } => {
                Failure::waiting(reasons::ARTIFACT_FAILED, text).with(Retry::Backoff)
            }
            OpenError::Other(_) => Failure::new(reasons::ARTIFACT_FAILED, text),
        }
    })
}

/// The variables of a Kustomization.
#[derive(Default, Clone)]
pub struct Variables {
    /// Values by name.
    pub values: BTreeMap<String, String>,
    /// Names of those whose value came from a Secret.
    pub(crate) names: BTreeSet<String>,
    /// The values themselves, which are never shown.
    pub(crate) secrets: Vec<String>,
    /// Bytes read for them so far.
    read: u64,
}

/// Bytes of all that `substituteFrom` reads, what is read again included.
const READ_MAX: u64 = 16 << 20;

impl Variables {
    /// Returns variables of which none is secret.
    #[must_use]
    pub fn plain(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            values: values.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Takes what the specification states itself, which wins and is no secret.
    fn state(&mut self, post_build: &PostBuild) {
        for (name, value) in &post_build.substitute {
            self.names.remove(&**name);
            self.values.insert(name.to_string(), value.to_string());
        }
    }

    fn take(&mut self, found: &Value, kind: &str) -> Result<(), Failure> {
        let data = data(found, kind);
        self.read += data
            .iter()
            .map(|(name, value)| (name.len() + value.len()) as u64)
            .sum::<u64>();
        if self.read > READ_MAX {
            let text = format!(
                "substituteFrom reads more than {READ_MAX} bytes, the limit: name fewer or smaller objects"
            );
            return Err(Failure::new(
                reasons::BUILD_FAILED,
                format!("post build failed: {text}"),
            ));
        }
        for (name, _) in &data {
            if kind == "Secret" {
                self.names.insert(name.clone())
            } else {
                self.names.remove(name)
            };
        }
        if kind == "Secret" {
            let values = data.iter().map(|(_, value)| value.replace('\n', ""));
            self.secrets
                .extend(values.filter(|value| value.len() >= SECRET_MIN));
        }
        self.values.extend(data);
        Ok(())
    }
}

/// Shorter values stand in every other sentence: to blank them would blank the sentence and hide nothing.
const SECRET_MIN: usize = 4;

/// Reads the variables: the referenced objects in order, then those of the spec, later ones winning.
///
/// # Errors
/// A referenced object is missing, or cannot be read, or all together are too large.
pub async fn variables(client: &Client, object: &Kustomization) -> Result<Variables, Failure> {
    let mut vars = Variables::default();
    let Some(post_build) = object.spec.post_build.as_deref() else {
        return Ok(vars);
    };
    for reference in &post_build.substitute_from {
        let (resource, plural) = match &*reference.kind {
            "Secret" => (Resource::secrets(), "secrets"),
            _ => (Resource::config_maps(), "configmaps"),
        };
        let (kind, name) = (&reference.kind, &reference.name);
        match client
            .get(&resource, &object.metadata.namespace, name)
            .await
        {
            Ok(found) => vars.take(&found, &reference.kind)?,
            Err(error) if error.is_not_found() && reference.optional.unwrap_or_default() => {}
            Err(error) if error.is_not_found() => return Err(no_variables(kind, plural, name)),
            Err(error) => return Err(error.into()),
        }
    }
    vars.state(post_build);
    Ok(vars)
}

/// Returns the variables as [`variables`] does, with objects that are at hand instead of those of a cluster; objects
/// without a namespace are in that of the Kustomization.
///
/// # Errors
/// A referenced object is not among them, or all together are too large.
pub fn variables_among(object: &Kustomization, objects: &[Value]) -> Result<Variables, Failure> {
    let mut vars = Variables::default();
    let Some(post_build) = object.spec.post_build.as_deref() else {
        return Ok(vars);
    };
    for reference in &post_build.substitute_from {
        let (kind, name) = (&*reference.kind, &*reference.name);
        let is_meant = |object_at_hand: &&Value| {
            let part = |pointer| {
                object_at_hand
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let namespace = part("/metadata/namespace");
            part("/kind") == kind
                && part("/metadata/name") == name
                && (namespace.is_empty() || namespace == &*object.metadata.namespace)
        };
        match objects.iter().find(is_meant) {
            Some(found) => vars.take(found, kind)?,
            None if reference.optional.unwrap_or_default() => {}
            None => {
                let plural = if kind == "Secret" {
                    "secrets"
                } else {
                    "configmaps"
                };
                return Err(no_variables(kind, plural, name));
            }
        }
    }
    vars.state(post_build);
    Ok(vars)
}

fn no_variables(kind: &str, plural: &str, name: &str) -> Failure {
    let text = format!("substitute from '{kind}/{name}' error: {plural} \"{name}\" not found");
    Failure::new(reasons::BUILD_FAILED, format!("post build failed: {text}"))
}

fn data(object: &Value, kind: &str) -> Vec<(String, String)> {
    let data = object.get("data").and_then(Value::as_object);
    let values = data
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?)));
    values
        .filter_map(|(name, value)| {
            if kind != "Secret" {
                return Some((name, value.to_owned()));
            }
            let bytes = STANDARD.decode(value).ok()?;
            Some((name, String::from_utf8_lossy(&bytes).into_owned()))
        })
        .collect()
}

/// Refuses a remote cluster as long as it cannot be applied to; a reference that is wrong in itself is reported first.
pub(crate) async fn refuse_remote_cluster(
    client: &Client,
    object: &Kustomization,
) -> Result<(), Failure> {
    let Some(config) = object.spec.kube_config.as_deref() else {
        return Ok(());
    };
    let Some(reference) = &config.secret_ref else {
        return Err(unsupported("spec.kubeConfig"));
    };
    let (namespace, name) = (&*object.metadata.namespace, &*reference.name);
    let secret = client.get(&Resource::secrets(), namespace, name).await;
    let secret = secret.map_err(|error| {
        let text = format!("unable to read KubeConfig secret '{namespace}/{name}' error: {error}");
        Failure::new(reasons::RECONCILIATION_FAILED, text)
    })?;
    let keys = match reference.key.as_deref() {
        Some(key) => vec![key],
        None => vec!["value", "value.yaml"],
    };
    let values = data(&secret, "Secret");
    let found = keys
        .iter()
        .find_map(|key| values.iter().find(|(name, _)| name == key));
    let Some((_, text)) = found else {
        let text = format!(
            "KubeConfig secret '{namespace}/{name}' does not contain a '{}' key",
            keys.join("' or '")
        );
        return Err(Failure::new(reasons::RECONCILIATION_FAILED, text));
    };
    // The text itself is never quoted: it holds credentials.
    let is_config = text.contains("clusters") && text.contains("contexts");
    if !is_config {
        let text = format!(
            "KubeConfig secret '{namespace}/{name}' holds no kubeconfig: clusters and contexts are missing"
        );
        return Err(Failure::new(reasons::RECONCILIATION_FAILED, text));
    }
    Err(unsupported("spec.kubeConfig"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_secret_named_without_end_is_not_kept_without_end() {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vault"},
            "data": {"k": STANDARD.encode("s".repeat(1 << 20))},
        });
        let read = |times: usize| {
            let from = vec![json!({"kind": "Secret", "name": "vault"}); times];
            let spec = json!({"path": "./", "postBuild": {"substituteFrom": from}});
            let object = json!({"metadata": {"name": "app", "namespace": "team"}, "spec": spec});
            variables_among(
                &Kustomization::parse(&object).unwrap(),
                std::slice::from_ref(&secret),
            )
        };
        assert_eq!(read(10).unwrap().values["k"].len(), 1 << 20);
        let Err(failure) = read(20) else {
            panic!("20 MiB are kept")
        };
        assert_eq!(
            failure.message,
            "post build failed: substituteFrom reads more than 16777216 bytes, the limit: name fewer or smaller objects"
        );
    }
}
