//! Volumes: each has a unique name and exactly one source.

use std::collections::HashSet;

use super::{At, Errors, backsteps::no_backsteps, claim, meta, names};

/// The names of valid volumes, which can be mounted.
pub(super) type Volumes<'a> = HashSet<&'a str>;

/// Validates volumes. Returns the names of the valid ones.
pub(super) fn volumes<'v>(list: &At<'_, 'v>, errors: &mut Errors) -> Volumes<'v> {
    let mut right = Volumes::new();
    for volume in list.items() {
        let before = errors.len();
        source(&volume, errors);
        let name = volume.child("name");
        name.need_spelt(names::label, errors);
        if right.contains(name.text()) {
            errors.push(name.duplicate());
        }
        if errors.len() == before {
            right.insert(name.text());
        }
    }
    right
}

/// Validates the source of a volume, in a pod or in a separate object.
pub(super) fn source(volume: &At<'_, '_>, errors: &mut Errors) {
    let mut found = 0;
    for (sort, needed) in SORTS {
        let source = volume.child(sort);
        if source.is_null() {
            continue;
        }
        found += 1;
        if found > 1 {
            errors.push(source.forbidden("may not specify more than 1 volume type"));
            continue;
        }
        needed
            .iter()
            .for_each(|field| source.child(field).need(errors));
        special(sort, &source, errors);
    }
    if found == 0 {
        errors.push(volume.required("must specify a volume type"));
    }
}

/// Rules beyond required fields.
fn special(sort: &str, source: &At<'_, '_>, errors: &mut Errors) {
    mode(&source.child("defaultMode"), errors);
    match sort {
        "hostPath" => no_backsteps(&source.child("path"), errors),
        "nfs" if !source.child("path").text().starts_with('/') => {
            let path = source.child("path");
            errors.push(path.invalid_as(&path.text().into(), "must be an absolute path"));
        }
        "configMap" | "secret" => source
            .child("items")
            .items()
            .for_each(|item| key_to_path(&item, errors)),
        "downwardAPI" => source
            .child("items")
            .items()
            .for_each(|file| downward(source, file, errors)),
        "projected" => source
            .child("sources")
            .items()
            .for_each(|part| projected(source, &part, errors)),
        "ephemeral" => {
            let template = source.child("volumeClaimTemplate");
            meta::labels(&template.child("metadata").child("labels"), errors);
            claim::claim_spec(&template.child("spec"), errors);
        }
        _ => {}
    }
}

fn key_to_path(item: &At<'_, '_>, errors: &mut Errors) {
    item.child("key").need(errors);
    item.child("path").need(errors);
    local(&item.child("path"), errors);
    mode(&item.child("mode"), errors);
}

/// A file with facts about the pod; its errors are reported on the volume.
fn downward(volume: &At<'_, '_>, file: At<'_, '_>, errors: &mut Errors) {
    let path = volume.child("path");
    if file.child("path").is_empty() {
        errors.push(path.required(""));
    }
    if file.child("fieldRef").is_null() && file.child("resourceFieldRef").is_null() {
        errors.push(volume.required("one of fieldRef and resourceFieldRef is required"));
    }
    if !file.child("fieldRef").is_null() && file.child("fieldRef").child("fieldPath").is_empty() {
        errors.push(volume.child("fieldRef").child("fieldPath").required(""));
    }
}

fn projected(volume: &At<'_, '_>, part: &At<'_, '_>, errors: &mut Errors) {
    let mut found = 0;
    for sort in [
        "secret",
        "configMap",
        "downwardAPI",
        "serviceAccountToken",
        "clusterTrustBundle",
        "podCertificate",
    ] {
        let source = part.child(sort);
        if source.is_null() {
            continue;
        }
        found += 1;
        match sort {
            "secret" | "configMap" => {
                source.child("name").need(errors);
                source
                    .child("items")
                    .items()
                    .for_each(|item| key_to_path(&item, errors));
            }
            "downwardAPI" => source
                .child("items")
                .items()
                .for_each(|file| downward(&source, file, errors)),
            "serviceAccountToken" => {
                let seconds = source.child("expirationSeconds");
                if seconds
                    .number()
                    .is_some_and(|seconds| seconds < TOKEN_SECONDS_MIN)
                {
                    errors.push(seconds.invalid("may not specify a duration less than 10 minutes"));
                }
                if source.child("path").is_empty() {
                    errors.push(volume.child("path").required(""));
                }
            }
            _ => {}
        }
    }

    if found > 1 {
        errors.push(part.forbidden("may not specify more than 1 volume type per source"));
    }
}

/// A path within a volume; names that begin with two dots are reserved for the server.
fn local(path: &At<'_, '_>, errors: &mut Errors) {
    if path.text().starts_with('/') {
        errors.push(path.invalid("must be a relative path"));
    }
    no_backsteps(path, errors);
    if path.text().starts_with("..") && !path.text().starts_with("../") {
        errors.push(path.invalid("must not start with '..'"));
    }
}

fn mode(mode: &At<'_, '_>, errors: &mut Errors) {
    if mode
        .number()
        .is_some_and(|bits| !(0..=0o777).contains(&bits))
    {
        errors.push(mode.invalid("must be a number between 0 and 0777 (octal), both inclusive"));
    }
}

/// The sources of volumes, with their required fields.
const SORTS: &[(&str, &[&str])] = &[
    ("emptyDir", &[]),
    ("hostPath", &["path"]),
    ("gitRepo", &["repository"]),
    ("gcePersistentDisk", &["pdName"]),
    ("awsElasticBlockStore", &["volumeID"]),
    ("secret", &["secretName"]),
    ("nfs", &["server", "path"]),
    ("iscsi", &["targetPortal", "iqn"]),
    ("glusterfs", &["endpoints", "path"]),
    ("flocker", &[]),
    ("persistentVolumeClaim", &["claimName"]),
    ("rbd", &["monitors", "image"]),
    ("cinder", &["volumeID"]),
    ("cephfs", &["monitors"]),
    ("quobyte", &["registry", "volume"]),
    ("downwardAPI", &[]),
    ("fc", &[]),
    ("flexVolume", &["driver"]),
    ("configMap", &["name"]),
    ("azureFile", &["secretName", "shareName"]),
    ("vsphereVolume", &["volumePath"]),
    ("photonPersistentDisk", &["pdID"]),
    ("portworxVolume", &["volumeID"]),
    ("azureDisk", &["diskName", "diskURI"]),
    ("storageos", &[]),
    ("projected", &[]),
    ("scaleIO", &["gateway", "system", "volumeName"]),
    ("csi", &["driver"]),
    ("ephemeral", &[]),
    ("image", &["reference"]),
    ("local", &["path"]),
];
const TOKEN_SECONDS_MIN: i64 = 600;
