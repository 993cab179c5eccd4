//! Sources in the frame over the embedded API: what is stored, told and removed, whatever the kind.
//!
//! [`drawer`] is a kind that only these tests know. It goes through the shared way from "what is newest" to "stored";
//! [`git_repositories`] goes through it with the real Git. [`played`] is the stage of both.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

mod drawer;
mod failures;
mod git_repositories;
mod page;
mod played;
mod removal;
mod stored;
