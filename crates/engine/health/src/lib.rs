//! Whether an object has reached its desired state.
//!
//! [`compute`] reads an object's own status by the rules that users know from Flux (kstatus, with
//! Flux's interpretation of Jobs); [`Checks`] replaces them by the user's expressions (RFC 0009).
//! Both are pure: time is an argument.
//!
//! ```
//! use lode_health::{Status, compute};
//! use serde_json::json;
//!
//! let health = compute(&json!({
//!     "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "status": {"phase": "Pending"},
//! }), 0);
//! assert_eq!(health.status, Status::InProgress);
//! assert_eq!(health.message.as_ref(), "PVC is not Bound. phase: Pending");
//! ```
//!
//! Left out: reading objects, and waiting for them (`control`).

mod checks;
mod conditions;
mod detail;
mod fields;
mod kinds;
mod pods;
mod rules;
mod status;
mod workloads;

pub use checks::{CheckError, Checks, Exprs};
pub use pods::{pod_failed, pod_query, pods_failed, with_failed_pods};
pub use rules::{compute, kstatus};

pub use status::{Health, Seconds, Status, Turn, aggregate};
