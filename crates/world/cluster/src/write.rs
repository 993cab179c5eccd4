//! Writes of [`Client`]: apply, patch, create, replace, delete.

use bytes::Bytes;
use http::{Method, header};
use lode_object::Value;

use crate::client::{Client, Identity, Target, decode, encode};
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
    /// Applies fields as `manager`, taking over fields of other managers. Returns the object.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn apply(
        &self,
        resource: &Resource,
        target: Target<'_>,
        body: Bytes,
    ) -> Result<Value, Error> {
        decode(&self.apply_unread(resource, target, body).await?)
    }

    /// Like [`Client::apply`], but returns the object's JSON.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn apply_unread(
        &self,
        resource: &Resource,
        target: Target<'_>,
        body: Bytes,
    ) -> Result<Bytes, Error> {
        let mut path = resource.path_of_one(target.namespace, target.name)?;
        as_manager(&mut path, target);
        path.push_str("&force=true");
        let verb = if target.dry_run { "dry-run" } else { "apply" };
        let content = Some((header::CONTENT_TYPE, "application/apply-patch+yaml", body));
        self.call(verb, Method::PATCH, &path, content).await
    }

    /// Merges a JSON merge patch into an object or one of its subresources. Returns the object's
    /// JSON.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn merge(
        &self,
        resource: &Resource,
        target: Target<'_>,
        subresource: &str,
        patch: &Value,
    ) -> Result<Bytes, Error> {
        let mut path = resource.path_of_one(target.namespace, target.name)?;
        path.push_str(subresource);
        as_manager(&mut path, target);
        let content = Some((
            header::CONTENT_TYPE,
            "application/merge-patch+json",
            encode(patch),
        ));
        self.call("patch", Method::PATCH, &path, content).await
    }

    /// Changes an object by a JSON patch (RFC 6902).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn json_patch(
        &self,
        resource: &Resource,
        target: Target<'_>,
        patch: &Value,
    ) -> Result<Value, Error> {
        let mut path = resource.path_of_one(target.namespace, target.name)?;
        as_manager(&mut path, target);
        let content = Some((
            header::CONTENT_TYPE,
            "application/json-patch+json",
            encode(patch),
        ));
        decode(&self.call("patch", Method::PATCH, &path, content).await?)
    }

    /// Creates an object.
    ///
    /// # Errors
    /// See [`Error`]; 409 if it exists.
    pub async fn create(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
    ) -> Result<(), Error> {
        self.post(resource, namespace, object).await.map(drop)
    }

    /// Like [`Client::create`], but returns the object's JSON.
    pub(crate) async fn post(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
    ) -> Result<Bytes, Error> {
        let content = Some((header::CONTENT_TYPE, "application/json", encode(object)));
        self.call(
            "create",
            Method::POST,
            &resource.path(namespace, ""),
            content,
        )
        .await
    }

    /// Creates an object as a field manager, optionally as a dry run. Returns the object's JSON.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::is_already_exists`] if one of its name exists.
    pub async fn create_as(
        &self,
        resource: &Resource,
        target: Target<'_>,
        object: &Value,
    ) -> Result<Bytes, Error> {
        let mut path = resource.path(target.namespace, "");
        as_manager(&mut path, target);
        let verb = if target.dry_run { "dry-run" } else { "create" };
        let content = Some((header::CONTENT_TYPE, "application/json", encode(object)));
        self.call(verb, Method::POST, &path, content).await
    }

    /// Deletes an object with background propagation, if it still has this uid.
    ///
    /// # Errors
    /// See [`Error`]; 409 if another object has its name.
    pub async fn delete(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), Error> {
        self.delete_only(resource, namespace, name, Identity { uid, version: "" })
            .await
    }

    /// Deletes an object with background propagation, if it still has this uid and version.
    ///
    /// # Errors
    /// See [`Error`]; 409 if it has changed.
    pub async fn delete_only(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        identity: Identity<'_>,
    ) -> Result<(), Error> {
        self.delete_and(resource, namespace, name, identity, Propagation::Background)
            .await
    }

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
        as_manager(&mut path, target);
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

/// Adds the query of a write: whose it is, and whether it is only tried.
fn as_manager(path: &mut String, target: Target<'_>) {
    path.push_str(if target.dry_run {
        "?dryRun=All&fieldManager="
    } else {
        "?fieldManager="
    });
    escape(path, target.manager);
}
