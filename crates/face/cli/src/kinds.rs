//! The kinds the verbs are about: their names, and where their objects keep what people want to see.

use anyhow::Context as _;
use clap::ValueEnum;
use lode_api::names::Names;
use lode_api::{Kind as _, git_repository, kustomization};
use lode_cluster::{Client, Resource, Target};
use lode_object::{NamespacedName, Value};

use crate::report::Told;
use crate::session::MANAGER;

/// Objects asked for at once.
const PAGE: usize = 500;
/// Most objects shown: a million lines help nobody.
const OBJECTS_MAX: usize = 200_000;

/// A kind, by the word a person types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Noun {
    /// A `GitRepository`
    #[value(name = "source", aliases = ["sources", "git", "gitrepository", "gitrepositories"])]
    Source,
    /// A `Kustomization`
    #[value(name = "kustomization", aliases = ["kustomizations", "ks"])]
    Kustomization,
}

impl Noun {
    /// The names of the kind.
    pub(crate) fn names(self) -> Names {
        match self {
            Self::Source => git_repository::Spec::NAMES,
            Self::Kustomization => kustomization::Spec::NAMES,
        }
    }

    /// Where the kind lives.
    pub(crate) fn resource(self) -> Resource {
        let names = self.names();
        Resource::known(&names.api_version(), names.kind, names.plural, true)
    }

    /// The word for the kind in names such as `kustomization/apps`.
    pub(crate) fn singular(self) -> String {
        self.names().kind.to_lowercase()
    }

    /// The object as messages name it.
    pub(crate) fn shown(self, name: &NamespacedName) -> String {
        format!("{}/{name}", self.names().kind)
    }

    /// The revision an object has reached.
    pub(crate) fn revision(self, object: &Value) -> &str {
        let pointer = match self {
            Self::Source => "/status/artifact/revision",
            Self::Kustomization => "/status/lastAppliedRevision",
        };
        text(object, pointer)
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
        let step = || format!("list {}", self.names().plural);
        let (resource, mut objects, mut query) =
            (self.resource(), Vec::new(), format!("?limit={PAGE}"));
        loop {
            let page = client.list(&resource, namespace, &query).await;
            let page = page
                .map_err(|error| self.told(error, &NamespacedName::new(namespace, "")))
                .with_context(step)?;
            let mut page: Value = serde_json::from_slice(&page).with_context(step)?;
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

    /// Merges a patch into an object and returns what it has become.
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

    /// Puts a hint beside the answer "not found".
    fn told(self, error: lode_cluster::Error, name: &NamespacedName) -> anyhow::Error {
        let Some(status) = error.status().filter(|status| status.code == 404) else {
            return error.into();
        };
        // The server names the object when the object is missing, and nothing when the kind is.
        if name.name.is_empty() || !status.message.contains(&*name.name) {
            let kind = self.names().kind;
            return Told::new(
                format!("the cluster does not know the kind {kind}"),
                "`lode install` brings it",
            )
            .into();
        }
        let all = format!("`lode get {} -A` lists what there is", self.names().plural);
        Told::new(format!("there is no {}", self.shown(name)), all).into()
    }
}

/// Returns the text at a JSON pointer, empty where there is none.
pub(crate) fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Returns namespace and name of an object.
pub(crate) fn name_of(object: &Value) -> NamespacedName {
    NamespacedName::new(
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    )
}

/// Tells whether an object is left alone.
pub(crate) fn is_suspended(object: &Value) -> bool {
    object.pointer("/spec/suspend") == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_words_of_flux() {
        for word in ["ks", "kustomization", "kustomizations"] {
            assert_eq!(Noun::from_str(word, true), Ok(Noun::Kustomization));
        }
        for word in ["git", "source", "gitrepository"] {
            assert_eq!(Noun::from_str(word, true), Ok(Noun::Source));
        }
    }

    #[test]
    fn a_missing_object_and_a_missing_kind_are_told_apart() {
        let refused = |message: &str| {
            let status = lode_cluster::Status::new(404, "NotFound", message);
            lode_cluster::Error::Refused(Box::new(status))
        };
        let name = NamespacedName::new("team", "apps");
        let object =
            Noun::Kustomization.told(refused("kustomizations.x \"apps\" not found"), &name);
        assert_eq!(object.to_string(), "there is no Kustomization/team/apps");
        let kind = Noun::Kustomization.told(refused("404 page not found"), &name);
        assert_eq!(
            kind.to_string(),
            "the cluster does not know the kind Kustomization"
        );
    }
}
