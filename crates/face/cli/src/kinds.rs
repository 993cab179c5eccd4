//! The kinds that the verbs work on: names, and where an object holds what is shown.

use anyhow::Context as _;
use lode_api::kinds::Row;
use lode_api::names::Names;
use lode_cluster::{Client, Resource, Target};
use lode_object::json::text;
use lode_object::{NamespacedName, Value};

use crate::report::Told;
use crate::session::MANAGER;

/// Objects per list request.
const PAGE: usize = 500;
/// Most objects listed.
const OBJECTS_MAX: usize = 200_000;

/// A kind that the verbs work on, by its row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Noun(pub(crate) &'static Row);

impl Noun {
    /// Returns the kind's row.
    pub(crate) fn row(self) -> &'static Row {
        self.0
    }

    /// Returns the kind's names.
    pub(crate) fn names(self) -> Names {
        self.0.names
    }

    /// Returns the kind's API resource.
    pub(crate) fn resource(self) -> Resource {
        let names = self.names();
        Resource::known(
            &names.api_version(),
            names.kind,
            names.plural,
            names.is_namespaced(),
        )
    }

    /// Returns the word for the kind in names such as `kustomization/apps`.
    pub(crate) fn singular(self) -> &'static str {
        self.0.names.singular
    }

    /// Returns the object's name as messages show it.
    pub(crate) fn shown(self, name: &NamespacedName) -> String {
        format!("{}/{name}", self.names().kind)
    }

    /// Reads one object.
    pub(crate) async fn read(
        self,
        client: &Client,
        name: &NamespacedName,
    ) -> anyhow::Result<Value> {
        let found = client
            .get(&self.resource(), &name.namespace, &name.name)
            .await;
        found
            .map_err(|error| self.told(error, name))
            .with_context(|| format!("read {}", self.shown(name)))
    }

    /// Reads all objects of a namespace, or of all namespaces when it is empty.
    pub(crate) async fn list(self, client: &Client, namespace: &str) -> anyhow::Result<Vec<Value>> {
        list(client, &self.resource(), namespace)
            .await
            .map_err(|error| self.told(error, &NamespacedName::new(namespace, "")))
            .with_context(|| format!("list {}", self.names().plural))
    }

    /// Merges a patch into an object and returns the result.
    pub(crate) async fn patch(
        self,
        client: &Client,
        name: &NamespacedName,
        patch: &Value,
    ) -> anyhow::Result<Value> {
        let target = Target {
            namespace: &name.namespace,
            name: &name.name,
            manager: MANAGER,
            dry_run: false,
        };
        let done = client.merge(&self.resource(), target, "", patch).await;
        let object = done
            .map_err(|error| self.told(error, name))
            .and_then(|json| Ok(serde_json::from_slice(&json)?));
        object.with_context(|| format!("change {}", self.shown(name)))
    }

    /// Adds a hint to a "not found" error.
    fn told(self, error: lode_cluster::Error, name: &NamespacedName) -> anyhow::Error {
        let Some(status) = error.status().filter(|status| status.code == 404) else {
            return error.into();
        };
        // The server's message names the object if the object is missing, but not if the kind is.
        if name.name.is_empty() || !status.message.contains(&*name.name) {
            let kind = self.names().kind;
            return Told::new(
                format!("the cluster does not know the kind {kind}"),
                "`lode install` installs it",
            )
            .into();
        }
        let all = format!(
            "`lode get {} -A` lists the existing ones",
            self.names().plural
        );
        Told::new(format!("there is no {}", self.shown(name)), all).into()
    }
}

/// Reads all objects of a resource in a namespace, or in all namespaces when it is empty.
pub(crate) async fn list(
    client: &Client,
    resource: &Resource,
    namespace: &str,
) -> Result<Vec<Value>, lode_cluster::Error> {
    let (mut objects, mut query) = (Vec::new(), format!("?limit={PAGE}"));
    loop {
        let page = client.list(resource, namespace, &query).await?;
        let mut page: Value = serde_json::from_slice(&page)
            .map_err(|error| lode_cluster::Error::NotUnderstood(error.to_string()))?;
        if let Some(items) = page.get_mut("items").and_then(Value::as_array_mut) {
            objects.append(items);
        }
        let next = text(&page, "/metadata/continue");
        if next.is_empty() || objects.len() >= OBJECTS_MAX {
            return Ok(objects);
        }
        query = format!("?limit={PAGE}&continue={next}");
    }
}

/// Returns the namespace and name of an object.
pub(crate) fn name_of(object: &Value) -> NamespacedName {
    NamespacedName::new(
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUSTOMIZATION: Noun = Noun(&lode_api::kinds::KUSTOMIZATION);

    #[test]
    fn a_missing_object_and_a_missing_kind_are_told_apart() {
        let refused = |message: &str| {
            let status = lode_cluster::Status::new(404, "NotFound", message);
            lode_cluster::Error::Refused(Box::new(status))
        };
        let name = NamespacedName::new("team", "apps");
        let object = KUSTOMIZATION.told(refused("kustomizations.x \"apps\" not found"), &name);
        assert_eq!(object.to_string(), "there is no Kustomization/team/apps");
        let kind = KUSTOMIZATION.told(refused("404 page not found"), &name);
        assert_eq!(
            kind.to_string(),
            "the cluster does not know the kind Kustomization"
        );
    }
}
