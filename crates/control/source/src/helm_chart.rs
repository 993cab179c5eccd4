//! `HelmChart`: a packed chart, taken from a `HelmRepository` or made from a folder of another source.
//!
//! ```text
//! source ─┬─ HelmRepository ─ shelf: index or tags ─→ version ─→ remote: download, perhaps values, pack
//!         └─ folder ─ Chart.yaml ─────────────────→ version ─→ local: values, dependencies, pack
//! ```
//!
//! `validate` checks the specification, `gather` finds the source, whose charts are on a shelf of `world/fetch`,
//! `folder` finds one in a source, `remote` and `local` make the package, `values` merges values files, `dependencies`
//! brings subcharts, `failure` says what went wrong in the words of Flux, `origin` puts all of it in order.

mod dependencies;
mod failure;
mod folder;
mod gather;
mod local;
mod origin;
mod remote;
mod validate;
mod values;

pub use origin::{HelmChartOrigin, HelmChartOriginParts};
