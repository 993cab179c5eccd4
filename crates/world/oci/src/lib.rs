//! Registries of OCI artifacts: a client of the distribution specification that pulls.
//!
//! ```no_run
//! use lode_net::Outbound;
//! use lode_oci::{Credentials, Registry, Repository, Scheme};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let repository = Repository::parse("ghcr.io/stefanprodan/charts/podinfo")?;
//! let time = std::time::Duration::from_secs(60);
//! let mut registry = Registry::new(repository, Credentials::None, Scheme::Https, Outbound::default(), time);
//! let digest = registry.digest("6.2.0").await?;
//! let manifest = registry.manifest(digest).await?;
//! let mut blob = registry.blob(&manifest.layers[0], 10 << 20).await?;
//! while let Some(bytes) = blob.chunk().await? {
//!     println!("{} bytes", bytes.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Registry`] is one operation: all its requests end by one deadline, dropping a future ends its request, and
//! waiting holds no thread. Nothing is believed: a manifest that is asked for by digest must have it, a blob must have
//! the digest and the size that its manifest says, and every answer is bounded. Connections lead only where the egress
//! policy allows, also after redirects and for tokens; credentials stay at the registry and at the token service that it
//! names, which must be reached as securely as the registry itself.
//!
//! [`DockerConfig`] reads credentials as `docker login` stores them. Left out: pushing, referrers and signatures, and
//! digests other than SHA-256.

mod challenge;
mod credentials;
mod docker_config;
mod error;
mod manifest;
mod registry;
mod repository;
mod retry;

pub use credentials::Credentials;
pub use docker_config::{DockerConfig, Error as DockerConfigError};
pub use error::{Error, Refusal, Said};
pub use manifest::{Descriptor, Manifest};
pub use registry::{Blob, Registry, Scheme};
pub use repository::{Error as RepositoryError, Repository, is_private_host};
