//! The client beside a registry that does as the specification says, and beside one that does not.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

mod hostile;
mod login;
mod pulling;

use std::time::Duration;

use lode_net::{Egress, Outbound, Rules};
use lode_oci::{Credentials, Error, Manifest, Registry, Repository, Scheme};
use lode_sandbox::OciArtifact;

/// Largest blob of a test.
const LIMIT: u64 = 1 << 20;

/// Returns settings with which loopback can be reached.
fn outbound() -> Outbound {
    let egress = Egress::new(Rules {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        ..Rules::default()
    });
    Outbound {
        egress,
        ..Outbound::default()
    }
}

/// Returns an operation with a repository of a registry.
fn open(server: &lode_sandbox::Registry, name: &str) -> Registry {
    with(server, name, Credentials::None)
}

fn with(server: &lode_sandbox::Registry, name: &str, credentials: Credentials) -> Registry {
    let repository = Repository::parse(&format!("{}/{name}", server.host())).unwrap();
    let time = Duration::from_secs(20);
    Registry::new(repository, credentials, Scheme::Http, outbound(), time)
}

/// Returns an artifact with one layer.
fn artifact(content: &str) -> OciArtifact {
    OciArtifact {
        config_type: "application/vnd.cncf.flux.config.v1+json".to_owned(),
        config: b"{}".to_vec(),
        layers: vec![("text/plain".to_owned(), content.into())],
        annotations: vec![("made".to_owned(), "today".to_owned())],
    }
}

/// Pulls the manifest of a tag.
async fn pull(registry: &mut Registry, tag: &str) -> Result<Manifest, Error> {
    let digest = registry.digest(tag).await?;
    registry.manifest(digest).await
}

/// Reads the first layer of a tag.
async fn layer(registry: &mut Registry, tag: &str) -> Result<Vec<u8>, Error> {
    let manifest = pull(registry, tag).await?;
    let mut blob = registry.blob(&manifest.layers[0], LIMIT).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = blob.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
