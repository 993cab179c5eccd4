//! The values of a release: those of `valuesFrom` in order, then those of the specification (spec A11).

use std::sync::Arc;

use lode_api::HelmRelease;
use lode_api::helm_release::ValuesReference;
use lode_cluster::{Client, Resource};
use lode_object::Value;
use lode_render::release::{ReleaseValues, VALUES_MAX, ValuesError, merged_values};
use lode_runtime::{Failure, Retry};
use lode_stdx::budget::Budget;
use serde_json::json;

use crate::computing::{Computing, for_text};
use crate::reasons::VALUES_ERROR;

/// Bytes of all that `valuesFrom` reads, as the server encodes it.
const HELD_MAX: usize = VALUES_MAX * 2;

/// Reads the values of a release.
///
/// # Errors
/// A referenced object or key is missing and not optional, cannot be read, or contains no values.
pub(crate) async fn read(
    client: &Client,
    computing: &Computing,
    object: &Arc<HelmRelease>,
) -> Result<ReleaseValues, Failure> {
    let (namespace, spec) = (&*object.metadata.namespace, &object.spec);
    let mut found = Vec::with_capacity(spec.values_from.len());
    let mut held = 0;
    for reference in &spec.values_from {
        let resource = match &*reference.kind {
            "Secret" => Resource::secrets(),
            _ => Resource::config_maps(),
        };
        match client.get(&resource, namespace, &reference.name).await {
            Ok(object) => {
                let only = only(&object, reference);
                held += only.to_string().len();
                found.push(Some(only));
            }
            Err(error) if error.is_not_found() => found.push(None),
            Err(error) => {
                let retry = Failure::from(error);
                let why = ValuesError::unresolved(reference, namespace, &retry.message);
                return Err(Failure::new(VALUES_ERROR, why.to_string()).with(retry.retry));
            }
        }
        if held > HELD_MAX {
            return Err(failed(&ValuesError::too_much(reference, namespace)));
        }
    }

    let read = object.clone();
    let bytes = held + spec.values.as_ref().map_or(0, |values| values.text().len());
    let merged = move |budget: &Budget| {
        let of = |at: usize, _: &ValuesReference| found.get(at).and_then(Option::as_ref);
        let merged = merged_values(&read.spec, &read.metadata.namespace, of, budget);
        merged.map_err(|error| failed(&error))
    };
    let not_run = |why: String| Failure::new(VALUES_ERROR, why).with(Retry::Backoff);
    let room = (namespace, for_text(bytes));
    computing.run(room, merged, not_run).await
}

/// Only another specification helps if the values in it are wrong.
fn failed(error: &ValuesError) -> Failure {
    let retry = match error {
        ValuesError::Own(_) => Retry::Never,
        ValuesError::Unresolved { .. } => Retry::Backoff,
    };
    Failure::new(VALUES_ERROR, error.to_string()).with(retry)
}

/// Keeps of an object what a reference names.
fn only(object: &Value, reference: &ValuesReference) -> Value {
    let key = reference.key();
    json!({"data": {key: object["data"][key]}})
}
