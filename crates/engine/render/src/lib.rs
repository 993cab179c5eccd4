//! The one door from a source folder to final objects: build, override, substitute.
//!
//! [`render()`] takes a [`Tree`](lode_tree::Tree) and a [`Plan`] (what a Kustomization's spec says about building) and
//! gives the objects with their origins, the digest of the rendered text, and the record of what was read. It is pure:
//! the same tree and plan give the same answer, and as long as [`ReadSet::holds_in`](lode_tree::ReadSet::holds_in) is
//! true of a later tree, so does that one.
//!
//! ```
//! use lode_render::{Plan, render};
//! use lode_tree::Tree;
//!
//! let tree = Tree::from_iter([("app/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n")]);
//! let plan = Plan { path: "./app".into(), target_namespace: Some("shop".into()), ..Plan::default() };
//! let rendered = render(&tree, &plan).unwrap();
//! assert_eq!(rendered.objects[0].object.id().to_string(), "ConfigMap/shop/one");
//! assert_eq!(rendered.objects[0].origin.to_string(), "app/cm.yaml:1");
//! ```
//!
//! Limitations: of `kustomization.yaml` the common fields are built here (see `config.rs`); a known field that is not
//! yet built fails the build and is named. Decryption, ownership labels and normalisation for the API are elsewhere.

mod accumulate;
mod config;
mod error;
mod field;
mod flux;
mod generate;
mod images;
mod json_patch;
mod labels;
mod load;
mod origin;
mod patch;
mod plan;
mod references;
mod render;
mod resource;
mod selector;
mod strategic;
mod substitute;
mod tables;
mod transform;

pub use error::{Error, FileCause, ObjectCause};
pub use plan::{Image, Patch, Plan, Substitution, Target};
pub use render::{Origin, Prepared, Rendered, render};
