//! Further writes of [`Client`]: replacing an object, and deleting one with a say in what becomes of its dependents.

use bytes::Bytes;
use http::{Method, header};
use lode_object::Value;

use crate::client::{Client, Identity, Target, encode};
use crate::error::Error;
use crate::resource::{Resource, escape};

/// What becomes of the objects that depend on a deleted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Propagation {
    /// They are deleted afterwards.
    #[default]
    Background,
    /// They are deleted first.
    Foreground,
    /// They stay.
    Orphan,
}

impl Propagation {
    /// Returns the word of the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
            Self::Orphan => "Orphan",
        }
    }
}

impl Client {
    /// Replaces an object as a field manager; one that names a resource version must still have it.
    /// Returns the object's JSON.
    ///
    /// # Errors
    /// See [`Error`]; 404 if it does not exist, 409 if it has changed.
    pub async fn replace(
        &self,
        resource: &Resource,
        target: Target<'_>,
        object: &Value,
    ) -> Result<Bytes, Error> {
        let mut path = resource.path_of_one(target.namespace, target.name)?;
        path.push_str(if target.dry_run {
            "?dryRun=All&fieldManager="
        } else {
            "?fieldManager="
        });
        escape(&mut path, target.manager);
        let verb = if target.dry_run { "dry-run" } else { "update" };
        let content = Some((header::CONTENT_TYPE, "application/json", encode(object)));
        self.call(verb, Method::PUT, &path, content).await
    }

    /// Deletes an object as [`Client::delete_only`] does; what depends on it is treated as said.
    ///
    /// # Errors
    /// See [`Error`]; 409 if it has changed.
    pub async fn delete_and(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        identity: Identity<'_>,
        propagation: Propagation,
    ) -> Result<(), Error> {
        let mut options = serde_json::json!({
            "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation.word(),
        });
        for (field, value) in [("uid", identity.uid), ("resourceVersion", identity.version)] {
            if !value.is_empty() {
                options["preconditions"][field] = value.into();
            }
        }
        let content = Some((header::CONTENT_TYPE, "application/json", encode(&options)));
        self.call(
            "delete",
            Method::DELETE,
            &resource.path_of_one(namespace, name)?,
            content,
        )
        .await
        .map(drop)
    }
}
