//! [`Objects`]: the cluster's objects as JSON values.

use std::sync::Arc;
use std::time::Duration;

use lode_cluster::{Client, Discovery, Resource, Target};
use lode_object::json::{list, text};
use lode_object::{GroupVersionKind, Value};
use tokio::time::Instant;

/// The objects of one cluster.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    discovery: Discovery,
}

/// Why an object cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The call failed.
    #[error("{verb} {kind} {namespace}/{name}")]
    Call {
        /// What was asked for.
        verb: &'static str,
        /// The kind.
        kind: String,
        /// The object's namespace.
        namespace: String,
        /// The object's name.
        name: String,
        /// The reason.
        source: lode_cluster::Error,
    },
    /// The cluster does not serve the kind.
    #[error("{api_version} {kind} is not served")]
    Kind {
        /// Group and version.
        api_version: String,
        /// The kind.
        kind: String,
    },
    /// A definition is not served in time.
    #[error("definition {0} is not served yet")]
    Slow(String),
}

/// Which object.
#[derive(Debug, Clone, Copy)]
struct Which<'a> {
    api_version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

impl Objects {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            discovery: Discovery::new(client.clone()),
            client,
        }
    }

    /// Returns the client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Reads an object; `None` if it does not exist.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get(
        &self,
        kind: (&str, &str),
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, Error> {
        let name = Which::of(kind, namespace, name);
        let resource = self.resource(name).await?;
        match self.client.get(&resource, namespace, name.name).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(name.failed("get", error)),
        }
    }

    /// Reads all objects of a namespace, or of all namespaces if it is empty.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list(&self, kind: (&str, &str), namespace: &str) -> Result<Vec<Value>, Error> {
        let name = Which::of(kind, namespace, "");
        let resource = self.resource(name).await?;
        let page = self
            .client
            .list(&resource, namespace, "")
            .await
            .map_err(|error| name.failed("list", error))?;
        let mut page: Value = serde_json::from_slice(&page).map_err(|error| {
            name.failed(
                "list",
                lode_cluster::Error::NotUnderstood(error.to_string()),
            )
        })?;
        let items = page
            .get_mut("items")
            .and_then(Value::as_array_mut)
            .map(std::mem::take);
        Ok(items.unwrap_or_default())
    }

    /// Applies an object server-side as a field manager, and returns the result.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn apply(&self, manager: &str, object: &Value) -> Result<Value, Error> {
        let text = |pointer: &str| text(object, pointer);
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let name = Which {
            api_version: text("/apiVersion"),
            kind: text("/kind"),
            namespace,
            name,
        };
        let resource = self.resource(name).await?;
        let applied = self
            .client
            .apply(&resource, name.target(manager), object.to_string().into())
            .await;
        applied.map_err(|error| name.failed("apply", error))
    }

    /// Merges a patch into an object as a field manager.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn patch(
        &self,
        manager: &str,
        kind: (&str, &str),
        (namespace, name): (&str, &str),
        patch: &Value,
    ) -> Result<(), Error> {
        let name = Which::of(kind, namespace, name);
        let resource = self.resource(name).await?;
        let done = self
            .client
            .merge(&resource, name.target(manager), "", patch)
            .await;
        done.map(drop).map_err(|error| name.failed("patch", error))
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(
        &self,
        kind: (&str, &str),
        namespace: &str,
        name: &str,
    ) -> Result<(), Error> {
        let name = Which::of(kind, namespace, name);
        let resource = self.resource(name).await?;
        self.client
            .delete(&resource, namespace, name.name, "")
            .await
            .map_err(|error| name.failed("delete", error))
    }

    /// Applies a custom resource definition and waits until its kind is served and found.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn define(&self, definition: &Value, timeout: Duration) -> Result<(), Error> {
        let applied = self.apply(MANAGER, definition).await?;
        let name = applied["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let kind = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        let deadline = Instant::now() + timeout;
        while Instant::now() < deadline {
            let found = self.get(kind, "", &name).await?.unwrap_or_default();
            let conditions = list(&found, "/status/conditions").iter();
            let mut served = conditions.filter(|condition| condition["type"] == "Established");
            let is_served = served.any(|condition| condition["status"] == "True");
            if is_served && self.is_found(definition).await? {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Error::Slow(name))
    }

    /// Returns whether discovery lists what a definition serves, which may be a moment after it is established.
    async fn is_found(&self, definition: &Value) -> Result<bool, Error> {
        let group = text(definition, "/spec/group");
        for version in list(definition, "/spec/versions") {
            if version["served"] != true {
                continue;
            }
            let api_version = format!("{group}/{}", text(version, "/name"));
            let which = Which {
                api_version: &api_version,
                kind: text(definition, "/spec/names/kind"),
                namespace: "",
                name: "",
            };
            match self.resource(which).await {
                Ok(_) => {}
                Err(Error::Kind { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    async fn resource(&self, name: Which<'_>) -> Result<Arc<Resource>, Error> {
        let gvk = GroupVersionKind::new(name.api_version, name.kind);
        let failed = |error| name.failed("find", error);
        let mut found = self.discovery.resolve(&gvk).await.map_err(failed)?;
        if found.is_none() {
            // Discovery is not read twice within a second, but a test may define and use a kind
            // within one.
            found = Discovery::new(self.client.clone())
                .resolve(&gvk)
                .await
                .map_err(failed)?;
            if let Some(resource) = &found {
                self.discovery.learn(Resource::clone(resource));
            }
        }
        let unknown = || Error::Kind {
            api_version: name.api_version.to_owned(),
            kind: name.kind.to_owned(),
        };
        found.ok_or_else(unknown)
    }
}

impl<'a> Which<'a> {
    fn of(kind: (&'a str, &'a str), namespace: &'a str, name: &'a str) -> Self {
        let (api_version, kind) = kind;
        Self {
            api_version,
            kind,
            namespace,
            name,
        }
    }

    fn target(&self, manager: &'a str) -> Target<'a> {
        Target {
            namespace: self.namespace,
            name: self.name,
            manager,
            dry_run: false,
        }
    }

    fn failed(self, verb: &'static str, source: lode_cluster::Error) -> Error {
        let Self {
            kind,
            namespace,
            name,
            ..
        } = self;
        Error::Call {
            verb,
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            source,
        }
    }
}

/// Field manager of definitions.
const MANAGER: &str = "sandbox";
/// Time between checks of a definition that is not served yet.
const PAUSE: Duration = Duration::from_millis(2);
