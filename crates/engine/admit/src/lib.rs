//! What an API server does to an object that is written: old object and request in, object or [`Status`] out.
//!
//! A [`Kind`] says how objects of one kind are named, typed and treated; kinds differ only by what their rows say.
//! A body becomes an object of its kind, gets its defaults, is made ready to be stored, and is held against the rules
//! of its kind. What is wrong with it is a list of [`FieldError`]s.
//!
//! A write goes this way: [`decode`], [`create::begin`] if the object is new, [`default()`], then it is settled who owns
//! which fields, [`create::prepare`] or [`update::prepare`], [`validate`]. What is applied is merged before it is decoded,
//! which settles who owns what. What a definition defines goes through [`custom`] besides.
//!
//! Left out: who owns which fields (`engine/merge`), who may write (`engine/rbac`), and what it takes other objects to
//! know: namespaces, allocated addresses, owners.

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
