//! [`Registry`]: a registry of OCI artifacts in memory, with push and pull of the distribution specification.
//!
//! Repositories exist as soon as something is in them. Who may do what is one of three ways: everybody, whoever has the
//! name and password, or whoever got a token for them.

mod access;
mod route;
mod shelf;

use std::sync::Arc;

use lode_stdx::Digest;
use serde_json::{Value, json};

use self::route::Route;
use self::shelf::Shelf;
use crate::web::{Web, WebAsk, WebFault, WebRequest};

pub use self::access::{REGISTRY_PASSWORD, REGISTRY_USER, RegistryAccess};

/// What is pushed under a tag.
#[derive(Debug, Clone, Default)]
pub struct OciArtifact {
    /// Media type of the configuration.
    pub config_type: String,
    /// The configuration.
    pub config: Vec<u8>,
    /// Media type and content of each layer.
    pub layers: Vec<(String, Vec<u8>)>,
    /// Annotations of the manifest.
    pub annotations: Vec<(String, String)>,
}

/// A registry in memory; it ends when this is dropped.
pub struct Registry {
    web: Web,
    shelf: Arc<Shelf>,
}

impl Registry {
    /// Starts an empty registry on a free port.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(access: RegistryAccess) -> std::io::Result<Self> {
        Self::start_with(access, None).await
    }

    /// Starts an empty registry on a free port, encrypted if an acceptor is given.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start_with(
        access: RegistryAccess,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> std::io::Result<Self> {
        let shelf = Arc::new(Shelf::default());
        let (held, scheme) = (shelf.clone(), if tls.is_some() { "https" } else { "http" });
        let web = Web::start("registry", tls, |address| {
            let route = Route {
                shelf: held,
                access,
                realm: format!("{scheme}://{address}/token"),
            };
            move |ask: &WebAsk| route.answer(ask)
        });
        Ok(Self {
            web: web.await?,
            shelf,
        })
    }

    /// Returns host and port.
    #[must_use]
    pub fn host(&self) -> String {
        self.web.address().to_string()
    }

    /// Puts an artifact under a tag; returns the digest of its manifest.
    pub fn push(&self, repository: &str, tag: &str, artifact: &OciArtifact) -> Digest {
        let manifest = self.manifest(repository, artifact).to_string();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        self.put_manifest(repository, Some(tag), (media_type, manifest.as_bytes()))
    }

    /// Puts a manifest or an index, under a tag if one is given; returns its digest.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        (media_type, bytes): (&str, &[u8]),
    ) -> Digest {
        self.shelf
            .put_manifest(repository, tag, media_type, bytes.to_vec())
    }

    /// Puts a blob; returns its digest.
    pub fn put_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        self.shelf.put_blob(repository, bytes.to_vec())
    }

    /// Removes a tag; what it named stays.
    pub fn untag(&self, repository: &str, tag: &str) {
        self.shelf.untag(repository, tag);
    }

    /// Makes requests go wrong whose path contains a text.
    pub fn fault(&self, part: &str, fault: WebFault) {
        self.web.fault(part, fault);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.web.heal();
    }

    /// Returns the requests since the last call.
    pub fn take_requests(&self) -> Vec<WebRequest> {
        self.web.take_requests()
    }

    /// Puts the parts of an artifact and returns its manifest.
    fn manifest(&self, repository: &str, artifact: &OciArtifact) -> Value {
        let described = |media_type: &str, bytes: &[u8]| {
            let digest = self.put_blob(repository, bytes).to_string();
            json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
        };
        let layers = artifact.layers.iter();
        let layers: Vec<_> = layers
            .map(|(media_type, bytes)| described(media_type, bytes))
            .collect();
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": described(&artifact.config_type, &artifact.config),
            "layers": layers,
        });
        for (key, value) in &artifact.annotations {
            manifest["annotations"][key] = value.as_str().into();
        }
        manifest
    }
}
