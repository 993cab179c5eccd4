//! Admission that depends on other objects: does the namespace exist, which address is free, may
//! the user grant these rights. What depends on the object only is in `engine/admit`.

use lode_admit::{Cause, Status};
use lode_object::json::text;
use lode_rbac::Write;
use serde_json::Value;

use crate::handlers::call::ObjectCall;
use crate::store::key::Key;

/// Refuses objects in namespaces that do not exist or are being deleted.
pub(crate) fn namespace(call: &ObjectCall<'_>, name: &str) -> Result<(), Status> {
    let namespace = &call.target.namespace;
    if namespace.is_empty() {
        return Ok(());
    }

    let registry = call.api.registry();
    let Some(namespaces) = registry.get("", "v1", "namespaces") else {
        return Ok(());
    };
    let Some(stored) = namespaces.objects.get(&Key::new("", namespace)) else {
        return Err(Status::not_found(&namespaces.kind, namespace));
    };
    if !stored.index.deleting {
        return Ok(());
    }

    let why = format!(
        "unable to create new content in namespace {namespace} because it is being terminated"
    );
    let mut status = Status::forbidden(&call.served.kind, name, &why);
    if let Some(details) = &mut status.details {
        details.causes = vec![Cause {
            reason: "NamespaceTerminating",
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        }];
    }
    Err(status)
}

/// Adds to an object what the cluster assigns.
pub(crate) fn provide(
    call: &ObjectCall<'_>,
    live: Option<&Value>,
    object: &mut Value,
    dry_run: bool,
) -> Result<(), Status> {
    let kind = &call.served.kind;
    if (&*kind.gvk.group, &*kind.gvk.kind) != ("", "Service") {
        return Ok(());
    }
    let given = call.api.addresses.give(live, object, dry_run);
    given.map_err(|error| Status::invalid(kind, text(object, "/metadata/name"), &[error]))
}

/// Refuses roles and bindings that grant rights their author does not have.
pub(crate) fn grants(
    call: &ObjectCall<'_>,
    live: Option<&Value>,
    object: &Value,
) -> Result<(), Status> {
    if &*call.served.kind.gvk.group != "rbac.authorization.k8s.io" {
        return Ok(());
    }
    let write = Write {
        resource: &call.served.kind.plural,
        namespace: &call.target.namespace,
        name: &call.target.name,
        object,
        old: live,
    };
    call.api
        .policy(|policy| policy.may_grant(call.user, &write))
}
