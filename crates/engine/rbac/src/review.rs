//! The reviews: a request's body asks about permissions, and its `status` contains the response.
//!
//! Each function takes the request's body and returns the response's body. Times and the content of
//! the request's path are not part of it.

use lode_admit::{FieldError, Status};
use serde_json::{Map, Value, json};

use crate::{
    policy::Policy,
    request::{Attributes, ResourceAttributes, User},
    rule::Rule,
};

/// Answers whether the user may do something. (`SelfSubjectAccessReview`)
///
/// # Errors
/// The body does not say what.
pub fn self_access(policy: &Policy, user: &User, body: &Value) -> Result<Value, Status> {
    valid(
        "SelfSubjectAccessReview",
        check_asked(body).chain(check_metadata(body, &[])),
    )?;
    Ok(answered(policy, user, body))
}

/// Answers whether a subject may do something. (`SubjectAccessReview`)
///
/// # Errors
/// The body does not say who or what.
pub fn access(policy: &Policy, body: &Value) -> Result<Value, Status> {
    valid(
        "SubjectAccessReview",
        check_asked(body)
            .chain(check_subject(body))
            .chain(check_metadata(body, &[])),
    )?;
    Ok(answered(policy, &subject(body), body))
}

/// Answers whether a subject may do something in one namespace. (`LocalSubjectAccessReview`)
///
/// # Errors
/// The body does not say who or what, or names another namespace.
pub fn local_access(policy: &Policy, namespace: &str, body: &Value) -> Result<Value, Status> {
    let own = body["metadata"]["namespace"].as_str().unwrap_or_default();
    let errors = check_asked(body)
        .chain(check_subject(body))
        .chain(check_metadata(body, &["namespace"]));
    valid(
        "LocalSubjectAccessReview",
        errors.chain(check_namespace(own, body)),
    )?;
    if own != namespace {
        let why = format!("spec.resourceAttributes.namespace must match namespace: {namespace}");
        return Err(Status::bad_request(why));
    }
    Ok(answered(policy, &subject(body), body))
}

/// Lists what the user may do in a namespace. (`SelfSubjectRulesReview`)
///
/// # Errors
/// The body names no namespace.
pub fn self_rules(policy: &Policy, user: &User, body: &Value) -> Result<Value, Status> {
    let namespace = body["spec"]["namespace"]
        .as_str()
        .filter(|namespace| !namespace.is_empty());
    let namespace = namespace.ok_or_else(|| Status::bad_request("no namespace on request"))?;
    let (rules, missing) = policy.rules(user, namespace);
    let resources = rules.iter().filter(|rule| !rule.resources.is_empty());
    let paths = rules.iter().filter(|rule| !rule.paths.is_empty());
    let mut status = json!({
        "resourceRules": resources.map(|rule| Rule { paths: Box::default(), ..(*rule).clone() }.to_value()).collect::<Value>(),
        "nonResourceRules": paths.map(|rule| json!({"verbs": rule.verbs, "nonResourceURLs": rule.paths})).collect::<Value>(),
        "incomplete": false,
    });
    match &*missing {
        [] => {}
        [only] => status["evaluationError"] = json!(only),
        several => status["evaluationError"] = json!(format!("[{}]", several.join(", "))),
    }
    Ok(answer(body, json!({}), status))
}

/// Returns the user's identity. (`SelfSubjectReview`)
#[must_use]
pub fn self_subject(user: &User, body: &Value) -> Value {
    let mut info = Map::from_iter([("username".to_owned(), json!(user.name))]);
    let more = [
        ("uid", json!(user.uid), user.uid.is_empty()),
        ("groups", json!(user.groups), user.groups.is_empty()),
        ("extra", json!(user.extra), user.extra.is_empty()),
    ];
    info.extend(
        more.into_iter()
            .filter(|more| !more.2)
            .map(|(key, value, _)| (key.to_owned(), value)),
    );
    let mut out = body.clone();
    if let Some(out) = out.as_object_mut() {
        out.insert("metadata".to_owned(), json!({}));
        out.insert("status".to_owned(), json!({"userInfo": info}));
    }
    out
}

fn answered(policy: &Policy, user: &User, body: &Value) -> Value {
    let spec = &body["spec"];
    let text = |value: &'static str| {
        spec["resourceAttributes"][value]
            .as_str()
            .unwrap_or_default()
    };
    let attributes = match &spec["nonResourceAttributes"] {
        Value::Object(asked) => {
            let text = |key: &str| asked.get(key).and_then(Value::as_str).unwrap_or_default();
            Attributes::path(text("verb"), text("path"))
        }
        _ => Attributes::resource(
            text("verb"),
            ResourceAttributes {
                group: text("group"),
                resource: text("resource"),
                subresource: text("subresource"),
                namespace: text("namespace"),
                name: text("name"),
            },
        ),
    };
    let decision = policy.allowed(user, &attributes);
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        status["reason"] = json!(decision.reason);
    }
    answer(body, spec.clone(), status)
}

fn answer(body: &Value, spec: Value, status: Value) -> Value {
    let mut out = body.clone();
    if let Some(out) = out.as_object_mut() {
        out.entry("metadata").or_insert_with(|| json!({}));
        out.insert("spec".to_owned(), spec);
        out.insert("status".to_owned(), status);
    }
    out
}

fn subject(body: &Value) -> User {
    let spec = &body["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
    let extra = spec["extra"].as_object().into_iter().flatten();
    User {
        name: text(&spec["user"]),
        uid: text(&spec["uid"]),
        groups: texts(&spec["groups"]),
        extra: extra
            .map(|(key, values)| (key.clone(), texts(values)))
            .collect(),
    }
}

fn valid(kind: &str, errors: impl Iterator<Item = FieldError>) -> Result<(), Status> {
    let errors: Vec<FieldError> = errors.collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid_as(
            kind,
            "authorization.k8s.io",
            "",
            &errors,
        ))
    }
}

fn check_asked(body: &Value) -> impl Iterator<Item = FieldError> {
    let [resource, path] =
        ["resourceAttributes", "nonResourceAttributes"].map(|key| &body["spec"][key]);
    let error = match (resource.is_null(), path.is_null()) {
        (false, false) => {
            let why = "cannot be specified in combination with resourceAttributes";
            Some(FieldError::invalid("spec.nonResourceAttributes", path, why))
        }
        (true, true) => {
            let why =
                "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            Some(FieldError::invalid("spec.resourceAttributes", path, why))
        }
        _ => None,
    };
    error.into_iter()
}

fn check_subject(body: &Value) -> impl Iterator<Item = FieldError> {
    let subject = subject(body);
    let nobody = subject.name.is_empty() && subject.groups.is_empty();
    let why = "at least one of user or group must be specified";
    nobody
        .then(|| FieldError::invalid("spec.user", &json!(""), why))
        .into_iter()
}

/// A review is not an object; it has no metadata, except for fields that are always allowed.
fn check_metadata(body: &Value, allowed: &[&str]) -> impl Iterator<Item = FieldError> {
    let metadata = &body["metadata"];
    let mut set = metadata.as_object().into_iter().flatten();
    let plain = |key: &str, value: &Value| {
        allowed.contains(&key) || key == "managedFields" || value.is_null()
    };
    let found = set.any(|(key, value)| !plain(key, value));
    let why = if allowed.is_empty() {
        "must be empty"
    } else {
        "must be empty except for namespace"
    };
    found
        .then(|| FieldError::invalid("metadata", metadata, why))
        .into_iter()
}

fn check_namespace(own: &str, body: &Value) -> impl Iterator<Item = FieldError> {
    let [resource, path] =
        ["resourceAttributes", "nonResourceAttributes"].map(|key| &body["spec"][key]);
    let named = resource["namespace"].as_str().unwrap_or_default();
    let other = (!resource.is_null() && named != own).then(|| {
        FieldError::invalid(
            "spec.resourceAttributes.namespace",
            &json!(named),
            "must match metadata.namespace",
        )
    });
    let path = (!path.is_null()).then(|| {
        FieldError::invalid(
            "spec.nonResourceAttributes",
            path,
            "disallowed on this kind of request",
        )
    });
    other.into_iter().chain(path)
}
