//! Reading and removing the finalizers of objects that are being deleted.

use lode_admit::Status;
use serde_json::Value;

use crate::api::Api;
use crate::fields::metadata_mut;
use crate::handlers::inside;
use crate::served::Served;
use crate::store::key::Key;

/// Returns whether an object has a finalizer.
pub(super) fn holds(object: &Value, finalizer: &str) -> bool {
    let finalizers = object
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array);
    finalizers.is_some_and(|finalizers| finalizers.iter().any(|name| name == finalizer))
}

/// Removes a finalizer, which deletes the object if it was the last one.
pub(super) fn remove(
    api: &Api,
    served: &Served,
    key: &Key,
    finalizer: &str,
    manager: &str,
) -> Result<(), Status> {
    inside::change(api, served, key, ("", manager), |object| {
        let metadata = metadata_mut(object);
        let Some(finalizers) = metadata.get_mut("finalizers").and_then(Value::as_array_mut) else {
            return;
        };
        finalizers.retain(|name| name != finalizer);
        if finalizers.is_empty() {
            metadata.remove("finalizers");
        }
    })
}
