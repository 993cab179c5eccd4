//! The `HelmChart` of a release with a chart template: created, changed and deleted with it.

use std::sync::Arc;

use lode_api::{HelmRelease, Kind as _, helm_chart, reasons};
use lode_cluster::{Error as ClusterError, Resource, Target};
use lode_object::{NamespacedName, Object, OwnerLabels, Value};
use lode_runtime::{Failure, Retry, Told, name_of};
use lode_stdx::Digest;
use serde_json::json;

use crate::controller::HelmReleases;
use crate::names::chart_object;
use crate::options::MANAGER;
use crate::state::State;
use crate::working::Working;

impl HelmReleases {
    /// Makes the `HelmChart` what the release says, and deletes one that it no longer wants.
    ///
    /// # Errors
    /// The server refuses.
    pub(crate) async fn keep_chart_object(
        &self,
        object: &Arc<HelmRelease>,
        state: &mut State,
        working: &mut Working,
    ) -> Result<(), Failure> {
        let wanted = chart_object(object);
        let known = working.status.helm_chart.clone();
        if known.as_deref() != wanted.as_ref().map(ToString::to_string).as_deref() {
            self.delete_chart_object(object, working).await?;
        }
        let Some(name) = wanted else {
            return Ok(());
        };

        let body = body(object, &name);
        let digest = Digest::of(body.to_string().as_bytes()).to_string();
        let exists = self
            .sources
            .find(helm_chart::Spec::NAMES.kind, &name)
            .is_some();
        if exists && state.chart.as_deref() == Some(&*digest) {
            return Ok(());
        }
        let before = self.version_of(&name, &body).await?;
        let target = Target {
            namespace: &name.namespace,
            name: &name.name,
            manager: MANAGER,
            dry_run: false,
        };
        let client = self.own.client();
        let applied = client
            .apply(&charts(), target, body.to_string().into())
            .await?;
        let after = lode_object::json::text(&applied, "/metadata/resourceVersion");
        let word = match before.as_deref() {
            None => Some("Created"),
            Some(before) if before != after => Some("Configured"),
            Some(_) => None,
        };
        if let Some(word) = word {
            let source = &body["spec"]["sourceRef"];
            let text = format!(
                "{word} HelmChart/{name} with SourceRef '{}/{}/{}'",
                source["kind"].as_str().unwrap_or_default(),
                name.namespace,
                source["name"].as_str().unwrap_or_default()
            );
            working.tell(Told::normal(format!("HelmChart{word}"), text));
        }
        working.status.helm_chart = Some(name.to_string().into());
        state.chart = Some(digest);
        Ok(())
    }

    /// Deletes the `HelmChart` that was created for a release.
    ///
    /// # Errors
    /// The server refuses.
    pub(crate) async fn delete_chart_object(
        &self,
        object: &HelmRelease,
        working: &mut Working,
    ) -> Result<(), Failure> {
        let Some(known) = working.status.helm_chart.clone() else {
            return Ok(());
        };
        let Some((namespace, name)) = known.split_once('/') else {
            working.status.helm_chart = None;
            return Ok(());
        };
        let client = self.own.client();
        // The status is the user's to write: only what says that it is of this release is deleted.
        let found = match client.get(&charts(), namespace, name).await {
            Ok(found) => Some(found),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(undeleted(&known, &error)),
        };
        let owner = name_of::<lode_api::helm_release::Spec>(object);
        let is_ours = |found: &Value| OwnerLabels::RELEASE.owner_of(found).as_ref() == Some(&owner);
        if let Some(found) = found.filter(is_ours) {
            let uid = lode_object::json::text(&found, "/metadata/uid");
            match client.delete(&charts(), namespace, name, uid).await {
                Err(error) if !error.is_not_found() => return Err(undeleted(&known, &error)),
                _ => {
                    let text = format!("deleted HelmChart '{known}'");
                    working.tell(Told::normal("HelmChartDeleted", text));
                }
            }
        }
        working.status.helm_chart = None;
        Ok(())
    }

    /// Returns the version of the `HelmChart` that is there.
    ///
    /// # Errors
    /// It is labelled as another release's, or the server refuses.
    async fn version_of(
        &self,
        name: &NamespacedName,
        wanted: &Value,
    ) -> Result<Option<String>, Failure> {
        let found = self
            .own
            .client()
            .get(&charts(), &name.namespace, &name.name)
            .await;
        match found {
            Ok(found) => {
                is_free(name, &found, wanted)?;
                let version = lode_object::json::text(&found, "/metadata/resourceVersion");
                Ok(Some(version.to_owned()))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Checks that a `HelmChart` is not another release's: two namespaces can lead to the same name.
fn is_free(name: &NamespacedName, found: &Value, wanted: &Value) -> Result<(), Failure> {
    let owner = |chart: &Value| OwnerLabels::RELEASE.owner_of(chart);
    match (owner(found), owner(wanted)) {
        (Some(other), Some(own)) if other != own => {
            let text = format!("HelmChart '{name}' is that of HelmRelease '{other}'");
            Err(Failure::new(reasons::ACCESS_DENIED, text).with(Retry::Backoff))
        }
        _ => Ok(()),
    }
}

fn undeleted(name: &str, error: &ClusterError) -> Failure {
    let failure = Failure::of_request(error, error.is_passing());
    Failure {
        message: format!("failed to delete HelmChart '{name}': {error}"),
        ..failure
    }
}

fn charts() -> Resource {
    let names = helm_chart::Spec::NAMES;
    let version = format!("{}/{}", names.group, names.version);
    Resource::known(&version, names.kind, names.plural, true)
}

/// Returns the `HelmChart` that a release wants.
fn body(object: &HelmRelease, name: &NamespacedName) -> Value {
    let Some(template) = object.spec.chart.as_deref() else {
        return Value::Null;
    };
    let spec = &template.spec;
    let source = json!({"kind": spec.source_ref.kind, "name": spec.source_ref.name});
    let interval = spec.interval.as_deref().unwrap_or(&object.spec.interval);
    let mut wanted = json!({"chart": spec.chart, "interval": interval, "sourceRef": source});
    let optional = [
        ("version", json!(spec.version)),
        ("reconcileStrategy", json!(spec.reconcile_strategy)),
        (
            "ignoreMissingValuesFiles",
            json!(spec.ignore_missing_values_files),
        ),
    ];
    for (field, value) in optional {
        if !value.is_null() {
            wanted[field] = value;
        }
    }
    if !spec.values_files.is_empty() {
        wanted["valuesFiles"] = json!(spec.values_files);
    }

    let names = helm_chart::Spec::NAMES;
    let mut metadata = json!({"name": name.name, "namespace": name.namespace});
    if let Some(own) = template.metadata.as_deref() {
        metadata["labels"] = json!(own.labels);
        metadata["annotations"] = json!(own.annotations);
    }
    let version = format!("{}/{}", names.group, names.version);
    let body =
        json!({"apiVersion": version, "kind": names.kind, "metadata": metadata, "spec": wanted});
    let Ok(mut body) = Object::parse(body) else {
        return Value::Null;
    };
    let owner = name_of::<lode_api::helm_release::Spec>(object);
    OwnerLabels::RELEASE.stamp(&mut body, &owner);
    body.into_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_object_is_what_the_template_says_and_says_whose_it_is() {
        let spec = json!({"interval": "5m", "chart": {"metadata": {"labels": {"a": "b"}}, "spec": {"chart": "app",
            "version": "1.x", "valuesFiles": ["a.yaml"], "sourceRef": {"kind": "HelmRepository", "name": "r"}}}});
        let metadata = json!({"name": "web", "namespace": "team"});
        let object = HelmRelease::parse(&json!({"metadata": metadata, "spec": spec})).unwrap();
        let body = body(&object, &chart_object(&object).unwrap());
        assert_eq!(
            body["spec"],
            json!({"chart": "app", "interval": "5m", "version": "1.x", "valuesFiles": ["a.yaml"],
                "sourceRef": {"kind": "HelmRepository", "name": "r"}})
        );
        let labels = json!({"a": "b", "helm.toolkit.fluxcd.io/name": "web",
            "helm.toolkit.fluxcd.io/namespace": "team"});
        assert_eq!(body["metadata"]["labels"], labels);
        assert_eq!(body["metadata"]["name"], "team-web");
    }

    #[test]
    fn a_chart_object_of_another_release_is_left_alone() {
        let name = NamespacedName::new("flux-system", "team-a-web");
        let of = |namespace: &str, name: &str| {
            json!({"metadata": {"labels": {"helm.toolkit.fluxcd.io/name": name,
                "helm.toolkit.fluxcd.io/namespace": namespace}}})
        };
        let own = of("team", "a-web");
        let failure = is_free(&name, &of("team-a", "web"), &own).unwrap_err();
        assert_eq!(failure.reason, reasons::ACCESS_DENIED);
        assert!(failure.message.contains("'team-a/web'"), "{failure}");
        assert!(is_free(&name, &own, &own).is_ok());
        assert!(is_free(&name, &json!({"metadata": {}}), &own).is_ok());
    }
}
