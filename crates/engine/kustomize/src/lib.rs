//! kustomization.yaml to objects, as kustomize 5.8.1 builds them.
//!
//! [`build()`] takes a [`Loader`](lode_tree::Loader) and a folder and gives the objects, each with the place every value in
//! it comes from, and the record of what was read. It is pure: the same loader and folder give the same answer.
//!
//! A build spends a [`Budget`](lode_stdx::budget::Budget) of bytes, nodes and steps, because a few lines can ask for gigabytes and hours.
//! [`build()`] gives it [`LIMITS`], [`build_within()`] what the caller says.
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
//! Left out: running programs and containers. Fetching what is remote is the loader's, rendering charts is for who is
//! given as [`Charts`]; without them either is refused.

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
pub use build::{Build, Builder, Built, build, build_within, rebuild};
pub use config::selector::Target;
pub use error::{Error, FileCause, ObjectCause};
pub use input::charts::{Chart, Charts};
pub use input::decode::At;
pub use input::kustomization::{Kustomization, Unknown};
pub use input::settings::{Image, Patch};
pub use input::source::Restrictions;
pub use input::sources::Sources;
pub use object::order::Order;
pub use object::origin::{Files, Origin};
pub use object::scopes::is_cluster_scoped;
pub use options::{Compat, Options};
