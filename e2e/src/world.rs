//! [`World`]: the cluster as scenarios see it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lode_cluster::{Client, Resource, Target};
use lode_object::{Object, Value};
use serde_json::json;

/// One cluster.
#[derive(Clone)]
pub struct World {
    /// Client of the cluster.
    pub client: Client,
}

/// Kinds that scenarios use, with their plural and whether they are namespaced.
const KINDS: &[(&str, &str, &str, bool)] = &[
    ("v1", "Namespace", "namespaces", false),
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Secret", "secrets", true),
    ("v1", "ServiceAccount", "serviceaccounts", true),
    ("v1", "Service", "services", true),
    ("v1", "Event", "events", true),
    (
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        true,
    ),
    ("v1", "Pod", "pods", true),
    ("batch/v1", "Job", "jobs", true),
    (
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        "clusterroles",
        false,
    ),
    (
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        false,
    ),
    (
        "admissionregistration.k8s.io/v1",
        "MutatingAdmissionPolicy",
        "mutatingadmissionpolicies",
        false,
    ),
    (
        "admissionregistration.k8s.io/v1",
        "MutatingAdmissionPolicyBinding",
        "mutatingadmissionpolicybindings",
        false,
    ),
    ("apps/v1", "Deployment", "deployments", true),
    ("coordination.k8s.io/v1", "Lease", "leases", true),
    ("apps/v1", "StatefulSet", "statefulsets", true),
    ("apps/v1", "ReplicaSet", "replicasets", true),
    (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    ),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", true),
    (
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "rolebindings",
        true,
    ),
    (
        "source.toolkit.fluxcd.io/v1",
        "GitRepository",
        "gitrepositories",
        true,
    ),
    (
        "source.toolkit.fluxcd.io/v1",
        "OCIRepository",
        "ocirepositories",
        true,
    ),
    (
        "source.toolkit.fluxcd.io/v1",
        "HelmRepository",
        "helmrepositories",
        true,
    ),
    (
        "helm.toolkit.fluxcd.io/v2",
        "HelmRelease",
        "helmreleases",
        true,
    ),
    (
        "source.toolkit.fluxcd.io/v1",
        "HelmChart",
        "helmcharts",
        true,
    ),
    (
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
        "kustomizations",
        true,
    ),
];

impl World {
    /// Connects with a kubeconfig; without one, with that of the environment.
    pub async fn connect(kubeconfig: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self {
            client: Client::connect(kubeconfig, None).await?,
        })
    }

    /// Returns the API resource of a kind.
    pub fn resource(&self, kind: &str) -> Resource {
        let row = KINDS
            .iter()
            .find(|(_, known, ..)| *known == kind)
            .or(KINDS.first());
        let (api_version, kind, plural, namespaced) = row.copied().unwrap_or_default();
        Resource::known(api_version, kind, plural, namespaced)
    }

    /// Applies an object as a person would, with the field manager `e2e`.
    pub async fn apply(&self, object: Value) -> anyhow::Result<Value> {
        self.apply_as("e2e", object).await
    }

    /// Applies an object with a field manager.
    pub async fn apply_as(&self, manager: &str, object: Value) -> anyhow::Result<Value> {
        let object = Object::parse(object)?;
        let target = Target {
            namespace: object.namespace(),
            name: object.name(),
            manager,
            dry_run: false,
        };
        let body = object.value().to_string().into();
        self.client
            .apply(&self.resource(object.kind()), target, body)
            .await
            .with_context(|| format!("apply {}", object.id()))
    }

    /// Merges a patch into an object, as an edit by a person.
    pub async fn patch(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> anyhow::Result<Value> {
        self.patch_as("kubectl-edit", (kind, namespace, name), patch)
            .await
    }

    /// Merges a patch into an object with a field manager.
    pub async fn patch_as(
        &self,
        manager: &str,
        what: (&str, &str, &str),
        patch: Value,
    ) -> anyhow::Result<Value> {
        let (kind, namespace, name) = what;
        let target = Target {
            namespace,
            name,
            manager,
            dry_run: false,
        };
        let answer = self
            .client
            .merge(&self.resource(kind), target, "", &patch)
            .await;
        let answer = answer.with_context(|| format!("patch {kind}/{namespace}/{name}"))?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Lists the objects of a kind; the query starts with `?` or is empty.
    pub async fn list(
        &self,
        kind: &str,
        namespace: &str,
        query: &str,
    ) -> anyhow::Result<Vec<Value>> {
        let bytes = self
            .client
            .list(&self.resource(kind), namespace, query)
            .await?;
        let mut list: Value = serde_json::from_slice(&bytes)?;
        match list["items"].take() {
            Value::Array(items) => Ok(items),
            _ => bail!("a list of {kind} has no items"),
        }
    }

    /// Reads an object; nothing if it does not exist.
    pub async fn get(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> anyhow::Result<Option<Value>> {
        match self.client.get(&self.resource(kind), namespace, name).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes an object; succeeds if it does not exist.
    pub async fn delete(&self, kind: &str, namespace: &str, name: &str) -> anyhow::Result<()> {
        match self
            .client
            .delete(&self.resource(kind), namespace, name, "")
            .await
        {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Makes a namespace.
    pub async fn namespace(&self, name: &str) -> anyhow::Result<()> {
        self.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
            .await
            .map(drop)
    }

    /// Waits until an object satisfies `wanted`; the error shows its last state.
    pub async fn until(
        &self,
        (kind, namespace, name): (&str, &str, &str),
        within: Duration,
        wanted: impl Fn(Option<&Value>) -> bool,
    ) -> anyhow::Result<Option<Value>> {
        let end = Instant::now() + within;
        loop {
            let found = match self.get(kind, namespace, name).await {
                Ok(found) => found,
                // A server that was away may cut connections once more while it comes back.
                Err(error) if is_passing(&error) && Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if wanted(found.as_ref()) {
                return Ok(found);
            }
            if Instant::now() > end {
                let status = found.as_ref().and_then(|found| found.get("status"));
                bail!(
                    "{kind}/{namespace}/{name} is not as wanted after {within:?}: {}",
                    status.unwrap_or(&Value::Null)
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until a Flux object has Ready with this status and, if given, this reason.
    pub async fn ready(
        &self,
        what: (&str, &str, &str),
        status: &str,
        reason: &str,
    ) -> anyhow::Result<Value> {
        let found = self.until(what, Duration::from_mins(1), |object| {
            condition(object, "Ready").is_some_and(|ready| {
                ready["status"] == status && (reason.is_empty() || ready["reason"] == reason)
            })
        });
        found.await?.context("an object that is ready exists")
    }

    /// Requests a reconcile and waits until it is handled.
    pub async fn reconcile(&self, what: (&str, &str, &str)) -> anyhow::Result<Value> {
        let (kind, namespace, name) = what;
        let token = format!("{:?}", Instant::now());
        let notes =
            json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}});
        self.patch(kind, namespace, name, notes).await?;
        let handled = |object: Option<&Value>| {
            object.is_some_and(|object| object["status"]["lastHandledReconcileAt"] == token)
        };
        self.until(what, Duration::from_mins(1), handled)
            .await?
            .context("an object that was reconciled exists")
    }
}

/// Returns a condition of an object.
pub fn condition<'o>(object: Option<&'o Value>, of: &str) -> Option<&'o Value> {
    object?["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == of)
}

fn is_passing(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<lode_cluster::Error>()
        .is_some_and(lode_cluster::Error::is_passing)
}
