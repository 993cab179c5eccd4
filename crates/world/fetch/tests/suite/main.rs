//! Repositories beside a server, and indexes beside what Flux made of the same ones.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

mod fetching;
mod recorded;
