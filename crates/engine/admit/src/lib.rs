//! What an API server does to a written object: old object and request in, object or [`Status`]
//! out.
//!
//! A [`Kind`] describes names, type and treatment of objects; kinds differ only in their rows. A
//! body is decoded as an object of its kind, defaulted, prepared for storage, and validated by the
//! rules of its kind. Errors are a list of [`FieldError`]s.
//!
//! The steps of a write are [`decode`], [`create::begin`] if the object is new, [`default()`],
//! field ownership, [`create::prepare`] or [`update::prepare`], [`validate`]. An apply is merged,
//! and its ownership computed, before it is decoded. Custom resources additionally go through
//! [`custom`].
//!
//! Left out: field ownership (`engine/merge`), authorisation (`engine/rbac`), and what depends on
//! other objects: namespaces, allocated addresses, owners.

pub mod convert;
pub mod create;
pub mod custom;
pub mod decode;
mod default;
mod field_error;
mod kind;
mod metadata;
pub mod protobuf;
mod status;
mod stored;
pub mod strategy;
pub mod update;
pub mod validate;

pub use default::default;
pub use field_error::{FieldError, Reason};
pub use kind::{Kind, Types};
pub use status::{Cause, Details, Status};
