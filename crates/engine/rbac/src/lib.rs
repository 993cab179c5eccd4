//! Kubernetes' role-based access control: whether a user may do something.
//!
//! A [`Policy`] holds the roles and bindings of a cluster. It is kept up to date object by object
//! and indexes the bindings of every user and group, so that the cost of a check depends on the
//! user's bindings and not on the size of the cluster.
//!
//! ```
//! use lode_rbac::{Attributes, Policy, ResourceAttributes, User};
//!
//! let mut policy: Policy = lode_rbac::bootstrap::objects().iter().collect();
//! policy.put(&serde_json::json!({
//!     "kind": "RoleBinding", "metadata": {"namespace": "shop", "name": "jane"},
//!     "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
//!     "subjects": [{"kind": "User", "name": "jane"}],
//! }));
//! let (jane, pods) = (User::new("jane"), ResourceAttributes { resource: "pods", namespace: "shop", ..ResourceAttributes::default() });
//! assert!(policy.allowed(&jane, &Attributes::resource("list", pods)).allowed);
//! let denied = policy.authorize(&jane, &Attributes::path("get", "/metrics")).unwrap_err();
//! assert_eq!(denied.message, "forbidden: User \"jane\" cannot get path \"/metrics\"");
//! ```
//!
//! Left out: authentication, and field and label selectors of the request.

pub mod bootstrap;
mod cover;
mod escalation;
mod impersonation;
mod policy;
mod request;
pub mod review;
mod rule;

pub use escalation::Write;
pub use impersonation::{as_user, impersonations};
pub use policy::{Decision, Policy};
pub use request::{Attributes, ResourceAttributes, Target, User, forbidden};
pub use rule::Rule;
