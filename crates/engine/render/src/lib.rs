//! From a source folder to final objects: build, override, substitute.
//!
//! [`render()`] takes a [`Tree`](lode_tree::Tree), a [`Plan`] (a Kustomization's build settings)
//! and a [`Budget`](lode_stdx::budget::Budget) and returns the objects with their origins, the
//! digest of the rendered text, and the record of what was read. It is pure: the same tree and plan
//! give the same result, and a later tree gives it too as long as
//! [`ReadSet::holds_in`](lode_tree::ReadSet::holds_in) is true for that tree.
//!
//! ```
//! use lode_render::{LIMITS, Plan, render};
//! use lode_stdx::budget::Budget;
//! use lode_tree::Tree;
//!
//! let tree = Tree::from_iter([("app/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n")]);
//! let plan = Plan { path: "./app".into(), target_namespace: Some("shop".into()), ..Plan::default() };
//! let rendered = render(&tree, &plan, &Budget::new(LIMITS)).unwrap();
//! assert_eq!(rendered.objects[0].object.id().to_string(), "ConfigMap/shop/one");
//! assert_eq!(rendered.objects[0].origin.to_string(), "app/cm.yaml:1");
//! ```
//!
//! Left out: decryption, ownership labels and normalisation for the API, which other crates do.

mod charts;
mod error;
mod fields;
mod flux;
mod glob;
mod plan;
pub mod release;
mod render;
mod secret;
mod source;
mod substitute;

pub use charts::{Chance, ChartRenderer, Fetched};
pub use error::{Error, ObjectCause};
pub use fields::Dropped;
pub use lode_kustomize::{Charts, Image, LIMITS, Origin, Sources};
pub use plan::{Patch, Plan, Substitution};
pub use render::{Prepared, Rendered, render, render_with_charts};
