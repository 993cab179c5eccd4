//! [`HelmChartOrigin`]: packed charts as artifacts.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use lode_api::conditions::{ARTIFACT_IN_STORAGE, State};
use lode_api::helm_chart::{HelmChartStatus, SourceKind, Spec};
use lode_api::shared::Artifact;
use lode_api::{HelmChart, HelmRepository, reasons};
use lode_cluster::Client;
use lode_fetch::{ChartShelf, ShelfChart};
use lode_net::Egress;
use lode_object::NamespacedName;
use lode_runtime::{Failure, Memory, Sources, Store, Use};
use lode_stdx::budget::Budget;
use lode_stdx::semver::Version;

use super::failure::{self, BuildStep};
use super::folder::{self, ChartFolder};
use super::gather::ChartWorld;
use super::local;
use super::remote::{self, PackMeans, PackedChart};
use super::validate::{HelmChartPlan, check_name, validate};
use crate::contents::{
    BroughtContents, IncludedPart, MadeWith, NewestRevision, SourceContents, SourceNotice,
};
use crate::facts::AttemptFacts;
use crate::indexes::Indexes;
use crate::origin::{FetchMeans, Origin};

/// Characters of a commit that are part of a version: labels of 63 characters must have room for it.
const COMMIT_CHARS: usize = 12;

/// Charts.
pub struct HelmChartOrigin {
    world: ChartWorld,
    memory: Memory,
    /// Most bytes of a packed chart that is brought.
    chart_max: u64,
}

/// What charts need.
pub struct HelmChartOriginParts {
    /// Reads Secrets.
    pub client: Client,
    /// All repositories: dependencies are looked up in those of the namespace.
    pub repositories: Arc<Store<HelmRepository>>,
    /// All sources.
    pub sources: Arc<Sources>,
    /// Where artifacts are.
    pub store: Arc<lode_store::Store>,
    /// The indexes of the repositories.
    pub indexes: Arc<Indexes>,
    /// Memory for loading and packing.
    pub memory: Memory,
    /// Where connections may lead.
    pub egress: Egress,
    /// Most bytes of an index.
    pub index_max: u64,
    /// Most bytes of a packed chart that is brought.
    pub chart_max: u64,
}

/// A chart that was found, and where it is.
pub struct HelmChartLead {
    name: String,
    version: String,
    /// Whether the version is another one than the chart's own.
    is_other_version: bool,
    place: LeadPlace,
}

enum LeadPlace {
    Shelf(Box<(ChartShelf, ShelfChart)>),
    Folder(ChartFolder),
}

/// What the status notes of a packed chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartMade {
    name: String,
    values_files: Vec<String>,
}

impl HelmChartOrigin {
    /// Takes what all charts need.
    pub fn new(parts: HelmChartOriginParts) -> Self {
        Self {
            world: ChartWorld {
                client: parts.client,
                repositories: parts.repositories,
                sources: parts.sources,
                indexes: parts.indexes,
                store: parts.store,
                egress: parts.egress,
                index_max: parts.index_max,
            },
            memory: parts.memory,
            chart_max: parts.chart_max,
        }
    }

    async fn of_repository(
        &self,
        plan: &HelmChartPlan,
        facts: &AttemptFacts,
    ) -> Result<HelmChartLead, Failure> {
        let shelf = self.world.shelf(&plan.source, facts).await?;
        check_name(&plan.chart)?;
        let found = remote::find(&shelf, plan).await?;
        let addition = plan.merges_values.then(|| plan.generation.to_string());
        Ok(HelmChartLead {
            name: found.name.clone(),
            version: version(&found.version, addition.as_deref())?,
            is_other_version: addition.is_some(),
            place: LeadPlace::Shelf(Box::new((shelf, found))),
        })
    }

    async fn of_source(
        &self,
        plan: &HelmChartPlan,
        facts: &AttemptFacts,
    ) -> Result<HelmChartLead, Failure> {
        let kind = plan.kind.as_str();
        let source = self.world.folder(kind, &plan.source, facts).await?;
        // A few small files are read, so it costs no more than to look for them.
        let (folder, metadata) = folder::find(plan, source.tree, &Budget::new(lode_git::BUDGET))?;
        let mut additions = Vec::new();
        if plan.follows_revisions {
            additions.push(short(&source.revision));
        }
        if plan.merges_values {
            additions.push(plan.generation.to_string());
        }
        let addition = (!additions.is_empty()).then(|| additions.join("."));
        Ok(HelmChartLead {
            name: metadata.name,
            version: version(&metadata.version, addition.as_deref())?,
            is_other_version: addition.is_some(),
            place: LeadPlace::Folder(folder),
        })
    }
}

impl Origin for HelmChartOrigin {
    type Spec = Spec;
    type Plan = HelmChartPlan;
    type Lead = HelmChartLead;
    type Made = ChartMade;
    const LATEST: Option<&'static str> = Some("latest.tar.gz");

    fn plan(&self, object: &HelmChart) -> Result<HelmChartPlan, Failure> {
        validate(object)
    }

    async fn look(
        &self,
        _: &HelmChart,
        plan: &HelmChartPlan,
        facts: &AttemptFacts,
    ) -> Result<NewestRevision<HelmChartLead>, Failure> {
        let lead = match plan.kind {
            SourceKind::Repository => self.of_repository(plan, facts).await?,
            SourceKind::Git | SourceKind::Bucket => self.of_source(plan, facts).await?,
        };
        Ok(NewestRevision {
            revision: lead.version.clone(),
            chosen: None,
            // A version counts once its chart is made.
            outdated: None,
            progress: None,
            lead,
        })
    }

    fn is_current(
        object: &HelmChart,
        _: &HelmChartPlan,
        lead: &HelmChartLead,
        _: &[IncludedPart],
    ) -> bool {
        object.status.observed_chart_name.as_deref() == Some(&*lead.name)
    }

    async fn bring(
        &self,
        object: &HelmChart,
        plan: &HelmChartPlan,
        lead: HelmChartLead,
        means: &FetchMeans,
    ) -> Result<BroughtContents<ChartMade>, Failure> {
        let pack = PackMeans {
            plan: Arc::new(plan.clone()),
            namespace: &object.metadata.namespace,
            memory: &self.memory,
            budget: &means.budget,
            chart_max: self.chart_max,
        };
        let version = &lead.version;
        let made = match lead.place {
            LeadPlace::Shelf(found) => remote::make(&found.0, &found.1, version, &pack).await?,
            LeadPlace::Folder(folder) => {
                let is_other = lead.is_other_version;
                local::make(folder, version, is_other, &self.world, &pack).await?
            }
        };
        // A name in a registry may have several parts, a file has one.
        let file = format!("{}-{version}.tgz", lead.name.replace('/', "-"));
        Ok(BroughtContents {
            notice: summary(&lead.name, version, &made),
            remarks: remarks(&made),
            contents: SourceContents::File(Box::new(Cursor::new(made.bytes))),
            file,
            metadata: BTreeMap::new(),
            made: ChartMade {
                name: lead.name,
                values_files: made.values_files,
            },
        })
    }

    fn observe(spec: &Spec, status: &mut HelmChartStatus, made: Option<MadeWith<ChartMade>>) {
        let Some(MadeWith { origin: made, .. }) = made else {
            return;
        };
        status.observed_chart_name = Some(made.name.into());
        status.observed_values_files = if spec.ignore_missing_values_files == Some(true) {
            made.values_files.into_iter().map(Into::into).collect()
        } else {
            Vec::new()
        };
    }

    fn observe_used(status: &mut HelmChartStatus, revision: &str) {
        status.observed_source_artifact_revision = Some(revision.into());
    }

    fn told(failure: &Failure) -> (&'static str, &str) {
        failure::told(failure)
    }

    fn notice(
        object: &HelmChart,
        artifact: &Artifact,
        made: Option<&SourceNotice>,
    ) -> SourceNotice {
        made.cloned()
            .unwrap_or_else(|| told_before(object, artifact))
    }

    fn uses(object: &HelmChart) -> Vec<Use> {
        let source = &object.spec.source_ref;
        let name = NamespacedName::new(&object.metadata.namespace, &source.name);
        vec![Use::new(&source.kind, name)]
    }
}

/// Returns a version with an addition behind its `+`.
fn version(own: &str, addition: Option<&str>) -> Result<String, Failure> {
    let Some(addition) = addition else {
        return Ok(own.to_owned());
    };
    let parsed = Version::parse(own);
    let parsed = parsed.map_err(|error| {
        let text = format!("failed to parse version from chart metadata as SemVer: {error}");
        BuildStep::Version.failed(text)
    })?;
    let version = Version {
        build: addition.into(),
        ..parsed
    };
    Ok(version.to_string())
}

/// Returns the beginning of the commit in a revision such as `main@sha1:4d11580cae93…`.
fn short(revision: &str) -> String {
    let commit = revision.rsplit(':').next().unwrap_or_default();
    commit.chars().take(COMMIT_CHARS).collect()
}

/// Returns what is said of a packed chart.
fn summary(name: &str, version: &str, made: &PackedChart) -> SourceNotice {
    let (reason, action) = words(made.is_packaged);
    let mut text = format!("{action} '{name}' chart with version '{version}'");
    if !made.values_files.is_empty() {
        let files = made.values_files.join(" ");
        text = format!("{text} and merged values files [{files}]");
    }
    SourceNotice { reason, text }
}

fn words(is_packaged: bool) -> (&'static str, &'static str) {
    if is_packaged {
        (reasons::CHART_PACKAGE_SUCCEEDED, "packaged")
    } else {
        (reasons::CHART_PULL_SUCCEEDED, "pulled")
    }
}

fn remarks(made: &PackedChart) -> Vec<SourceNotice> {
    let count = made.resolved;
    let remark = SourceNotice {
        reason: reasons::RESOLVED_DEPENDENCIES,
        text: format!("resolved {count} chart dependencies"),
    };
    if count == 0 { Vec::new() } else { vec![remark] }
}

/// Returns what was said of an artifact when it was made.
fn told_before(object: &HelmChart, artifact: &Artifact) -> SourceNotice {
    let stored = object.status.conditions.get(ARTIFACT_IN_STORAGE);
    let stored = stored.filter(|stored| stored.status == State::True);
    for is_packaged in [true, false] {
        let (reason, _) = words(is_packaged);
        if let Some(stored) = stored.filter(|stored| *stored.reason == *reason) {
            let text = stored.message.to_string();
            return SourceNotice { reason, text };
        }
    }
    let name = object
        .status
        .observed_chart_name
        .as_deref()
        .unwrap_or_default();
    let is_repository = object.spec.source_kind() == Ok(Some(SourceKind::Repository));
    let made = PackedChart {
        bytes: Vec::new(),
        is_packaged: !is_repository || !object.spec.values_files().is_empty(),
        values_files: Vec::new(),
        resolved: 0,
    };
    summary(name, &artifact.revision, &made)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_version_gets_an_addition() {
        assert_eq!(version("v1.2", None).unwrap(), "v1.2");
        assert_eq!(
            version("1.2.0-rc.1+old", Some("3")).unwrap(),
            "1.2.0-rc.1+3"
        );
        assert_eq!(version("v1.2", Some("4d.3")).unwrap(), "1.2.0+4d.3");
        assert_eq!(
            version("x", Some("3")).unwrap_err().reason,
            "MetadataPatchError"
        );
        assert_eq!(short("main@sha1:4d11580cae9312345"), "4d11580cae93");
    }

    #[test]
    fn what_was_done_is_said() {
        let made = |is_packaged, files: &[&str]| PackedChart {
            bytes: Vec::new(),
            is_packaged,
            values_files: files.iter().map(|file| (*file).to_owned()).collect(),
            resolved: 2,
        };
        let pulled = summary("app", "1.0.0", &made(false, &[]));
        assert_eq!(pulled.text, "pulled 'app' chart with version '1.0.0'");
        let packaged = summary("app", "1.0.0", &made(true, &["a", "b"]));
        assert_eq!(
            packaged.text,
            "packaged 'app' chart with version '1.0.0' and merged values files [a b]"
        );
        let remarks = remarks(&made(true, &[]));
        assert_eq!(remarks[0].text, "resolved 2 chart dependencies");
    }

    #[test]
    fn an_artifact_that_stays_is_told_as_before() {
        let mut object = json!({"metadata": {"name": "a"}, "spec": {"chart": "app"}});
        object["spec"]["sourceRef"] = json!({"kind": "GitRepository", "name": "b"});
        object["status"] = json!({"observedChartName": "app", "conditions": [{
            "type": "ArtifactInStorage", "status": "True", "reason": "ChartPullSucceeded", "message": "as before",
        }]});
        let artifact = Artifact {
            revision: "1.0.0".into(),
            ..Artifact::default()
        };
        let told = |object: &serde_json::Value| {
            told_before(&HelmChart::parse(object).unwrap(), &artifact).text
        };
        assert_eq!(told(&object), "as before");
        object["status"]["conditions"] = json!([]);
        assert_eq!(told(&object), "packaged 'app' chart with version '1.0.0'");
    }
}
