//! Ownership of an object's fields: server-side apply, no-ops, digests and differences.
//!
//! This crate does what the API server does with a write: a [`set`] says who owns which fields,
//! [`typed`] values are compared, merged and split, the [`updater`] finds conflicts and fields to
//! remove, and [`write`](mod@write) stores all of it in `metadata.managedFields`. [`decide()`] uses
//! this to determine without a request whether an apply would change anything. [`strategic`] and
//! [`json`] are the patches that other clients send.
//!
//! After each apply of ours the server's response is authoritative, so all that is kept of it is
//! [`Observed`]: a digest of the fields we own with their live values, a digest of everything that
//! counts as drift, and a few flags. A watch event that does not change them is not drift. [`diff`]
//! then says which fields differ, [`who`] which manager changed them, [`cleanup`] how older
//! managers are folded into ours, [`contract`] which fields belong to the control plane, and
//! [`mask`] keeps Secrets out of all of it.
//!
//! ```
//! use lode_merge::observe;
//! use serde_json::json;
//!
//! let live = |image: &str, ready: u8| json!({
//!     "apiVersion": "apps/v1", "kind": "Deployment",
//!     "metadata": {"name": "web", "uid": "u1", "resourceVersion": "7", "managedFields": [
//!         {"manager": "lode", "operation": "Apply", "fieldsV1": {"f:spec": {"f:image": {}}}},
//!     ]},
//!     "spec": {"image": image}, "status": {"ready": ready},
//! });
//! let first = observe(&live("web:1", 0), "lode", &[]);
//! assert_eq!(first.own, observe(&live("web:1", 1), "lode", &[]).own, "a status is nobody's drift");
//! assert_ne!(first.own, observe(&live("web:2", 1), "lode", &[]).own);
//! ```
//!
//! Left out: everything else a server does to an object (defaults, validation, admission). Values
//! come from a JSON parser, whose limit on nesting (128) also bounds every recursion here.

pub mod cleanup;
pub mod contract;
mod decide;
pub mod diff;
pub mod digest;
mod element;
pub mod fields;
pub mod filter;
pub mod json;
pub mod mask;
mod observe;
mod order;
pub mod path;
mod quantity;
pub mod set;
pub mod strategic;
pub mod typed;
pub mod updater;
pub mod who;
pub mod write;
mod zero;

pub use decide::{Decision, Reason, decide};
pub use digest::{Digest, content_digest, content_equal, digest, own_digest};
pub use observe::{FieldManager, Flags, Observed, OwnFields, observe};
