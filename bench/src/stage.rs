//! What every benchmark needs: the cluster, a Git server, the operator, and the objects of one application.

use std::time::Duration;

use anyhow::{Context as _, bail};
use e2e::{GitServer, Settings, World};
use lode_object::Value;
use serde_json::json;
use tempfile::TempDir;

/// Folder of the storage, kept until the end.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) git: GitServer,
    pub(crate) settings: Settings,
    _storage: TempDir,
}

impl Stage {
    /// Connects, and finds the binary next to this one.
    pub(crate) async fn set() -> anyhow::Result<Self> {
        let world = World::connect(None)
            .await
            .context("connect: `cargo xtask cluster up` prints a KUBECONFIG")?;
        let binary = std::env::current_exe()?.with_file_name("lode");
        if !binary.exists() {
            bail!(
                "{} is not built: cargo build --release -p lode-cli",
                binary.display()
            );
        }

        for crd in lode_crds() {
            let name = crd["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            world.apply(crd).await?;
            let established = |found: Option<&Value>| {
                let conditions = found.and_then(|found| found["status"]["conditions"].as_array());
                conditions.is_some_and(|all| {
                    all.iter()
                        .any(|one| one["type"] == "Established" && one["status"] == "True")
                })
            };
            world
                .until(
                    ("CustomResourceDefinition", "", &name),
                    Duration::from_secs(30),
                    established,
                )
                .await?;
        }

        let storage = tempfile::tempdir()?;
        let settings = Settings {
            binary,
            kubeconfig: None,
            storage: storage.path().to_owned(),
            arguments: Vec::new(),
        };
        Ok(Self {
            world,
            git: GitServer::start()?,
            settings,
            _storage: storage,
        })
    }

    /// Creates a fresh namespace, after deleting one left from an earlier run.
    pub(crate) async fn namespace(&self, name: &str) -> anyhow::Result<()> {
        self.clear(name).await?;
        self.world
            .until(("Namespace", "", name), Duration::from_mins(5), |found| {
                found.is_none()
            })
            .await?;
        self.world.namespace(name).await?;
        let account = ("ServiceAccount", name, "default");
        self.world
            .until(account, Duration::from_secs(30), |found| found.is_some())
            .await
            .map(drop)
    }
}

impl Stage {
    /// Deletes a namespace even if no operator runs that would remove the finalizers in it.
    pub(crate) async fn clear(&self, name: &str) -> anyhow::Result<()> {
        for kind in OUR_KINDS {
            self.free(kind, name).await?;
        }
        self.world.delete("Namespace", "", name).await
    }

    /// Deletes all objects of one of our kinds in a namespace, without whoever waits for that.
    pub(crate) async fn remove(&self, kind: &str, namespace: &str) -> anyhow::Result<()> {
        for name in self.free(kind, namespace).await? {
            self.world.delete(kind, namespace, &name).await?;
        }
        Ok(())
    }

    /// Takes the finalizers from all objects of a kind in a namespace; returns their names.
    async fn free(&self, kind: &str, namespace: &str) -> anyhow::Result<Vec<String>> {
        let resource = self.world.resource(kind);
        let list = self.world.client.list(&resource, namespace, "").await?;
        let list: Value = serde_json::from_slice(&list)?;
        let mut names = Vec::new();
        for object in list["items"].as_array().into_iter().flatten() {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            // The namespace, and the object with it, may already be terminating.
            let freed = json!({"metadata": {"finalizers": null}});
            let freed = self.world.patch(kind, namespace, name, freed).await;
            let gone = |error: &anyhow::Error| {
                error
                    .downcast_ref::<lode_cluster::Error>()
                    .is_some_and(lode_cluster::Error::is_not_found)
            };
            if let Err(error) = freed
                && !gone(&error)
            {
                return Err(error);
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }
}

/// The kinds of ours that benchmarks create.
const OUR_KINDS: [&str; 5] = [
    "Kustomization",
    "GitRepository",
    "HelmRelease",
    "HelmChart",
    "OCIRepository",
];

fn lode_crds() -> Vec<Value> {
    lode_api::kinds::definitions()
}

/// Returns the four objects of application `number`, as JSON.
pub(crate) fn application(namespace: &str, number: usize) -> [Value; 4] {
    let name = format!("app-{number}");
    let meta = json!({"name": name, "namespace": namespace});
    let labels = json!({"app": name});
    [
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"color": "blue", "number": number.to_string()}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta,
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": 0,
            "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec":
            {"serviceAccountName": name, "containers": [{"name": "app", "image": "registry.example/app:1.0.0",
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "envFrom": [{"configMapRef": {"name": name}}]}]}}}}),
    ]
}

/// Returns a `GitRepository` and its coordinates.
pub(crate) fn repository(namespace: &str, url: &str, interval: &str) -> Value {
    json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": "fleet", "namespace": namespace},
        "spec": {"interval": interval, "url": url, "ref": {"branch": "main"}}})
}

/// Returns a Kustomization of a folder of that repository.
pub(crate) fn kustomization(namespace: &str, name: &str, path: &str) -> Value {
    json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"interval": "1h", "prune": true, "wait": true, "timeout": "10m", "path": path,
            "sourceRef": {"kind": "GitRepository", "name": "fleet"}}})
}
