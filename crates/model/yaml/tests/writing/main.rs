//! What is written, against the shared corpus of real manifests.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its data has failed")]

mod corpus;
mod emitter;
