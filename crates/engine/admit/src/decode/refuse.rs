//! Why a body is refused, with the messages of a real API server.

use std::fmt::Write as _;

use lode_object::json::text;
use lode_schema::{fields, fields::Type};

use serde_json::Value;

use crate::{field_error::FieldError, kind::Kind, status::Status};

/// The kind that a body claims.
#[derive(Debug, Clone, Default)]
pub(super) struct TypeMeta {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
}

impl TypeMeta {
    /// Splits `apiVersion`; missing parts are those of the expected kind.
    pub(super) fn of(api_version: &str, kind: &str, expected: &Kind) -> Result<Self, String> {
        let (group, version) = match api_version.split_once('/') {
            Some((_, version)) if version.contains('/') => {
                return Err(format!("unexpected GroupVersion string: {api_version}"));
            }
            Some(parts) => parts,
            None if api_version.is_empty() && !expected.is_custom() => {
                (&*expected.gvk.group, &*expected.gvk.version)
            }
            None => ("", api_version),
        };
        let kind = if kind.is_empty() && !expected.is_custom() {
            &*expected.gvk.kind
        } else {
            kind
        };

        Ok(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        })
    }

    pub(super) fn is_of(&self, kind: &Kind) -> bool {
        (
            self.group.as_str(),
            self.version.as_str(),
            self.kind.as_str(),
        ) == (&*kind.gvk.group, &*kind.gvk.version, &*kind.gvk.kind)
    }

    fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// The kind of the body is unknown.
pub(super) fn unrecognized(kind: &Kind, why: &str, body: &[u8]) -> Status {
    let summary = summary(body);
    let expected = &kind.gvk.kind;
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {expected}): {why} ({summary})"
    ))
}

/// The body is not an object of the kind.
pub(super) fn unusable(kind: &Kind, found: &TypeMeta, why: &str) -> Status {
    let TypeMeta {
        kind: found_kind,
        version,
        ..
    } = found;
    let expected = &kind.gvk.kind;
    Status::bad_request(format!(
        "{found_kind} in version {version:?} cannot be handled as a {expected}: {why}"
    ))
}

/// The result of an apply cannot be converted to its kind.
pub(super) fn unconvertible(kind: &Kind, object: &Value, why: &str) -> Status {
    let text = |pointer: &str| text(object, pointer);
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let gvk = &kind.gvk;
    let into = format!("{}/{}, Kind={}", gvk.group, gvk.version, gvk.kind);
    let step = if why.starts_with(BAD_BYTES) {
        "error decoding from json: "
    } else {
        ""
    };
    Status::bare(
        500,
        "",
        format!(
            "failed to convert new object ({namespace}/{name}; {into}) to proper version: unable to convert \
             unstructured object to {into}: {step}{why}"
        ),
    )
}

/// The beginning of the error for invalid base64.
const BAD_BYTES: &str = "illegal base64";

/// The body claims another kind.
pub(super) fn other(kind: &Kind, found: &TypeMeta, body: &[u8]) -> Status {
    let api_version = found.api_version();
    if kind.is_custom() && found.kind.is_empty() {
        let text = String::from_utf8_lossy(body);
        return unrecognized(kind, &format!("Object 'Kind' is missing in '{text}'"), body);
    }

    let same_kind = (&*found.group, &*found.kind) == (&*kind.gvk.group, &*kind.gvk.kind);
    let known = fields().of_kind(&api_version, &found.kind);
    if kind.is_custom() && api_version == kind.gvk.api_version() {
        let detail = format!("must be {}", kind.gvk.kind);
        let error = FieldError::invalid("kind", &found.kind.as_str().into(), &detail);
        return Status::invalid(kind, "", &[error]);
    }

    match known {
        _ if kind.is_custom() => versions_differ(kind, &api_version),
        Some(_) if same_kind => versions_differ(kind, &api_version),
        Some(id) => unusable(kind, found, &no_conversion(kind, fields().get(id))),
        None => {
            let TypeMeta { kind: name, .. } = found;
            let why = format!(
                "no kind {name:?} is registered for version {api_version:?} in scheme {SCHEME:?}"
            );
            unusable(kind, found, &why)
        }
    }
}

fn versions_differ(kind: &Kind, found: &str) -> Status {
    let expected = kind.gvk.api_version();
    Status::bad_request(format!(
        "the API version in the data ({found}) does not match the expected API version ({expected})"
    ))
}

fn no_conversion(kind: &Kind, found: &Type) -> String {
    let package = match kind.gvk.group.split('.').next() {
        None | Some("" | "events") => "core",
        Some(first) => first,
    };
    let from = found.name.rsplit('/').next().unwrap_or_default();
    format!(
        "converting ({from}) to ({package}.{}): unknown conversion",
        kind.gvk.kind
    )
}

/// The beginning of the body, as text if it looks like JSON.
fn summary(body: &[u8]) -> String {
    let shown = body.get(..SUMMARY_BYTES).unwrap_or(body);
    let mut text = match body.first() {
        None => return "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(shown).into_owned(),
        Some(_) => shown.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }),
    };
    if body.len() > SUMMARY_BYTES {
        text.push_str(" ...");
    }
    text
}

const SUMMARY_BYTES: usize = 30;
/// The source location in the server's message.
const SCHEME: &str = "pkg/api/legacyscheme/scheme.go:30";
