//! Persistent volume claims.

use super::{At, Errors, meta, names, quantity};
use crate::strategy::{equal, put, remove};

pub(super) fn claim(claim: &At<'_, '_>, errors: &mut Errors) {
    claim_spec(&claim.child("spec"), errors);
}

/// Validates the spec of a claim.
pub(super) fn claim_spec(spec: &At<'_, '_>, errors: &mut Errors) {
    let modes = spec.child("accessModes");
    if modes.is_empty() {
        errors.push(modes.required("at least 1 access mode is required"));
    }

    meta::selector(&spec.child("selector"), errors);
    access(&modes, errors);
    let resources = spec.child("resources");
    let requests = resources.child("requests");
    let storage = requests.child("storage");
    if storage.is_null() {
        errors.push(resources.key("storage").required(""));
    } else {
        let lifted = serde_json::json!({"storage": storage.value});
        let mut found = Vec::new();
        quantity::positive(&At::root(&lifted).key("storage"), &mut found);
        for mut error in found {
            error.field = resources.key("storage").to_string();
            errors.push(error);
        }
    }

    class_and_mode(spec, errors);
}

/// Validates access modes, of a claim or a volume.
pub(super) fn access(modes: &At<'_, '_>, errors: &mut Errors) {
    for mode in modes.items() {
        if !ACCESS_MODES.contains(&mode.text()) {
            errors.push(crate::FieldError::not_supported(
                modes.to_string(),
                mode.value,
                &ACCESS_MODES,
            ));
        }
    }
    let alone = modes.items().any(|mode| mode.text() == "ReadWriteOncePod");
    if alone && modes.items().any(|mode| mode.text() != "ReadWriteOncePod") {
        errors.push(modes.forbidden("may not use ReadWriteOncePod with other access modes"));
    }
}

/// Validates storage class and volume mode, of a claim or a volume.
pub(super) fn class_and_mode(spec: &At<'_, '_>, errors: &mut Errors) {
    let (class, mode) = (spec.child("storageClassName"), spec.child("volumeMode"));
    if !class.is_empty() {
        class.spelt(names::subdomain, errors);
    }
    if !mode.is_null() {
        mode.one_of(&["Block", "Filesystem"], errors);
    }
}

/// Validates a change of a claim, whose spec is immutable except that a bound one may grow.
pub(super) fn claim_change(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    let (before, spec) = (live.child("spec"), new.child("spec"));
    let mut same = spec.value.clone();
    let status = new.child("status");
    if status.child("phase").text() == "Bound" {
        for path in ["resources.requests.storage", "volumeAttributesClassName"] {
            match crate::strategy::at(before.value, path) {
                Some(value) if crate::strategy::at(&same, path).is_some() => {
                    put(&mut same, path, value.clone());
                }
                Some(_) => {}
                None => drop(remove(&mut same, path)),
            }
        }
    }
    let mut was = before.value.clone();
    if before.child("volumeName").is_empty() && !spec.child("volumeName").is_empty() {
        put(
            &mut was,
            "volumeName",
            spec.child("volumeName").value.clone(),
        );
    }
    // The class may be set once: this is how claims from before there was a default class get one.
    let (metadata, class) = (live.child("metadata"), spec.child("storageClassName"));
    let annotations = metadata.child("annotations");
    let noted = annotations.child(CLASS_NOTE);
    let fits = noted.is_null() || noted.text() == class.text();
    if before.child("storageClassName").is_null() && !class.is_null() && fits {
        put(&mut was, "storageClassName", class.value.clone());
    }
    if !equal(Some(&was), Some(&same)) {
        let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        errors.push(spec.forbidden(why));
    }
    smaller(&before, &spec, &live.child("status"), errors);
    new.child("volumeMode")
        .immutable(&live.child("volumeMode"), errors);
}

/// The annotation for the class of a claim before there was a field.
const CLASS_NOTE: &str = "volume.beta.kubernetes.io/storage-class";

/// A claim may shrink only while its actual size is still smaller.
fn smaller(live: &At<'_, '_>, new: &At<'_, '_>, status: &At<'_, '_>, errors: &mut Errors) {
    let nothing = serde_json::Value::from("0");
    let or_nothing =
        |value: Option<&serde_json::Value>| value.cloned().unwrap_or_else(|| nothing.clone());
    let of = |spec: &At<'_, '_>| {
        or_nothing(crate::strategy::at(
            spec.value,
            "resources.requests.storage",
        ))
    };
    let capacity = or_nothing(crate::strategy::at(status.value, "capacity.storage"));
    if quantity::is_more(&of(live), &of(new)) && !quantity::is_more(&of(new), &capacity) {
        let place = "spec.resources.requests.storage";
        errors.push(crate::FieldError::forbidden(
            place,
            "field can not be less than status.capacity",
        ));
    }
}

const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];
