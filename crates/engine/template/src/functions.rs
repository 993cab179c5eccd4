//! The functions of sprig and Helm, a row each, in a table for each subject.

pub(crate) mod args;
pub(crate) mod cost;
pub(crate) mod dates;
mod defaults;
mod encoding;
mod lists;
mod maps;
mod merging;
mod methods;
pub(crate) mod moment;
mod paths;
mod semvers;

use crate::function::TemplateFunction;
use crate::{numbers, secrets, texts};

/// Returns all functions of sprig 3.3.0 and Helm 4.2.1 that need nothing of the running template.
pub(crate) fn all() -> impl Iterator<Item = &'static TemplateFunction> {
    const TABLES: &[&[TemplateFunction]] = &[
        dates::TABLE,
        defaults::TABLE,
        encoding::TABLE,
        lists::TABLE,
        maps::TABLE,
        merging::TABLE,
        paths::TABLE,
        semvers::TABLE,
    ];
    let tables = [TABLES, numbers::TABLES, secrets::TABLES, texts::TABLES];
    tables.into_iter().flatten().copied().flatten()
}
