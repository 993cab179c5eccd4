//! One Kubernetes object as data.
//!
//! [`Object`] is a JSON value that has a kind, an API version and a name; [`Id`] is an object's
//! identity; [`OwnerLabels`] name its owner; [`json`] reads fields; [`order`] defines the install
//! order; [`secrecy`] determines what of an object may be shown; [`meta`] lists the labels and annotations that have a meaning
//! for Flux and Lodestone.
//!
//! ```
//! use lode_object::Object;
//!
//! let object = Object::parse(serde_json::json!({
//!     "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
//! })).unwrap();
//! assert_eq!(object.id().inventory(), "shop_web_apps_Deployment");
//! assert_eq!(object.id().to_string(), "Deployment/shop/web");
//! ```
//!
//! Left out on purpose: schemas and defaults (`model/schema`, `engine/admit`).

mod id;
pub mod json;
mod merge_patch;
pub mod meta;
mod object;
pub mod order;
mod owner;
pub mod secrecy;
mod selection;
pub mod selector;

pub use id::{GroupKind, GroupVersionKind, Id, InventoryError, NamespacedName};
pub use merge_patch::merge_patch;
pub use object::{Error, Object};
pub use owner::OwnerLabels;
pub use secrecy::{Secrecy, Words};
pub use selection::Selector;
pub use selector::LabelSelector;
/// The JSON model: maps sorted by key, as Go's encoder writes them.
pub use serde_json::{Map, Value};
