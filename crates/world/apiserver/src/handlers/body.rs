//! Bodies of requests, read as what they are for: an object, options, what a patch made.

use lode_admit::decode::{self, Decoded, FieldValidation, Media};
use lode_admit::{FieldError, Kind, Status, custom};
use serde_json::Value;

use crate::handlers::call::Call;

/// Reads the body of a request as an object of a kind.
///
/// # Errors
/// It is none, or not as strict as the request wants it.
pub(crate) fn object(
    call: &Call<'_>,
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

/// Reads what a patch made of an object.
///
/// # Errors
/// It is no object of its kind, or not as strict as the request wants it.
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

/// Reads what an apply made of an object.
///
/// # Errors
/// As for [`patched`], in other words.
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

/// Takes what its definition does not have from what was made of a custom resource.
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

/// Reads the body of a request as options of a deletion; null where there is none.
///
/// # Errors
/// It cannot be read.
pub(crate) fn delete_options(call: &Call<'_>) -> Result<Value, Status> {
    // Who sends nothing may say anything of its form.
    if call.body.is_empty() {
        Ok(Value::Null)
    } else {
        decode::delete_options(media(call.media)?, call.body)
    }
}

/// Takes from a custom resource what its definition does not have. Returns what went, as warnings say it.
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
