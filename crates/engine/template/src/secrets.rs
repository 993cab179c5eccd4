//! Functions that hash, encrypt, draw at random and make certificates.

mod certificates;
pub(crate) mod digests;
mod passwords;
mod random;

use crate::function::TemplateFunction;

/// The functions, in a table for each subject.
pub(crate) const TABLES: &[&[TemplateFunction]] = &[
    certificates::TABLE,
    digests::TABLE,
    passwords::TABLE,
    random::TABLE,
];
