//! Values: what a user and the charts themselves set.
//!
//! Values are JSON. As in Helm all numbers that come from YAML or JSON are floats; only `--set` makes
//! integers, which templates print differently.

pub mod coalesce;
mod lookup;
mod merge;
mod read;
pub mod set;
mod supplied;

pub(crate) use lookup::{path_value, table};
pub use merge::merge;
pub(crate) use merge::{merge_tables, nest};
pub use read::{ValuesReadError, read};
pub use supplied::{Supplied, SuppliedError};
