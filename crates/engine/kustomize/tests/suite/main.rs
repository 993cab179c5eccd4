//! The whole crate against data: the shared kustomize corpus, and invariants of every build.

#[cfg(test)]
mod builds;
#[cfg(test)]
mod charts;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod custom_lists;
#[cfg(test)]
mod krusty;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod overlays;
#[cfg(test)]
mod rebuilds;
#[cfg(test)]
mod replacing;
