//! Functions on numbers.

pub(crate) mod cast;
mod decimal;
mod floats;
mod integers;

use crate::function::TemplateFunction;

/// The functions, in a table for each subject.
pub(crate) const TABLES: &[&[TemplateFunction]] = &[floats::TABLE, integers::TABLE];
