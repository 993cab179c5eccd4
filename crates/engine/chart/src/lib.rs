//! Helm charts, as Helm 4.2.1 treats them.
//!
//! [`release`] reads and writes the records of releases; [`Metadata`] is what Chart.yaml says.
//!
//! ```
//! use lode_chart::release;
//!
//! assert_eq!(release::key("web", 3), "sh.helm.release.v1.web.v3");
//! ```
//!
//! Left out: reading and writing objects of a cluster, waiting, and fetching charts.

mod json;
mod metadata;
mod moment;
pub mod release;

pub use metadata::{Dependency, Lock, Maintainer, Metadata};
