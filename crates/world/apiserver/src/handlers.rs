//! Handlers for requests about objects of any kind: one file per verb, and what the verbs share.
//!
//! `dispatch` calls `read`, `watch`, `write`, `delete` and `subresource`; controllers write through
//! `inside`.

mod admission;
mod body;
pub(crate) mod call;
pub(crate) mod delete;
mod endpoint;
pub(crate) mod inside;
mod page;
mod patch;
pub(crate) mod read;
mod scale;
mod shape;
pub(crate) mod subresource;
pub(crate) mod watch;
pub(crate) mod write;
