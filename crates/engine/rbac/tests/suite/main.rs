//! What roles and bindings allow, who may grant what, and the responses of a real API server, in
//! one binary.

#![expect(clippy::unwrap_used, reason = "a failing case fails the test")]

mod escalation;
mod policy;
mod recorded;
mod reviews;

use lode_rbac::{Attributes, Policy, ResourceAttributes, User};
use serde_json::{Value, json};

/// Returns the objects of a new cluster and these.
fn policy(objects: &[Value]) -> Policy {
    lode_rbac::bootstrap::objects()
        .iter()
        .chain(objects)
        .collect()
}

fn role(namespace: &str, name: &str, rules: &Value) -> Value {
    let kind = if namespace.is_empty() {
        "ClusterRole"
    } else {
        "Role"
    };
    json!({"kind": kind, "metadata": {"namespace": namespace, "name": name}, "rules": rules})
}

/// Returns a binding; a role is `Kind/name`, a subject `Kind:name` or `ServiceAccount:namespace/name`.
fn binding(namespace: &str, name: &str, role: &str, subjects: &[&str]) -> Value {
    let kind = if namespace.is_empty() {
        "ClusterRoleBinding"
    } else {
        "RoleBinding"
    };
    let (role_kind, role) = role.split_once('/').unwrap();
    let subject = |subject: &&str| {
        let (kind, name) = subject.split_once(':').unwrap();
        match name.split_once('/') {
            Some((namespace, name)) => json!({"kind": kind, "namespace": namespace, "name": name}),
            None => json!({"kind": kind, "name": name}),
        }
    };
    json!({
        "kind": kind, "metadata": {"namespace": namespace, "name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role},
        "subjects": subjects.iter().map(subject).collect::<Value>(),
    })
}

fn pods(namespace: &str) -> ResourceAttributes<'_> {
    ResourceAttributes {
        resource: "pods",
        namespace,
        ..ResourceAttributes::default()
    }
}

/// Returns a user in the group of all authenticated users.
fn person(name: &str) -> User {
    User::new(name).with_groups(["system:authenticated"])
}

fn may(policy: &Policy, user: &User, verb: &str, resource: ResourceAttributes<'_>) -> bool {
    policy
        .allowed(user, &Attributes::resource(verb, resource))
        .allowed
}

fn read_pods() -> Value {
    json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}])
}
