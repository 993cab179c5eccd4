//! The whole crate against data: own cases, the shared kustomize corpus, and what Flux recorded.

mod cases;
mod flux;
mod kustomize;
mod laws;
mod support;
