//! The API types of Lodestone: the kinds of Flux, as data.
//!
//! One file per kind ([`git_repository`], [`kustomization`], [`helm_release`]) holds its spec and status; [`shared`]
//! holds types that several kinds use; [`conditions`] and [`reasons`] define the language of a
//! status. Every field is declared once: type, presence, constraints and description produce both
//! the Rust field and its schema ([`schema`]), from which [`definition`] generates the
//! `CustomResourceDefinition`. [`kinds`] lists all kinds, one row each, for the command line, the
//! installation and the sandbox; [`standing`] reads the state of an object of any kind.
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
//! Reading is tolerant: unknown fields are dropped, missing and null ones are empty, and texts with
//! a grammar (durations, enumerations) are parsed by accessors only. So a bad object never affects
//! others of its kind.
//!
//! Left out on purpose: validation as the API server does it (`engine/admit`), and labels and
//! annotations with a meaning (`lode_object::meta`).

pub mod conditions;
pub mod definition;
mod field;
pub mod git_repository;
pub mod helm_chart;
pub mod helm_release;
pub mod helm_repository;
pub mod kinds;
pub mod kustomization;
pub mod names;
pub mod oci_repository;
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
/// A `HelmChart` (source.toolkit.fluxcd.io/v1).
pub type HelmChart = Resource<helm_chart::Spec>;
/// A `HelmRelease` (helm.toolkit.fluxcd.io/v2).
pub type HelmRelease = Resource<helm_release::Spec>;
/// A `HelmRepository` (source.toolkit.fluxcd.io/v1).
pub type HelmRepository = Resource<helm_repository::Spec>;
/// A `Kustomization` (kustomize.toolkit.fluxcd.io/v1).
pub type Kustomization = Resource<kustomization::Spec>;
/// An `OCIRepository` (source.toolkit.fluxcd.io/v1).
pub type OCIRepository = Resource<oci_repository::Spec>;
