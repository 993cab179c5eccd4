//! Reading and writing YAML, compared with what Go's libraries did with the same texts, and with
//! the shared corpus of manifests.
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
