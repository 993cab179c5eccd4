//! [`OciOrigin`]: layers of artifacts in registries as the origin of our artifacts.

use std::sync::Arc;

use lode_api::oci_repository::{OCIRepositoryStatus, Spec};
use lode_api::shared::Artifact;
use lode_api::{OCIRepository, reasons};
use lode_cluster::Client;
use lode_net::Egress;
use lode_oci::Registry;
use lode_runtime::{Failure, Memory};
use lode_stdx::Digest;
use lode_store::Store;

use super::pull::{Annotations, PullMeans};
use super::validate::{OciPlan, validate};
use super::{find, gather, pull};
use crate::contents::{BroughtContents, IncludedPart, MadeWith, NewestRevision, SourceNotice};
use crate::facts::AttemptFacts;
use crate::origin::{FetchMeans, Origin};

/// Annotations that say what an artifact was made from.
const SOURCE: &str = "org.opencontainers.image.source";
const REVISION: &str = "org.opencontainers.image.revision";

/// Repositories in registries.
pub struct OciOrigin {
    client: Client,
    store: Arc<Store>,
    memory: Memory,
    egress: Egress,
}

/// An artifact that was found, and the registry that has it.
pub struct OciLead {
    registry: Registry,
    digest: Digest,
    revision: String,
}

impl OciOrigin {
    /// Takes what all repositories need; `egress` says where connections may lead.
    pub fn new(client: Client, store: Arc<Store>, memory: Memory, egress: Egress) -> Self {
        Self {
            client,
            store,
            memory,
            egress,
        }
    }
}

impl Origin for OciOrigin {
    type Spec = Spec;
    type Plan = OciPlan;
    type Lead = OciLead;
    type Made = ();
    const LATEST: Option<&'static str> = Some("latest.tar.gz");

    fn plan(&self, object: &OCIRepository) -> Result<OciPlan, Failure> {
        validate(object)
    }

    async fn look(
        &self,
        object: &OCIRepository,
        plan: &OciPlan,
        _: &AttemptFacts,
    ) -> Result<NewestRevision<OciLead>, Failure> {
        let mut registry = gather::registry(&self.client, object, plan, &self.egress).await?;
        let found = find::artifact(&mut registry, plan, &object.spec.url).await?;
        let news = format!("new revision '{}' for '{}'", found.revision, found.name);
        Ok(NewestRevision {
            revision: found.revision.clone(),
            chosen: None,
            outdated: SourceNotice::outdated(news.clone()),
            progress: Some(news),
            lead: OciLead {
                registry,
                digest: found.digest,
                revision: found.revision,
            },
        })
    }

    fn is_current(object: &OCIRepository, _: &OciPlan, _: &OciLead, _: &[IncludedPart]) -> bool {
        let (spec, status) = (&object.spec, &object.status);
        status.observed_ignore == spec.ignore
            && status.observed_layer_selector == spec.layer_selector
    }

    async fn bring(
        &self,
        object: &OCIRepository,
        plan: &OciPlan,
        mut lead: OciLead,
        means: &FetchMeans,
    ) -> Result<BroughtContents<()>, Failure> {
        let url = &object.spec.url;
        let pull = PullMeans {
            plan,
            url,
            ignore: object.spec.ignore.as_deref().map(str::to_owned),
            namespace: &object.metadata.namespace,
            store: &self.store,
            memory: &self.memory,
            budget: &means.budget,
        };
        let (contents, annotations) = pull::layer(&mut lead.registry, lead.digest, &pull).await?;
        Ok(BroughtContents {
            contents,
            file: format!("{}.tar.gz", lead.digest),
            notice: SourceNotice {
                reason: reasons::NEW_ARTIFACT,
                text: stored(&lead.revision, url, &annotations),
            },
            remarks: Vec::new(),
            metadata: annotations,
            made: (),
        })
    }

    fn observe(spec: &Spec, status: &mut OCIRepositoryStatus, _: Option<MadeWith<()>>) {
        status.observed_ignore.clone_from(&spec.ignore);
        status
            .observed_layer_selector
            .clone_from(&spec.layer_selector);
    }

    fn notice(_: &OCIRepository, artifact: &Artifact, _: Option<&SourceNotice>) -> SourceNotice {
        SourceNotice {
            reason: reasons::SUCCEEDED,
            text: format!("stored artifact for digest '{}'", artifact.revision),
        }
    }
}

/// Returns what is said of a new artifact, with what it was made from if its maker says so.
fn stored(revision: &str, url: &str, annotations: &Annotations) -> String {
    let stored = format!("stored artifact with revision '{revision}' from '{url}'");
    let made_from = annotations.get(SOURCE).zip(annotations.get(REVISION));
    match made_from {
        Some((source, revision)) => {
            format!("{stored}, origin source '{source}', origin revision '{revision}'")
        }
        None => stored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_what_the_artifact_was_made_from() {
        let both = Annotations::from([
            (SOURCE.into(), "https://git.example/app".into()),
            (REVISION.into(), "main@sha1:4d".into()),
        ]);
        assert_eq!(
            stored("v1@sha256:0", "oci://h/app", &both),
            "stored artifact with revision 'v1@sha256:0' from 'oci://h/app', \
             origin source 'https://git.example/app', origin revision 'main@sha1:4d'"
        );
        let one = Annotations::from([(SOURCE.into(), "x".into())]);
        assert_eq!(
            stored("v1@sha256:0", "oci://h/app", &one),
            "stored artifact with revision 'v1@sha256:0' from 'oci://h/app'"
        );
    }
}
