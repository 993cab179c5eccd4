//! The built `lode` on a real control plane, one module per scenario.
//!
//! Run by `cargo xtask e2e`, which sets `LODE_BIN`, `FLUX_BIN` and `KUBECONFIG`; without `LODE_BIN` every scenario
//! prints one line and passes. [`stage`] is what a scenario plays on, [`flow`] what it does and waits for.

#![expect(clippy::print_stdout, reason = "what a scenario met is its report, shown by --nocapture")]

mod flow;
mod manifests;
mod stage;

mod bad_manifests;
mod bad_repositories;
mod builds_from_a_repository;
mod existing_objects;
mod five_hundred_objects;
mod killed_at_any_moment;
mod live_edits;
mod removal;
mod secrets_stay_secret;
mod tenants;
mod the_api_server_goes_away;
mod the_cluster_refuses;
mod three_kustomizations;
mod unsupported_fields;
