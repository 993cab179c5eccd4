//! Persistent volumes and storage classes.

use super::claim::{access, class_and_mode};
use super::{At, Errors, names, placement, quantity, volume};
use crate::strategy::equal;

pub(super) fn volume(volume: &At<'_, '_>, errors: &mut Errors) {
    let spec = volume.child("spec");
    let (modes, capacity) = (spec.child("accessModes"), spec.child("capacity"));
    modes.need(errors);
    access(&modes, errors);
    capacity.need(errors);
    if capacity.child("storage").is_null() || capacity.entries().count() > 1 {
        let shown = if capacity.is_null() {
            serde_json::json!({})
        } else {
            capacity.value.clone()
        };
        errors.push(crate::FieldError::not_supported(
            capacity.to_string(),
            &shown,
            &["storage"],
        ));
    }

    for (name, _) in capacity.entries() {
        quantity::positive(&capacity.key(name), errors);
    }

    spec.child("persistentVolumeReclaimPolicy")
        .need_one_of(&["Delete", "Recycle", "Retain"], errors);
    let affinity = spec.child("nodeAffinity");
    let required = affinity.child("required");
    for term in required.child("nodeSelectorTerms").items() {
        placement::node_term(&term, errors);
    }

    volume::source(&spec, errors);
    if !spec.child("local").is_null() && affinity.is_null() {
        errors.push(affinity.required("Local volume requires node affinity"));
    }

    class_and_mode(&spec, errors);
}

/// Validates a change of a volume, whose source is immutable.
pub(super) fn volume_change(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    let (live, new) = (live.child("spec"), new.child("spec"));
    let source = |spec: &At<'_, '_>| {
        let fields = spec.value.as_object().into_iter().flatten();
        let fields = fields.filter(|(field, _)| !NO_SOURCE.contains(&field.as_str()));
        serde_json::Value::Object(
            fields
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect(),
        )
    };

    if !equal(Some(&source(&live)), Some(&source(&new))) {
        let place = "spec.persistentvolumesource";
        errors.push(crate::FieldError::forbidden(
            place,
            "spec.persistentvolumesource is immutable after creation",
        ));
    }

    if !equal(
        Some(live.child("volumeMode").value),
        Some(new.child("volumeMode").value),
    ) {
        errors.push(crate::FieldError::invalid(
            "volumeMode",
            new.child("volumeMode").value,
            "field is immutable",
        ));
    }

    let affinity = new.child("nodeAffinity");
    if !live.child("nodeAffinity").is_null()
        && !equal(Some(live.child("nodeAffinity").value), Some(affinity.value))
    {
        errors.push(crate::FieldError::invalid(
            "nodeAffinity",
            affinity.value,
            "field is immutable",
        ));
    }
}

pub(super) fn class(class: &At<'_, '_>, errors: &mut Errors) {
    let provisioner = class.child("provisioner");
    if provisioner.is_empty() {
        errors.push(provisioner.required(""));
    } else {
        provisioner.spelt(|text| names::qualified(&text.to_lowercase()), errors);
    }
    let parameters = class.child("parameters");
    if parameters.entries().any(|(key, _)| key.is_empty()) {
        errors.push(parameters.invalid_as(&"".into(), "field can not be empty."));
    }
    class
        .child("reclaimPolicy")
        .one_of(&["Delete", "Retain"], errors);
    class
        .child("volumeBindingMode")
        .need_one_of(&["Immediate", "WaitForFirstConsumer"], errors);
}

pub(super) fn class_change(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    for field in [
        "parameters",
        "provisioner",
        "reclaimPolicy",
        "volumeBindingMode",
    ] {
        let field_now = new.child(field);
        if !equal(Some(live.child(field).value), Some(field_now.value)) {
            let shown = if field_now.is_null() && field == "provisioner" {
                &"".into()
            } else {
                field_now.value
            };
            errors.push(field_now.invalid_as(shown, "field is immutable"));
        }
    }
}

/// Fields of a volume that are not its source.
const NO_SOURCE: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];
