//! The built `lode` in a cluster, one module per scenario.
//!
//! Each scenario has its own sandbox. `cargo xtask e2e` runs the same scenarios on a real control
//! plane and sets `LODE_BIN`, `KUBECONFIG`, `FLUX_BIN`, `HELM_BIN`, `KUSTOMIZE_BIN` and `REGISTRY_BIN`; without
//! the last four, scenarios that need these programs say so in one line and pass. [`ground`] is the cluster, [`stage`] what a
//! scenario runs on, [`flow`] what it does and waits for.

#![expect(
    clippy::print_stdout,
    reason = "what a scenario met is its report, shown by --nocapture"
)]

mod canary;
mod flow;
mod ground;
mod helm_client;
mod manifests;
mod stage;

mod a_reference_registry;
mod an_account_sees_what_it_may;
mod an_example_repository;
mod bad_manifests;
mod bad_repositories;
mod bad_weather;
mod bombs_beside_honest_neighbours;
mod builds_from_a_repository;
#[cfg(test)]
mod builds_stay_in_their_root;
mod charts_in_a_source;
mod charts_of_a_build;
mod connections_lead_only_where_they_may;
mod demo;
mod existing_objects;
#[cfg(test)]
mod first_steps;
mod five_hundred_objects;
mod force_loses_nothing;
mod hostile_releases;
mod hostile_sources;
#[cfg(test)]
mod installing;
mod killed_at_any_moment;
mod kinds_come_and_go;
mod kinds_nobody_serves;
mod live_edits;
#[cfg(test)]
mod nothing_is_left_behind;
mod one_of_two_acts;
mod real_charts;
mod releases;
mod releases_and_clients;
mod removal;
mod secrets_stay_secret;
mod stopped_leaders;
mod tenants;
mod the_api_server_goes_away;
mod the_cluster_refuses;
mod three_kustomizations;
mod two_tenants;
mod unknown_fields;
mod unsupported_fields;
mod waiting;
#[cfg(test)]
mod what_a_terminal_gets;
mod what_ends_by_itself;
mod what_is_not_applied_otherwise;
mod what_is_waited_for;
mod what_the_control_plane_owns;
