//! [`GitOrigin`]: Git repositories as the origin of artifacts.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use lode_api::git_repository::{GitRepositoryStatus, Spec};
use lode_api::{GitRepository, reasons};
use lode_cluster::Client;
use lode_git::{FetchLimits, GitCache, Remote, Resolved};
use lode_net::Egress;
use lode_runtime::{Change, Failure, Memory, Store, Use, name_of};
use tracing::{debug, warn};

use super::validate::{GitPlan, check_signature, validate};
use super::{GitOptions, fetch, gather, include, made};
use crate::contents::{
    BroughtContents, IgnoreRules, IncludedPart, MadeWith, NewestRevision, SourceContents,
    SourceNotice,
};
use crate::facts::AttemptFacts;
use crate::origin::{FetchMeans, Origin};

/// How often fetched objects that nothing uses any more are removed.
const COLLECT_EVERY: Duration = Duration::from_hours(1);
/// Objects of a repository are removed if nothing was fetched from it for so long.
const CACHE_UNUSED: Duration = Duration::from_hours(7 * 24);
/// Characters of a commit's subject that an event shows.
const SUBJECT_MAX: usize = 50;

/// Git repositories.
pub struct GitOrigin {
    client: Client,
    /// All repositories, which may include each other.
    objects: Arc<Store<GitRepository>>,
    cache: Arc<GitCache>,
    memory: Memory,
    limits: FetchLimits,
    egress: Egress,
}

/// Where a commit is and how to get there.
pub struct GitLead {
    remote: Remote,
    resolved: Resolved,
}

impl GitOrigin {
    /// Opens the folder for what Git fetches.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn open(
        client: Client,
        objects: Arc<Store<GitRepository>>,
        memory: Memory,
        options: GitOptions,
    ) -> io::Result<Self> {
        // One object must fit in memory together with those that a delta builds on.
        let object_bytes = options.limits.object_bytes.min(memory.total() / 2);
        let limits = FetchLimits {
            object_bytes,
            ..options.limits
        };
        Ok(Self {
            client,
            objects,
            cache: Arc::new(GitCache::open(&options.cache_dir)?),
            memory,
            limits,
            egress: options.egress,
        })
    }

    /// Returns a task that removes fetched objects that nothing uses any more, every hour, for ever.
    pub fn collector(&self) -> impl Future<Output = ()> + Send + use<> {
        let cache = self.cache.clone();
        async move {
            let mut every = tokio::time::interval(COLLECT_EVERY);
            loop {
                every.tick().await;
                collect(cache.clone()).await;
            }
        }
    }
}

impl Origin for GitOrigin {
    type Spec = Spec;
    type Plan = GitPlan;
    type Lead = GitLead;
    type Made = ();

    fn plan(&self, object: &GitRepository) -> Result<GitPlan, Failure> {
        validate(object, &self.egress)
    }

    async fn look(
        &self,
        object: &GitRepository,
        plan: &GitPlan,
        _: &AttemptFacts,
    ) -> Result<NewestRevision<GitLead>, Failure> {
        let remote = gather::remote(&self.client, object, plan, &self.egress).await?;
        let resolved = fetch::resolve(&remote, &plan.reference).await?;
        Ok(NewestRevision {
            revision: resolved.revision.clone(),
            chosen: chosen(plan, &resolved),
            outdated: SourceNotice::outdated(format!(
                "new upstream revision '{}'",
                resolved.revision
            )),
            progress: None,
            lead: GitLead { remote, resolved },
        })
    }

    fn includes(
        &self,
        object: &GitRepository,
        plan: &GitPlan,
    ) -> Result<Vec<IncludedPart>, Failure> {
        let find = |name: &_| self.objects.get(name);
        include::parts(&name_of(object), &plan.includes, find)
    }

    fn is_current(
        object: &GitRepository,
        plan: &GitPlan,
        _: &GitLead,
        included: &[IncludedPart],
    ) -> bool {
        is_current(object, plan, included)
    }

    async fn bring(
        &self,
        object: &GitRepository,
        plan: &GitPlan,
        lead: GitLead,
        means: &FetchMeans,
    ) -> Result<BroughtContents<()>, Failure> {
        let options = lode_git::Options {
            limits: self.limits,
            admission: fetch::admission(self.memory.clone(), &object.metadata.namespace),
            budget: means.budget.clone(),
            sparse: plan.sparse.clone(),
        };
        let snapshot = fetch::bring(&lead.remote, &lead.resolved, &self.cache, &options).await?;
        if plan.verify {
            return Err(check_signature(&snapshot.commit, snapshot.signed));
        }

        let subject = short(&snapshot.subject);
        Ok(BroughtContents {
            contents: SourceContents::Tree {
                tree: snapshot.tree,
                ignore: IgnoreRules::SourceIgnore(object.spec.ignore.as_deref().map(str::to_owned)),
            },
            file: format!("{}.tar.gz", snapshot.commit),
            notice: SourceNotice {
                reason: reasons::NEW_ARTIFACT,
                text: format!("stored artifact for commit '{subject}'"),
            },
            remarks: Vec::new(),
            metadata: BTreeMap::new(),
            made: (),
        })
    }

    fn observe(spec: &Spec, status: &mut GitRepositoryStatus, made: Option<MadeWith<()>>) {
        made::observe(spec, status, made);
    }

    fn uses(object: &GitRepository) -> Vec<Use> {
        let names = include::included(object);
        names.map(|name| Use::new("GitRepository", name)).collect()
    }

    fn matters(change: &Change<GitRepository>) -> bool {
        include::matters(change)
    }
}

/// Returns whether an artifact is as the specification says. What has to be signed is checked each time: the artifact may
/// be older than the demand.
fn is_current(object: &GitRepository, plan: &GitPlan, included: &[IncludedPart]) -> bool {
    !plan.verify && made::is_as_specified(object, included)
}

/// Returns which tag a range of versions led to.
fn chosen(plan: &GitPlan, resolved: &Resolved) -> Option<String> {
    // A commit or a name that is set as well takes precedence over the range.
    let by_range = plan.reference.commit.is_none() && plan.reference.name.is_none();
    let range = plan.reference.semver.as_ref().filter(|_| by_range)?;
    let tag = resolved.name.as_deref()?.strip_prefix("refs/tags/")?;
    Some(format!("tag '{tag}', chosen for semver '{range}'"))
}

/// Returns a commit's subject, short enough for an event.
fn short(subject: &str) -> String {
    match subject.char_indices().nth(SUBJECT_MAX) {
        Some((end, _)) => format!("{}...", &subject[..end]),
        None => subject.to_owned(),
    }
}

async fn collect(cache: Arc<GitCache>) {
    match tokio::task::spawn_blocking(move || cache.collect(CACHE_UNUSED)).await {
        Ok(Ok(removed)) => debug!(removed, "Git objects collected"),
        Ok(Err(error)) => warn!(%error, "Git objects not collected"),
        // It ends early only if the process ends.
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::status::is_of;

    fn object(spec: &Value, status: &Value) -> GitRepository {
        let metadata = json!({"name": "a", "namespace": "ns", "generation": 1});
        let mut object = json!({"metadata": metadata, "status": status});
        object["spec"] = json!({"interval": "1m", "url": "https://example.com/a.git"});
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        GitRepository::parse(&object).unwrap()
    }

    fn plan(object: &GitRepository) -> GitPlan {
        validate(object, &Egress::default()).unwrap()
    }

    fn is_current_at(object: &GitRepository, revision: &str) -> bool {
        is_of(object, revision) && is_current(object, &plan(object), &[])
    }

    #[test]
    fn only_the_newest_revision_of_this_generation_is_current() {
        let stored = json!({"observedGeneration": 1, "artifact": {"revision": "r1"}});
        let nothing = json!({});
        assert!(is_current_at(&object(&nothing, &stored), "r1"));
        assert!(!is_current_at(&object(&nothing, &stored), "r2"));
        let edited = json!({"observedGeneration": 0, "artifact": {"revision": "r1"}});
        assert!(!is_current_at(&object(&nothing, &edited), "r1"));
        let empty = json!({"observedGeneration": 1});
        assert!(!is_current_at(&object(&nothing, &empty), "r1"));
        let otherwise = json!({"ignore": "*.md"});
        assert!(!is_current_at(&object(&otherwise, &stored), "r1"));
    }

    #[test]
    fn what_has_to_be_signed_is_never_current() {
        let stored = json!({"observedGeneration": 1, "artifact": {"revision": "r1"}});
        let signed = json!({"verify": {"mode": "HEAD", "secretRef": {"name": "keys"}}});
        assert!(!is_current_at(&object(&signed, &stored), "r1"));
    }

    #[test]
    fn the_tag_that_a_range_led_to_is_named() {
        let pinned = lode_git::Reference {
            commit: Some("12".repeat(20)),
            ..lode_git::Reference::default()
        };
        let remote = Remote::new("https://git.example/x").unwrap();
        let resolved = lode_git::resolve(&remote, &pinned);
        let resolved = futures::FutureExt::now_or_never(resolved);
        let mut resolved = resolved.unwrap().unwrap();
        resolved.name = Some("refs/tags/v1.10.0".to_owned());
        let chosen = |reference: Value| {
            let object = object(&json!({"ref": reference}), &json!({}));
            chosen(&plan(&object), &resolved)
        };

        let words = chosen(json!({"semver": "1.x"}));
        assert_eq!(
            words.as_deref(),
            Some("tag 'v1.10.0', chosen for semver '1.x'")
        );
        assert_eq!(chosen(json!({"tag": "v1.10.0"})), None);
        let name = "refs/tags/v1.10.0";
        assert_eq!(chosen(json!({"semver": "1.x", "name": name})), None);
        let commit = "12".repeat(20);
        assert_eq!(chosen(json!({"semver": "1.x", "commit": commit})), None);
    }

    #[test]
    fn includes_are_used_in_their_order() {
        let include = json!([{"repository": {"name": "c"}}, {"repository": {"name": "b"}}]);
        let object = object(&json!({"include": include}), &json!({}));
        let uses = GitOrigin::uses(&object);
        let names: Vec<_> = uses.iter().map(|used| used.name.to_string()).collect();
        assert_eq!(names, ["ns/c", "ns/b"]);
        assert!(uses.iter().all(|used| &*used.kind == "GitRepository"));
    }

    #[test]
    fn a_subject_has_fifty_characters_at_most() {
        assert_eq!(short("fix: this"), "fix: this");
        assert_eq!(short(&"é".repeat(50)), "é".repeat(50));
        assert_eq!(short(&"é".repeat(51)), format!("{}...", "é".repeat(50)));
        assert_eq!(short(""), "");
    }
}
