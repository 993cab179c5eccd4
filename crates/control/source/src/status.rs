//! How the outcome of an attempt is reported in `status`: artifact, conditions, what the artifact was made with.
//!
//! Pure: a [`Draft`] and the outcome in, the draft of the new status out. At most one of the conditions that stand for a
//! failed step is set.

use lode_api::conditions::{
    ARTIFACT_IN_STORAGE, ARTIFACT_OUTDATED, READY, SOURCE_VERIFIED, State, Verdict,
};
use lode_api::{Kind, Resource, SourceStatus, Status};
use lode_runtime::{Draft, Failure};

use crate::contents::SourceNotice;
use crate::facts::{AttemptDone, SeenFacts, SeenRevision};
use crate::origin::Origin;
use crate::step::FAILURES;

/// What is under way, in the words of Flux.
pub(crate) const DOING: &str = "building artifact";

/// The object is suspended: as in Flux, `Ready` notes the generation, too.
pub(crate) fn suspended<S>(mut draft: Draft<'_, S>) -> Draft<'_, S>
where
    S: Kind<Status: Clone>,
{
    if let Some(ready) = draft.status.conditions().get(READY).cloned() {
        draft.set(&Verdict {
            r#type: READY,
            status: ready.status,
            reason: &ready.reason,
            message: &ready.message,
        });
    }
    draft
}

/// The store holds an artifact that was made as the specification says.
pub(crate) fn succeeded<'a, O: Origin>(
    mut draft: Draft<'a, O::Spec>,
    done: AttemptDone<O::Made>,
    notice: &SourceNotice,
) -> Draft<'a, O::Spec> {
    let made = done.made.map(|made| made.with);
    draft.status.set_url(done.url.map(Into::into));
    O::observe(&draft.object.spec, &mut draft.status, made);
    for gone in FAILURES
        .into_iter()
        .chain([ARTIFACT_OUTDATED, SOURCE_VERIFIED])
    {
        draft.delete(gone);
    }

    let in_storage = Verdict::yes(ARTIFACT_IN_STORAGE, notice.reason, &notice.text);
    draft.set(&in_storage);
    draft.status.set_artifact(Some(done.artifact));
    draft.succeeded(notice.reason, &notice.text)
}

/// A step failed. The former artifact stays as long as the store holds it.
pub(crate) fn failed<'a, S>(
    mut draft: Draft<'a, S>,
    failure: &Failure,
    seen: &SeenFacts,
) -> Draft<'a, S>
where
    S: Kind<Status: SourceStatus + Clone>,
{
    if seen.lost {
        draft.status.set_artifact(None);
        draft.status.set_url(None);
        draft.delete(ARTIFACT_IN_STORAGE);
    }
    outdated(&mut draft, seen.newest.as_ref());

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
    let doing = doing(&draft.status, seen);
    draft.failed(failure, &doing)
}

/// Returns what is under way, given the status so far.
pub(crate) fn doing(status: &impl SourceStatus, seen: &SeenFacts) -> String {
    let held = status.artifact().map(|artifact| &*artifact.revision);
    let newest = seen.newest.as_ref();
    let newest = newest.filter(|newest| held != Some(&*newest.revision));
    match newest.and_then(|newest| newest.progress.as_ref()) {
        Some(progress) => format!("{DOING}: {progress}"),
        None => DOING.to_owned(),
    }
}

/// Notes whether the source has another revision than the store. What is not known changes nothing.
fn outdated<S>(draft: &mut Draft<'_, S>, newest: Option<&SeenRevision>)
where
    S: Kind<Status: SourceStatus + Clone>,
{
    let held = draft.status.artifact();
    let held = held.map(|artifact| artifact.revision.clone());
    match (held, newest) {
        (Some(held), Some(newest)) if *held != *newest.revision => {
            let SourceNotice { reason, text } = &newest.outdated;
            draft.set(&Verdict::yes(ARTIFACT_OUTDATED, reason, text));
        }
        (Some(_), None) => {}
        _ => draft.delete(ARTIFACT_OUTDATED),
    }
}

/// Returns whether the artifact in the status is of this generation and revision.
pub(crate) fn is_of<S>(object: &Resource<S>, revision: &str) -> bool
where
    S: Kind<Status: SourceStatus>,
{
    let is_observed = object.status.observed_generation() == Some(object.metadata.generation);
    let artifact = object.status.artifact();
    let is_newest = artifact.is_some_and(|artifact| *artifact.revision == *revision);
    is_observed && is_newest
}

/// Returns whether `Ready` says something else than before.
pub(crate) fn is_news(before: &impl Status, after: &impl Status) -> bool {
    ready(before) != ready(after)
}

/// Returns whether a step had failed.
pub(crate) fn had_failed(status: &impl Status) -> bool {
    let conditions = status.conditions();
    FAILURES
        .iter()
        .any(|failure| conditions.is(failure, State::True))
        || conditions.is(SOURCE_VERIFIED, State::False)
}

/// Returns what `Ready` says.
fn ready(status: &impl Status) -> Option<(State, &str, &str)> {
    let ready = status.conditions().get(READY)?;
    Some((ready.status, &ready.reason, &ready.message))
}

#[cfg(test)]
mod tests {
    use lode_api::conditions::{RECONCILING, STALLED};
    use lode_api::git_repository::Spec;
    use lode_api::shared::Artifact;
    use lode_api::{GitRepository, reasons};
    use lode_object::meta;
    use lode_runtime::{Progress, is_retry};
    use serde_json::json;

    use super::*;
    use crate::GitOrigin;
    use crate::contents::MadeWith;
    use crate::facts::MadeArtifact;
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

    fn done(artifact: Artifact, included: Vec<Artifact>) -> AttemptDone<()> {
        let notice = SourceNotice::stored(&artifact);
        let made = MadeArtifact {
            with: MadeWith {
                included,
                origin: (),
            },
            notice,
            remarks: Vec::new(),
            left_out: Vec::new(),
        };
        AttemptDone {
            interval: None,
            artifact,
            url: None,
            made: Some(made),
        }
    }

    /// Ends a draft with an artifact that was made.
    fn made(
        draft: Draft<'_, Spec>,
        artifact: Artifact,
        included: Vec<Artifact>,
    ) -> Draft<'_, Spec> {
        let notice = SourceNotice::stored(&artifact);
        succeeded::<GitOrigin>(draft, done(artifact, included), &notice)
    }

    fn stored_at(revision: &str) -> GitRepository {
        let mut object = object(1);
        object.status = made(
            Draft::new(&object, NOW),
            artifact(revision),
            vec![artifact("inc")],
        )
        .status;
        object
    }

    #[test]
    fn an_artifact_in_storage_is_told_in_the_words_of_its_origin() {
        let object = object(1);
        let notice = SourceNotice {
            reason: "ChartPullSucceeded",
            text: "pulled it".to_owned(),
        };
        let draft = Draft::new(&object, NOW);
        let status = succeeded::<GitOrigin>(draft, done(artifact("r1"), Vec::new()), &notice);
        let conditions = status.status.conditions;
        for name in [READY, ARTIFACT_IN_STORAGE] {
            let found = conditions.get(name).unwrap();
            assert_eq!(
                (&*found.reason, &*found.message),
                ("ChartPullSucceeded", "pulled it")
            );
        }
    }

    #[test]
    fn what_was_not_made_again_keeps_its_included_artifacts() {
        let object = stored_at("r1");
        let draft = Draft::new(&object, NOW);
        let kept = AttemptDone {
            made: None,
            ..done(artifact("r1"), Vec::new())
        };
        let notice = SourceNotice::stored(&kept.artifact);
        let status = succeeded::<GitOrigin>(draft, kept, &notice).status;
        assert_eq!(status.included_artifacts, [artifact("inc")]);
    }

    /// Returns facts of an attempt that saw a revision.
    fn seen(revision: &str, progress: Option<&str>) -> SeenFacts {
        let newest = SeenRevision {
            revision: revision.to_owned(),
            outdated: SourceNotice::outdated("another one".to_owned()).unwrap(),
            progress: progress.map(str::to_owned),
        };
        SeenFacts {
            newest: Some(newest),
            ..SeenFacts::default()
        }
    }

    #[test]
    fn a_failure_says_which_revision_it_was_about() {
        let object = stored_at("r1");
        let failure = step::store(reasons::ARCHIVE_OPERATION_FAILED, "no");
        for (revision, text) in [
            ("r1", "building artifact"),
            ("r2", "building artifact: new revision"),
        ] {
            let seen = seen(revision, Some("new revision"));
            let status = failed(Draft::new(&object, NOW), &failure, &seen).status;
            assert_eq!(&*status.conditions.get(RECONCILING).unwrap().message, text);
        }
    }

    #[test]
    fn nothing_new_changes_nothing() {
        let object = stored_at("r1");
        let again = made(
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
        let kept = failed(Draft::new(&object, NOW), &failure, &SeenFacts::default()).status;
        assert_eq!(&*kept.artifact.unwrap().revision, "r1");
        assert!(
            kept.conditions.is(ARTIFACT_IN_STORAGE, State::True)
                && kept.conditions.is(READY, State::False)
        );
        let lost = failed(
            Draft::new(&object, NOW),
            &failure,
            &SeenFacts {
                lost: true,
                ..SeenFacts::default()
            },
        )
        .status;
        assert!(lost.artifact.is_none() && lost.conditions.get(ARTIFACT_IN_STORAGE).is_none());
    }

    #[test]
    fn one_failed_step_is_shown_until_the_next_success() {
        let mut object = stored_at("r1");
        let seen = seen("r2", None);
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
        let status = made(Draft::new(&object, NOW), artifact("r2"), Vec::new()).status;
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
        let end = |failure: &Failure| {
            failed(Draft::new(&object, NOW), failure, &SeenFacts::default()).status
        };
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
            ready: Some(DOING.into()),
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
        object.status = failed(Draft::new(&object, NOW), &failure, &SeenFacts::default()).status;
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
