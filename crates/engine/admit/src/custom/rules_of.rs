//! Rules of definitions: whether they are rules.

use serde_json::Value;

use super::{
    node::{objects, text},
    path::Path,
};
use crate::field_error::FieldError;

/// Finds what is wrong with the rules of a schema.
pub(super) fn check(schema: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let at = path.field("x-kubernetes-validations");
    for (place, rule) in objects(schema, "x-kubernetes-validations").enumerate() {
        texts(rule, &at.index(place), errors);
    }
}

fn texts(rule: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let of = |key: &str| text(rule, key).unwrap_or_default();
    let (said, message) = (of("rule").trim(), of("message").trim());
    let lines = |text: &str| text.contains(['\n', '\r']);
    if said.is_empty() {
        errors.push(FieldError::required(path.field("rule"), "rule is not specified"));
    }
    if !of("message").is_empty() && message.is_empty() {
        let detail = "message must be non-empty if specified";
        errors.push(FieldError::invalid(path.field("message"), &of("message").into(), detail));
    } else if lines(message) {
        let detail = "message must not contain line breaks";
        errors.push(FieldError::invalid(path.field("message"), &of("message").into(), detail));
    } else if lines(said) && message.is_empty() {
        let detail = "message must be specified if rule contains line breaks";
        errors.push(FieldError::required(path.field("message"), detail));
    }
    if !of("messageExpression").is_empty() && of("messageExpression").trim().is_empty() {
        let detail = "messageExpression must be non-empty if specified";
        errors.push(FieldError::required(path.field("messageExpression"), detail));
    }
    let reason = of("reason");
    if !reason.is_empty() && !REASONS.contains(&reason) {
        errors.push(FieldError::not_supported(path.field("reason"), &reason.into(), &REASONS));
    }
}

const REASONS: [&str; 4] = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
