//! The API as a client sees it, and the background work of a cluster, in one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod client;
mod definitions;
mod deletions;
mod faults;
mod watches;
mod workloads;
mod writes;
