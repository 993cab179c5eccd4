//! The API types Lodestone speaks: the kinds of Flux, as data.
//!
//! One file per kind ([`git_repository`], [`kustomization`]) holds its spec and status; [`shared`] holds what several
//! kinds have in common; [`conditions`] and [`reasons`] say how a status speaks. Every field is written once: type,
//! presence, constraints and description together make the Rust field and its schema ([`schema`]), of which
//! [`definition`] makes the `CustomResourceDefinition`. [`kinds`] lists all kinds, a row each: what the command line,
//! the installation and the sandbox know of them; [`standing`] reads how an object of any of them is doing.
//!
//! ```
//! use lode_api::{GitRepository, Kind, Resource};
//!
//! let repository: GitRepository = Resource::parse(&serde_json::json!({
//!     "metadata": {"name": "fleet", "namespace": "flux-system"},
//!     "spec": {"url": "https://example.com/fleet", "interval": "5m", "unknown": true},
//! })).unwrap();
//! assert_eq!(repository.spec.interval().unwrap().as_secs(), 300);
//! assert_eq!(repository.spec.timeout().unwrap().as_secs(), 60);
//! ```
//!
//! Reading is tolerant: unknown fields are dropped, missing and null ones are empty, and texts with a grammar
//! (durations, enumerations) stay texts until an accessor is asked. So one bad object never stops its kind.
//!
//! Left out on purpose: validation as the API server does it (`engine/admit`), and labels and annotations with a
//! meaning (`lode_object::meta`).

pub mod conditions;
pub mod definition;
mod field;
pub mod git_repository;
pub mod kinds;
pub mod kustomization;
pub mod names;
pub mod reasons;
mod resource;
pub mod schema;
pub mod shared;
pub mod standing;
#[cfg(test)]
pub mod toy;

pub use conditions::Conditions;
pub use field::FieldError;
pub use resource::{Kind, Meta, ParseError, Resource, SourceStatus, Status};

/// A `GitRepository` (source.toolkit.fluxcd.io/v1).
pub type GitRepository = Resource<git_repository::Spec>;
/// A `Kustomization` (kustomize.toolkit.fluxcd.io/v1).
pub type Kustomization = Resource<kustomization::Spec>;
