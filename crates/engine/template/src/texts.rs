//! Functions on texts.

mod quoting;
mod regexes;
mod split;
mod strings;
mod words;
mod wrap;

use crate::function::TemplateFunction;

/// The functions, in a table for each subject.
pub(crate) const TABLES: &[&[TemplateFunction]] = &[
    quoting::TABLE,
    regexes::TABLE,
    split::TABLE,
    strings::TABLE,
    words::TABLE,
    wrap::TABLE,
];
