//! [`LiveObject`]: an object as it is in the cluster, beside what is sent to change it.
//!
//! Pure: which fields differ, whether that is somebody's edit, and whose.

use lode_merge::path::Path;
use lode_merge::{Observed, diff, who};
use lode_object::Value;

use crate::desired::Desired;
use crate::outcome::Drift;
use crate::patch::Patch;

/// An object as it is in the cluster, as far as it was looked into.
pub(crate) struct LiveObject {
    pub(crate) seen: Observed,
    /// The object itself, where it had to be read.
    pub(crate) value: Option<Value>,
    /// What is sent where fields are left to others.
    pub(crate) payload: Option<Desired>,
    /// What the server makes of what is sent, after admission; known where a live edit is to be told.
    pub(crate) accepted_as: Option<Value>,
    /// What brings it back, where that is not done by applying it.
    pub(crate) patch: Option<Patch>,
}

impl LiveObject {
    /// An object of which the cache tells enough.
    pub(crate) fn seen(seen: Observed) -> Self {
        Self {
            seen,
            value: None,
            payload: None,
            accepted_as: None,
            patch: None,
        }
    }

    /// Returns what is sent to change it.
    pub(crate) fn sent<'a>(&'a self, desired: &'a Desired) -> &'a Desired {
        self.payload.as_ref().unwrap_or(desired)
    }

    /// Returns which of its fields are not as desired, and would be otherwise if they were brought back: what admission
    /// makes of an object is nobody's edit.
    pub(crate) fn differing(&self, desired: &Desired) -> Vec<Path> {
        let Some(live) = &self.value else {
            return Vec::new();
        };
        let paths = diff::against_desired(&self.sent(desired).value(), live)
            .into_iter()
            .map(|found| found.path);
        match &self.accepted_as {
            None => paths.collect(),
            Some(accepted) => paths
                .filter(|path| path.find(accepted) != path.find(live))
                .collect(),
        }
    }

    /// Returns whether a change that was brought back is somebody's edit: of a field of ours, or of who owns it.
    pub(crate) fn is_edit(&self, desired: &Desired) -> bool {
        if self.patch.is_some() {
            return true;
        }
        let (Some(_), Some(accepted)) = (&self.value, &self.accepted_as) else {
            return true;
        };
        self.seen.content == lode_merge::content_digest(accepted)
            || !self.differing(desired).is_empty()
    }

    /// Says what had been changed and by whom.
    pub(crate) fn drift(&self, desired: &Desired, manager: &str, corrected: bool) -> Drift {
        let Some(live) = &self.value else {
            return Self::deletion(desired, corrected);
        };
        let paths = self.differing(desired);
        let who = who::owner_of(live, manager, &paths).map_or_else(
            || "unknown".to_owned(),
            |who| match (&*who.time, who.owns) {
                ("", _) => who.manager.to_string(),
                (time, true) => format!("{} at {time}", who.manager),
                (time, false) => format!("probably {} at {time}", who.manager),
            },
        );

        let mut fields: Vec<String> = paths
            .iter()
            .map(|path| desired.secrecy.path(&path.to_string()))
            .collect();
        if fields.is_empty() {
            fields.push("ownership of fields".to_owned());
        }
        Drift {
            id: desired.id.clone(),
            fields,
            who,
            corrected,
            operations: self.patch.as_ref().map(Patch::counts),
        }
    }

    /// Says that an object had been deleted: nothing tells by whom.
    pub(crate) fn deletion(desired: &Desired, corrected: bool) -> Drift {
        Drift {
            id: desired.id.clone(),
            fields: Vec::new(),
            who: "unknown".to_owned(),
            corrected,
            operations: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use lode_object::{NamespacedName, Object};
    use serde_json::json;

    use super::*;
    use crate::desired::Common;

    fn map(color: &str, size: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "ns"},
            "data": {"color": color, "size": size}})
    }

    fn desired() -> Desired {
        let owner = NamespacedName::new("ns", "app");
        let object = Object::parse(map("blue", "1")).unwrap();
        Desired::new(object, "", &owner, &Common::default()).unwrap()
    }

    /// The map as it lives in the cluster, with the labels of its owner.
    fn live(color: &str, size: &str) -> Value {
        let mut value = desired().value();
        value["data"] = json!({"color": color, "size": size});
        value["metadata"]["managedFields"] = json!([{"manager": "kubectl-edit", "operation": "Update",
            "apiVersion": "v1", "time": "2026-01-02T03:04:05Z", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:color": {}}}}]);
        value
    }

    fn object(value: Value, accepted_as: Option<Value>) -> LiveObject {
        let observed = Observed {
            content: lode_merge::content_digest(&value),
            ..Observed::default()
        };
        LiveObject {
            value: Some(value),
            accepted_as,
            ..LiveObject::seen(observed)
        }
    }

    #[test]
    fn an_edit_is_told_by_its_field_and_its_author() {
        let edited = object(live("red", "1"), Some(live("blue", "1")));
        assert!(edited.is_edit(&desired()));
        assert_eq!(
            edited
                .drift(&desired(), "kustomize-controller", true)
                .to_string(),
            "ConfigMap/ns/a .data.color changed by kubectl-edit at 2026-01-02T03:04:05Z, brought back"
        );
    }

    #[test]
    fn what_admission_makes_of_an_object_is_nobody_s_edit() {
        let rewritten = object(live("red", "2"), Some(live("red", "1")));
        let fields: Vec<String> = rewritten
            .differing(&desired())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(fields, [".data.size"], "the color is rewritten again");
        let same = object(live("red", "1"), Some(live("red", "1")));
        assert!(same.differing(&desired()).is_empty());
    }

    #[test]
    fn an_object_that_was_gone_was_deleted_by_somebody_unknown() {
        let gone = LiveObject::deletion(&desired(), true);
        assert_eq!(
            gone.to_string(),
            "ConfigMap/ns/a deleted by unknown, brought back"
        );
        let unseen = LiveObject::seen(Observed::default());
        assert_eq!(unseen.drift(&desired(), "m", true), gone);
    }

    #[test]
    fn what_is_left_to_others_is_not_sent() {
        let desired = desired();
        let mut payload = desired.value();
        payload["data"] = json!({"size": "1"});
        let edited = LiveObject {
            payload: desired.with(payload),
            ..object(live("red", "1"), None)
        };
        assert_eq!(edited.sent(&desired).value()["data"], json!({"size": "1"}));
        assert!(edited.differing(&desired).is_empty());
    }
}
