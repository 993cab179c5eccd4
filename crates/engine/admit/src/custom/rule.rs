//! [`SchemaRule`]: one of the `x-kubernetes-validations` of a schema.

use std::sync::OnceLock;

use lode_cel::{Expr, Limits};
use serde_json::Value;

use super::field::{flag, objects, text};
use crate::field_error::Reason;

/// A rule in CEL, compiled on first use.
#[derive(Debug)]
pub(crate) struct SchemaRule {
    /// The condition, as text.
    pub(crate) text: Box<str>,
    /// The message if it does not hold.
    pub(crate) message: Option<Box<str>>,
    /// The kind of error.
    pub(crate) reason: Reason,
    /// The field to blame, below the one with the rule.
    pub(crate) field_path: Option<Box<str>>,
    /// Whether `oldSelf` is optional, so that the rule also applies to new values.
    pub(crate) optional_old_self: bool,
    /// The message, as an expression.
    message_expression: Option<Box<str>>,
    compiled: OnceLock<Result<Expr, String>>,
    compiled_message: OnceLock<Option<Expr>>,
}

impl SchemaRule {
    /// Reads the rules of a schema.
    pub(super) fn read(schema: &Value) -> Vec<Self> {
        let words = |rule: &Value, key: &str| {
            text(rule, key)
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(Into::into)
        };
        let read = |rule: &Value| Self {
            text: text(rule, "rule").unwrap_or_default().trim().into(),
            message: words(rule, "message"),
            reason: match text(rule, "reason") {
                Some("FieldValueRequired") => Reason::Required,
                Some("FieldValueForbidden") => Reason::Forbidden,
                Some("FieldValueDuplicate") => Reason::Duplicate,
                _ => Reason::Invalid,
            },
            field_path: words(rule, "fieldPath"),
            optional_old_self: flag(rule, "optionalOldSelf"),
            message_expression: words(rule, "messageExpression"),
            compiled: OnceLock::new(),
            compiled_message: OnceLock::new(),
        };
        objects(schema, "x-kubernetes-validations")
            .map(read)
            .collect()
    }

    /// Returns the rule as an expression, or why it is not one.
    pub(crate) fn expr(&self) -> Result<&Expr, &str> {
        self.compiled
            .get_or_init(|| compile(&self.text))
            .as_ref()
            .map_err(String::as_str)
    }

    /// Returns the message as an expression, if it is one.
    pub(crate) fn message_expr(&self) -> Option<&Expr> {
        let text = self.message_expression.as_ref()?;
        self.compiled_message
            .get_or_init(|| compile(text).ok())
            .as_ref()
    }
}

/// Compiles an expression over an object and its previous value.
pub(super) fn compile(text: &str) -> Result<Expr, String> {
    let expr = Expr::compile(text, Limits::default()).map_err(|error| error.to_string())?;
    match expr.undeclared(&[SELF, OLD_SELF]) {
        Some(name) => Err(format!("undeclared reference to '{name}'")),
        None => Ok(expr),
    }
}

/// The variable for the value.
pub(super) const SELF: &str = "self";
/// The variable for the previous value.
pub(super) const OLD_SELF: &str = "oldSelf";
