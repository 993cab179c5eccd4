//! One attempt: from a specification to the artifact it asks for.
//!
//! Looks before it acts: which commit is meant costs two small requests, and when the artifact of that commit is in
//! the store already, made as the specification says, that is all.

use std::sync::Arc;
use std::time::Duration;

use lode_api::shared::Artifact;
use lode_api::{GitRepository, reasons};
use lode_git::{Remote, Resolved};
use lode_runtime::EventKind;
use lode_store::{Retention, Stored, Verdict};
use tracing::info;

use crate::artifact::{self, Archive, Contents};
use crate::controller::{GitRepositories, key};
use crate::failure::Failure;
use crate::reconcile::now;
use crate::status::is_current;
use crate::validate::{Plan, check_signature, validate};
use crate::{gather, include};

/// What an attempt came to.
pub(crate) struct Found {
    pub(crate) interval: Duration,
    pub(crate) artifact: Artifact,
    pub(crate) included: Vec<Artifact>,
    /// First line of the commit's message, where the commit was fetched.
    pub(crate) subject: Option<String>,
}

/// What an attempt saw on its way, also when it failed.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Whether the artifact of the status is not in the store.
    pub(crate) lost: bool,
    /// The revision that the repository has.
    pub(crate) revision: Option<String>,
}

impl GitRepositories {
    pub(crate) async fn attempt(&self, object: &GitRepository, seen: &mut Seen) -> Result<Found, Failure> {
        let own = key(object);
        let plan = validate(object, &self.options.egress)?;
        let archive = Archive::new(&self.artifacts, &own)?;
        seen.lost = self.is_lost(object, &archive).await?;
        let remote = Arc::new(gather::remote(&self.client, object, &plan, &self.options.egress).await?);
        let resolved = self.git.resolve(&remote, &plan.reference).await?;
        seen.revision = Some(resolved.revision.clone());
        let included = include::artifacts(&own, &plan.includes, |name| self.objects.get(name))?;
        // What has to be signed is looked at each time: the artifact may be older than the demand.
        let held = object.status.artifact.as_deref().filter(|_| !seen.lost && !plan.verify);
        if let Some(held) = held.filter(|_| is_current(object, &resolved.revision, &included)) {
            // The address follows the flag, so that a moved store is found.
            let url = artifact::url(&self.options.storage_adv_addr, &held.path).into();
            let artifact = Artifact { url, ..held.clone() };
            // As observed, so that what only looks new is not written.
            let included = object.status.included_artifacts.clone();
            return Ok(Found { interval: plan.interval, artifact, included, subject: None });
        }
        self.build(object, &plan, &archive, Source { remote, resolved, included }).await
    }

    async fn build(
        &self,
        object: &GitRepository,
        plan: &Plan,
        archive: &Archive,
        source: Source,
    ) -> Result<Found, Failure> {
        let Source { remote, resolved, included } = source;
        let snapshot = self.git.fetch(&remote, &resolved, &plan.sparse).await?;
        if plan.verify {
            return Err(check_signature(&snapshot.commit, snapshot.signed));
        }
        let mut contents = Contents {
            tree: snapshot.tree,
            included: Vec::new(),
            ignore: object.spec.ignore.as_deref().map(str::to_owned),
        };
        for (inclusion, artifact) in plan.includes.iter().zip(&included) {
            contents.included.push((inclusion.clone(), archive.open(artifact).await?));
        }
        let stored = archive.put(&snapshot.commit, contents).await?;
        let keep =
            Retention { records: self.options.artifact_retention_records, ttl: self.options.artifact_retention_ttl };
        archive.collect(&stored.path, keep).await;
        let artifact = self.describe(object, &stored, &resolved.revision);
        Ok(Found { interval: plan.interval, artifact, included, subject: Some(snapshot.subject) })
    }

    /// Tells whether the artifact of the status is not in the store; one that was changed there is removed.
    async fn is_lost(&self, object: &GitRepository, archive: &Archive) -> Result<bool, Failure> {
        let Some(artifact) = object.status.artifact.as_deref() else { return Ok(false) };
        match archive.verify(artifact).await? {
            Verdict::Intact => return Ok(false),
            Verdict::Missing => {
                info!(name = %key(object), revision = &*artifact.revision, "artifact is not in the store, built again");
            }
            Verdict::Changed => {
                let text = format!(
                    "stored artifact of revision '{}' does not have the digest '{}' and is built again",
                    artifact.revision, artifact.digest
                );
                self.emit(object, EventKind::Warning, reasons::ARTIFACT_VERIFICATION_FAILED, text);
                archive.remove(artifact).await?;
            }
        }
        Ok(true)
    }

    fn describe(&self, object: &GitRepository, stored: &Stored, revision: &str) -> Artifact {
        let mut artifact = Artifact {
            digest: stored.digest.to_string().into(),
            last_update_time: now().into(),
            path: stored.path.as_str().into(),
            revision: revision.into(),
            url: artifact::url(&self.options.storage_adv_addr, &stored.path).into(),
            size: Some(stored.size.try_into().unwrap_or(i64::MAX)),
            ..Artifact::default()
        };
        let facts = |artifact: &Artifact| (artifact.digest.clone(), artifact.path.clone(), artifact.revision.clone());
        // The same file made again is no update.
        if let Some(held) = object.status.artifact.as_deref().filter(|held| facts(held) == facts(&artifact)) {
            artifact.last_update_time.clone_from(&held.last_update_time);
        }
        artifact
    }
}

/// What a new artifact is made from.
struct Source {
    remote: Arc<Remote>,
    resolved: Resolved,
    included: Vec<Artifact>,
}
