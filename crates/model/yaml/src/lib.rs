//! YAML as Go reads and writes it.
//!
//! [`Reader`] turns a text of several documents into [`Document`]s of JSON values, in one of the
//! two [`Dialect`]s that the Kubernetes world uses, with hard bounds on depth, aliases and nodes.
//! [`to_string`] writes a JSON value in the form that kustomize and Flux give to rendered objects,
//! to the byte: variables are substituted in that text and its digest is recorded, so it must not
//! differ.
//!
//! ```
//! use lode_yaml::{Dialect, Reader};
//!
//! let text = "kind: ConfigMap\ndata: {on: 'yes', port: 0x50}\n";
//! let document = Reader::new(text.as_bytes(), Dialect::V3).next().unwrap().unwrap();
//! assert_eq!(document.line, 1);
//! assert_eq!(lode_yaml::to_string(&document.value), "data:\n  \"on\": \"yes\"\n  port: 80\nkind: ConfigMap\n");
//! ```
//!
//! [`Reader`] and [`Nodes`] share our own scanner and composer (`scan*.rs`, `compose*.rs`), which
//! accept what Go's libraries accept. A [`Node`] keeps key order, styles, tags, positions and, on
//! request, comments: [`write_node`] writes it like its JSON value, [`write_v3()`] in go-yaml v3's
//! form with everything it keeps. [`edit`] changes one value of a text and no other byte.
//!
//! Code that reads untrusted text passes a [`Budget`](lode_stdx::budget::Budget), which is charged
//! before anything is allocated.
//!
//! Left out: UTF-16, and aliases to another document's anchors.

mod analyze;
mod bounds;
mod comment;
mod compose;
mod cost;
mod dialect;
pub mod edit;
mod error;
mod escape;
mod lines;
mod node;
mod nodes;
mod outline;
mod read;
mod scalar;
mod scan;
mod time;
mod value;
mod write;

pub use bounds::{ALIAS_BYTES_MAX, ALIAS_NODES_MAX, DEPTH_MAX, NODES_MAX, TEXT_MAX};
pub use cost::Cost;
pub use dialect::Dialect;
pub use error::{Cause, Error, Syntax};
pub use lines::Lines;
pub use node::{Content, Entry, Extra, Node, Origins, Place, Style, Tag, Text};
pub use nodes::Nodes;
pub use outline::outline;
pub use read::{Document, Reader, parse, parse_within};
pub use write::byte_order::to_string_by_bytes;
pub use write::fold::{rewrite_folds, unfold};
pub use write::key_order::key_order;
pub use write::number::number_text;
pub use write::shape::{Shape, Tree, each_written_scalar};
pub use write::v3::{Options, write_v3, write_v3_within};
pub use write::{to_string, write, write_node, write_node_within, write_tree_within, write_within};
