//! One attempt: from a specification to the artifact it asks for.
//!
//! Looks before it acts: which commit is meant costs two small requests, and when the artifact of that commit is in
//! the store already, made as the specification says, that is all.

use std::sync::Arc;

use lode_api::shared::Artifact;
use lode_api::{GitRepository, reasons};
use lode_git::{Remote, Resolved};
use lode_runtime::{Failure, Told, name_of};
use lode_stdx::budget::Budget;
use lode_store::{Retention, Stored, Verdict};
use tracing::info;

use crate::artifact::{self, Archive, Contents};
use crate::controller::GitRepositories;
use crate::found::{Facts, Found};
use crate::include::Included;
use crate::status::is_current;
use crate::step;
use crate::traffic::Trip;
use crate::validate::{Plan, check_signature, validate};
use crate::{gather, include};

/// Bytes of memory that making an artifact may need: one file at a time, and what compresses it.
const ASSEMBLY_BYTES: u64 = 64 << 20;

impl GitRepositories {
    /// Brings the commit that is meant into the store.
    pub(crate) async fn bring(
        &self,
        object: &GitRepository,
        facts: &Facts,
        trip: &Trip,
    ) -> Result<Found, Failure> {
        let own = name_of(object);
        let plan = validate(object, &self.options.egress)?;
        let archive = Archive::new(&self.artifacts, &own, &object.metadata.uid)?;
        let is_lost = self.is_lost(object, &archive).await?;
        facts.lost(is_lost);

        let remote = gather::remote(self.own.client(), object, &plan, &self.options.egress);
        let remote = trip.wait(remote).await?;
        let resolved = trip
            .wait(self.git.resolve(&remote, &plan.reference))
            .await?;
        facts.revision(&resolved.revision);
        let find = |name: &_| self.own.objects().get(name);
        let included = include::artifacts(&own, &plan.includes, find)?;
        let artifacts: Vec<_> = included
            .iter()
            .map(|included| included.artifact.clone())
            .collect();
        // What has to be signed is looked at each time: the artifact may be older than the demand.
        let held = object
            .status
            .artifact
            .as_deref()
            .filter(|_| !is_lost && !plan.verify);
        if let Some(held) = held.filter(|_| is_current(object, &resolved.revision, &artifacts)) {
            // The address follows the flag, so that a moved store is found.
            let url = artifact::url(&self.options.storage_adv_addr, &held.path).into();
            let artifact = Artifact {
                url,
                ..held.clone()
            };
            // As observed, so that what only looks new is not written.
            let included = object.status.included_artifacts.clone();
            let (chosen, left_out) = (None, Vec::new());
            return Ok(Found {
                interval: plan.interval,
                artifact,
                included,
                subject: None,
                chosen,
                left_out,
            });
        }
        let chosen = chosen(&plan, &resolved);
        let built = self
            .build(
                object,
                &plan,
                &archive,
                Source {
                    remote,
                    resolved,
                    included,
                    trip,
                },
            )
            .await;
        built
            .map(|found| Found {
                chosen: chosen.clone(),
                ..found
            })
            .map_err(|failure| failure.about(chosen.as_deref()))
    }

    async fn build(
        &self,
        object: &GitRepository,
        plan: &Plan,
        archive: &Archive,
        source: Source<'_>,
    ) -> Result<Found, Failure> {
        let Source {
            remote,
            resolved,
            included,
            trip,
        } = source;
        let (budget, namespace) = (
            Arc::new(Budget::new(self.options.fetch)),
            &*object.metadata.namespace,
        );
        let snapshot = trip
            .wait(self.git.fetch(&remote, &resolved, plan, &budget, namespace))
            .await?;
        if plan.verify {
            return Err(check_signature(&snapshot.commit, snapshot.signed));
        }
        let mut contents = Contents {
            tree: snapshot.tree,
            included: Vec::new(),
            ignore: object.spec.ignore.as_deref().map(str::to_owned),
            budget,
        };
        // An estimate; on a small machine one piece of work takes what there is.
        let place = trip.wait(async {
            let place = self
                .memory
                .reserve(namespace, ASSEMBLY_BYTES.min(self.memory.for_one()))
                .await;
            place.map_err(|error| step::store(reasons::ARCHIVE_OPERATION_FAILED, error.to_string()))
        });
        let place = place.await?;
        for (inclusion, Included { artifact, uid }) in plan.includes.iter().zip(&included) {
            let other = Archive::new(&self.artifacts, &inclusion.repository, uid)?;
            contents
                .included
                .push((inclusion.clone(), other.open(artifact).await?));
        }
        let (stored, left_out) = archive.put(&snapshot.commit, contents, place).await?;
        let keep = Retention {
            records: self.options.artifact_retention_records,
            ttl: self.options.artifact_retention_ttl,
        };
        archive.collect(&stored.path, keep).await;
        let artifact = self.describe(object, &stored, &resolved.revision);
        let included = included
            .into_iter()
            .map(|included| included.artifact)
            .collect();
        let subject = Some(snapshot.subject);
        Ok(Found {
            interval: plan.interval,
            artifact,
            included,
            subject,
            chosen: None,
            left_out,
        })
    }

    /// Returns whether the artifact of the status is not in the store; one of ours that was changed there is removed.
    async fn is_lost(&self, object: &GitRepository, archive: &Archive) -> Result<bool, Failure> {
        let Some(artifact) = object.status.artifact.as_deref() else {
            return Ok(false);
        };
        match archive.verify(artifact).await? {
            Verdict::Intact => return Ok(false),
            Verdict::Missing => {
                info!(name = %name_of(object), revision = &*artifact.revision, "artifact is not in the store, built again");
            }
            Verdict::Changed => {
                let text = format!(
                    "stored artifact of revision '{}' does not have the digest '{}' and is built again",
                    artifact.revision, artifact.digest
                );
                let reason = reasons::ARTIFACT_VERIFICATION_FAILED;
                self.own.emit(object, Told::warning(reason, text));
                archive.remove(artifact).await?;
            }
        }
        Ok(true)
    }

    fn describe(&self, object: &GitRepository, stored: &Stored, revision: &str) -> Artifact {
        let mut artifact = Artifact {
            digest: stored.digest.to_string().into(),
            last_update_time: self.own.ambient().now_text().into(),
            path: stored.path.as_str().into(),
            revision: revision.into(),
            url: artifact::url(&self.options.storage_adv_addr, &stored.path).into(),
            size: Some(stored.size.try_into().unwrap_or(i64::MAX)),
            ..Artifact::default()
        };
        let facts = |artifact: &Artifact| {
            (
                artifact.digest.clone(),
                artifact.path.clone(),
                artifact.revision.clone(),
            )
        };
        // The same file made again is no update.
        if let Some(held) = object
            .status
            .artifact
            .as_deref()
            .filter(|held| facts(held) == facts(&artifact))
        {
            artifact.last_update_time.clone_from(&held.last_update_time);
        }
        artifact
    }
}

/// What a new artifact is made from.
struct Source<'t> {
    remote: Remote,
    resolved: Resolved,
    included: Vec<Included>,
    trip: &'t Trip,
}

/// Says which tag a range of versions led to.
fn chosen(plan: &Plan, resolved: &Resolved) -> Option<String> {
    // A commit or a name given beside a range goes before it.
    let by_range = plan.reference.commit.is_none() && plan.reference.name.is_none();
    let range = plan.reference.semver.as_ref().filter(|_| by_range)?;
    let tag = resolved.name.as_deref()?.strip_prefix("refs/tags/")?;
    Some(format!("tag '{tag}', chosen for semver '{range}'"))
}

#[cfg(test)]
mod tests {
    use lode_net::Egress;

    use super::*;

    #[test]
    fn the_tag_that_a_range_led_to_is_named() {
        let plan = |reference: serde_json::Value| {
            let spec = serde_json::json!({"interval": "1m", "url": "https://example.com/a.git", "ref": reference});
            let object =
                GitRepository::parse(&serde_json::json!({"metadata": {"name": "a"}, "spec": spec}))
                    .unwrap();
            validate(&object, &Egress::default()).unwrap()
        };
        let pinned = lode_git::Reference {
            commit: Some("12".repeat(20)),
            ..lode_git::Reference::default()
        };
        let remote = Remote::new("https://git.example/x").unwrap();
        let mut resolved = futures::FutureExt::now_or_never(lode_git::resolve(&remote, &pinned))
            .unwrap()
            .unwrap();
        resolved.name = Some("refs/tags/v1.10.0".to_owned());
        let words = chosen(&plan(serde_json::json!({"semver": "1.x"})), &resolved);
        assert_eq!(
            words.as_deref(),
            Some("tag 'v1.10.0', chosen for semver '1.x'")
        );
        assert_eq!(
            chosen(&plan(serde_json::json!({"tag": "v1.10.0"})), &resolved),
            None
        );
    }
}
