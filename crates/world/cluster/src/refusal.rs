//! [`Status`]: the server's response to a refused call, and what it means for a writer.
//!
//! This is the only place that interprets codes, reasons and causes. A code alone says little: 409
//! may mean that an object already exists, that it has changed since, that another object has its
//! name, or that another manager owns a field; 422 is any validation error.

use serde::Deserialize;

/// The server's response to a refused call (`metav1.Status`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// HTTP code.
    #[serde(default)]
    pub code: u16,
    /// The machine-readable reason: `NotFound`, `Conflict`, `Invalid` …; empty if absent.
    #[serde(default)]
    pub reason: Box<str>,
    /// The server's message.
    #[serde(default)]
    pub message: Box<str>,
    /// What the refusal is about.
    #[serde(default)]
    pub details: Option<Box<Details>>,
}

/// What a refusal is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Name of the object that caused it; not always the one that was written.
    pub name: Box<str>,
    /// Its resource (`services`), or its kind if validation failed.
    pub kind: Box<str>,
    /// One per invalid field.
    pub causes: Vec<Cause>,
}

/// Why one field was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// The machine-readable reason: `FieldValueInvalid`, `FieldValueForbidden` …
    pub reason: Box<str>,
    /// The server's message.
    pub message: Box<str>,
    /// Path of the field (`spec.ports[0].nodePort`), empty if absent.
    pub field: Box<str>,
}

/// Parts of messages about immutable fields, in lower case: from the validation of built-in kinds,
/// and those that rules of definitions and admission webhooks use.
const IMMUTABLE: [&str; 13] = [
    "is immutable",
    "immutable field",
    "may not change once set",
    "may not change fields other than",
    "may not add or remove",
    "may not be changed",
    "may not be updated",
    "cannot change roleref",
    "cannot be changed",
    "cannot be updated",
    "cannot be modified",
    "can not be changed",
    "can not be modified",
];

impl Status {
    /// Returns a refusal of our own in the server's form.
    #[must_use]
    pub fn new(code: u16, reason: &str, message: &str) -> Self {
        Self {
            code,
            reason: reason.into(),
            message: message.into(),
            details: None,
        }
    }

    /// Returns whether an object of this name exists already.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.code == 409 && &*self.reason == "AlreadyExists"
    }

    /// Returns whether the object `name` has another version than the write was based on. A
    /// conflict over another object, for instance the quota of the namespace, does not count.
    #[must_use]
    pub fn is_modified(&self, name: &str) -> bool {
        let about = self.details.as_ref().map_or("", |details| &details.name);
        self.is_any_modified() && (about.is_empty() || about == name)
    }

    /// Returns whether some object has changed since it was read: the same write may succeed in a
    /// moment.
    #[must_use]
    pub fn is_any_modified(&self) -> bool {
        self.code == 409
            && &*self.reason == "Conflict"
            && self.message.contains("has been modified")
    }

    /// Returns the fields that the server calls immutable, each once; an empty name if the server
    /// names none.
    ///
    /// Causes are read first, and their messages count only if they name a field. The whole message
    /// is read if there are no causes, as from admission webhooks. Metadata is excluded: a new
    /// object of the same name would not have the uid or times that such a refusal is about.
    #[must_use]
    pub fn immutable_fields(&self) -> Vec<&str> {
        let causes = self.details.iter().flat_map(|details| &details.causes);
        let (mut fields, mut any) = (Vec::new(), false);
        for cause in causes {
            any = true;
            let field = &*cause.field;
            if says_immutable(&cause.message) && !is_metadata(field) && !fields.contains(&field) {
                fields.push(field);
            }
        }
        if !any && matches!(self.code, 400 | 403 | 409 | 422) && says_immutable(&self.message) {
            fields.push("");
        }
        fields
    }
}

fn is_metadata(field: &str) -> bool {
    field
        .strip_prefix("metadata")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn says_immutable(message: &str) -> bool {
    let message = message.to_lowercase();
    // "updates to statefulset spec for fields other than … are forbidden", "updates to parameters are forbidden."
    IMMUTABLE.iter().any(|words| message.contains(words))
        || message.contains("updates to ") && message.contains("are forbidden")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(code: u16, reason: &str, message: &str, causes: &[(&str, &str)]) -> Status {
        let causes: Vec<_> = causes
            .iter()
            .map(|(field, message)| json!({"field": field, "message": message}))
            .collect();
        let details = json!({"name": "web", "kind": "services", "causes": causes});
        let status =
            json!({"code": code, "reason": reason, "message": message, "details": details});
        serde_json::from_value(status).unwrap()
    }

    fn invalid(causes: &[(&str, &str)]) -> Vec<String> {
        let status = refused(422, "Invalid", "Service \"web\" is invalid", causes);
        status
            .immutable_fields()
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn the_words_of_real_servers_name_immutable_fields() {
        // Recorded from kube-apiserver 1.36.
        for (field, message) in [
            (
                "spec.selector",
                "Invalid value: {\"matchLabels\":{\"app\":\"b\"}}: field is immutable",
            ),
            ("spec.template", "Invalid value: {}: field is immutable"),
            (
                "spec.clusterIPs[0]",
                "Invalid value: [\"None\"]: may not change once set",
            ),
            (
                "spec",
                "Forbidden: updates to statefulset spec for fields other than 'replicas' and 'template' are forbidden",
            ),
            (
                "spec",
                "Forbidden: pod updates may not change fields other than `spec.containers[*].image`",
            ),
            (
                "spec",
                "Forbidden: spec is immutable after creation except resources.requests for bound claims",
            ),
            (
                "data",
                "Forbidden: field is immutable when `immutable` is set",
            ),
            ("roleRef", "Invalid value: {}: cannot change roleRef"),
            (
                "parameters",
                "Forbidden: updates to parameters are forbidden.",
            ),
            ("value", "Forbidden: may not be changed in an update."),
            (
                "spec.size",
                "Invalid value: \"integer\": Value is immutable",
            ),
        ] {
            assert_eq!(invalid(&[(field, message)]), [field], "{message}");
        }
    }

    #[test]
    fn other_refusals_name_none() {
        for (field, message) in [
            (
                "spec.ports[0].port",
                "Invalid value: 80000: must be between 1 and 65535, inclusive",
            ),
            (
                "spec.resources[storage]",
                "Invalid value: \"-1Gi\": must be greater than or equal to 0",
            ),
            ("metadata.uid", "Invalid value: \"u\": field is immutable"),
            ("metadata", "Invalid value: field is immutable"),
            (
                "spec.resources.requests.storage",
                "Forbidden: field can not be less than status.capacity",
            ),
        ] {
            assert_eq!(invalid(&[(field, message)]), [""; 0], "{message}");
        }
        let modified = refused(
            409,
            "Conflict",
            "Operation cannot be fulfilled: the object has been modified",
            &[],
        );
        assert_eq!(modified.immutable_fields(), [""; 0]);
    }

    #[test]
    fn the_sentence_is_read_only_where_there_are_no_causes() {
        let text =
            "admission webhook \"a.example.com\" denied the request: spec.class is immutable";
        assert_eq!(
            refused(403, "Forbidden", text, &[]).immutable_fields(),
            [""]
        );
        let with_cause = refused(422, "Invalid", text, &[("spec.port", "Invalid value: 0")]);
        assert_eq!(
            with_cause.immutable_fields(),
            [""; 0],
            "the sentence may quote a value that says it"
        );
        assert_eq!(
            refused(500, "InternalError", text, &[]).immutable_fields(),
            [""; 0]
        );
    }

    #[test]
    fn a_conflict_is_read_by_its_reason_and_by_what_it_is_about() {
        let exists = refused(409, "AlreadyExists", "services \"web\" already exists", &[]);
        assert!(exists.is_already_exists() && !exists.is_modified("web"));
        let text =
            "Operation cannot be fulfilled on services \"web\": the object has been modified";
        let modified = refused(409, "Conflict", text, &[]);
        assert!(!modified.is_already_exists() && modified.is_modified("web"));
        assert!(!modified.is_modified("quota"), "it is about another object");
        let uid = "Operation cannot be fulfilled on services \"web\": uid mismatch: the provided object specified uid u";
        let uid = refused(409, "Conflict", uid, &[]);
        assert!(!uid.is_already_exists() && !uid.is_modified("web"));
    }
}
