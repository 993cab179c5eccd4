//! What is written, against the shared corpus of real manifests.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "what a test cannot read has failed; figures are shown")]

mod corpus;
mod edit;
mod edits;
mod emitter;
mod v3;
