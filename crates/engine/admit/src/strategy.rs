//! [`Strategy`]: the treatment of one kind of objects, as a row of data (`rest.RESTCreateStrategy`
//! and related interfaces).
//!
//! In: a [`Kind`]. Out: the row that says which writes are allowed, what counts as a change, what
//! each endpoint resets, how objects may be named and selected. Left out: what a row cannot
//! express; that is in `create`, `update` and `validate`.

mod path;
mod row;
mod rows;

pub(crate) use path::{at, equal, items_at, object, object_at, put, remove, text};
pub use row::{Generation, NameRule, Scale, Selectable, Strategy};

use crate::kind::{Kind, Types};

/// Returns the strategy of a kind.
#[must_use]
pub fn of(kind: &Kind) -> &'static Strategy {
    match &kind.types {
        Types::Builtin => rows::of(&kind.gvk.group, &kind.gvk.kind),
        Types::Custom(_) if kind.status => &rows::CUSTOM_WITH_STATUS,
        Types::Custom(_) => &rows::CUSTOM,
    }
}
