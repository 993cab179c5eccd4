//! Validation of the rules in definitions.

use serde_json::Value;

use super::{
    field::{objects, text},
    path::Path,
    rule::{OLD_SELF, compile},
};
use crate::field_error::FieldError;

/// Finds errors in the rules of a schema. Values in a list without identified items, at
/// `uncorrelated`, have no previous value.
pub(super) fn check(
    schema: &Value,
    path: &Path<'_>,
    uncorrelated: Option<&Path<'_>>,
    errors: &mut Vec<FieldError>,
) {
    let at = path.field("x-kubernetes-validations");
    for (place, rule) in objects(schema, "x-kubernetes-validations").enumerate() {
        texts(rule, &at.index(place), errors);
        expressions(rule, &at.index(place), uncorrelated, errors);
    }
}

fn expressions(
    rule: &Value,
    path: &Path<'_>,
    uncorrelated: Option<&Path<'_>>,
    errors: &mut Vec<FieldError>,
) {
    for key in ["rule", "messageExpression"] {
        let Some(said) = text(rule, key).filter(|text| !text.trim().is_empty()) else {
            continue;
        };
        match (compile(said), uncorrelated) {
            (Ok(expr), Some(list)) if expr.names(OLD_SELF) => {
                let detail = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {list}"
                );
                errors.push(FieldError::invalid(path.field(key), &said.into(), &detail));
            }
            (Ok(_), _) => {}
            (Err(error), _) => {
                let detail = format!("compilation failed: {error}");
                errors.push(FieldError::invalid(path.field(key), &said.into(), &detail));
            }
        }
    }
}

fn texts(rule: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let of = |key: &str| text(rule, key).unwrap_or_default();
    let (said, message) = (of("rule").trim(), of("message").trim());
    let lines = |text: &str| text.contains(['\n', '\r']);
    if said.is_empty() {
        errors.push(FieldError::required(
            path.field("rule"),
            "rule is not specified",
        ));
    }

    if !of("message").is_empty() && message.is_empty() {
        let detail = "message must be non-empty if specified";
        errors.push(FieldError::invalid(
            path.field("message"),
            &of("message").into(),
            detail,
        ));
    } else if lines(message) {
        let detail = "message must not contain line breaks";
        errors.push(FieldError::invalid(
            path.field("message"),
            &of("message").into(),
            detail,
        ));
    } else if lines(said) && message.is_empty() {
        let detail = "message must be specified if rule contains line breaks";
        errors.push(FieldError::required(path.field("message"), detail));
    }

    if !of("messageExpression").is_empty() && of("messageExpression").trim().is_empty() {
        let detail = "messageExpression must be non-empty if specified";
        errors.push(FieldError::required(
            path.field("messageExpression"),
            detail,
        ));
    }

    let reason = of("reason");
    if !reason.is_empty() && !REASONS.contains(&reason) {
        errors.push(FieldError::not_supported(
            path.field("reason"),
            &reason.into(),
            &REASONS,
        ));
    }
}

const REASONS: [&str; 4] = [
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
];
