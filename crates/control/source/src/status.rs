//! What a reconcile's end is told as: artifact, conditions, what the artifact was made with.
//!
//! Pure: the object as it was and the outcome in, the new status out. Writing it is [`reconcile`](crate::reconcile)'s
//! affair. Of the conditions that tell of a failed step at most one is there.

use lode_api::conditions::{
    ARTIFACT_IN_STORAGE, ARTIFACT_OUTDATED, FETCH_FAILED, INCLUDE_UNAVAILABLE, READY, RECONCILING,
    SOURCE_VERIFIED, STALLED, STORAGE_OPERATION_FAILED, State, Verdict,
};
use lode_api::git_repository::GitRepositoryStatus;
use lode_api::shared::Artifact;
use lode_api::{GitRepository, Status as _, reasons};
use lode_object::meta;

use crate::attempt::Seen;
use crate::failure::{Failure, Retry, Step};

/// What is under way, in the words of Flux.
const DOING: &str = "building artifact";
/// Conditions of failed steps that are there only while they are true.
const FAILURES: [&str; 3] = [FETCH_FAILED, INCLUDE_UNAVAILABLE, STORAGE_OPERATION_FAILED];

/// A status in the making.
pub(crate) struct Draft<'a> {
    object: &'a GitRepository,
    pub(crate) status: GitRepositoryStatus,
    now: &'a str,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(object: &'a GitRepository, now: &'a str) -> Self {
        Self {
            object,
            status: object.status.clone(),
            now,
        }
    }

    /// Notes a request to reconcile as answered.
    pub(crate) fn handled(mut self) -> Self {
        if let Some(token) = self.object.metadata.annotation(meta::REQUESTED_AT) {
            self.status.handle_reconcile_at(token);
        }
        self
    }

    /// It is left alone: only the generation is noted, there and with `Ready`.
    pub(crate) fn suspended(mut self) -> Self {
        self.status
            .observe_generation(self.object.metadata.generation);
        if let Some(ready) = self.status.conditions.get(READY).cloned() {
            let (reason, message) = (&*ready.reason, &*ready.message);
            self.set(&Verdict {
                r#type: READY,
                status: ready.status,
                reason,
                message,
            });
        }
        self
    }

    /// It is under way and takes long.
    pub(crate) fn progressing(mut self) -> Self {
        self.set(&Verdict::yes(RECONCILING, reasons::PROGRESSING, DOING));
        self.set(&Verdict::unknown(READY, reasons::PROGRESSING, DOING));
        self.status.conditions.delete(STALLED);
        self
    }

    /// The store holds this artifact, made as the specification says.
    pub(crate) fn succeeded(mut self, artifact: Artifact, included: Vec<Artifact>) -> Self {
        let spec = &self.object.spec;
        self.status.observed_ignore.clone_from(&spec.ignore);
        self.status.observed_include.clone_from(&spec.include);
        self.status
            .observed_sparse_checkout
            .clone_from(&spec.sparse_checkout);
        self.status.observed_recurse_submodules = None;
        self.status.source_verification_mode = None;
        for gone in
            FAILURES
                .into_iter()
                .chain([ARTIFACT_OUTDATED, SOURCE_VERIFIED, RECONCILING, STALLED])
        {
            self.status.conditions.delete(gone);
        }
        let text = stored(&artifact.revision);
        self.set(&Verdict::yes(READY, reasons::SUCCEEDED, &text));
        self.set(&Verdict::yes(
            ARTIFACT_IN_STORAGE,
            reasons::SUCCEEDED,
            &text,
        ));
        self.status
            .observe_generation(self.object.metadata.generation);
        self.status.artifact = Some(Box::new(artifact));
        self.status.included_artifacts = included;
        self
    }

    /// A step failed. The former artifact stays as long as the store holds it.
    pub(crate) fn failed(mut self, failure: &Failure, seen: &Seen) -> Self {
        if seen.lost {
            self.status.artifact = None;
            self.status.conditions.delete(ARTIFACT_IN_STORAGE);
        }
        self.outdated(seen.revision.as_deref());
        for other in FAILURES.into_iter().chain([SOURCE_VERIFIED]) {
            self.status.conditions.delete(other);
        }
        let (condition, reason, text) = (
            failure.step.condition(),
            failure.reason,
            failure.message.as_str(),
        );
        self.set(&match failure.step {
            Step::Verify => Verdict::no(condition, reason, text),
            _ => Verdict::yes(condition, reason, text),
        });
        self.set(&Verdict::no(READY, reason, text));
        if failure.retry == Retry::Never {
            self.status.conditions.delete(RECONCILING);
            self.set(&Verdict::yes(STALLED, reason, text));
            self.status
                .observe_generation(self.object.metadata.generation);
        } else {
            self.status.conditions.delete(STALLED);
            self.set(&Verdict::yes(
                RECONCILING,
                reasons::PROGRESSING_WITH_RETRY,
                DOING,
            ));
        }
        self
    }

    /// Tells whether the store holds another revision than the repository has.
    fn outdated(&mut self, revision: Option<&str>) {
        let held = self
            .status
            .artifact
            .as_deref()
            .map(|artifact| artifact.revision.clone());
        match (held, revision) {
            (Some(held), Some(revision)) if *held != *revision => {
                let text = format!("new upstream revision '{revision}'");
                self.set(&Verdict::yes(
                    ARTIFACT_OUTDATED,
                    reasons::NEW_REVISION,
                    &text,
                ));
            }
            (Some(_), None) => {}
            _ => {
                self.status.conditions.delete(ARTIFACT_OUTDATED);
            }
        }
    }

    fn set(&mut self, verdict: &Verdict<'_>) {
        self.status
            .conditions
            .set(verdict, self.object.metadata.generation, self.now);
    }
}

/// Says that an artifact is in the store.
pub(crate) fn stored(revision: &str) -> String {
    format!("stored artifact for revision '{revision}'")
}

/// Tells whether the artifact is the one that would be made now.
pub(crate) fn is_current(object: &GitRepository, revision: &str, included: &[Artifact]) -> bool {
    let (spec, status) = (&object.spec, &object.status);
    let facts = |artifacts: &[Artifact]| -> Vec<_> {
        artifacts
            .iter()
            .map(|artifact| (artifact.digest.clone(), artifact.revision.clone()))
            .collect()
    };
    status.observed_generation == Some(object.metadata.generation)
        && status
            .artifact
            .as_deref()
            .is_some_and(|artifact| *artifact.revision == *revision)
        && status.observed_ignore == spec.ignore
        && status.observed_include == spec.include
        && status.observed_sparse_checkout == spec.sparse_checkout
        && facts(&status.included_artifacts) == facts(included)
}

/// Tells whether `Ready` says something else than before.
pub(crate) fn is_news(before: &GitRepositoryStatus, after: &GitRepositoryStatus) -> bool {
    let ready = |status: &GitRepositoryStatus| {
        status
            .conditions
            .get(READY)
            .map(|ready| (ready.status, ready.reason.clone(), ready.message.clone()))
    };
    ready(before) != ready(after)
}

/// Tells whether the status says already that this very specification fails, and nobody asked since.
pub(crate) fn is_retry(object: &GitRepository) -> bool {
    let asked = object.metadata.annotation(meta::REQUESTED_AT);
    let ready = object.status.conditions.get(READY);
    let fails = ready.is_some_and(|ready| {
        ready.status == State::False
            && ready.observed_generation == Some(object.metadata.generation)
    });
    fails && (asked.is_none() || asked == object.status.last_handled_reconcile_at())
}

/// Tells whether a step had failed.
pub(crate) fn had_failed(status: &GitRepositoryStatus) -> bool {
    FAILURES
        .iter()
        .any(|failure| status.conditions.is(failure, State::True))
        || status.conditions.is(SOURCE_VERIFIED, State::False)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-01-02T03:04:05Z";

    fn artifact(revision: &str) -> Artifact {
        Artifact {
            revision: revision.into(),
            digest: format!("sha256:{revision}").into(),
            ..Artifact::default()
        }
    }

    fn object(generation: i64) -> GitRepository {
        let object = json!({
            "metadata": {"name": "a", "namespace": "ns", "generation": generation},
            "spec": {"ignore": "*.md", "sparseCheckout": ["x"], "include": [{"repository": {"name": "b"}}]},
            "status": {"observedGeneration": -1},
        });
        GitRepository::parse(&object).unwrap()
    }

    fn stored_at(revision: &str) -> GitRepository {
        let mut object = object(1);
        object.status = Draft::new(&object, NOW)
            .succeeded(artifact(revision), vec![artifact("inc")])
            .status;
        object
    }

    #[test]
    fn a_stored_artifact_is_current_until_something_it_is_made_of_changes() {
        let included = [artifact("inc")];
        let object = stored_at("r1");
        assert!(is_current(&object, "r1", &included));
        assert!(
            !is_current(&object, "r2", &included)
                && !is_current(&object, "r1", &[artifact("other")])
        );
        let changes: [fn(&mut GitRepository); 4] = [
            |object| object.metadata.generation += 1,
            |object| object.spec.ignore = None,
            |object| object.spec.sparse_checkout.clear(),
            |object| object.spec.include.clear(),
        ];
        for change in changes {
            let mut object = object.clone();
            change(&mut object);
            assert!(!is_current(&object, "r1", &included));
        }
    }

    #[test]
    fn nothing_new_changes_nothing() {
        let object = stored_at("r1");
        let again = Draft::new(&object, "2027-01-01T00:00:00Z")
            .succeeded(artifact("r1"), vec![artifact("inc")]);
        assert_eq!(again.status, object.status);
    }

    #[test]
    fn a_failure_keeps_the_artifact_unless_the_store_lost_it() {
        let object = stored_at("r1");
        let failure = Failure::fetch(reasons::GIT_OPERATION_FAILED, "no");
        let kept = Draft::new(&object, NOW)
            .failed(&failure, &Seen::default())
            .status;
        assert_eq!(&*kept.artifact.unwrap().revision, "r1");
        assert!(
            kept.conditions.is(ARTIFACT_IN_STORAGE, State::True)
                && kept.conditions.is(READY, State::False)
        );
        let lost = Draft::new(&object, NOW)
            .failed(
                &failure,
                &Seen {
                    lost: true,
                    revision: None,
                },
            )
            .status;
        assert!(lost.artifact.is_none() && lost.conditions.get(ARTIFACT_IN_STORAGE).is_none());
    }

    #[test]
    fn one_failed_step_is_told_and_forgotten_with_success() {
        let mut object = stored_at("r1");
        let seen = Seen {
            lost: false,
            revision: Some("r2".to_owned()),
        };
        for failure in [
            Failure::fetch(reasons::GIT_OPERATION_FAILED, "no"),
            Failure::new(Step::Verify, reasons::INVALID_COMMIT_SIGNATURE, "no"),
            Failure::include(reasons::NO_ARTIFACT, "no"),
            Failure::store(reasons::ARCHIVE_OPERATION_FAILED, "no"),
        ] {
            object.status = Draft::new(&object, NOW).failed(&failure, &seen).status;
            let conditions = &object.status.conditions;
            let told: Vec<_> = FAILURES
                .iter()
                .chain(&[SOURCE_VERIFIED])
                .filter(|name| conditions.get(name).is_some())
                .collect();
            assert_eq!(told, [&failure.step.condition()]);
            assert!(conditions.is(ARTIFACT_OUTDATED, State::True) && had_failed(&object.status));
            assert_eq!(
                &*conditions.get(RECONCILING).unwrap().reason,
                reasons::PROGRESSING_WITH_RETRY
            );
        }
        let status = Draft::new(&object, NOW)
            .succeeded(artifact("r2"), Vec::new())
            .status;
        let types: Vec<_> = status
            .conditions
            .iter()
            .map(|condition| &*condition.r#type)
            .collect();
        assert_eq!(types, [READY, ARTIFACT_IN_STORAGE]);
    }

    #[test]
    fn only_a_terminal_failure_stalls_and_observes_the_generation() {
        let object = object(3);
        let failed = |failure: &Failure| {
            Draft::new(&object, NOW)
                .failed(failure, &Seen::default())
                .status
        };
        let stalls = failed(&Failure::unsupported("x"));
        assert!(
            stalls.conditions.is(STALLED, State::True)
                && stalls.conditions.get(RECONCILING).is_none()
        );
        assert_eq!(stalls.observed_generation, Some(3));
        let retries = failed(&Failure::fetch(reasons::GIT_OPERATION_FAILED, "no"));
        assert!(retries.conditions.get(STALLED).is_none());
        assert_eq!(retries.observed_generation, Some(-1));
    }

    #[test]
    fn a_long_reconcile_says_so() {
        let object = stored_at("r1");
        let status = Draft::new(&object, NOW).progressing().status;
        assert!(
            status.conditions.is(READY, State::Unknown)
                && status.conditions.is(RECONCILING, State::True)
        );
        assert!(is_news(&object.status, &status) && !is_news(&status, &status));
    }

    #[test]
    fn a_retry_is_one_of_the_same_specification_that_nobody_asked_for() {
        let mut object = object(2);
        assert!(!is_retry(&object), "nothing was told yet");
        let failure = Failure::fetch(reasons::GIT_OPERATION_FAILED, "no");
        object.status = Draft::new(&object, NOW)
            .failed(&failure, &Seen::default())
            .status;
        assert!(is_retry(&object));
        object.metadata.generation += 1;
        assert!(!is_retry(&object));
        object.metadata.generation -= 1;
        object
            .metadata
            .annotations
            .insert(meta::REQUESTED_AT.into(), "1".into());
        assert!(!is_retry(&object));
        assert!(!is_retry(&stored_at("r1")));
    }

    #[test]
    fn a_suspended_object_never_seen_gets_no_condition() {
        let object = object(2);
        let status = Draft::new(&object, NOW).suspended().status;
        assert!(status.conditions.is_empty());
        assert_eq!(status.observed_generation, Some(2));
    }
}
