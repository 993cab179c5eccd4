//! [`ObjectCall`]: one request about objects, with its target and its user.

use std::cell::RefCell;

use jiff::Timestamp;
use lode_admit::Status;
use lode_rbac::User;
use lode_stdx::time::rfc3339;
use serde_json::{Map, Value};

use crate::api::Api;
use crate::fields::metadata_mut;
use crate::served::Served;
use crate::store::key::Key;
use crate::wire::negotiate::Output;
use crate::wire::options::Query;
use crate::wire::request::RequestTarget;

/// One request about objects.
pub(crate) struct ObjectCall<'c> {
    pub(crate) api: &'c Api,
    pub(crate) served: &'c Served,
    pub(crate) target: &'c RequestTarget,
    pub(crate) query: &'c Query,
    pub(crate) output: Output,
    pub(crate) user: &'c User,
    /// The user agent, up to the first slash.
    pub(crate) agent: &'c str,
    /// The media type of the body.
    pub(crate) media: &'c str,
    pub(crate) body: &'c [u8],
    pub(crate) now: Timestamp,
    /// Warnings sent with the response, whatever it is.
    pub(crate) warnings: RefCell<Vec<String>>,
}

impl ObjectCall<'_> {
    /// Returns the object that the path names.
    pub(crate) fn key(&self) -> Key {
        Key::new(&self.target.namespace, &self.target.name)
    }

    /// Returns the current time in the format of objects.
    pub(crate) fn now_text(&self) -> String {
        rfc3339(self.now)
    }

    /// Adds warnings to the response, each once.
    pub(crate) fn warn(&self, warnings: impl IntoIterator<Item = String>) {
        let mut said = self.warnings.borrow_mut();
        for warning in warnings {
            if !said.contains(&warning) {
                said.push(warning);
            }
        }
    }

    /// Returns the field manager of the write.
    pub(crate) fn manager<'m>(&'m self, named: &'m str) -> &'m str {
        if named.is_empty() { self.agent } else { named }
    }

    /// Checks an object against the path: namespace and name must be equal or absent.
    ///
    /// # Errors
    /// It has another namespace or name.
    pub(crate) fn place(&self, object: &mut Value) -> Result<(), Status> {
        let metadata = metadata_mut(object);
        let text = |metadata: &Map<String, Value>, key: &str| {
            metadata
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (namespace, name) = (text(metadata, "namespace"), text(metadata, "name"));
        if !self.target.name.is_empty() {
            if !name.is_empty() && name != self.target.name {
                return Err(Status::bad_request(format!(
                    "the name of the object ({name}) does not match the name on the URL ({})",
                    self.target.name
                )));
            }
            metadata.insert("name".to_owned(), self.target.name.as_str().into());
        }

        if !self.served.kind.namespaced {
            metadata.remove("namespace");
        } else if namespace.is_empty() || namespace == self.target.namespace {
            metadata.insert(
                "namespace".to_owned(),
                self.target.namespace.as_str().into(),
            );
        } else {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        Ok(())
    }
}
