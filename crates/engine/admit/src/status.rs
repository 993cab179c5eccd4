//! [`Status`]: why a request fails, in its wire form (`v1.Status`).

use serde_json::{Map, Value, json};

use crate::{field_error::FieldError, kind::Kind};

/// Why a request fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// The HTTP status.
    pub code: u16,
    /// A stable reason, or empty.
    pub reason: &'static str,
    /// The message for people.
    pub message: String,
    /// What it is about.
    pub details: Option<Box<Details>>,
}

/// What a [`Status`] is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// The object's name.
    pub name: String,
    /// The group.
    pub group: String,
    /// The resource, or the kind if the object is invalid.
    pub kind: String,
    /// The object's uid.
    pub uid: String,
    /// The individual causes.
    pub causes: Vec<Cause>,
    /// Retry delay in seconds.
    pub retry_after_s: u32,
}

/// One cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// A stable reason.
    pub reason: &'static str,
    /// The message.
    pub message: String,
    /// The field, or empty.
    pub field: String,
}

impl Status {
    /// The object does not exist.
    #[must_use]
    pub fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.qualified_resource());
        Self::about(404, "NotFound", message, resource(kind, name))
    }

    /// The object already exists.
    #[must_use]
    pub fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", kind.qualified_resource());
        Self::about(409, "AlreadyExists", message, resource(kind, name))
    }

    /// The object is not the one that the request is for.
    #[must_use]
    pub fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            kind.qualified_resource()
        );
        Self::about(409, "Conflict", message, resource(kind, name))
    }

    /// The object has changed since the client read it.
    #[must_use]
    pub fn modified(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// The request is malformed.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::bare(400, "BadRequest", message)
    }

    /// The server failed.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::bare(500, "", message)
    }

    /// The user lacks the right, or the object forbids it.
    #[must_use]
    pub fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let shown = if name.is_empty() {
            String::new()
        } else {
            format!(" {name:?}")
        };
        let message = format!("{}{shown} is forbidden: {why}", kind.qualified_resource());
        Self::about(403, "Forbidden", message, resource(kind, name))
    }

    /// The object violates rules of its kind.
    #[must_use]
    pub fn invalid(kind: &Kind, name: &str, errors: &[FieldError]) -> Self {
        Self::invalid_as(&kind.gvk.kind, &kind.gvk.group, name, errors)
    }

    /// The same for something that is not a stored object: the options of a request.
    #[must_use]
    pub fn invalid_as(kind: &str, group: &str, name: &str, errors: &[FieldError]) -> Self {
        let shown = match errors {
            [only] => only.to_string(),
            several => {
                // Each text appears once, in the order found; the causes contain all of them.
                let mut texts: Vec<String> = Vec::new();
                for text in several.iter().map(FieldError::to_string) {
                    if !texts.contains(&text) {
                        texts.push(text);
                    }
                }
                if texts.len() == 1 {
                    texts.remove(0)
                } else {
                    format!("[{}]", texts.join(", "))
                }
            }
        };
        let qualified = if group.is_empty() {
            kind.to_owned()
        } else {
            format!("{kind}.{group}")
        };
        let cause = |error: &FieldError| Cause {
            reason: error.reason.as_str(),
            message: error.message.clone(),
            field: error.field.clone(),
        };
        let details = Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            causes: errors.iter().map(cause).collect(),
            ..Details::default()
        };
        Self::about(
            422,
            "Invalid",
            format!("{qualified} {name:?} is invalid: {shown}"),
            details,
        )
    }

    /// Returns a status without details.
    #[must_use]
    pub fn bare(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
        }
    }

    /// Returns a status with details.
    #[must_use]
    pub fn about(
        code: u16,
        reason: &'static str,
        message: impl Into<String>,
        details: Details,
    ) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Some(Box::new(details)),
        }
    }

    /// Returns the wire form.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": self.code,
        });
        let fields = [
            ("message", Value::from(&*self.message)),
            ("reason", Value::from(self.reason)),
        ];
        insert(&mut status, fields);
        if let Some(details) = &self.details {
            insert(&mut status, [("details", details.to_value())]);
        }
        status
    }
}

impl Details {
    fn to_value(&self) -> Value {
        let mut details = json!({});
        let causes: Value = self.causes.iter().map(Cause::to_value).collect();
        insert(
            &mut details,
            [
                ("name", Value::from(&*self.name)),
                ("group", Value::from(&*self.group)),
                ("kind", Value::from(&*self.kind)),
                ("uid", Value::from(&*self.uid)),
                ("causes", causes),
                ("retryAfterSeconds", Value::from(self.retry_after_s)),
            ],
        );
        details
    }
}

impl Cause {
    fn to_value(&self) -> Value {
        let mut cause = json!({});
        let fields = [
            ("reason", self.reason),
            ("message", &self.message),
            ("field", &self.field),
        ];
        insert(
            &mut cause,
            fields.map(|(key, text)| (key, Value::from(text))),
        );
        cause
    }
}

/// Adds fields to an object, omitting empty ones like Go's `omitempty`.
fn insert(object: &mut Value, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    let object: Option<&mut Map<_, _>> = object.as_object_mut();
    let Some(object) = object else { return };
    for (key, value) in fields {
        let empty = match &value {
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Number(number) => number.as_u64() == Some(0),
            _ => false,
        };
        if !empty {
            object.insert(key.to_owned(), value);
        }
    }
}

fn resource(kind: &Kind, name: &str) -> Details {
    Details {
        name: name.to_owned(),
        group: kind.gvk.group.to_string(),
        kind: kind.plural.to_string(),
        ..Details::default()
    }
}

#[cfg(test)]
mod tests {
    use lode_object::GroupVersionKind;
    use lode_schema::TypeRef;

    use super::*;
    use crate::kind::Types;

    fn deployments() -> Kind {
        Kind {
            gvk: GroupVersionKind::new("apps/v1", "Deployment"),
            plural: "deployments".into(),
            namespaced: true,
            types: Types::Builtin,
            ty: TypeRef::ANY,
            status: true,
        }
    }

    #[test]
    fn what_is_missing_is_named_by_its_resource() {
        let status = Status::not_found(&deployments(), "web").to_value();
        assert_eq!(
            status,
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "deployments.apps \"web\" not found", "reason": "NotFound",
                "details": {"name": "web", "group": "apps", "kind": "deployments"}, "code": 404,
            })
        );
    }

    #[test]
    fn what_is_invalid_is_named_by_its_kind_with_every_cause() {
        let errors = [
            FieldError::required("spec.a", ""),
            FieldError::required("spec.b", ""),
        ];
        let status = Status::invalid(&deployments(), "web", &errors);
        assert_eq!(
            status.message,
            "Deployment.apps \"web\" is invalid: [spec.a: Required value, spec.b: Required value]"
        );
        let causes = status.to_value()["details"]["causes"].clone();
        assert_eq!(
            causes[1],
            json!({"reason": "FieldValueRequired", "message": "Required value", "field": "spec.b"})
        );
    }

    #[test]
    fn the_same_error_twice_is_said_once() {
        let error = FieldError::required("spec.a", "");
        let status = Status::invalid(&deployments(), "web", &[error.clone(), error]);
        assert_eq!(
            status.message,
            "Deployment.apps \"web\" is invalid: spec.a: Required value"
        );
        assert_eq!(status.details.unwrap().causes.len(), 2);
    }
}
