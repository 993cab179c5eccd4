//! [`FieldError`]: an invalid field, in the words of Kubernetes (`field.Error`).

use std::fmt;

use serde_json::Value;

/// An invalid field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path: `spec.containers[0].name`.
    pub field: String,
    /// The kind of error.
    pub reason: Reason,
    /// The rest of the message: `Invalid value: "x": must be …`.
    pub message: String,
}

/// The kind of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is missing.
    Required,
    /// It is duplicated.
    Duplicate,
    /// Its value is not allowed.
    Invalid,
    /// It is not one of the supported values.
    NotSupported,
    /// It must not be set.
    Forbidden,
    /// It is too long.
    TooLong,
    /// It has too many items.
    TooMany,
    /// It refers to something that does not exist.
    NotFound,
    /// It has the wrong type.
    TypeInvalid,
}

impl FieldError {
    /// A required value is missing.
    #[must_use]
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::new(field, Reason::Required, with("Required value", detail))
    }

    /// The value is not allowed.
    #[must_use]
    pub fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::new(
            field,
            Reason::Invalid,
            with(&format!("Invalid value: {value}"), detail),
        )
    }

    /// The value has the wrong type.
    #[must_use]
    pub fn type_invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::new(
            field,
            Reason::TypeInvalid,
            with(&format!("Invalid value: {value}"), detail),
        )
    }

    /// The value is duplicated.
    #[must_use]
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self::new(
            field,
            Reason::Duplicate,
            format!("Duplicate value: {value}"),
        )
    }

    /// The value is not one of the supported ones.
    #[must_use]
    pub fn not_supported(field: impl Into<String>, value: &Value, values: &[&str]) -> Self {
        let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        let message = format!(
            "Unsupported value: {value}: supported values: {}",
            values.join(", ")
        );
        Self::new(field, Reason::NotSupported, message)
    }

    /// The field must not be set, or must not change.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new(field, Reason::Forbidden, with("Forbidden", detail))
    }

    /// The text has too many bytes.
    #[must_use]
    pub fn too_long(field: impl Into<String>, bytes_max: usize) -> Self {
        Self::new(
            field,
            Reason::TooLong,
            format!("Too long: may not be more than {bytes_max} bytes"),
        )
    }

    /// The list has too many items.
    #[must_use]
    pub fn too_many(field: impl Into<String>, items: usize, items_max: usize) -> Self {
        Self::new(
            field,
            Reason::TooMany,
            format!("Too many: {items}: must have at most {items_max} items"),
        )
    }

    /// Returns an error with a custom message.
    #[must_use]
    pub fn new(field: impl Into<String>, reason: Reason, message: String) -> Self {
        Self {
            field: field.into(),
            reason,
            message,
        }
    }
}

impl Reason {
    /// Returns the word used in the causes of a status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::NotFound => "FieldValueNotFound",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

fn with(head: &str, detail: &str) -> String {
    if detail.is_empty() {
        head.to_owned()
    } else {
        format!("{head}: {detail}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_read_as_those_of_kubernetes() {
        let errors = [
            FieldError::required("spec.a", ""),
            FieldError::invalid("spec.a", &json!("x y"), "must not have spaces"),
            FieldError::not_supported("spec.a", &json!("c"), &["a", "b"]),
            FieldError::too_many("spec.a", 3, 2),
        ];
        assert_eq!(
            errors.map(|error| error.to_string()),
            [
                "spec.a: Required value",
                "spec.a: Invalid value: \"x y\": must not have spaces",
                "spec.a: Unsupported value: \"c\": supported values: \"a\", \"b\"",
                "spec.a: Too many: 3: must have at most 2 items",
            ]
        );
    }
}
