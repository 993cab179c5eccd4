//! [`Change::urgency`]: whether a change of one of our own objects needs a run, and how urgent it
//! is.
//!
//! A user who creates an object waits for it as much as one who edits it. After a restart all
//! objects are new to us, but only those not reconciled yet are waited for.

use std::sync::Arc;

use lode_api::{Kind, Resource, Status as _, conditions};
use lode_object::meta;

use crate::queue::Priority;
use crate::store::Change;

impl<S: Kind> Change<Resource<S>> {
    /// Returns how urgent the change is; `None` if the object is gone or if only our own writes
    /// changed it.
    #[must_use]
    pub fn urgency(&self) -> Option<Priority> {
        let new: &Arc<Resource<S>> = self.new.as_ref()?;
        match &self.old {
            None if is_awaited(new) => Some(Priority::Person),
            None => Some(Priority::Background),
            Some(old) => asks_anew(old, new).then_some(Priority::Person),
        }
    }

    /// Returns whether the object was created, deleted or is being deleted, or specifies something
    /// else than before. A request for another reconcile alone is none of these.
    #[must_use]
    pub fn asks_otherwise(&self) -> bool {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => asks_otherwise(old, new),
            _ => true,
        }
    }
}

/// Returns whether an object specifies something else than before, is being deleted, or is a
/// different one with the same name.
pub fn asks_otherwise<S: Kind>(old: &Resource<S>, new: &Resource<S>) -> bool {
    old.metadata.uid != new.metadata.uid
        || old.metadata.generation != new.metadata.generation
        || old.deleting() != new.deleting()
}

/// Returns whether a user waits for the next reconcile of an object: its generation was not
/// observed, a requested reconcile is not handled, or it is being deleted.
fn is_awaited<S: Kind>(object: &Resource<S>) -> bool {
    let current = Some(object.metadata.generation);
    let ready = object.status.conditions().get(conditions::READY);
    let is_seen = object.status.observed_generation() == current
        || ready.is_some_and(|ready| ready.observed_generation == current);
    let asked = object.metadata.annotation(meta::REQUESTED_AT);
    let is_answered = asked.is_none() || asked == object.status.last_handled_reconcile_at();

    !is_seen || !is_answered || object.deleting()
}

/// Returns whether an object specifies something else than before, or is a different one with the
/// same name.
fn asks_anew<S: Kind>(old: &Resource<S>, new: &Resource<S>) -> bool {
    asks_otherwise(old, new)
        || old.metadata.annotation(meta::REQUESTED_AT)
            != new.metadata.annotation(meta::REQUESTED_AT)
}

#[cfg(test)]
mod tests {
    use lode_api::Kustomization;
    use lode_object::NamespacedName;
    use serde_json::{Value, json};

    use super::*;

    fn change(old: Option<&Value>, new: Option<&Value>) -> Option<Priority> {
        let object = |object: &Value| Arc::new(Kustomization::parse(object).unwrap());
        let name = NamespacedName::new("ns", "a");
        Change {
            name,
            old: old.map(object),
            new: new.map(object),
        }
        .urgency()
    }

    fn object(metadata: &Value, status: &Value) -> Value {
        let mut object = json!({"metadata": {"name": "a", "namespace": "ns", "generation": 2}, "status": status});
        object["metadata"]
            .as_object_mut()
            .unwrap()
            .extend(metadata.as_object().cloned().unwrap_or_default());
        object
    }

    fn ready(generation: i64) -> Value {
        json!({"conditions": [{"type": "Ready", "status": "False", "observedGeneration": generation}]})
    }

    fn asked() -> Value {
        json!({"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}})
    }

    #[test]
    fn what_nobody_has_looked_at_is_waited_for() {
        for (what, status) in [
            ("new", json!({})),
            (
                "new, with Flux's default",
                json!({"observedGeneration": -1}),
            ),
            ("edited while nobody ran", ready(1)),
        ] {
            assert_eq!(
                change(None, Some(&object(&json!({}), &status))),
                Some(Priority::Person),
                "{what}"
            );
        }
        assert_eq!(
            change(None, Some(&object(&asked(), &ready(2)))),
            Some(Priority::Person),
            "asked while nobody ran"
        );
        let deleted = object(
            &json!({"deletionTimestamp": "2026-01-02T03:04:05Z"}),
            &ready(2),
        );
        assert_eq!(
            change(None, Some(&deleted)),
            Some(Priority::Person),
            "deleted while nobody ran"
        );
    }

    #[test]
    fn a_restart_s_thousand_first_sights_keep_nobody_waiting() {
        let mut answered = ready(2);
        answered["lastHandledReconcileAt"] = json!("now");
        for known in [
            object(&json!({}), &json!({"observedGeneration": 2})),
            object(&json!({}), &ready(2)),
            object(&asked(), &answered),
        ] {
            assert_eq!(
                change(None, Some(&known)),
                Some(Priority::Background),
                "{known}"
            );
        }
    }

    #[test]
    fn what_a_person_did_goes_first_and_our_own_writes_wake_nobody() {
        let known = object(&json!({}), &ready(2));
        for new in [
            object(&asked(), &ready(2)),
            object(&json!({"generation": 3}), &ready(2)),
            object(
                &json!({"deletionTimestamp": "2026-01-02T03:04:05Z"}),
                &ready(2),
            ),
            object(&json!({"uid": "another"}), &json!({})),
        ] {
            assert_eq!(
                change(Some(&known), Some(&new)),
                Some(Priority::Person),
                "{new}"
            );
        }
        assert_eq!(
            change(Some(&object(&json!({}), &json!({}))), Some(&known)),
            None
        );
        assert_eq!(change(Some(&known), None), None);
    }

    #[test]
    fn an_object_asks_otherwise_if_it_is_edited_deleted_or_another_one() {
        let parse = |object: Value| Kustomization::parse(&object).unwrap();
        let known = parse(object(&json!({"uid": "1"}), &ready(2)));
        for (what, metadata) in [
            ("edited", json!({"uid": "1", "generation": 3})),
            (
                "deleted",
                json!({"uid": "1", "deletionTimestamp": "2026-01-02T03:04:05Z"}),
            ),
            ("another one", json!({"uid": "2"})),
        ] {
            let new = parse(object(&metadata, &ready(2)));
            assert!(asks_otherwise(&known, &new), "{what}");
        }
        for (what, metadata, status) in [
            ("the same", json!({"uid": "1"}), ready(2)),
            ("another status", json!({"uid": "1"}), json!({})),
            (
                "labelled",
                json!({"uid": "1", "labels": {"a": "b"}}),
                ready(2),
            ),
            (
                "asked",
                json!({"uid": "1", "annotations": {"reconcile.fluxcd.io/requestedAt": "1"}}),
                ready(2),
            ),
        ] {
            let new = parse(object(&metadata, &status));
            assert!(!asks_otherwise(&known, &new), "{what}");
        }
    }

    #[test]
    fn what_comes_or_goes_asks_otherwise() {
        let some = || {
            Some(Arc::new(
                Kustomization::parse(&object(&json!({}), &json!({}))).unwrap(),
            ))
        };
        let asks = |old, new| {
            let name = NamespacedName::new("ns", "a");
            Change::<Kustomization> { name, old, new }.asks_otherwise()
        };
        assert!(asks(None, some()));
        assert!(asks(some(), None));
        assert!(!asks(some(), some()));
    }

    #[test]
    fn a_request_that_was_taken_back_is_looked_at_too() {
        let known = object(&asked(), &ready(2));
        let taken_back = object(&json!({}), &ready(2));
        assert_eq!(
            change(Some(&known), Some(&taken_back)),
            Some(Priority::Person)
        );
    }
}
