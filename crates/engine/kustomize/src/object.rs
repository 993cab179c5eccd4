//! The objects of a build, with their positions, notes and order.

pub(crate) mod behavior;
pub(crate) mod born;
pub(crate) mod note;
pub(crate) mod noting;
pub(crate) mod order;
pub(crate) mod origin;
pub(crate) mod parts;
pub(crate) mod resource;
pub(crate) mod resources;
pub(crate) mod schema;
pub(crate) mod scopes;
