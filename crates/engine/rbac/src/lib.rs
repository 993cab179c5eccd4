//! May this user do this? Kubernetes' role-based access control.
//!
//! A [`Policy`] is what the roles and bindings of a cluster say. It is kept up to date object by object, and knows for
//! every user and group its bindings, so that a check costs what the user is bound to and not what the cluster holds.
//!
//! ```
//! use lode_rbac::{Attributes, Policy, Resource, User};
//!
//! let mut policy: Policy = lode_rbac::bootstrap::objects().iter().collect();
//! policy.put(&serde_json::json!({
//!     "kind": "RoleBinding", "metadata": {"namespace": "shop", "name": "jane"},
//!     "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
//!     "subjects": [{"kind": "User", "name": "jane"}],
//! }));
//! let (jane, pods) = (User::new("jane"), Resource { resource: "pods", namespace: "shop", ..Resource::default() });
//! assert!(policy.allowed(&jane, &Attributes::resource("list", pods)).allowed);
//! let denied = policy.authorize(&jane, &Attributes::path("get", "/metrics")).unwrap_err();
//! assert_eq!(denied.message, "forbidden: User \"jane\" cannot get path \"/metrics\"");
//! ```
//!
//! Left out: who a request comes from, and field and label selectors of what is asked for.

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
pub use request::{Attributes, Resource, Target, User, forbidden};
pub use rule::Rule;
