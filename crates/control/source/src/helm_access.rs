//! [`HelmAccess`]: how a Helm repository is reached, for its index, its charts and the charts that depend on them.

use std::time::Duration;

use lode_api::HelmRepository;
use lode_api::shared::LocalRef;
use lode_cluster::Client;
use lode_fetch::{ChartRepository, UrlError};
use lode_net::{Egress, Outbound};

use crate::credentials::{self, Certificates};
use crate::secret::{self, SecretData};

/// How a Helm repository is reached.
pub(crate) struct HelmAccess {
    /// Where connections may lead, and the certificates for them.
    pub(crate) outbound: Outbound,
    /// A user's name and password.
    pub(crate) basic: Option<(String, String)>,
    /// The Secret with credentials, which may be a pull secret for registries.
    pub(crate) secret: Option<SecretData>,
    /// Whether credentials go to every server that an index names.
    passes_credentials: bool,
    pub(crate) timeout: Duration,
}

impl HelmAccess {
    /// Returns the way to a repository that nobody has credentials for.
    pub(crate) fn anonymous(egress: &Egress, timeout: Duration) -> Self {
        Self {
            outbound: Outbound {
                egress: egress.clone(),
                ..Outbound::default()
            },
            basic: None,
            secret: None,
            passes_credentials: false,
            timeout,
        }
    }

    /// Reads what a specification names. Fails with a text in the words of Flux.
    pub(crate) async fn gather(
        client: &Client,
        object: &HelmRepository,
        egress: &Egress,
        timeout: Duration,
    ) -> Result<Self, String> {
        let (namespace, spec) = (&object.metadata.namespace, &object.spec);
        let certificates = match &spec.cert_secret_ref {
            Some(LocalRef { name }) => Some(own_certificates(client, namespace, name).await?),
            None => None,
        };
        let secret = match &spec.secret_ref {
            Some(LocalRef { name }) => {
                let found = secret::get(client, namespace, name).await;
                Some(found.map_err(|error| {
                    format!("failed to get authentication secret '{namespace}/{name}': {error}")
                })?)
            }
            None => None,
        };

        let mut access = Self::anonymous(egress, timeout);
        access.passes_credentials = spec.pass_credentials.unwrap_or_default();
        if let Some(secret) = &secret {
            access.basic = credentials::basic(secret)
                .map_err(|text| format!("failed to detect authentication methods: {text}"))?;
        }
        // Certificates beside a name and password are an old way; what is incomplete there counts as nothing.
        let old = secret
            .as_ref()
            .and_then(|secret| credentials::certificates(secret).ok());
        if let Some(Certificates { ca, client }) = certificates.or(old) {
            access.outbound.ca = ca;
            access.outbound.client_certificate = client;
        }
        access.secret = secret;
        Ok(access)
    }

    /// Returns the repository at a URL.
    pub(crate) fn repository(&self, url: &str) -> Result<ChartRepository, UrlError> {
        let repository = ChartRepository::new(url, self.outbound.clone(), self.timeout)?;
        match &self.basic {
            Some((username, password)) => {
                repository.with_credentials((username, password), self.passes_credentials)
            }
            None => Ok(repository),
        }
    }
}

async fn own_certificates(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Certificates, String> {
    let secret = secret::get(client, namespace, name).await;
    let secret = secret.map_err(|error| {
        format!("failed to get TLS authentication secret '{namespace}/{name}': {error}")
    })?;
    credentials::certificates(&secret)
        .map_err(|text| format!("failed to construct Helm client's TLS config: {text}"))
}
