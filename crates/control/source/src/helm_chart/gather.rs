//! Finds what a chart is made from: the repository with its index or tags, or the files of another source.

use std::sync::Arc;

use lode_api::helm_repository::RepositoryType;
use lode_api::shared::RegistryProvider;
use lode_api::{HelmRepository, SourceStatus as _, reasons};
use lode_cluster::Client;
use lode_fetch::{ChartShelf, TaggedCharts};
use lode_net::{Egress, OutboundError};
use lode_object::NamespacedName;
use lode_oci::{Credentials, DockerConfig, Scheme};
use lode_runtime::{Failure, Retry, Sources, Store};
use lode_store::Owner;
use lode_tree::Tree;

use super::failure::{BuildStep, outside};
use crate::facts::AttemptFacts;
use crate::helm_access::HelmAccess;
use crate::indexes::Indexes;
use crate::secret::SecretData;
use crate::step;

/// What URLs of registries begin with.
pub(crate) const OCI: &str = "oci://";

/// Where charts and their sources are found.
pub(crate) struct ChartWorld {
    pub(crate) client: Client,
    pub(crate) repositories: Arc<Store<HelmRepository>>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) store: Arc<lode_store::Store>,
    pub(crate) egress: Egress,
    /// Most bytes of an index.
    pub(crate) index_max: u64,
}

/// The files of another source.
pub(crate) struct SourceFolder {
    pub(crate) tree: Arc<Tree>,
    pub(crate) revision: String,
}

impl ChartWorld {
    /// Returns the files of a source.
    pub(crate) async fn folder(
        &self,
        kind: &str,
        name: &NamespacedName,
        facts: &AttemptFacts,
    ) -> Result<SourceFolder, Failure> {
        let found = self.sources.find(kind, name);
        let found = found.ok_or_else(|| unavailable(kind, name))?;
        let artifact = found.artifact.ok_or_else(|| not_stored(kind, name))?;
        facts.used(&artifact.revision);

        let singular = kind.to_lowercase();
        let owner = Owner::new(&singular, &name.namespace, &name.name, &found.uid);
        let unopened = |text: String| {
            let text = format!("failed to open source artifact: {text}");
            step::fetch(reasons::READ_OPERATION_FAILED, text)
        };
        let owner = owner.map_err(|error| unopened(error.to_string()))?;
        let tree = self.sources.open(&artifact, &owner).await;
        Ok(SourceFolder {
            tree: tree.map_err(|error| unopened(error.to_string()))?,
            revision: artifact.revision.to_string(),
        })
    }

    /// Returns where the charts of a repository are.
    pub(crate) async fn shelf(
        &self,
        name: &NamespacedName,
        facts: &AttemptFacts,
    ) -> Result<ChartShelf, Failure> {
        let kind = "HelmRepository";
        let repository = self.repositories.get(name);
        let repository = repository.ok_or_else(|| unavailable(kind, name))?;
        let is_registry = repository.spec.r#type() == Ok(RepositoryType::Oci);
        let artifact = repository.status.artifact();
        if let Some(artifact) = artifact {
            facts.used(&artifact.revision);
        }
        if is_registry {
            return self.tags(&repository).await;
        }

        let artifact = artifact.ok_or_else(|| not_stored(kind, name))?;
        let access = self.access(&repository).await?;
        let charts = access.repository(&repository.spec.url);
        let charts = charts.map_err(|error| invalid_url(&error))?;
        check(charts.check())?;
        let index = self.indexes.of(&repository, artifact).await;
        let index = index.map_err(|text| {
            let text = format!(
                "failed to get chart version for remote reference: failed to load index: {text}"
            );
            BuildStep::Pull.failed(text)
        })?;
        Ok(ChartShelf::Index(Box::new(charts), index))
    }

    async fn access(&self, repository: &HelmRepository) -> Result<HelmAccess, Failure> {
        let timeout = repository.spec.timeout();
        let timeout = timeout.map_err(|error| step::field(&error))?;
        let access = HelmAccess::gather(&self.client, repository, &self.egress, timeout).await;
        access.map_err(outside)
    }

    /// Returns the charts below a path of a registry.
    pub(crate) async fn tags(&self, repository: &HelmRepository) -> Result<ChartShelf, Failure> {
        let spec = &repository.spec;
        let provider = spec.provider().map_err(|error| step::field(&error))?;
        if provider != RegistryProvider::Generic {
            let what = format!("provider {} of a HelmRepository", provider.as_str());
            return Err(step::unsupported(&what));
        }
        let Some(base) = spec.url.strip_prefix(OCI) else {
            let text = format!("invalid OCI registry URL: {}", spec.url);
            return Err(invalid_url(&text));
        };
        let access = self.access(repository).await?;
        let base = base.trim_end_matches('/').to_owned();
        let credentials = credentials(access.secret.as_ref(), &base);
        let credentials = credentials.map_err(|text| {
            outside(format!(
                "failed to configure OCI registry authentication: {text}"
            ))
        })?;
        Ok(ChartShelf::Tags(Box::new(TaggedCharts {
            base,
            credentials,
            outbound: access.outbound,
            scheme: if spec.insecure.unwrap_or_default() {
                Scheme::Http
            } else {
                Scheme::Https
            },
            timeout: access.timeout,
        })))
    }
}

/// Returns what opens a registry, by exactly its host.
fn credentials(secret: Option<&SecretData>, base: &str) -> Result<Credentials, String> {
    let Some(secret) = secret else {
        return Ok(Credentials::None);
    };
    let name = secret.name().rsplit('/').next().unwrap_or_default();
    if secret.kind() == "kubernetes.io/dockerconfigjson" {
        let json = secret.any(&[".dockerconfigjson"]).unwrap_or_default();
        let config = DockerConfig::parse(&json);
        let config = config.map_err(|error| {
            format!("unable to load Docker config from Secret '{name}': {error}")
        })?;
        let host = base.split('/').next().unwrap_or_default();
        return config.of_host(host).cloned().ok_or_else(|| {
            format!("no auth config for '{host}' in the docker-registry Secret '{name}'")
        });
    }
    match (secret.text("username"), secret.text("password")) {
        (None, None) => Ok(Credentials::None),
        (Some(username), Some(password)) => Ok(Credentials::Basic { username, password }),
        _ => Err(format!(
            "invalid '{name}' secret data: required fields 'username' and 'password'"
        )),
    }
}

fn check(checked: Result<(), OutboundError>) -> Result<(), Failure> {
    match checked {
        Ok(()) => Ok(()),
        Err(OutboundError::Egress(refused)) => Err(step::denied(&refused)),
        Err(error) => Err(outside(format!(
            "failed to construct Helm client's TLS config: {error}"
        ))),
    }
}

fn invalid_url(why: &dyn std::fmt::Display) -> Failure {
    outside(format!("invalid Helm repository URL: {why}")).with(Retry::Never)
}

fn unavailable(kind: &str, name: &NamespacedName) -> Failure {
    let name = &name.name;
    let text =
        format!("failed to get source: {kind}.source.toolkit.fluxcd.io \"{name}\" not found");
    step::fetch(reasons::SOURCE_UNAVAILABLE, text)
}

/// A source without an artifact is no fault: its artifact wakes the chart, which looks itself from time to time.
fn not_stored(kind: &str, name: &NamespacedName) -> Failure {
    let text = format!("no artifact available for {kind} source '{}'", name.name);
    Failure {
        quiet: true,
        ..step::fetch(reasons::NO_SOURCE_ARTIFACT, text)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;

    fn docker(host: &str) -> SecretData {
        let login = json!({"auths": {host: {"username": "git", "password": "hunter2"}}});
        let data = json!({".dockerconfigjson": STANDARD.encode(login.to_string())});
        let object = json!({"type": "kubernetes.io/dockerconfigjson", "data": data});
        SecretData::parse(&object, "ns/auth".to_owned())
    }

    #[test]
    fn a_registry_is_opened_by_a_name_and_password_or_by_a_pull_secret_for_its_host() {
        let base = "host.example:5000/charts";
        let plain =
            SecretData::of_texts("ns/auth", &[("username", "git"), ("password", "hunter2")]);
        for secret in [&plain, &docker("host.example:5000")] {
            let found = credentials(Some(secret), base).unwrap();
            assert!(matches!(found, Credentials::Basic { .. }));
        }
        assert_eq!(credentials(None, base), Ok(Credentials::None));
        let empty = SecretData::of_texts("ns/auth", &[]);
        assert_eq!(credentials(Some(&empty), base), Ok(Credentials::None));
    }

    #[test]
    fn credentials_that_open_nothing_are_told_without_them() {
        let half = SecretData::of_texts("ns/auth", &[("password", "hunter2")]);
        for (secret, expected) in [
            (
                docker("other.example"),
                "no auth config for 'host.example' in the docker-registry Secret 'auth'",
            ),
            (
                half,
                "invalid 'auth' secret data: required fields 'username' and 'password'",
            ),
        ] {
            let text = credentials(Some(&secret), "host.example/charts").unwrap_err();
            assert_eq!(text, expected);
        }
    }
}
