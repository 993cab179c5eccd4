//! [`HelmRepositoryOrigin`]: indexes of chart repositories as the origin of artifacts.

use std::collections::BTreeMap;
use std::sync::Arc;

use lode_api::helm_repository::Spec;
use lode_api::shared::Artifact;
use lode_api::{HelmRepository, reasons};
use lode_cluster::Client;
use lode_fetch::{ChartRepository, Index, IndexFile};
use lode_net::{Egress, OutboundError};
use lode_runtime::Failure;
use lode_stdx::Digest;
use lode_store::Store;

use super::fetch::{self, FetchedIndex};
use super::size::human;
use super::validate::{HelmRepositoryPlan, invalid_url, is_registry, validate};
use crate::contents::{BroughtContents, NewestRevision, SourceContents, SourceNotice};
use crate::facts::AttemptFacts;
use crate::helm_access::HelmAccess;
use crate::indexes::Indexes;
use crate::origin::{FetchMeans, Origin};
use crate::step;

/// Helm repositories.
pub struct HelmRepositoryOrigin {
    client: Client,
    store: Arc<Store>,
    indexes: Arc<Indexes>,
    egress: Egress,
    /// Most bytes of an index.
    limit: u64,
}

/// An index that was fetched.
pub struct IndexLead {
    digest: Digest,
    index: LeadIndex,
}

/// Whether an index was read already: one that the store has is not read again.
enum LeadIndex {
    Text(FetchedIndex),
    Read(Box<(Index, IndexFile)>),
}

impl HelmRepositoryOrigin {
    /// Takes what all repositories need: where connections may lead, and how many bytes an index may have.
    pub fn new(
        client: Client,
        store: Arc<Store>,
        indexes: Arc<Indexes>,
        egress: Egress,
        limit: u64,
    ) -> Self {
        Self {
            client,
            store,
            indexes,
            egress,
            limit,
        }
    }

    async fn repository(
        &self,
        object: &HelmRepository,
        plan: &HelmRepositoryPlan,
    ) -> Result<ChartRepository, Failure> {
        let access = HelmAccess::gather(&self.client, object, &self.egress, plan.timeout).await;
        let access = access.map_err(|text| step::fetch(reasons::AUTHENTICATION_FAILED, text))?;
        let repository = access.repository(&object.spec.url);
        let repository = repository.map_err(|error| invalid_url(&error))?;
        match repository.check() {
            Ok(()) => Ok(repository),
            Err(OutboundError::Egress(refused)) => Err(step::denied(&refused)),
            Err(error) => {
                let text = format!("failed to construct Helm client's TLS config: {error}");
                Err(step::fetch(reasons::AUTHENTICATION_FAILED, text))
            }
        }
    }

    async fn read(
        &self,
        object: &HelmRepository,
        fetched: FetchedIndex,
    ) -> Result<Box<(Index, IndexFile)>, Failure> {
        let namespace = &object.metadata.namespace;
        let read = self.indexes.convert(namespace, fetched).await;
        let read = read.map_err(|text| {
            let text = format!(
                "failed to load Helm repository from index YAML: failed to load index: {text}"
            );
            step::fetch(reasons::INDEXATION_FAILED, text)
        })?;
        Ok(Box::new(read))
    }
}

impl Origin for HelmRepositoryOrigin {
    type Spec = Spec;
    type Plan = HelmRepositoryPlan;
    type Lead = IndexLead;
    type Made = ();
    const LATEST: Option<&'static str> = Some("index.yaml");

    fn is_static(object: &HelmRepository) -> bool {
        is_registry(object)
    }

    fn plan(&self, object: &HelmRepository) -> Result<HelmRepositoryPlan, Failure> {
        validate(object)
    }

    async fn look(
        &self,
        object: &HelmRepository,
        plan: &HelmRepositoryPlan,
        _: &AttemptFacts,
    ) -> Result<NewestRevision<IndexLead>, Failure> {
        let repository = self.repository(object, plan).await?;
        let fetched = fetch::index(&repository, &self.store, self.limit).await?;
        let digest = fetched.digest;
        let revision = digest.to_string();

        // What is no index is no revision, so another one is read before it is reported.
        let held = object.status.artifact.as_deref();
        let is_held = held.is_some_and(|held| *held.revision == *revision);
        let index = if is_held {
            LeadIndex::Text(fetched)
        } else {
            LeadIndex::Read(self.read(object, fetched).await?)
        };
        let news = format!("new index revision '{revision}'");
        Ok(NewestRevision {
            revision,
            chosen: None,
            outdated: SourceNotice::outdated(news.clone()),
            progress: Some(news),
            lead: IndexLead { digest, index },
        })
    }

    async fn bring(
        &self,
        object: &HelmRepository,
        _: &HelmRepositoryPlan,
        lead: IndexLead,
        _: &FetchMeans,
    ) -> Result<BroughtContents<()>, Failure> {
        let (index, file) = *match lead.index {
            LeadIndex::Read(read) => read,
            LeadIndex::Text(fetched) => self.read(object, fetched).await?,
        };
        let uid = &object.metadata.uid;
        self.indexes.put(uid, &lead.digest.to_string(), index);
        let (size, url) = (human(file.size()), &object.spec.url);
        Ok(BroughtContents {
            contents: SourceContents::File(Box::new(file)),
            file: format!("index-{}.yaml", lead.digest.hex()),
            notice: SourceNotice {
                reason: reasons::NEW_ARTIFACT,
                text: format!("stored fetched index of size {size} from '{url}'"),
            },
            remarks: Vec::new(),
            metadata: BTreeMap::new(),
            made: (),
        })
    }

    fn notice(_: &HelmRepository, artifact: &Artifact, _: Option<&SourceNotice>) -> SourceNotice {
        SourceNotice {
            reason: reasons::SUCCEEDED,
            text: format!("stored artifact: revision '{}'", artifact.revision),
        }
    }
}
