//! Sources in the frame over the embedded API: what is stored, told and removed, whatever the kind.
//!
//! [`drawer`] is a kind that only these tests know. It goes through the shared way from "what is newest" to "stored";
//! [`git_repositories`] goes through it with the real Git, [`oci`] with a registry, [`helm_repository`] and [`helm_chart`]
//! with a server of charts, one file a scenario. [`played`] is the stage of all.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

mod drawer;
mod failures;
mod git_repositories;
mod helm_chart;
mod helm_repository;
mod oci;
mod page;
mod played;
mod removal;
mod stored;
