//! [`GitRepositories`] in the frame of all controllers: what is attempted, told, and removed.

use std::sync::Arc;

use lode_api::git_repository::{GitRepositoryStatus, Spec};
use lode_api::{GitRepository, Status as _, reasons};
use lode_runtime::{
    Change, Draft, Ended, Failure, LONG, Next, Progress, Reconcile, Removal, Report, Retry, Told,
    Use, asks_otherwise, is_retry, name_of,
};
use tokio::time::Instant;

use crate::artifact::{Archive, short, told_left_out};
use crate::controller::GitRepositories;
use crate::found::{Facts, Found};
use crate::status::{DOING, failed, had_failed, is_news, stored, succeeded, suspended};
use crate::{include, step};

impl Reconcile for GitRepositories {
    type Spec = Spec;
    type State = ();
    type Facts = Facts;
    type Done = Found;
    const NAME: &'static str = "gitrepository";

    async fn attempt(
        &self,
        object: &Arc<GitRepository>,
        (): &mut (),
        facts: &Facts,
    ) -> Result<Found, Failure> {
        // Who finds no room is asked for again once another of the namespace is back.
        let Some(trip) = self.traffic.set_off(&name_of(object)) else {
            return Err(Failure::dropped());
        };
        // A change before it set off could not call it back.
        let latest = self.own.latest(object);
        if latest.is_none_or(|latest| asks_otherwise(object, &latest)) {
            return Err(Failure::dropped());
        }
        self.bring(object, facts, &trip).await
    }

    fn progress(&self, _: &Facts) -> Progress {
        Progress {
            doing: DOING.to_owned(),
            ready: DOING,
        }
    }

    fn patience(&self, object: &GitRepository, (): &()) -> Option<Instant> {
        (!is_retry(object)).then(|| Instant::now() + LONG)
    }

    fn report(&self, ended: Ended<'_, Self>, end: Result<Found, Failure>) -> Report<Spec> {
        let Ended {
            object,
            facts,
            took,
            now,
            ..
        } = ended;
        let draft = Draft::new(object, now);
        let (status, told, next) = match end {
            Ok(found) => {
                let next = Next::After(
                    self.own
                        .jitter(found.interval, self.options.interval_jitter_percent),
                );
                let told = told_of(object, &found);
                (
                    succeeded(draft, found.artifact, found.included)
                        .handled()
                        .status,
                    told,
                    next,
                )
            }
            Err(failure) => {
                let next = match failure.retry {
                    Retry::Interval | Retry::Backoff => Next::Backoff,
                    Retry::Wait => Next::After(self.options.requeue_dependency),
                    Retry::Never | Retry::Dropped => Next::Idle,
                };
                let status = failed(draft, &failure, &facts.seen()).handled().status;
                let told = told_of_failure(object, &status, failure);
                (status, told.into_iter().collect(), next)
            }
        };
        Report {
            status: Some(status),
            told,
            took: Some(took),
            next,
        }
    }

    fn suspend<'a>(&self, draft: Draft<'a, Spec>, (): &mut ()) -> Draft<'a, Spec> {
        suspended(draft)
    }

    async fn remove(&self, object: &Arc<GitRepository>, (): &mut ()) -> Result<Removal, Failure> {
        let cleared = async {
            Archive::new(&self.artifacts, &name_of(object), &object.metadata.uid)?
                .clear()
                .await
        };
        cleared.await.map_err(|failure| {
            let text = format!(
                "garbage collection for deleted resource failed: {}",
                failure.message
            );
            step::store(reasons::GARBAGE_COLLECTION_FAILED, text)
        })?;
        Ok(Removal::Done)
    }

    async fn removed(&self, object: &GitRepository) -> Option<Told> {
        let text = "garbage collected artifacts for deleted resource";
        let had_some = object.status.artifact.is_some();
        had_some.then(|| Told::normal(reasons::GARBAGE_COLLECTION_SUCCEEDED, text))
    }

    fn uses(&self, object: &GitRepository) -> Vec<Use> {
        let names = include::included(object);
        names.map(|name| Use::new("GitRepository", name)).collect()
    }

    fn matters(&self, change: &Change<GitRepository>) -> bool {
        matters_to_includers(change)
    }

    fn changed(&self, change: &Change<GitRepository>) {
        if supersedes(change) {
            self.traffic.call_back(&change.name);
        }
    }

    fn stop(&self) {
        self.traffic.stop();
    }
}

/// Returns what is said of an artifact: that it is new, or that its repository has recovered.
fn told_of(object: &GitRepository, found: &Found) -> Vec<Told> {
    let artifact = &found.artifact;
    let mut told = Vec::new();
    if let Some(text) = told_left_out(&found.left_out) {
        told.push(Told::warning(reasons::FILES_LEFT_OUT, text));
    }

    let before = object.status.artifact.as_deref();
    let is_new = before.is_none_or(|before| before.digest != artifact.digest);
    let (reason, text) = if is_new {
        let subject = found.subject.as_deref();
        let subject = subject.map_or_else(|| artifact.revision.to_string(), short);
        let chosen = found.chosen.as_ref().map(|chosen| format!(" ({chosen})"));
        let chosen = chosen.unwrap_or_default();
        (
            reasons::NEW_ARTIFACT,
            format!("stored artifact for commit '{subject}'{chosen}"),
        )
    } else if had_failed(&object.status) {
        (reasons::SUCCEEDED, stored(&artifact.revision))
    } else {
        return told;
    };
    let event = Told::normal(reason, text).at(&*artifact.revision);
    told.push(event.with("digest", &*artifact.digest));
    told
}

/// Returns what is said of a failure: nothing when it was said before and nobody asks.
fn told_of_failure(
    object: &GitRepository,
    status: &GitRepositoryStatus,
    failure: Failure,
) -> Option<Told> {
    let handled = status.last_handled_reconcile_at();
    let was_asked = handled != object.status.last_handled_reconcile_at();
    if !was_asked && !is_news(&object.status, status) {
        return None;
    }
    Some(match failure.retry {
        Retry::Wait => Told::normal(failure.reason, failure.message),
        _ => Told::warning(failure.reason, failure.message),
    })
}

/// Returns whether what is under way for a repository is not wanted any more. Who only requests another reconcile waits
/// for what is under way.
fn supersedes(change: &Change<GitRepository>) -> bool {
    change.old.is_some() && change.asks_otherwise()
}

/// Returns whether a repository came or went, or its artifact or includes are others.
fn matters_to_includers(change: &Change<GitRepository>) -> bool {
    let facts = |object: &Option<Arc<GitRepository>>| {
        let object = object.as_ref()?;
        let artifact = object.status.artifact.as_deref();
        Some((
            artifact.map(|artifact| artifact.digest.clone()),
            object.spec.include.clone(),
        ))
    };
    facts(&change.old) != facts(&change.new)
}

#[cfg(test)]
mod tests {
    use lode_object::NamespacedName;
    use serde_json::{Value, json};

    use super::*;

    fn object(more: &Value) -> Arc<GitRepository> {
        let mut object = json!({"metadata": {"name": "a", "namespace": "ns", "generation": 1}});
        for (part, fields) in more.as_object().unwrap() {
            for (field, value) in fields.as_object().unwrap() {
                object[part][field] = value.clone();
            }
        }
        Arc::new(GitRepository::parse(&object).unwrap())
    }

    fn change(old: Option<&Value>, new: Option<&Value>) -> Change<GitRepository> {
        Change {
            name: NamespacedName::new("ns", "a"),
            old: old.map(object),
            new: new.map(object),
        }
    }

    fn ready() -> Value {
        json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    }

    #[test]
    fn what_is_under_way_ends_when_the_object_goes_or_is_another() {
        let plain = json!({});
        let asked = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "1"}}});
        let edited = json!({"metadata": {"generation": 2}});
        let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}});
        assert!(
            supersedes(&change(Some(&plain), Some(&edited)))
                && supersedes(&change(Some(&plain), Some(&deleted)))
        );
        assert!(supersedes(&change(Some(&plain), None)));
        assert!(
            !supersedes(&change(Some(&plain), Some(&asked))),
            "who asks every minute would never get an answer"
        );
        assert!(
            !supersedes(&change(Some(&plain), Some(&ready())))
                && !supersedes(&change(None, Some(&plain)))
        );
    }

    #[test]
    fn a_new_artifact_matters_to_includers_and_a_condition_does_not() {
        let stored = |digest: &str| json!({"status": {"artifact": {"digest": digest}}});
        assert!(matters_to_includers(&change(
            Some(&json!({})),
            Some(&stored("1"))
        )));
        assert!(matters_to_includers(&change(
            Some(&stored("1")),
            Some(&stored("2"))
        )));
        assert!(matters_to_includers(&change(Some(&stored("1")), None)));
        assert!(!matters_to_includers(&change(
            Some(&json!({})),
            Some(&ready())
        )));
    }
}
