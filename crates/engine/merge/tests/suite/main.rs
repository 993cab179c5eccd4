//! Invariants of the digests, the reference implementation's cases, and recordings of a real API
//! server, in one binary.

#![expect(clippy::unwrap_used, reason = "a failing case fails the test")]

mod algebra;
mod anything;
mod deciding;
mod decisions;
mod http;
mod laws;
mod patches;
mod scenarios;
mod server;
mod sets;
mod smd;
mod ssa;
mod writes;
