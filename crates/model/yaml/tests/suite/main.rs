//! Reading and writing YAML, against what Go's libraries made of the same texts and the shared corpus of manifests.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what a test cannot read has failed; figures are shown"
)]

mod comments;
mod corpus;
mod edit;
mod edits;
mod emitter;
mod reader;
mod v3;
