//! Builds kustomization.yaml files into objects, as kustomize 5.8.1 does.
//!
//! [`build()`] takes a [`Loader`](lode_tree::Loader) and a folder and returns the objects, with the
//! position that every value in them comes from, and the record of what was read. It is pure: the
//! same loader and folder give the same result.
//!
//! A build spends a [`Budget`](lode_stdx::budget::Budget) of bytes, nodes and steps, because a few
//! lines can require gigabytes and hours. [`build()`] uses [`LIMITS`], [`build_within()`] the
//! caller's budget.
//!
//! ```
//! use lode_kustomize::{Compat, Options, build, rebuild};
//! use lode_tree::{RepoPath, Tree};
//!
//! let tree = Tree::from_iter([
//!     ("app/kustomization.yaml", "resources: [cm.yaml]\nnamePrefix: shop-\n"),
//!     ("app/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"),
//! ]);
//! let built = build(&tree, &RepoPath::parse("app").unwrap(), &Options::default()).unwrap();
//! assert_eq!(built.text().unwrap(), "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shop-one\n");
//! let name = built.objects[0].node.at(&["metadata", "name"]).unwrap();
//! assert_eq!(built.files.origin(name.place).to_string(), "app/kustomization.yaml:2");
//! ```
//!
//! Left out: running programs and containers. The loader fetches remote bases, and [`Charts`]
//! renders charts; without them both are refused.

mod accumulate;
mod bounds;
mod build;
mod commented;
mod config;
mod error;
mod generator;
mod input;
mod object;
mod options;
mod patching;
mod transform;

#[cfg(test)]
mod tests;

pub use bounds::LIMITS;
pub use build::{
    Build, Builder, Built, build, build_with_charts, build_within, read_stream, rebuild,
};
pub use error::{Error, FileCause, ObjectCause};
pub use input::charts::{ChartCall, ChartFailure, ChartValues, Charts, WantedChart};
pub use input::decode::At;
pub use input::kustomization::{Kustomization, Unknown};
pub use input::settings::{Image, Patch};
pub use input::source::Restrictions;
pub use input::sources::Sources;
pub use object::order::Order;
pub use object::origin::{Files, Origin};
pub use object::scopes::is_cluster_scoped;
pub use options::{Compat, Options};
