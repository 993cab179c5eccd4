//! Reading objects and building new ones.

use lode_object::json::{list, text};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::plan::{Action, WorkloadKind, WorkloadPlace};
use crate::store::key::Key;

/// Returns the key of an object.
pub(super) fn key(object: &Value) -> Key {
    Key::new(
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    )
}

/// Returns whether an object is being deleted.
pub(super) fn is_going(object: &Value) -> bool {
    object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(Value::is_string)
}

/// Returns whether a condition of an object is true.
pub(super) fn is_true(object: &Value, condition: &str) -> bool {
    let conditions = list(object, "/status/conditions").iter();
    conditions
        .into_iter()
        .any(|found| text(found, "/type") == condition && text(found, "/status") == "True")
}

/// Returns whether an object is the controller of another one.
pub(super) fn controls(owner: &Value, object: &Value) -> bool {
    let owners = list(object, "/metadata/ownerReferences").iter();
    let uid = text(owner, "/metadata/uid");
    owners
        .into_iter()
        .any(|reference| reference["controller"] == true && text(reference, "/uid") == uid)
}

/// Returns a controller reference to an owner.
pub(super) fn reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    })
}

/// Returns the hash of a template: ten characters that are valid in a name.
pub(super) fn hash(template: &Value) -> String {
    let digest = Sha256::digest(template.to_string());
    digest
        .iter()
        .take(HASH_LENGTH)
        .map(|byte| char::from(SIGNS[usize::from(*byte) % SIGNS.len()]))
        .collect()
}

/// Returns a pod from a template, with additional labels and a generated name.
pub(super) fn pod(owner: &Value, template: &Value, labels: &[(&str, &str)]) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": template["spec"], "metadata": {
        "namespace": owner["metadata"]["namespace"],
        "generateName": format!("{}-", text(owner, "/metadata/name")),
        "ownerReferences": [reference(owner)],
    }});
    let of_template = |field: &str| {
        template
            .pointer(&format!("/metadata/{field}"))
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let mut all = of_template("labels");
    all.extend(
        labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).into())),
    );
    for (field, values) in [("labels", all), ("annotations", of_template("annotations"))] {
        if !values.is_empty() {
            pod["metadata"][field] = values.into();
        }
    }
    if let Some(finalizers) = template.pointer("/metadata/finalizers") {
        pod["metadata"]["finalizers"] = finalizers.clone();
    }
    pod
}

/// Returns the deletion of an object.
pub(super) fn deletion(kind: WorkloadKind, object: &Value) -> Action {
    let place = WorkloadPlace {
        kind,
        key: key(object),
    };
    Action::Delete {
        place,
        uid: text(object, "/metadata/uid").to_owned(),
        now: false,
    }
}

/// Returns a status of numbers, without those that are 0.
pub(super) fn counts(numbers: &[(&str, i64)]) -> Value {
    let said = numbers.iter().filter(|(_, number)| *number != 0);
    Value::Object(
        said.map(|(name, number)| ((*name).to_owned(), (*number).into()))
            .collect::<Map<_, _>>(),
    )
}

/// Returns the number of matching values.
pub(super) fn count<'v>(
    objects: impl IntoIterator<Item = &'v Value>,
    is: impl Fn(&Value) -> bool,
) -> i64 {
    objects
        .into_iter()
        .filter(|object| is(object))
        .fold(0, |count, _| count + 1)
}

/// Without vowels, so that no words appear, and without characters that look alike.
const SIGNS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const HASH_LENGTH: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_tells_templates_apart_and_nothing_else() {
        let template =
            |image: &str| json!({"spec": {"containers": [{"name": "c", "image": image}]}});
        assert_eq!(hash(&template("a")), hash(&template("a")));
        assert_ne!(hash(&template("a")), hash(&template("b")));
        assert_eq!(hash(&template("a")).len(), 10);
    }

    #[test]
    fn a_pod_is_its_template_and_names_its_owner() {
        let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web-1", "namespace": "shop", "uid": "u"}});
        let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"a": 1}});
        let pod = pod(&owner, &template, &[("b", "c")]);
        assert_eq!(pod["metadata"]["labels"], json!({"app": "web", "b": "c"}));
        assert_eq!(
            (&pod["metadata"]["generateName"], &pod["spec"]),
            (&json!("web-1-"), &json!({"a": 1}))
        );
        assert!(controls(&owner, &pod));
        assert!(!controls(&json!({"metadata": {"uid": "other"}}), &pod));
    }
}
