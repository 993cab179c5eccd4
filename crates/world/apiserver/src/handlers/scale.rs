//! The scale subresource: replicas in one form, whatever the object calls them.

use std::sync::Arc;

use lode_admit::decode::Decoded;
use lode_admit::{FieldError, Kind, Status, strategy, update, validate};
use lode_merge::write::{self, Endpoint, Request, Scaled};
use lode_object::json::{int, text};
use lode_schema::resources;
use serde_json::{Value, json};

use crate::fields::as_map;
use crate::handlers::body;
use crate::handlers::call::ObjectCall;
use crate::handlers::patch::PatchBody;
use crate::handlers::read;
use crate::handlers::write::{Write, WriteFault, Written, refused};
use crate::store::stored::Stored;
use crate::wire::answer::ApiAnswer;
use crate::wire::options::{WriteOptions, Writing};

/// Answers with the scale of an object.
pub(crate) fn get(call: &ObjectCall<'_>) -> Result<ApiAnswer, Status> {
    let stored = read::find(call)?;
    let place = ReplicaPaths::of(&call.served.kind);
    let object = call.served.value(&stored);
    Ok(ApiAnswer::value(200, &place.shown(&object), call.output))
}

/// Replaces the scale of an object.
pub(crate) fn replace(call: &ObjectCall<'_>) -> Result<ApiAnswer, Status> {
    let options = WriteOptions::read(call.query, Writing::Update)?;
    let kind = scale_kind()?;
    let Decoded { object, warnings } = body::object(call, &kind, options.validation)?;
    call.warn(warnings);
    run(call, &options, |_| Ok((object.clone(), false)))
}

/// Changes the scale of an object.
pub(crate) fn patch(call: &ObjectCall<'_>) -> Result<ApiAnswer, Status> {
    let kind = scale_kind()?;
    let writing = if PatchBody::is_apply(call.media) {
        Writing::Apply
    } else {
        Writing::Patch
    };
    let options = WriteOptions::read(call.query, writing)?;
    let patch = PatchBody::read(call.media, call.body, &kind, options.validation)?;
    run(call, &options, |scale| match &patch {
        PatchBody::Apply(applied) => {
            let mut applied = applied.clone();
            call.place(&mut applied)?;
            let now = call.now_text();
            let request = Request {
                manager: call.manager(&options.manager),
                force: options.force,
                now: &now,
            };
            let scale = write::apply(Some(scale), &applied, &endpoint(&kind), request);
            Ok((scale.map_err(|refusal| refused(&refusal))?, true))
        }
        patch => Ok((
            body::patched(&kind, &patch.apply(scale, &kind)?, options.validation)?.object,
            false,
        )),
    })
}

/// Writes the scale that `make` returns; it also returns whether field ownership is already known.
fn run(
    call: &ObjectCall<'_>,
    options: &WriteOptions,
    make: impl Fn(&Value) -> Result<(Value, bool), Status>,
) -> Result<ApiAnswer, Status> {
    loop {
        let stored = read::find(call)?;
        match once(call, options, &stored, &make) {
            Ok(object) => {
                return Ok(ApiAnswer::value(
                    200,
                    &ReplicaPaths::of(&call.served.kind).shown(&object),
                    call.output,
                ));
            }
            Err(WriteFault::Outrun) => {}
            Err(WriteFault::Refused(status)) => return Err(status),
        }
    }
}

fn once(
    call: &ObjectCall<'_>,
    options: &WriteOptions,
    stored: &Arc<Stored>,
    make: &impl Fn(&Value) -> Result<(Value, bool), Status>,
) -> Result<Value, WriteFault> {
    let (kind, place) = (&call.served.kind, ReplicaPaths::of(&call.served.kind));
    let live = call.served.value(stored);
    let path: Vec<&str> = place.spec.split('.').collect();
    let versions = [(&*call.served.api_version, path.as_slice())];
    let scaled = Scaled {
        api_version: &call.served.api_version,
        replicas: &versions,
    };
    let mut scale = place.shown(&live);
    scaled
        .owners_of_scale(&live, &mut scale)
        .map_err(|refusal| refused(&refusal))?;
    let (mut new, owned) = make(&scale)?;
    call.place(&mut new)?;
    let version = text(&new, "/metadata/resourceVersion");
    if !version.is_empty() && version != stored.revision.to_string() {
        return Err(Status::modified(kind, &call.target.name).into());
    }
    let now = call.now_text();
    if !owned {
        let scale_kind = scale_kind()?;
        let request = Request {
            manager: call.manager(&options.manager),
            force: options.force,
            now: &now,
        };
        new = write::update(Some(&scale), &new, &endpoint(&scale_kind), request);
    }
    let replicas = int(&new, "/spec/replicas").unwrap_or_default();
    check_replicas(&call.target.name, replicas)?;
    let mut object = live.clone();
    put(&mut object, &path, replicas.into());
    scaled
        .owners_of_parent(&live, &new, &mut object)
        .map_err(|refusal| refused(&refusal))?;
    update::prepare(kind, "scale", &live, &mut object);
    write::keep_times(&live, &mut object);
    let errors = validate::update(kind, "scale", &live, &object);
    if !errors.is_empty() {
        return Err(Status::invalid(kind, &call.target.name, &errors).into());
    }
    match Write::new(call, options, "scale").put(stored, object)? {
        Written::Stored(stored) => Ok(call.served.value(&stored)),
        Written::Unstored(object) => Ok(object),
    }
}

/// Where an object has its replicas, as dotted paths.
struct ReplicaPaths<'k> {
    spec: &'k str,
    status: &'k str,
    selector: &'k str,
}

impl<'k> ReplicaPaths<'k> {
    fn of(kind: &'k Kind) -> Self {
        if let Some(scale) = kind.custom().and_then(|ty| ty.scale.as_ref()) {
            let bare = |path: &'k str| path.strip_prefix('.').unwrap_or(path);
            let selector = scale
                .label_selector
                .as_deref()
                .map(bare)
                .unwrap_or_default();
            return Self {
                spec: bare(&scale.spec_replicas),
                status: bare(&scale.status_replicas),
                selector,
            };
        }
        match strategy::of(kind).scale {
            Some(scale) => Self {
                spec: scale.spec_replicas,
                status: scale.status_replicas,
                selector: scale.selector,
            },
            None => Self {
                spec: "spec.replicas",
                status: "status.replicas",
                selector: "spec.selector",
            },
        }
    }

    fn shown(&self, object: &Value) -> Value {
        let at = |path: &str| object.pointer(&format!("/{}", path.replace('.', "/")));
        let mut metadata = json!({});
        for key in [
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "creationTimestamp",
        ] {
            if let Some(value) = object.pointer(&format!("/metadata/{key}")) {
                metadata[key] = value.clone();
            }
        }
        let count = |path: &str| at(path).and_then(Value::as_i64).unwrap_or_default();
        let mut status = json!({"replicas": count(self.status)});
        let selector = if self.selector.is_empty() {
            String::new()
        } else {
            selector_text(at(self.selector))
        };
        if !selector.is_empty() {
            status["selector"] = selector.into();
        }
        let mut spec = json!({});
        if count(self.spec) != 0 {
            spec["replicas"] = count(self.spec).into();
        }
        json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status})
    }
}

/// Returns an object's selector as text; it may be a text, labels, or expressions.
fn selector_text(selector: Option<&Value>) -> String {
    let Some(selector) = selector else {
        return String::new();
    };
    if let Some(text) = selector.as_str() {
        return text.to_owned();
    }
    let labels = selector.get("matchLabels").or_else(|| {
        selector
            .get("matchExpressions")
            .is_none()
            .then_some(selector)
    });
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    let labels = labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    let expressions = selector
        .get("matchExpressions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let expressions = expressions.map(|expression| {
        let key = text(expression, "/key");
        let values = expression
            .get("values")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let values = values
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(",");
        match text(expression, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}

fn put(object: &mut Value, path: &[&str], value: Value) {
    match path {
        [] => *object = value,
        [first, rest @ ..] => put(
            as_map(object).entry(*first).or_insert(Value::Null),
            rest,
            value,
        ),
    }
}

fn scale_kind() -> Result<Kind, Status> {
    let below = resources()
        .get("apps", "v1", "deployments")
        .and_then(|resource| resource.subresource("scale"));
    let kind = below.and_then(Kind::of_subresource);
    kind.ok_or_else(|| Status::internal("the type of scales is not known"))
}

fn endpoint(kind: &Kind) -> Endpoint<'_> {
    Endpoint {
        subresource: "scale",
        ..Endpoint::new(kind.schema(), kind.ty, "autoscaling/v1", "Scale")
    }
}

/// Refuses an invalid number of replicas.
fn check_replicas(name: &str, replicas: i64) -> Result<(), Status> {
    if replicas >= 0 {
        return Ok(());
    }
    let error = FieldError::invalid(
        "spec.replicas",
        &replicas.into(),
        "must be greater than or equal to 0",
    );
    Err(Status::invalid_as("Scale", "autoscaling", name, &[error]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_shows_replicas_and_selector() {
        let place = ReplicaPaths {
            spec: "spec.replicas",
            status: "status.replicas",
            selector: "spec.selector",
        };
        let object = json!({"metadata": {"name": "web", "labels": {"a": "b"}}, "spec": {"replicas": 3, "selector": {
            "matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]}]}}});
        assert_eq!(
            place.shown(&object),
            json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "web"},
                "spec": {"replicas": 3}, "status": {"replicas": 0, "selector": "app=web,tier in (a,b)"}})
        );
        assert_eq!(selector_text(Some(&json!({"app": "web"}))), "app=web");
        assert_eq!(selector_text(Some(&json!("app=web"))), "app=web");
    }
}
