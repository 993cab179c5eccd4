//! [`FieldError`]: what is wrong with one field, in the words of Kubernetes (`field.Error`).

use std::fmt;

use serde_json::Value;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where: `spec.containers[0].name`.
    pub field: String,
    /// What sort of wrong.
    pub reason: Reason,
    /// The rest of the message: `Invalid value: "x": must be …`.
    pub message: String,
}

/// What sort of wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is nothing.
    Required,
    /// It is twice there.
    Duplicate,
    /// It is not allowed to be that.
    Invalid,
    /// It is none of the values it can be.
    NotSupported,
    /// It must not be there.
    Forbidden,
    /// It is longer than it may be.
    TooLong,
    /// It has more items than it may have.
    TooMany,
    /// It refers to what is not there.
    NotFound,
    /// It is of another type.
    TypeInvalid,
}

impl FieldError {
    /// There is nothing where something is needed.
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

    /// The value is of another type.
    #[must_use]
    pub fn type_invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::new(
            field,
            Reason::TypeInvalid,
            with(&format!("Invalid value: {value}"), detail),
        )
    }

    /// The value is there twice.
    #[must_use]
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self::new(
            field,
            Reason::Duplicate,
            format!("Duplicate value: {value}"),
        )
    }

    /// The value is none of those that there are.
    #[must_use]
    pub fn not_supported(field: impl Into<String>, value: &Value, values: &[&str]) -> Self {
        let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        let message = format!(
            "Unsupported value: {value}: supported values: {}",
            values.join(", ")
        );
        Self::new(field, Reason::NotSupported, message)
    }

    /// Nothing may be there, or it must not change.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new(field, Reason::Forbidden, with("Forbidden", detail))
    }

    /// The text has more bytes than it may have.
    #[must_use]
    pub fn too_long(field: impl Into<String>, bytes_max: usize) -> Self {
        Self::new(
            field,
            Reason::TooLong,
            format!("Too long: may not be more than {bytes_max} bytes"),
        )
    }

    /// The list has more items than it may have.
    #[must_use]
    pub fn too_many(field: impl Into<String>, items: usize, items_max: usize) -> Self {
        Self::new(
            field,
            Reason::TooMany,
            format!("Too many: {items}: must have at most {items_max} items"),
        )
    }

    /// Returns an error with a message of its own.
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
    /// Returns the word that stands in the causes of a status.
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
