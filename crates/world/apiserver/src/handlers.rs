//! What answers requests for objects, every kind alike: one file a verb, and what verbs share.
//!
//! `read`, `watch`, `write`, `delete` and `subresource` are asked by `dispatch`; controllers write by way of `inside`.

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
