//! Deletion: at once, or after the last finalizer.

use std::sync::Arc;

use lode_admit::{Kind, Status, strategy};
use lode_object::json::{int, text};
use lode_stdx::time::rfc3339;
use serde_json::{Value, json};

use crate::fields::{as_map, metadata_mut};
use crate::handlers::body;
use crate::handlers::call::ObjectCall;
use crate::handlers::endpoint;
use crate::handlers::read;
use crate::store::key::Key;
use crate::store::stored::Stored;
use crate::store::{Clash, From};
use crate::wire::answer::ApiAnswer;
use crate::wire::options::{DeleteOptions, ListOptions, Propagation};

/// Deletes one object.
pub(crate) fn one(call: &ObjectCall<'_>) -> Result<ApiAnswer, Status> {
    let options = options(call)?;
    let key = call.key();
    match delete(call, &key, &options)? {
        Deleted::Gone(_, uid) if !strategy::of(&call.served.kind).returns_deleted => {
            Ok(ApiAnswer::value(
                200,
                &success(&call.served.kind, key.name(), &uid),
                call.output,
            ))
        }
        Deleted::Gone(object, _) | Deleted::Going(object) => read::shaped(call, 200, &object),
    }
}

/// Deletes all selected objects of a resource. Returns their last state.
pub(crate) fn many(call: &ObjectCall<'_>) -> Result<ApiAnswer, Status> {
    let options = options(call)?;
    let selection = ListOptions::read(call.query, false)?;
    read::check_fields(call.served, &selection)?;
    let snapshot = call
        .api
        .store
        .list(&call.served.objects, &call.target.namespace);
    let mut items = Vec::new();
    for (key, stored) in snapshot
        .objects
        .iter()
        .filter(|(key, stored)| read::selected(key, stored, &selection))
    {
        match delete(call, key, &options) {
            Ok(_) => items.push(item(call, stored)),
            Err(status) if status.code == 404 => {}
            Err(status) => return Err(status),
        }
    }

    let kind = format!("{}List", call.served.kind.gvk.kind);
    let mut list = json!({
        "kind": kind, "apiVersion": &*call.served.api_version, "items": items,
        "metadata": {"resourceVersion": snapshot.revision.to_string()},
    });
    if call.served.is_custom() {
        list["metadata"]["continue"] = "".into();
    }

    Ok(ApiAnswer::value(200, &list, call.output))
}

/// Returns an object as an item of a list: items of built-in kinds omit `apiVersion` and `kind`.
fn item(call: &ObjectCall<'_>, stored: &Stored) -> Value {
    let mut value = call.served.value(stored);
    if !call.served.is_custom() {
        as_map(&mut value).retain(|field, _| !matches!(field.as_str(), "apiVersion" | "kind"));
    }
    value
}

/// Returns whether nothing blocks the end of an object that is being deleted.
pub(crate) fn is_free(kind: &Kind, object: &Value) -> bool {
    let holds = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty())
    };
    let grace = int(object, "/metadata/deletionGracePeriodSeconds").unwrap_or_default();
    let held = holds("/metadata/finalizers") || is_namespace(kind) && holds("/spec/finalizers");
    !held && grace == 0
}

/// The result of a deletion.
pub(crate) enum Deleted {
    /// The object is gone; its last state and uid.
    Gone(Value, Box<str>),
    /// Something still blocks it.
    Going(Value),
}

fn options(call: &ObjectCall<'_>) -> Result<DeleteOptions, Status> {
    let options = DeleteOptions::read(call.query, &body::delete_options(call)?)?;
    let gvk = &call.served.kind.gvk;
    if options.propagation.is_none() && (&*gvk.group, &*gvk.kind) == ("batch", "Job") {
        call.warn([JOB_WARNING.to_owned()]);
    }
    Ok(options)
}

/// Deletes an object by key.
pub(crate) fn delete(
    call: &ObjectCall<'_>,
    key: &Key,
    options: &DeleteOptions,
) -> Result<Deleted, Status> {
    let kind = &call.served.kind;
    loop {
        let found = call.served.objects.get(key);
        let stored = found.ok_or_else(|| Status::not_found(kind, key.name()))?;
        check(kind, key, &stored, options)?;
        let live = call.served.value(&stored);
        let Some(marked) = marked(call, &live, options) else {
            if options.dry_run {
                return Ok(Deleted::Gone(live, stored.index.uid.clone()));
            }
            match call
                .api
                .store
                .remove(&call.served.objects, key, stored.revision)
            {
                Ok(last) => {
                    return Ok(Deleted::Gone(
                        call.served.value(&last),
                        stored.index.uid.clone(),
                    ));
                }
                Err(Clash::Newer | Clash::Exists) => continue,
                Err(Clash::Gone) => return Err(Status::not_found(kind, key.name())),
            }
        };
        let draft = endpoint::draft(call.served, marked.clone());
        if options.dry_run || draft.same_as(&stored) {
            return Ok(Deleted::Going(marked));
        }
        match call.api.store.put(
            &call.served.objects,
            key.clone(),
            From::Revision(stored.revision),
            &draft,
        ) {
            Ok(stored) => return Ok(Deleted::Going(call.served.value(&stored))),
            Err(Clash::Newer | Clash::Exists) => {}
            Err(Clash::Gone) => return Err(Status::not_found(kind, key.name())),
        }
    }
}

fn check(
    kind: &Kind,
    key: &Key,
    stored: &Arc<Stored>,
    options: &DeleteOptions,
) -> Result<(), Status> {
    if let Some(uid) = options
        .uid
        .as_deref()
        .filter(|uid| **uid != *stored.index.uid)
    {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been \
             deleted and then recreated",
            stored.index.uid
        );
        return Err(unmet(kind, key, &why));
    }

    if let Some(revision) = options
        .revision
        .as_deref()
        .filter(|revision| **revision != stored.revision.to_string())
    {
        let why = format!(
            "the ResourceVersion in the precondition ({revision}) does not match the ResourceVersion in record ({}). \
             The object might have been modified",
            stored.revision
        );
        return Err(unmet(kind, key, &why));
    }

    if is_namespace(kind) && PROTECTED.contains(&key.name()) {
        return Err(Status::forbidden(
            kind,
            key.name(),
            "this namespace may not be deleted",
        ));
    }

    Ok(())
}

/// Returns the error of a failed precondition; it names the kind where other errors name the
/// resource.
fn unmet(kind: &Kind, key: &Key, why: &str) -> Status {
    let named = Kind {
        plural: kind.gvk.kind.clone(),
        ..kind.clone()
    };
    Status::conflict(&named, key.name(), why)
}

/// Returns the object marked for deletion; `None` if nothing blocks it.
fn marked(call: &ObjectCall<'_>, live: &Value, options: &DeleteOptions) -> Option<Value> {
    let kind = &call.served.kind;
    let mut object = live.clone();
    let finalizers = finalizers(kind, live, options.propagation);
    let metadata = metadata_mut(&mut object);
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".to_owned(), finalizers.into());
    }
    let grace = grace(kind, live, options);
    if metadata
        .get("deletionTimestamp")
        .is_some_and(Value::is_string)
    {
        let before = metadata
            .get("deletionGracePeriodSeconds")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        if grace < before {
            metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
        }
        return (!is_free(kind, &object)).then_some(object);
    }
    metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
    if is_free(kind, &object) {
        return None;
    }
    let metadata = metadata_mut(&mut object);
    let at = call
        .now
        .checked_add(jiff::SignedDuration::from_secs(grace))
        .unwrap_or(call.now);
    metadata.insert("deletionTimestamp".to_owned(), rfc3339(at).into());
    // Namespaces and definitions are marked by their own code.
    if is_namespace(kind) {
        metadata.remove("deletionGracePeriodSeconds");
        let status = as_map(as_map(&mut object).entry("status").or_insert(Value::Null));
        status.insert("phase".to_owned(), "Terminating".into());
    } else if is_definition(kind) {
        metadata.remove("deletionGracePeriodSeconds");
        let status = as_map(as_map(&mut object).entry("status").or_insert(Value::Null));
        if let Some(conditions) = status
            .entry("conditions")
            .or_insert_with(|| json!([]))
            .as_array_mut()
        {
            conditions.push(json!({
                "type": "Terminating", "status": "True", "lastTransitionTime": call.now_text(),
                "reason": "InstanceDeletionPending",
                "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
            }));
        }
    } else if let Some(generation) = metadata.get("generation").and_then(Value::as_i64) {
        metadata.insert("generation".to_owned(), (generation + 1).into());
    }
    Some(object)
}

/// Returns the finalizers of an object that is to be deleted with a propagation policy.
fn finalizers(kind: &Kind, live: &Value, propagation: Option<Propagation>) -> Vec<Value> {
    let present = live
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut present = present;
    if is_definition(kind) && !present.iter().any(|name| name == CLEANUP) {
        present.push(CLEANUP.into());
    }

    let Some(propagation) = propagation.or_else(|| default_propagation(kind)) else {
        return present;
    };

    let ours = |name: &Value| matches!(name.as_str(), Some(ORPHAN | FOREGROUND));
    let mut finalizers: Vec<Value> = present.into_iter().filter(|name| !ours(name)).collect();
    match propagation {
        Propagation::Orphan => finalizers.push(ORPHAN.into()),
        Propagation::Foreground => finalizers.push(FOREGROUND.into()),
        Propagation::Background => {}
    }
    finalizers
}

/// Two old kinds orphan their dependents by default.
fn default_propagation(kind: &Kind) -> Option<Propagation> {
    let orphans = matches!(
        (&*kind.gvk.group, &*kind.gvk.kind),
        ("batch", "Job") | ("", "ReplicationController")
    );
    orphans.then_some(Propagation::Orphan)
}

/// Returns the grace period in seconds.
fn grace(kind: &Kind, live: &Value, options: &DeleteOptions) -> i64 {
    if !strategy::of(kind).graceful_deletion {
        return 0;
    }
    let ended = matches!(text(live, "/status/phase"), "Failed" | "Succeeded");
    if text(live, "/spec/nodeName").is_empty() || ended {
        return 0;
    }
    let own = int(live, "/spec/terminationGracePeriodSeconds");
    options.grace_s.or(own).unwrap_or(GRACE_S).max(0)
}

fn success(kind: &Kind, name: &str, uid: &str) -> Value {
    let mut details = json!({"name": name, "kind": &*kind.plural, "uid": uid});
    if !kind.gvk.group.is_empty() {
        details["group"] = (&*kind.gvk.group).into();
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

fn is_definition(kind: &Kind) -> bool {
    &*kind.gvk.kind == "CustomResourceDefinition" && !kind.is_custom()
}

fn is_namespace(kind: &Kind) -> bool {
    kind.gvk.group.is_empty() && &*kind.gvk.kind == "Namespace"
}

/// Blocks an object until its dependents have lost their reference to it.
pub(crate) const ORPHAN: &str = "orphan";
/// Blocks an object until its dependents are gone.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// Blocks a definition until the objects of its kind are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
/// Warning for deleting a job without a propagation policy.
const JOB_WARNING: &str = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background \
    to remove them or set propagationPolicy=Orphan to suppress this warning";
/// Namespaces that cannot be deleted.
const PROTECTED: [&str; 3] = ["default", "kube-system", "kube-public"];
/// Default grace period of a pod, in seconds.
const GRACE_S: i64 = 30;
