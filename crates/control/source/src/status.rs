//! What the end of a reconcile is told as: artifact, conditions, what the artifact was made with.
//!
//! Pure: a [`Draft`] and the outcome in, the draft of the new status out. Of the conditions that tell of a failed step
//! at most one is there.

use lode_api::conditions::{
    ARTIFACT_IN_STORAGE, ARTIFACT_OUTDATED, READY, SOURCE_VERIFIED, State, Verdict,
};
use lode_api::git_repository::{GitRepositoryStatus, Spec};
use lode_api::shared::Artifact;
use lode_api::{GitRepository, reasons};
use lode_runtime::{Draft, Failure};

use crate::found::Seen;
use crate::step::FAILURES;

/// What is under way, in the words of Flux.
pub(crate) const DOING: &str = "building artifact";

/// It is left alone: the generation is noted with `Ready`, too.
pub(crate) fn suspended(mut draft: Draft<'_, Spec>) -> Draft<'_, Spec> {
    if let Some(ready) = draft.status.conditions.get(READY).cloned() {
        let (status, reason, message) = (ready.status, &*ready.reason, &*ready.message);
        draft.set(&Verdict {
            r#type: READY,
            status,
            reason,
            message,
        });
    }
    draft
}

/// The store holds this artifact, made as the specification says.
pub(crate) fn succeeded(
    mut draft: Draft<'_, Spec>,
    artifact: Artifact,
    included: Vec<Artifact>,
) -> Draft<'_, Spec> {
    let spec = &draft.object.spec;
    draft.status.observed_ignore.clone_from(&spec.ignore);
    draft.status.observed_include.clone_from(&spec.include);
    draft
        .status
        .observed_sparse_checkout
        .clone_from(&spec.sparse_checkout);
    draft.status.observed_recurse_submodules = None;
    draft.status.source_verification_mode = None;
    for gone in FAILURES
        .into_iter()
        .chain([ARTIFACT_OUTDATED, SOURCE_VERIFIED])
    {
        draft.delete(gone);
    }

    let text = stored(&artifact.revision);
    draft.set(&Verdict::yes(
        ARTIFACT_IN_STORAGE,
        reasons::SUCCEEDED,
        &text,
    ));
    draft.status.artifact = Some(Box::new(artifact));
    draft.status.included_artifacts = included;
    draft.succeeded(reasons::SUCCEEDED, &text)
}

/// A step failed. The former artifact stays as long as the store holds it.
pub(crate) fn failed<'a>(
    mut draft: Draft<'a, Spec>,
    failure: &Failure,
    seen: &Seen,
) -> Draft<'a, Spec> {
    if seen.lost {
        draft.status.artifact = None;
        draft.delete(ARTIFACT_IN_STORAGE);
    }
    outdated(&mut draft, seen.revision.as_deref());
    for other in FAILURES.into_iter().chain([SOURCE_VERIFIED]) {
        draft.delete(other);
    }
    if let Some(condition) = failure.condition {
        let (reason, text) = (failure.reason, &*failure.message);
        draft.set(&match condition {
            SOURCE_VERIFIED => Verdict::no(condition, reason, text),
            _ => Verdict::yes(condition, reason, text),
        });
    }
    draft.failed(failure, DOING)
}

/// Says whether the store holds another revision than the repository has.
fn outdated(draft: &mut Draft<'_, Spec>, revision: Option<&str>) {
    let held = draft
        .status
        .artifact
        .as_deref()
        .map(|artifact| artifact.revision.clone());
    match (held, revision) {
        (Some(held), Some(revision)) if *held != *revision => {
            let text = format!("new upstream revision '{revision}'");
            draft.set(&Verdict::yes(
                ARTIFACT_OUTDATED,
                reasons::NEW_REVISION,
                &text,
            ));
        }
        (Some(_), None) => {}
        _ => draft.delete(ARTIFACT_OUTDATED),
    }
}

/// Says that an artifact is in the store.
pub(crate) fn stored(revision: &str) -> String {
    format!("stored artifact for revision '{revision}'")
}

/// Returns whether the artifact is the one that would be made now.
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

/// Returns whether `Ready` says something else than before.
pub(crate) fn is_news(before: &GitRepositoryStatus, after: &GitRepositoryStatus) -> bool {
    let ready = |status: &GitRepositoryStatus| {
        status
            .conditions
            .get(READY)
            .map(|ready| (ready.status, ready.reason.clone(), ready.message.clone()))
    };
    ready(before) != ready(after)
}

/// Returns whether a step had failed.
pub(crate) fn had_failed(status: &GitRepositoryStatus) -> bool {
    FAILURES
        .iter()
        .any(|failure| status.conditions.is(failure, State::True))
        || status.conditions.is(SOURCE_VERIFIED, State::False)
}

#[cfg(test)]
mod tests {
    use lode_api::conditions::{RECONCILING, STALLED};
    use lode_object::meta;
    use lode_runtime::{Progress, is_retry};
    use serde_json::json;

    use super::*;
    use crate::step;

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
        object.status = succeeded(
            Draft::new(&object, NOW),
            artifact(revision),
            vec![artifact("inc")],
        )
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
        let again = succeeded(
            Draft::new(&object, "2027-01-01T00:00:00Z"),
            artifact("r1"),
            vec![artifact("inc")],
        );
        assert_eq!(again.status, object.status);
    }

    #[test]
    fn a_failure_keeps_the_artifact_unless_the_store_lost_it() {
        let object = stored_at("r1");
        let failure = step::fetch(reasons::GIT_OPERATION_FAILED, "no");
        let kept = failed(Draft::new(&object, NOW), &failure, &Seen::default()).status;
        assert_eq!(&*kept.artifact.unwrap().revision, "r1");
        assert!(
            kept.conditions.is(ARTIFACT_IN_STORAGE, State::True)
                && kept.conditions.is(READY, State::False)
        );
        let lost = failed(
            Draft::new(&object, NOW),
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
            step::fetch(reasons::GIT_OPERATION_FAILED, "no"),
            step::verify(reasons::INVALID_COMMIT_SIGNATURE, "no"),
            step::include(reasons::NO_ARTIFACT, "no"),
            step::store(reasons::ARCHIVE_OPERATION_FAILED, "no"),
        ] {
            object.status = failed(Draft::new(&object, NOW), &failure, &seen).status;
            let conditions = &object.status.conditions;
            let told: Vec<_> = FAILURES
                .iter()
                .chain(&[SOURCE_VERIFIED])
                .filter(|name| conditions.get(name).is_some())
                .collect();
            assert_eq!(told, [&failure.condition.unwrap()]);
            assert!(conditions.is(ARTIFACT_OUTDATED, State::True) && had_failed(&object.status));
            assert_eq!(
                &*conditions.get(RECONCILING).unwrap().reason,
                reasons::PROGRESSING_WITH_RETRY
            );
        }
        let status = succeeded(Draft::new(&object, NOW), artifact("r2"), Vec::new()).status;
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
        let end =
            |failure: &Failure| failed(Draft::new(&object, NOW), failure, &Seen::default()).status;
        let stalls = end(&step::unsupported("x"));
        assert!(
            stalls.conditions.is(STALLED, State::True)
                && stalls.conditions.get(RECONCILING).is_none()
        );
        assert_eq!(stalls.observed_generation, Some(3));
        let retries = end(&step::fetch(reasons::GIT_OPERATION_FAILED, "no"));
        assert!(retries.conditions.get(STALLED).is_none());
        assert_eq!(retries.observed_generation, Some(-1));
    }

    #[test]
    fn a_long_reconcile_says_so() {
        let progress = Progress {
            doing: DOING.to_owned(),
            ready: DOING,
        };
        let object = stored_at("r1");
        let status = Draft::new(&object, NOW).progressing(&progress).status;
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
        let failure = step::fetch(reasons::GIT_OPERATION_FAILED, "no");
        object.status = failed(Draft::new(&object, NOW), &failure, &Seen::default()).status;
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
        let status = suspended(Draft::new(&object, NOW).observed()).status;
        assert!(status.conditions.is_empty());
        assert_eq!(status.observed_generation, Some(2));
    }
}
