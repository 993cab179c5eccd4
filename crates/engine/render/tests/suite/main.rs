//! The whole crate against data: own cases, the shared kustomize corpus, and what Flux recorded.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod flux;
#[cfg(test)]
mod kustomize;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod support;
