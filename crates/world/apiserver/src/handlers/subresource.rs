//! Endpoints that are not stored objects: reviews, scales, evictions.

use lode_admit::decode::{Decoded, FieldValidation};
use lode_admit::{Kind, Status};
use lode_object::json::text;
use lode_rbac::review;
use serde_json::Value;

use crate::fields::as_map;
use crate::handlers::body;
use crate::handlers::call::ObjectCall;
use crate::handlers::delete;
use crate::handlers::scale;
use crate::wire::answer::ApiAnswer;
use crate::wire::negotiate::Output;
use crate::wire::options::{DeleteOptions, WriteOptions, Writing};

/// Answers if the request is for such an endpoint.
pub(crate) fn answer(call: &ObjectCall<'_>, verb: &str) -> Option<Result<ApiAnswer, Status>> {
    let target = call.target;
    Some(
        match (&*target.group, &*target.resource, &*target.subresource) {
            ("authorization.k8s.io" | "authentication.k8s.io", _, _) => reviewed(call),
            (_, _, "scale") => match verb {
                "get" => scale::get(call),
                "update" => scale::replace(call),
                _ => scale::patch(call),
            },
            ("", "pods", "eviction") => evict(call),
            ("", "serviceaccounts", "token") => Err(not_here("tokens of service accounts")),
            ("", "pods", "log" | "exec" | "attach" | "portforward" | "proxy" | "binding")
            | ("", "services" | "nodes", "proxy")
            | ("", "bindings", _) => Err(not_here("what happens within pods and nodes")),
            _ => return None,
        },
    )
}

fn not_here(what: &str) -> Status {
    Status::bare(
        501,
        "NotImplemented",
        format!("{what}: this server does not have them"),
    )
}

/// Answers an access or identity review.
fn reviewed(call: &ObjectCall<'_>) -> Result<ApiAnswer, Status> {
    let options = WriteOptions::read(call.query, Writing::Create)?;
    let Decoded { object, .. } = body::object(call, &call.served.kind, options.validation)?;
    let user = call.user;
    let answer = call.api.policy(|policy| match &*call.target.resource {
        "selfsubjectaccessreviews" => review::self_access(policy, user, &object),
        "subjectaccessreviews" => review::access(policy, &object),
        "localsubjectaccessreviews" => {
            review::local_access(policy, &call.target.namespace, &object)
        }
        "selfsubjectrulesreviews" => review::self_rules(policy, user, &object),
        "selfsubjectreviews" => Ok(review::self_subject(user, &object)),
        "tokenreviews" => Ok(call.api.users.review(&object)),
        other => Err(not_here(other)),
    })?;

    Ok(ApiAnswer::value(
        201,
        &answer,
        Output {
            yaml: call.output.yaml,
            ..Output::JSON
        },
    ))
}

/// Deletes a pod for an eviction; disruption budgets are not enforced.
fn evict(call: &ObjectCall<'_>) -> Result<ApiAnswer, Status> {
    let kind = call
        .served
        .resource
        .subresource("eviction")
        .and_then(Kind::of_subresource);
    let kind = kind.ok_or_else(|| Status::internal("the type of evictions is not known"))?;
    let mut eviction = body::object(call, &kind, FieldValidation::Ignore)?.object;
    let name = text(&eviction, "/metadata/name");
    if !name.is_empty() && name != call.target.name {
        return Err(Status::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }

    let options = as_map(&mut eviction)
        .remove("deleteOptions")
        .unwrap_or(Value::Null);
    let options = DeleteOptions::read(call.query, &options)?;
    delete::delete(call, &call.key(), &options)?;
    let success = serde_json::json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(ApiAnswer::value(201, &success, Output::JSON))
}
