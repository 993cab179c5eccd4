//! What is said of an attempt in events.
//!
//! Pure. A new artifact is always an event; a success only after a failure; a failure only if it is news or somebody
//! asked for the attempt.

use lode_api::shared::Artifact;
use lode_api::{Kind, Resource, SourceStatus, Status as _, reasons};
use lode_runtime::{Failure, Retry, Told};
use lode_tree::RepoPath;

use crate::contents::SourceNotice;
use crate::facts::AttemptDone;
use crate::origin::Origin;
use crate::status::{had_failed, is_news};

/// Files left out that an event names.
const LEFT_OUT_SHOWN: usize = 10;

/// Returns what is said of a success; `notice` is what the status says of the artifact.
pub(crate) fn of_success<S, M>(
    object: &Resource<S>,
    done: &AttemptDone<M>,
    notice: SourceNotice,
) -> Vec<Told>
where
    S: Kind<Status: SourceStatus>,
{
    let artifact = &done.artifact;
    let mut events = Vec::new();
    let left_out = done.made.as_ref().map(|made| &*made.left_out);
    if let Some(text) = left_out.and_then(of_left_out) {
        events.push(Told::warning(reasons::FILES_LEFT_OUT, text));
    }

    let remarks = done.made.iter().flat_map(|made| &made.remarks);
    events.extend(remarks.map(|remark| Told::normal(remark.reason, remark.text.clone())));

    let before = object.status.artifact();
    let is_new = before.is_none_or(|before| before.digest != artifact.digest);
    let made = done.made.as_ref().filter(|_| is_new);
    if let Some(made) = made {
        events.push(about(artifact, made.notice.clone()));
    } else if had_failed(&object.status) {
        events.push(about(artifact, notice));
    }
    events
}

/// Returns what is said of a failure, given the status before and after; nothing if it was said before and nobody asks.
pub(crate) fn of_failure<O: Origin>(
    object: &Resource<O::Spec>,
    status: &<O::Spec as Kind>::Status,
    failure: &Failure,
) -> Option<Told> {
    if failure.quiet {
        return None;
    }
    let handled = status.last_handled_reconcile_at();
    let was_asked = handled != object.status.last_handled_reconcile_at();
    if !was_asked && !is_news(&object.status, status) {
        return None;
    }

    let (reason, text) = O::told(failure);
    Some(match failure.retry {
        Retry::Wait => Told::normal(reason, text),
        _ => Told::warning(reason, text),
    })
}

/// Returns what is said once all artifacts of a deleted object are removed; nothing if it had none.
pub(crate) fn of_removal<S>(object: &Resource<S>) -> Option<Told>
where
    S: Kind<Status: SourceStatus>,
{
    let text = "garbage collected artifacts for deleted resource";
    let had_some = object.status.artifact().is_some();
    had_some.then(|| Told::normal(reasons::GARBAGE_COLLECTION_SUCCEEDED, text))
}

/// Returns what is said of an artifact that is in the store but does not have its digest.
pub(crate) fn of_damage(artifact: &Artifact) -> Told {
    let text = format!(
        "stored artifact of revision '{}' does not have the digest '{}' and is built again",
        artifact.revision, artifact.digest
    );
    Told::warning(reasons::ARTIFACT_VERIFICATION_FAILED, text)
}

fn about(artifact: &Artifact, notice: SourceNotice) -> Told {
    let event = Told::normal(notice.reason, notice.text).at(&*artifact.revision);
    event.with("digest", &*artifact.digest)
}

/// Returns which files were left out because of their names; nothing if none was.
fn of_left_out(left_out: &[RepoPath]) -> Option<String> {
    if left_out.is_empty() {
        return None;
    }
    let count = left_out.len();
    let shown = left_out.iter().take(LEFT_OUT_SHOWN);
    let shown: Vec<_> = shown.map(|path| format!("'{path}'")).collect();
    let more = if count > shown.len() { ", …" } else { "" };
    let shown = shown.join(", ");
    Some(format!(
        "{count} left out of the artifact, because the name holds a control character or is not UTF-8: {shown}{more}; \
         rename the file, or remove it from the repository"
    ))
}

#[cfg(test)]
mod tests {
    use lode_api::GitRepository;
    use lode_runtime::EventKind;
    use serde_json::{Value, json};

    use super::*;
    use crate::contents::MadeWith;
    use crate::facts::MadeArtifact;
    use crate::git::GitOrigin;

    fn object(status: &Value) -> GitRepository {
        let metadata = json!({"name": "a", "namespace": "ns", "generation": 1});
        GitRepository::parse(&json!({"metadata": metadata, "status": status})).unwrap()
    }

    fn failing() -> Value {
        json!({"conditions": [
            {"type": "FetchFailed", "status": "True"},
            {"type": "Ready", "status": "False", "reason": "GitOperationFailed", "message": "no"},
        ]})
    }

    fn artifact(digest: &str) -> Artifact {
        Artifact {
            digest: digest.into(),
            revision: "r1".into(),
            ..Artifact::default()
        }
    }

    fn made(left_out: &[&str]) -> MadeArtifact<()> {
        let left_out = left_out.iter().map(|path| RepoPath::parse(path).unwrap());
        MadeArtifact {
            with: MadeWith {
                included: Vec::new(),
                origin: (),
            },
            notice: SourceNotice {
                reason: "NewArtifact",
                text: "stored it".to_owned(),
            },
            remarks: Vec::new(),
            left_out: left_out.collect(),
        }
    }

    fn success(status: &Value, made: Option<MadeArtifact<()>>) -> Vec<Told> {
        let done = AttemptDone {
            interval: None,
            artifact: artifact("sha256:1"),
            url: None,
            made,
        };
        let notice = SourceNotice::stored(&done.artifact);
        of_success(&object(status), &done, notice)
    }

    fn held() -> Value {
        let mut status = failing();
        status["artifact"] = json!({"digest": "sha256:1", "revision": "r1"});
        status
    }

    #[test]
    fn a_new_artifact_is_told_in_the_words_of_its_origin() {
        for status in [
            json!({}),
            failing(),
            json!({"artifact": {"digest": "sha256:0"}}),
        ] {
            let events = success(&status, Some(made(&[])));
            assert_eq!(events.len(), 1, "{status}");
            assert_eq!(
                (&*events[0].reason, &*events[0].message),
                ("NewArtifact", "stored it")
            );
            assert_eq!(events[0].fact("revision"), "r1");
            assert_eq!(events[0].fact("digest"), "sha256:1");
        }
    }

    #[test]
    fn the_same_artifact_is_told_only_after_a_failure() {
        for made in [None, Some(made(&[]))] {
            let events = success(&held(), made);
            let said: Vec<_> = events
                .iter()
                .map(|it| (&*it.reason, &*it.message))
                .collect();
            assert_eq!(said, [("Succeeded", "stored artifact for revision 'r1'")]);
        }
        let calm = json!({"artifact": {"digest": "sha256:1", "revision": "r1"}});
        assert_eq!(success(&calm, None), []);
        assert_eq!(success(&calm, Some(made(&[]))), []);
    }

    #[test]
    fn remarks_come_first() {
        let mut made = made(&[]);
        made.remarks.push(SourceNotice {
            reason: "ResolvedDependencies",
            text: "resolved 1 chart dependencies".to_owned(),
        });
        let events = success(&json!({}), Some(made));
        let reasons: Vec<_> = events.iter().map(|it| it.reason.clone()).collect();
        assert_eq!(reasons, ["ResolvedDependencies", "NewArtifact"]);
    }

    #[test]
    fn files_left_out_are_a_warning_of_their_own() {
        let events = success(&json!({}), Some(made(&["docs/Icon\\r"])));
        assert_eq!(events.len(), 2);
        assert_eq!(events[0].kind, EventKind::Warning);
        let text = &events[0].message;
        assert!(
            text.starts_with("1 left out") && text.contains(r"'docs/Icon\r'"),
            "{text}"
        );
    }

    #[test]
    fn only_the_first_of_many_files_left_out_are_named() {
        let names: Vec<_> = (0..=LEFT_OUT_SHOWN).map(|n| format!("f{n}")).collect();
        let paths: Vec<_> = names
            .iter()
            .map(|name| RepoPath::parse(name).unwrap())
            .collect();
        let text = of_left_out(&paths).unwrap();
        assert!(
            text.starts_with("11 left out") && text.contains("'f9', …;"),
            "{text}"
        );
        assert!(!of_left_out(&paths[..10]).unwrap().contains('…'));
        assert_eq!(of_left_out(&[]), None);
    }

    #[test]
    fn a_failure_is_told_once_and_again_to_whoever_asks() {
        let failure = || Failure::new("GitOperationFailed", "no").with(Retry::Backoff);
        let before = object(&failing());
        assert_eq!(
            of_failure::<GitOrigin>(&before, &before.status, &failure()),
            None
        );

        let mut answered = before.status.clone();
        answered.handle_reconcile_at("now");
        let told = of_failure::<GitOrigin>(&before, &answered, &failure()).unwrap();
        assert_eq!(
            (told.kind, &*told.reason),
            (EventKind::Warning, "GitOperationFailed")
        );

        let new = object(&json!({}));
        let told =
            of_failure::<GitOrigin>(&new, &before.status, &failure().with(Retry::Wait)).unwrap();
        assert_eq!(told.kind, EventKind::Normal, "waiting is no fault");
        let mut quiet = failure();
        quiet.quiet = true;
        assert_eq!(of_failure::<GitOrigin>(&new, &before.status, &quiet), None);
    }

    #[test]
    fn the_removal_of_artifacts_is_told_if_there_were_any() {
        assert_eq!(of_removal(&object(&json!({}))), None);
        let told = of_removal(&object(&held())).unwrap();
        assert_eq!(told.reason, "GarbageCollectionSucceeded");
    }

    #[test]
    fn a_damaged_artifact_is_named_by_revision_and_digest() {
        let told = of_damage(&artifact("sha256:1"));
        assert_eq!(told.kind, EventKind::Warning);
        assert!(told.message.contains("'r1'") && told.message.contains("'sha256:1'"));
    }
}
