//! [`PatchBody`]: the body of a `PATCH`, read by its media type, and its effect on an object.

use json_patch::PatchOperation;
use lode_admit::decode::FieldValidation;
use lode_admit::{Details, Kind, Status};
use lode_merge::{json::apply_merge_patch, strategic};
use lode_yaml::Dialect;
use serde_json::Value;

/// The body of a `PATCH`.
#[derive(Debug, Clone)]
pub(crate) enum PatchBody {
    /// A list of operations (RFC 6902).
    Json(json_patch::Patch),
    /// Fields to change (RFC 7396).
    Merge(Value),
    /// Fields to change, with rules for lists.
    Strategic(Value),
    /// The fields that the client applies.
    Apply(Value),
}

impl PatchBody {
    /// Checks the media type only.
    ///
    /// # Errors
    /// It is not a patch, or one that this resource does not support.
    pub(crate) fn check(media: &str, kind: &Kind) -> Result<(), Status> {
        match media {
            JSON_PATCH | MERGE_PATCH | APPLY_PATCH => Ok(()),
            STRATEGIC_PATCH if !kind.is_custom() => Ok(()),
            STRATEGIC_PATCH => {
                let message = "the body of the request was in an unknown format - accepted media types include: \
                               application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
                Err(Status::bare(415, "UnsupportedMediaType", message))
            }
            _ => Err(unsupported()),
        }
    }

    /// Reads a patch.
    ///
    /// # Errors
    /// Its media type is unknown or not supported by this resource; or it is malformed.
    pub(crate) fn read(
        media: &str,
        body: &[u8],
        kind: &Kind,
        validation: FieldValidation,
    ) -> Result<Self, Status> {
        match media {
            JSON_PATCH => {
                let value = json(body)?;
                let Value::Array(operations) = &value else {
                    let why = format!(
                        "json: cannot unmarshal {} into Go value of type",
                        sort(&value)
                    );
                    // Only with field validation are operations read one by one.
                    return Err(match validation {
                        FieldValidation::Ignore => {
                            Status::bad_request(format!("{why} jsonpatch.Patch"))
                        }
                        _ => undecodable(&format!("{why} []handlers.jsonPatchOp")),
                    });
                };
                if operations.len() > OPERATIONS_MAX {
                    let message = format!(
                        "The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {}",
                        operations.len()
                    );
                    return Err(Status::about(
                        413,
                        "RequestEntityTooLarge",
                        message,
                        Details::default(),
                    ));
                }
                serde_json::from_value(value)
                    .map(Self::Json)
                    .map_err(|_| rejected())
            }
            MERGE_PATCH => Ok(Self::Merge(object(body)?)),
            STRATEGIC_PATCH if !kind.is_custom() => Ok(Self::Strategic(object(body)?)),
            APPLY_PATCH => Ok(Self::Apply(yaml(body)?)),
            _ => Self::check(media, kind).and(Err(unsupported())),
        }
    }

    /// Returns the result of a patch. An apply returns the object unchanged, because its result
    /// depends on field ownership.
    ///
    /// # Errors
    /// The patch does not fit the object.
    pub(crate) fn apply(&self, live: &Value, kind: &Kind) -> Result<Value, Status> {
        let mut object = live.clone();
        match self {
            Self::Json(patch) => {
                let mut copied = 0;
                for operation in &patch.0 {
                    if let PatchOperation::Copy(copy) = operation {
                        // Each copy may contain the previous ones, and so double the object.
                        copied += object
                            .pointer(copy.from.as_str())
                            .map_or(0, |value| value.to_string().len());
                        if copied > COPIED_MAX {
                            return Err(rejected());
                        }
                    }
                    let operation = lenient(operation, &object);
                    json_patch::patch(&mut object, std::slice::from_ref(&operation))
                        .map_err(|_| rejected())?;
                }
            }
            Self::Merge(patch) => apply_merge_patch(&mut object, patch),
            Self::Strategic(patch) => {
                object = strategic::apply(live, patch, kind.schema(), kind.ty)
                    .map_err(|error| Status::internal(error.to_string()))?;
            }
            Self::Apply(_) => {}
        }
        Ok(object)
    }

    /// Returns whether a media type is that of an apply.
    pub(crate) fn is_apply(media: &str) -> bool {
        media == APPLY_PATCH
    }
}

/// Turns the replacement of an absent field into an addition, as a real server does.
fn lenient(operation: &PatchOperation, object: &Value) -> PatchOperation {
    match operation {
        PatchOperation::Replace(replace) if object.pointer(replace.path.as_str()).is_none() => {
            let parent = replace
                .path
                .as_str()
                .rsplit_once('/')
                .and_then(|(parent, _)| object.pointer(parent));
            if parent.is_some_and(Value::is_object) {
                let (path, value) = (replace.path.clone(), replace.value.clone());
                return PatchOperation::Add(json_patch::AddOperation { path, value });
            }
            operation.clone()
        }
        _ => operation.clone(),
    }
}

fn json(body: &[u8]) -> Result<Value, Status> {
    serde_json::from_slice(body).map_err(|error| undecodable(&unreadable(body, &error)))
}

fn object(body: &[u8]) -> Result<Value, Status> {
    let value = json(body)?;
    if value.is_object() || value.is_null() {
        return Ok(value);
    }
    let message = format!(
        "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
        sort(&value)
    );
    Err(undecodable(&message))
}

fn yaml(body: &[u8]) -> Result<Value, Status> {
    // JSON is valid YAML, and its parser is several times as fast.
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    lode_yaml::parse(body, Dialect::V2).map_err(|error| {
        Status::bad_request(format!(
            "error decoding YAML: error converting YAML to JSON: yaml: {error}"
        ))
    })
}

/// Returns Go's error for a text that is not JSON.
fn unreadable(body: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    // Go counts positions within lines that end with `\n`, from 1.
    let line_start = body
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len);
    let at = line_start.sum::<usize>() + error.column().saturating_sub(1);
    let text = String::from_utf8_lossy(body.get(at..).unwrap_or_default());
    let found = text.chars().next().unwrap_or_default();
    let literal = ["null", "true", "false"].into_iter().find_map(|literal| {
        let start = (1..literal.len()).rev().find(|length| {
            at >= *length && body[at - length..at] == literal.as_bytes()[..*length]
        })?;
        Some(format!(
            "in literal {literal} (expecting '{}')",
            &literal[start..=start]
        ))
    });
    let context = literal.unwrap_or_else(|| "looking for beginning of value".to_owned());
    format!("invalid character '{found}' {context}")
}

fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn undecodable(why: &str) -> Status {
    Status::bad_request(format!("error decoding patch: {why}"))
}

fn rejected() -> Status {
    let message = "the server rejected our request due to an error in our request";
    Status::about(422, "Invalid", message, Details::default())
}

fn unsupported() -> Status {
    Status::about(
        415,
        "UnsupportedMediaType",
        "415: Unsupported Media Type",
        Details::default(),
    )
}

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";
/// Most operations of a JSON patch.
const OPERATIONS_MAX: usize = 10_000;
/// Most bytes that the operations of a patch may copy.
const COPIED_MAX: usize = 3 << 20;

#[cfg(test)]
mod tests {
    use lode_schema::resources;
    use serde_json::json;

    use super::*;

    fn kind() -> Kind {
        Kind::builtin(resources().get("apps", "v1", "deployments").unwrap()).unwrap()
    }

    fn refused(media: &str, body: &str) -> String {
        let status =
            PatchBody::read(media, body.as_bytes(), &kind(), FieldValidation::Warn).unwrap_err();
        format!("{} {status}", status.code)
    }

    fn applied(media: &str, body: &str, live: &Value) -> Value {
        PatchBody::read(media, body.as_bytes(), &kind(), FieldValidation::Warn)
            .unwrap()
            .apply(live, &kind())
            .unwrap()
    }

    #[test]
    fn each_kind_of_patch_does_its_own() {
        let live = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a:1"}, {"name": "b"}]}}}});
        let image = r#"{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"a:2"}]}}}}"#;
        let containers = |object: Value| object["spec"]["template"]["spec"]["containers"].clone();
        let strategic = containers(applied(STRATEGIC_PATCH, image, &live));
        assert_eq!(
            strategic,
            json!([{"name": "a", "image": "a:2"}, {"name": "b"}])
        );
        assert_eq!(
            containers(applied(MERGE_PATCH, image, &live)),
            json!([{"name": "a", "image": "a:2"}])
        );
        let operations = r#"[{"op":"remove","path":"/spec/template/spec/containers/1"}]"#;
        assert_eq!(
            containers(applied(JSON_PATCH, operations, &live)),
            json!([{"name": "a", "image": "a:1"}])
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_the_words_of_go() {
        assert_eq!(
            refused(JSON_PATCH, r#"{"op":"add"}"#),
            "400 error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        );
        assert_eq!(
            refused(MERGE_PATCH, "notjson"),
            "400 error decoding patch: invalid character 'o' in literal null (expecting 'u')"
        );
        assert_eq!(
            refused(MERGE_PATCH, "{"),
            "400 error decoding patch: unexpected end of JSON input"
        );
        assert_eq!(
            refused("application/json", "{}"),
            "415 415: Unsupported Media Type"
        );
        assert!(
            refused(APPLY_PATCH, "a: [b")
                .starts_with("400 error decoding YAML: error converting YAML to JSON: yaml: ")
        );
        let many = format!("[{}{{}}]", "{},".repeat(OPERATIONS_MAX));
        assert!(refused(JSON_PATCH, &many).starts_with("413 "));
        assert!(refused(JSON_PATCH, r#"[{"op":"bogus","path":"/a"}]"#).starts_with("422 "));
    }

    #[test]
    fn operations_that_do_not_fit_change_nothing() {
        let patch = PatchBody::read(
            JSON_PATCH,
            br#"[{"op":"test","path":"/a","value":1}]"#,
            &kind(),
            FieldValidation::Warn,
        )
        .unwrap();
        assert_eq!(
            patch.apply(&json!({"a": 2}), &kind()).unwrap_err().code,
            422
        );
    }

    #[test]
    fn a_field_that_is_not_there_is_replaced_but_nothing_below_it() {
        let replace = |path: &str| {
            let patch = format!(r#"[{{"op":"replace","path":"{path}","value":1}}]"#);
            PatchBody::read(JSON_PATCH, patch.as_bytes(), &kind(), FieldValidation::Warn)
                .unwrap()
                .apply(&json!({"a": {}, "l": []}), &kind())
        };
        assert_eq!(replace("/a/b").unwrap(), json!({"a": {"b": 1}, "l": []}));
        assert_eq!(replace("/l/0").unwrap_err().code, 422);
        assert_eq!(replace("/x/y").unwrap_err().code, 422);
    }

    #[test]
    fn copies_cannot_grow_without_end() {
        let doubling = vec![r#"{"op":"copy","from":"/a","path":"/a/b"}"#; 200];
        let patch = format!("[{}]", doubling.join(","));
        let patch =
            PatchBody::read(JSON_PATCH, patch.as_bytes(), &kind(), FieldValidation::Warn).unwrap();
        assert_eq!(
            patch
                .apply(&json!({"a": {"c": "x".repeat(1000)}}), &kind())
                .unwrap_err()
                .code,
            422
        );
        let once = PatchBody::read(
            JSON_PATCH,
            br#"[{"op":"copy","from":"/a","path":"/b"}]"#,
            &kind(),
            FieldValidation::Warn,
        )
        .unwrap();
        assert_eq!(
            once.apply(&json!({"a": 1}), &kind()).unwrap(),
            json!({"a": 1, "b": 1})
        );
    }
}
