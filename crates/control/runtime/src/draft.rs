//! [`Draft`]: a new status under construction.
//!
//! Pure. Input: the object before and an outcome; output: the new status. This module has the parts
//! common to all kinds; parts specific to one kind are in its crate.

use std::borrow::Cow;

use lode_api::conditions::{READY, RECONCILING, STALLED, Verdict};
use lode_api::{Kind, Resource, Status as _, reasons};
use lode_object::meta;

use crate::failure::{Failure, Retry};

/// A status under construction.
pub struct Draft<'a, S: Kind> {
    /// The object it belongs to.
    pub object: &'a Resource<S>,
    /// The status so far.
    pub status: S::Status,
    /// The time, as the API writes it.
    pub now: &'a str,
}

impl<'a, S: Kind> Draft<'a, S>
where
    S::Status: Clone,
{
    /// Starts from the current status.
    pub fn new(object: &'a Resource<S>, now: &'a str) -> Self {
        Self {
            object,
            status: object.status.clone(),
            now,
        }
    }

    /// Records that a reconcile request was handled.
    #[must_use]
    pub fn handled(mut self) -> Self {
        if let Some(token) = self.object.metadata.annotation(meta::REQUESTED_AT) {
            self.status.handle_reconcile_at(token);
        }
        self
    }

    /// Records that this generation was observed.
    #[must_use]
    pub fn observed(mut self) -> Self {
        self.status
            .observe_generation(self.object.metadata.generation);
        self
    }

    /// Records a long operation in progress.
    #[must_use]
    pub fn progressing(mut self, progress: &Progress) -> Self {
        self.set(&Verdict::yes(
            RECONCILING,
            reasons::PROGRESSING,
            &progress.doing,
        ));
        if let Some(ready) = &progress.ready {
            self.set(&Verdict::unknown(READY, reasons::PROGRESSING, ready));
        }
        self.delete(STALLED);
        self
    }

    /// Records success.
    #[must_use]
    pub fn succeeded(mut self, reason: &str, text: &str) -> Self {
        self.delete(RECONCILING);
        self.delete(STALLED);
        self.set(&Verdict::yes(READY, reason, text));
        self.observed()
    }

    /// Records a failure while `doing`.
    #[must_use]
    pub fn failed(mut self, failure: &Failure, doing: &str) -> Self {
        let (reason, text) = (failure.reason, &*failure.message);
        self.set(&Verdict::no(READY, reason, text));

        // `Reconciling` promises another try, `Stalled` says that only an edit helps: never both, and neither while it
        // waits for something else.
        match failure.retry {
            Retry::Never => {
                self.delete(RECONCILING);
                self.set(&Verdict::yes(STALLED, reason, text));
                return self.observed();
            }
            _ if failure.quiet => {
                self.delete(RECONCILING);
                self.delete(STALLED);
            }
            _ => {
                self.delete(STALLED);
                self.set(&Verdict::yes(
                    RECONCILING,
                    reasons::PROGRESSING_WITH_RETRY,
                    doing,
                ));
            }
        }
        self
    }

    /// Sets a condition.
    pub fn set(&mut self, verdict: &Verdict<'_>) {
        let generation = self.object.metadata.generation;
        self.status
            .conditions_mut()
            .set(verdict, generation, self.now);
    }

    /// Removes a condition.
    pub fn delete(&mut self, condition: &str) {
        self.status.conditions_mut().delete(condition);
    }
}

/// A reconcile's progress, in the words of its conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Text of `Reconciling`.
    pub doing: String,
    /// Text of `Ready`; `None` leaves it as it is.
    pub ready: Option<Cow<'static, str>>,
}

#[cfg(test)]
mod tests {
    use lode_api::Kustomization;
    use lode_api::conditions::State;
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-01-02T03:04:05Z";

    fn object() -> Kustomization {
        let asked = json!({"reconcile.fluxcd.io/requestedAt": "1"});
        let metadata =
            json!({"name": "a", "namespace": "ns", "generation": 3, "annotations": asked});
        Kustomization::parse(&json!({"metadata": metadata, "status": {"observedGeneration": -1}}))
            .unwrap()
    }

    fn told(draft: &Draft<'_, lode_api::kustomization::Spec>) -> Vec<(String, State, String)> {
        let conditions = draft.status.conditions().iter();
        conditions
            .map(|it| (it.r#type.to_string(), it.status, it.reason.to_string()))
            .collect()
    }

    fn condition(name: &str, state: State, reason: &str) -> (String, State, String) {
        (name.to_owned(), state, reason.to_owned())
    }

    #[test]
    fn only_a_terminal_failure_stalls_and_observes_the_generation() {
        let object = object();
        let draft = Draft::new(&object, NOW).failed(&Failure::terminal("Bad", "no"), "x");
        assert_eq!(
            told(&draft),
            [
                condition("Stalled", State::True, "Bad"),
                condition("Ready", State::False, "Bad"),
            ]
        );
        assert_eq!(draft.status.observed_generation(), Some(3));

        let draft = Draft::new(&object, NOW).failed(&Failure::new("Bad", "no"), "x");
        let retrying = condition("Reconciling", State::True, "ProgressingWithRetry");
        assert_eq!(
            told(&draft),
            [retrying, condition("Ready", State::False, "Bad")]
        );
        assert_eq!(draft.status.observed_generation(), Some(-1));
    }

    #[test]
    fn a_quiet_wait_is_no_work_that_goes_on() {
        let object = object();
        let progress = Progress {
            doing: "Building".to_owned(),
            ready: Some("in progress".into()),
        };
        let draft = Draft::new(&object, NOW).progressing(&progress);
        assert_eq!(told(&draft).len(), 2);
        let draft = draft.failed(&Failure::waiting("NotThere", "no"), "x");
        assert_eq!(told(&draft), [condition("Ready", State::False, "NotThere")]);
    }

    #[test]
    fn success_ends_what_was_told_before_and_a_request_is_answered_only_when_said() {
        let object = object();
        let draft = Draft::new(&object, NOW).failed(&Failure::terminal("Bad", "no"), "x");
        let draft = draft.succeeded("Good", "yes");
        assert_eq!(told(&draft), [condition("Ready", State::True, "Good")]);
        assert_eq!(draft.status.last_handled_reconcile_at(), None);
        assert_eq!(
            draft.handled().status.last_handled_reconcile_at(),
            Some("1")
        );
    }

    #[test]
    fn progress_is_shown_without_a_claim_about_the_generation() {
        let object = object();
        let draft = Draft::new(&object, NOW).failed(&Failure::terminal("Bad", "no"), "x");
        let before = draft.status.observed_generation();
        let progress = Progress {
            doing: "Building".to_owned(),
            ready: Some("in progress".into()),
        };
        let draft = draft.progressing(&progress);
        assert_eq!(
            told(&draft),
            [
                condition("Reconciling", State::True, "Progressing"),
                condition("Ready", State::Unknown, "Progressing"),
            ]
        );
        assert_eq!(draft.status.observed_generation(), before);
        let conditions = draft.status.conditions();
        assert_eq!(&*conditions.get("Reconciling").unwrap().message, "Building");
        assert_eq!(&*conditions.get("Ready").unwrap().message, "in progress");
    }

    #[test]
    fn a_draft_starts_from_the_status_and_leaves_the_object_alone() {
        let object = object();
        let draft = Draft::new(&object, NOW);
        assert_eq!(draft.status, object.status);
        let draft = draft.observed();
        assert_eq!(draft.status.observed_generation(), Some(3));
        assert_eq!(object.status.observed_generation(), Some(-1));
    }

    #[test]
    fn an_object_that_nobody_asked_for_has_no_answer() {
        let mut object = object();
        object.metadata.annotations.clear();
        let draft = Draft::new(&object, NOW).handled();
        assert_eq!(draft.status.last_handled_reconcile_at(), None);
    }

    #[test]
    fn a_retry_names_what_it_does() {
        let object = object();
        let failure = Failure::new("Bad", "no").with(Retry::Backoff);
        let draft = Draft::new(&object, NOW).failed(&failure, "Building");
        let conditions = draft.status.conditions();
        assert_eq!(&*conditions.get("Reconciling").unwrap().message, "Building");
        assert_eq!(&*conditions.get("Ready").unwrap().message, "no");
    }

    #[test]
    fn a_condition_carries_generation_and_time_and_can_be_removed() {
        let object = object();
        let mut draft = Draft::new(&object, NOW);
        draft.set(&Verdict::yes("Healthy", "Good", "all of it"));
        let healthy = draft.status.conditions().get("Healthy").unwrap();
        assert_eq!(healthy.observed_generation, Some(3));
        assert_eq!(&*healthy.last_transition_time, NOW);
        draft.delete("Healthy");
        draft.delete("NeverSet");
        assert!(draft.status.conditions().is_empty());
    }
}
