//! Functions on numbers.

pub(crate) mod cast;
mod decimal;
mod floats;
mod integers;

use crate::function::Entry;

/// The functions, in a table for each subject.
pub(crate) const TABLES: &[&[Entry]] = &[floats::TABLE, integers::TABLE];
