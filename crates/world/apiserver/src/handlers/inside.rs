//! Writes by the API's own controllers, through the same path as all others.

use std::cell::RefCell;
use std::sync::Arc;

use lode_admit::Status;
use lode_admit::decode::FieldValidation;
use lode_object::json::text;
use serde_json::Value;

use crate::api::Api;
use crate::auth;
use crate::handlers::call::ObjectCall;
use crate::handlers::delete::{self, Deleted};
use crate::handlers::write::{Changed, Way, Write, WriteFault, Written};
use crate::served::Served;
use crate::store::key::Key;
use crate::store::stored::Stored;
use crate::wire::negotiate::Output;
use crate::wire::options::{DeleteOptions, Query, WriteOptions};
use crate::wire::request::RequestTarget;

/// Field manager of the controllers.
pub(crate) const CONTROLLER_MANAGER: &str = "kube-controller-manager";

/// Creates an object.
pub(crate) fn create(
    api: &Api,
    served: &Served,
    object: Value,
    manager: &str,
) -> Result<(), Status> {
    let key = Key::new(text(&object, "/metadata/namespace"), "");
    let written = with_call(api, served, &key, "", |call| {
        Write::new(call, &options(manager), "").create(object, Way::Created)
    });
    written.map(drop)
}

/// Changes an object or one of its subresources, if it exists. An unchanged object is not written.
pub(crate) fn change(
    api: &Api,
    served: &Served,
    key: &Key,
    (subresource, manager): (&str, &str),
    edit: impl FnMut(&mut Value),
) -> Result<(), Status> {
    until_written(served, key, edit, |stored, object| {
        with_call(api, served, key, subresource, |call| {
            Write::new(call, &options(manager), subresource).attempt(stored, Changed::Whole(object))
        })
    })
}

/// Changes an object without field management and admission for clients, for instance to bind a pod
/// to its node.
pub(crate) fn put(
    api: &Api,
    served: &Served,
    key: &Key,
    edit: impl FnMut(&mut Value),
) -> Result<(), Status> {
    until_written(served, key, edit, |stored, object| {
        with_call(api, served, key, "", |call| {
            Write::new(call, &options(""), "").put(stored, object)
        })
    })
}

/// Edits an object and writes it, again and again while others change it meanwhile. An object that is gone is left so.
fn until_written(
    served: &Served,
    key: &Key,
    mut edit: impl FnMut(&mut Value),
    write: impl Fn(&Arc<Stored>, Value) -> Result<Written, WriteFault>,
) -> Result<(), Status> {
    loop {
        let Some(stored) = served.objects.get(key) else {
            return Ok(());
        };
        let mut object = served.value(&stored);
        edit(&mut object);

        match write(&stored, object) {
            Ok(Written::Stored(_) | Written::Unstored(_)) => return Ok(()),
            Err(WriteFault::Outrun) => {}
            Err(WriteFault::Refused(status)) if status.code == 404 => return Ok(()),
            Err(WriteFault::Refused(status)) => return Err(status),
        }
    }
}

/// Deletes an object if it still has this uid.
pub(crate) fn delete(
    api: &Api,
    served: &Served,
    key: &Key,
    options: &DeleteOptions,
) -> Result<(), Status> {
    match with_call(api, served, key, "", |call| {
        delete::delete(call, key, options)
    }) {
        Ok(Deleted::Gone(..) | Deleted::Going(_)) => Ok(()),
        Err(status) if status.code == 404 || status.code == 409 => Ok(()),
        Err(status) => Err(status),
    }
}

fn with_call<R>(
    api: &Api,
    served: &Served,
    key: &Key,
    subresource: &str,
    make: impl FnOnce(&ObjectCall<'_>) -> R,
) -> R {
    let target = RequestTarget {
        namespace: key.namespace().to_owned(),
        name: key.name().to_owned(),
        subresource: subresource.to_owned(),
        ..RequestTarget::default()
    };
    make(&ObjectCall {
        api,
        served,
        target: &target,
        query: &Query::default(),
        output: Output::JSON,
        user: &auth::admin(),
        agent: CONTROLLER_MANAGER,
        media: "application/json",
        body: b"",
        now: api.now(),
        warnings: RefCell::default(),
    })
}

fn options(manager: &str) -> WriteOptions {
    WriteOptions {
        dry_run: false,
        validation: FieldValidation::Ignore,
        manager: manager.to_owned(),
        force: false,
    }
}

/// Returns a built-in resource.
pub(crate) fn builtin(api: &Api, group: &str, version: &str, plural: &str) -> Option<Arc<Served>> {
    api.registry().get(group, version, plural).map(Arc::clone)
}
