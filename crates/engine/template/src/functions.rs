//! The functions of sprig and Helm, a row each, in a table for each subject.

mod args;
mod cast;
mod certificates;
pub(crate) mod cost;
mod dates;
mod decimal;
mod defaults;
mod digests;
mod encoding;
mod floats;
mod lists;
mod maps;
mod merging;
mod methods;
mod moment;
mod numbers;
mod passwords;
mod paths;
mod quoting;
mod random;
mod regexes;
mod semvers;
mod split;
mod strings;
mod words;
mod wrap;

pub(crate) use digests::decode_base64;
pub(crate) use moment::Moment;

use crate::function::Entry;

/// Returns all functions of sprig 3.3.0 and Helm 4.2.1 that need nothing of the running template.
pub(crate) fn all() -> impl Iterator<Item = &'static Entry> {
    const TABLES: &[&[Entry]] = &[
        certificates::TABLE,
        dates::TABLE,
        defaults::TABLE,
        digests::TABLE,
        encoding::TABLE,
        floats::TABLE,
        lists::TABLE,
        maps::TABLE,
        merging::TABLE,
        numbers::TABLE,
        passwords::TABLE,
        paths::TABLE,
        quoting::TABLE,
        random::TABLE,
        regexes::TABLE,
        semvers::TABLE,
        split::TABLE,
        strings::TABLE,
        words::TABLE,
        wrap::TABLE,
    ];
    TABLES.iter().copied().flatten()
}
