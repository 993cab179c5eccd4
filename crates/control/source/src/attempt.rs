//! One attempt: from a specification to the artifact it asks for.
//!
//! It looks before it acts: to find the newest revision is cheap, and if the store holds the artifact of that revision
//! already, made as the specification says, the attempt is done.

use std::sync::Arc;

use lode_api::shared::Artifact;
use lode_api::{Kind as _, Resource, SourceStatus as _, reasons};
use lode_runtime::{Failure, name_of};
use lode_stdx::budget::Budget;
use lode_store::{Retention, Stored, Verdict};
use tracing::info;

use crate::archive::{self, SourceArchive};
use crate::assemble::ArtifactInput;
use crate::contents::{IncludedPart, MadeWith};
use crate::events;
use crate::facts::{AttemptDone, AttemptFacts, MadeArtifact};
use crate::options::SourceOptions;
use crate::origin::{FetchMeans, Origin};
use crate::parts::SourceParts;
use crate::status::is_of;
use crate::step;
use crate::traffic::Trip;

/// Bytes of memory that making an artifact may need: one file at a time, and what compresses it.
const ASSEMBLY_BYTES: u64 = 64 << 20;

/// Brings the newest revision into the store.
pub(crate) async fn attempt<O: Origin>(
    parts: &SourceParts<O>,
    object: &Resource<O::Spec>,
    facts: &AttemptFacts,
    trip: &Trip,
) -> Result<AttemptDone<O::Made>, Failure> {
    let plan = parts.origin.plan(object)?;
    let interval = object.spec.interval();
    let interval = interval.map_err(|error| step::field(&error))?;

    let archive = SourceArchive::of(&parts.artifacts, object)?;
    let is_lost = is_lost(parts, object, &archive).await?;
    facts.lost(is_lost);

    // The revision is noted at once: whatever fails from here on, the status can say that the artifact is outdated.
    let newest = trip.wait(parts.origin.look(object, &plan, facts)).await?;
    facts.newest(&newest);
    let included = parts.origin.includes(object, &plan)?;

    let held = object.status.artifact().filter(|_| !is_lost);
    let held = held.filter(|_| {
        is_of(object, &newest.revision) && O::is_current(object, &plan, &newest.lead, &included)
    });
    if let Some(held) = held {
        return Ok(AttemptDone {
            interval,
            artifact: at_address(held.clone(), &parts.options),
            url: latest_url::<O>(&archive, &parts.options),
            made: None,
        });
    }

    let chosen = newest.chosen;
    let work = ArtifactWork {
        parts,
        object,
        plan: &plan,
        archive: &archive,
        trip,
        revision: &newest.revision,
    };
    let made = make(&work, newest.lead, included).await;
    let (artifact, mut made) = made.map_err(|failure| failure.about(chosen.as_deref()))?;
    if let Some(chosen) = chosen {
        made.notice.text = format!("{} ({chosen})", made.notice.text);
    }
    Ok(AttemptDone {
        interval,
        artifact,
        url: latest_url::<O>(&archive, &parts.options),
        made: Some(made),
    })
}

/// What an artifact is made for and with.
struct ArtifactWork<'a, O: Origin> {
    parts: &'a SourceParts<O>,
    object: &'a Resource<O::Spec>,
    plan: &'a O::Plan,
    archive: &'a SourceArchive,
    trip: &'a Trip,
    revision: &'a str,
}

/// Brings the contents of a revision and stores the artifact.
async fn make<O: Origin>(
    work: &ArtifactWork<'_, O>,
    lead: O::Lead,
    included: Vec<IncludedPart>,
) -> Result<(Artifact, MadeArtifact<O::Made>), Failure> {
    let ArtifactWork { parts, object, .. } = *work;
    let means = FetchMeans {
        budget: Arc::new(Budget::new(parts.options.fetch)),
        archive: work.archive.clone(),
    };
    let bring = parts.origin.bring(object, work.plan, lead, &means);
    let brought = work.trip.wait(bring).await?;

    // The size is an estimate: on a small machine one piece of work takes what there is.
    let bytes = ASSEMBLY_BYTES.min(parts.memory.for_one());
    let reserve = async {
        let place = parts.memory.reserve(&object.metadata.namespace, bytes);
        place
            .await
            .map_err(|error| step::store(reasons::ARCHIVE_OPERATION_FAILED, error.to_string()))
    };
    let place = work.trip.wait(reserve).await?;

    // Included trees are opened only now, because they are in memory from here on.
    let mut trees = Vec::new();
    for part in &included {
        let other = SourceArchive::of_part(&parts.artifacts, part)?;
        trees.push((part.clone(), other.open(&part.artifact).await?));
    }
    let input = ArtifactInput {
        contents: brought.contents,
        included: trees,
        budget: means.budget,
    };

    let (stored, left_out) = work.archive.put(brought.file, input, place).await?;
    if let Some(name) = O::LATEST {
        work.archive.link(&stored.path, name).await?;
    }
    let keep = Retention {
        records: parts.options.artifact_retention_records,
        ttl: parts.options.artifact_retention_ttl,
    };
    work.archive.collect(&stored.path, keep).await;

    let mut artifact = artifact_of(work, &stored);
    artifact.metadata = brought.metadata;
    let made = MadeArtifact {
        with: MadeWith {
            included: included.into_iter().map(|part| part.artifact).collect(),
            origin: brought.made,
        },
        notice: brought.notice,
        remarks: brought.remarks,
        left_out,
    };
    Ok((artifact, made))
}

/// Returns whether the artifact of the status is missing in the store; one of ours that was changed there is removed.
async fn is_lost<O: Origin>(
    parts: &SourceParts<O>,
    object: &Resource<O::Spec>,
    archive: &SourceArchive,
) -> Result<bool, Failure> {
    let Some(artifact) = object.status.artifact() else {
        return Ok(false);
    };

    match archive.verify(artifact).await? {
        Verdict::Intact => return Ok(false),
        Verdict::Missing => {
            info!(name = %name_of(object), revision = &*artifact.revision, "artifact is not in the store, built again");
        }
        Verdict::Changed => {
            // Reported at once: the next run finds the file missing, and would not know why.
            parts.own.emit(object, events::of_damage(artifact));
            archive.remove(artifact).await?;
        }
    }
    Ok(true)
}

/// Returns how the status describes a stored artifact.
fn artifact_of<O: Origin>(work: &ArtifactWork<'_, O>, stored: &Stored) -> Artifact {
    let artifact = Artifact {
        digest: stored.digest.to_string().into(),
        last_update_time: work.parts.own.ambient().now_text().into(),
        path: stored.path.as_str().into(),
        revision: work.revision.into(),
        size: Some(stored.size.try_into().unwrap_or(i64::MAX)),
        ..Artifact::default()
    };
    let artifact = since(artifact, work.object.status.artifact());
    at_address(artifact, &work.parts.options)
}

/// Returns an artifact with the time since which the store holds it: to make the same file again is no update.
fn since(mut artifact: Artifact, before: Option<&Artifact>) -> Artifact {
    let is_same = |before: &&Artifact| {
        before.digest == artifact.digest
            && before.path == artifact.path
            && before.revision == artifact.revision
    };
    if let Some(before) = before.filter(is_same) {
        artifact.last_update_time = before.last_update_time.clone();
    }
    artifact
}

/// Returns the address that always leads to the newest artifact, for a kind that has one.
fn latest_url<O: Origin>(archive: &SourceArchive, options: &SourceOptions) -> Option<String> {
    let path = |name| format!("{}/{name}", archive.folder());
    let address = |name| archive::url(&options.storage_adv_addr, &path(name));
    O::LATEST.map(address)
}

/// Returns an artifact with its address, which follows the options, so that a moved store is found.
fn at_address(artifact: Artifact, options: &SourceOptions) -> Artifact {
    let url = archive::url(&options.storage_adv_addr, &artifact.path);
    Artifact {
        url: url.into(),
        ..artifact
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(digest: &str, time: &str) -> Artifact {
        Artifact {
            digest: digest.into(),
            path: "gitrepository/ns/a/1.tar.gz".into(),
            revision: "r1".into(),
            last_update_time: time.into(),
            ..Artifact::default()
        }
    }

    #[test]
    fn the_same_file_made_again_is_no_update() {
        let before = artifact("sha256:1", "then");
        let same = since(artifact("sha256:1", "now"), Some(&before));
        assert_eq!(&*same.last_update_time, "then");
        for other in [
            artifact("sha256:2", "now"),
            Artifact {
                revision: "r2".into(),
                ..artifact("sha256:1", "now")
            },
            Artifact {
                path: "gitrepository/ns/a/2.tar.gz".into(),
                ..artifact("sha256:1", "now")
            },
        ] {
            assert_eq!(&*since(other, Some(&before)).last_update_time, "now");
        }
        let first = since(artifact("sha256:1", "now"), None);
        assert_eq!(&*first.last_update_time, "now");
    }

    #[test]
    fn an_address_follows_the_option() {
        let options = SourceOptions {
            storage_adv_addr: "store.example".to_owned(),
            ..SourceOptions::default()
        };
        let moved = Artifact {
            url: "http://old.example/gitrepository/ns/a/1.tar.gz".into(),
            ..artifact("sha256:1", "then")
        };
        let url = at_address(moved, &options).url;
        assert_eq!(&*url, "http://store.example/gitrepository/ns/a/1.tar.gz");
    }
}
