//! Request bodies: an object, options, or the result of a patch.

use lode_admit::decode::{self, Decoded, FieldValidation, Media};
use lode_admit::{FieldError, Kind, Status, custom};
use serde_json::Value;

use crate::handlers::call::ObjectCall;

/// Reads the body of a request as an object of a kind.
///
/// # Errors
/// It is not one, or violates the requested strictness.
pub(crate) fn object(
    call: &ObjectCall<'_>,
    kind: &Kind,
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    let mut decoded = decode::body(kind, media(call.media)?, call.body, validation)?;
    let unknown = pruned(kind, &mut decoded.object);
    if validation == FieldValidation::Strict && !unknown.is_empty() {
        let (shown, version) = (&kind.gvk.kind, &kind.gvk.version);
        let why = unknown.join(", ");
        let api_version = if kind.gvk.group.is_empty() {
            version.to_string()
        } else {
            kind.gvk.api_version()
        };
        return Err(Status::bad_request(format!(
            "{shown} in version {version:?} cannot be handled as a {shown}: strict decoding error: {why}",
            version = api_version.rsplit('/').next().unwrap_or_default(),
        )));
    }
    if validation == FieldValidation::Warn {
        decoded.warnings.extend(unknown);
    }
    Ok(decoded)
}

/// Reads the result of a patch as an object of a kind.
///
/// # Errors
/// It is not one, or violates the requested strictness.
pub(crate) fn patched(
    kind: &Kind,
    value: &Value,
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    known(
        kind,
        value,
        validation,
        decode::value(kind, value, validation)?,
    )
}

/// Reads the result of an apply as an object of a kind.
///
/// # Errors
/// As for [`patched`], with other messages.
pub(crate) fn applied(
    kind: &Kind,
    value: &Value,
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    known(
        kind,
        value,
        validation,
        decode::applied(kind, value, validation)?,
    )
}

/// Removes fields that the definition of a custom resource does not have.
fn known(
    kind: &Kind,
    value: &Value,
    validation: FieldValidation,
    mut decoded: Decoded,
) -> Result<Decoded, Status> {
    let unknown = pruned(kind, &mut decoded.object);
    if validation == FieldValidation::Strict && !unknown.is_empty() {
        let why = format!("strict decoding error: {}", unknown.join(", "));
        let error = FieldError::invalid("patch", &Value::from(value.to_string()), &why);
        return Err(Status::invalid_as("", "", "", &[error]));
    }
    if validation == FieldValidation::Warn {
        decoded.warnings.extend(unknown);
    }
    Ok(decoded)
}

/// Reads the body of a request as delete options; null if it is empty.
///
/// # Errors
/// It cannot be read.
pub(crate) fn delete_options(call: &ObjectCall<'_>) -> Result<Value, Status> {
    // The content type of an empty body does not matter.
    if call.body.is_empty() {
        Ok(Value::Null)
    } else {
        decode::delete_options(media(call.media)?, call.body)
    }
}

/// Removes fields that the definition of a custom resource does not have. Returns warnings about
/// them.
fn pruned(kind: &Kind, object: &mut Value) -> Vec<String> {
    let Some(ty) = kind.custom() else {
        return Vec::new();
    };
    custom::prune(ty, object)
        .into_iter()
        .map(|path| format!("unknown field {path:?}"))
        .collect()
}

fn media(content_type: &str) -> Result<Media, Status> {
    Media::of(content_type).ok_or_else(|| {
        let message = "the body of the request was in an unknown format - accepted media types include: \
                       application/json, application/yaml, application/vnd.kubernetes.protobuf";
        Status::bare(415, "UnsupportedMediaType", message)
    })
}
