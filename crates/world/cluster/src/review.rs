//! [`Reviews`]: whether an account may see something.
//!
//! What the operator sees with its own rights (the shared watch cache) is used for an account only
//! after the API server has confirmed, by a `SubjectAccessReview`, that the account may see the
//! same: for a named object, the right to get objects of its kind in its namespace, because this
//! allows reading it as often as it changes; for a selection, also the right to watch, because it
//! reveals names. Answers are cached for [`REMEMBERED`] at most, so a revoked right ends within
//! that time.
//!
//! Left out on purpose: rights to single objects by name. An account with only those reads them
//! itself.

use std::collections::HashMap;
use std::time::Duration;

use lode_stdx::Lock;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::account::Account;
use crate::client::{Client, decode};
use crate::error::Error;
use crate::resource::Resource;

/// How long an answer is cached.
const REMEMBERED: Duration = Duration::from_secs(30);
/// Most answers cached.
const ANSWERS_MAX: usize = 10_000;

/// Asks what accounts may see, and caches the answers.
pub struct Reviews {
    client: Client,
    answers: Lock<HashMap<Asked, KnownReview>>,
}

/// The question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    account: Account,
    group: Box<str>,
    plural: Box<str>,
    namespace: Box<str>,
    verb: &'static str,
}

#[derive(Debug, Clone, Copy)]
struct KnownReview {
    allowed: bool,
    /// When it was asked.
    since: Instant,
}

impl Reviews {
    /// Creates an empty cache; `client` is the operator's own.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            // A review is a POST that stores nothing: a replica without the Lease may send it.
            client: client.ungated(),
            answers: Lock::default(),
        }
    }

    /// Returns whether an account may get all objects of a kind in a namespace; the empty namespace
    /// stands for all namespaces, and for cluster-scoped kinds.
    ///
    /// # Errors
    /// The request failed or is not allowed.
    pub async fn may_get(
        &self,
        account: &Account,
        resource: &Resource,
        namespace: &str,
    ) -> Result<bool, Error> {
        self.may("get", account, resource, namespace).await
    }

    /// Returns whether an account may get and watch a kind in a namespace; see
    /// [`Reviews::may_get`].
    ///
    /// # Errors
    /// As [`Reviews::may_get`].
    pub async fn may_watch(
        &self,
        account: &Account,
        resource: &Resource,
        namespace: &str,
    ) -> Result<bool, Error> {
        Ok(self.may_get(account, resource, namespace).await?
            && self.may("watch", account, resource, namespace).await?)
    }

    async fn may(
        &self,
        verb: &'static str,
        account: &Account,
        resource: &Resource,
        namespace: &str,
    ) -> Result<bool, Error> {
        let asked = Asked {
            account: account.clone(),
            group: resource.gvk.group.clone(),
            plural: resource.plural.clone(),
            namespace: if resource.namespaced {
                namespace.into()
            } else {
                "".into()
            },
            verb,
        };
        if let Some(allowed) = self.remembered(&asked) {
            return Ok(allowed);
        }

        let since = Instant::now();
        let allowed = self.ask(&asked).await?;
        self.remember(asked, KnownReview { allowed, since });
        Ok(allowed)
    }

    async fn ask(&self, asked: &Asked) -> Result<bool, Error> {
        let resource = Resource::known(API, "SubjectAccessReview", "subjectaccessreviews", false);
        let answer = self.client.post(&resource, "", &question(asked)).await?;
        Ok(decode::<Reviewed>(&answer)?.status.allowed)
    }

    fn remembered(&self, asked: &Asked) -> Option<bool> {
        self.answers
            .lock()
            .get(asked)
            .filter(|answer| answer.since.elapsed() < REMEMBERED)
            .map(|answer| answer.allowed)
    }

    fn remember(&self, asked: Asked, answer: KnownReview) {
        let mut answers = self.answers.lock();
        if answers.len() >= ANSWERS_MAX {
            answers.retain(|_, answer| answer.since.elapsed() < REMEMBERED);
        }
        // An answer that is not cached is asked for again, which costs time but reveals nothing.
        if answers.len() < ANSWERS_MAX {
            answers.insert(asked, answer);
        }
    }
}

fn question(asked: &Asked) -> Value {
    let Asked {
        account,
        group,
        plural,
        namespace,
        verb,
    } = asked;
    json!({
        "apiVersion": API,
        "kind": "SubjectAccessReview",
        "spec": {
            "user": account.user(),
            "groups": account.groups(),
            "resourceAttributes": {"verb": verb, "group": group, "resource": plural, "namespace": namespace},
        },
    })
}

const API: &str = "authorization.k8s.io/v1";

#[derive(Deserialize)]
struct Reviewed {
    status: ReviewVerdict,
}

#[derive(Deserialize)]
struct ReviewVerdict {
    #[serde(default)]
    allowed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(number: usize) -> Asked {
        let account = Account {
            namespace: "team".into(),
            name: format!("a{number}").into(),
        };
        Asked {
            account,
            group: "apps".into(),
            plural: "deployments".into(),
            namespace: "team".into(),
            verb: "get",
        }
    }

    async fn reviews() -> Reviews {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": {}}]});
        std::fs::write(&file, config.to_string()).unwrap();
        Reviews::new(Client::connect(Some(&file), None).await.unwrap())
    }

    #[test]
    fn an_account_is_asked_for_with_its_groups() {
        let question = question(&asked(1));
        assert_eq!(question["spec"]["user"], "system:serviceaccount:team:a1");
        assert_eq!(
            question["spec"]["groups"],
            json!([
                "system:serviceaccounts",
                "system:serviceaccounts:team",
                "system:authenticated"
            ])
        );
        let what =
            json!({"verb": "get", "group": "apps", "resource": "deployments", "namespace": "team"});
        assert_eq!(question["spec"]["resourceAttributes"], what);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_good_for_half_a_minute_from_the_question() {
        let reviews = reviews().await;
        reviews.remember(
            asked(1),
            KnownReview {
                allowed: true,
                since: Instant::now(),
            },
        );
        tokio::time::advance(Duration::from_secs(29)).await;
        assert_eq!(reviews.remembered(&asked(1)), Some(true));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(reviews.remembered(&asked(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_memory_forgets_what_is_old_and_takes_no_more_than_it_holds() {
        let reviews = reviews().await;
        for number in 0..ANSWERS_MAX + 5 {
            reviews.remember(
                asked(number),
                KnownReview {
                    allowed: true,
                    since: Instant::now(),
                },
            );
        }
        assert_eq!(reviews.answers.lock().len(), ANSWERS_MAX);
        tokio::time::advance(REMEMBERED).await;
        reviews.remember(
            asked(ANSWERS_MAX + 9),
            KnownReview {
                allowed: false,
                since: Instant::now(),
            },
        );
        assert_eq!(reviews.answers.lock().len(), 1);
    }

    #[tokio::test]
    async fn what_a_selector_finds_takes_both_rights() {
        let reviews = reviews().await;
        let deployments = Resource::known("apps/v1", "Deployment", "deployments", true);
        for (get, watch, both) in [
            (true, true, true),
            (true, false, false),
            (false, true, false),
        ] {
            for (verb, allowed) in [("get", get), ("watch", watch)] {
                reviews.remember(
                    Asked { verb, ..asked(1) },
                    KnownReview {
                        allowed,
                        since: Instant::now(),
                    },
                );
            }
            assert_eq!(
                reviews
                    .may_get(&asked(1).account, &deployments, "team")
                    .await
                    .unwrap(),
                get
            );
            assert_eq!(
                reviews
                    .may_watch(&asked(1).account, &deployments, "team")
                    .await
                    .unwrap(),
                both
            );
        }
    }

    #[tokio::test]
    async fn who_cannot_ask_is_told_no_answer() {
        let reviews = reviews().await;
        let deployments = Resource::known("apps/v1", "Deployment", "deployments", true);
        assert!(
            reviews
                .may_get(&asked(1).account, &deployments, "team")
                .await
                .is_err()
        );
        assert!(
            reviews
                .may_watch(&asked(1).account, &deployments, "team")
                .await
                .is_err()
        );
        assert_eq!(reviews.remembered(&asked(1)), None);
    }
}
