//! Reads the index of a repository into an [`Index`], and into the JSON that Flux stores.
//!
//! ```text
//! text ─┬─ yaml ─┐ one entry at a time
//!       └─ json ─┴→ gather ─┬─ name, version, created, urls, digest → Index
//!                           └─ JSON of the entry → a file without a name ─ write → IndexFile
//! ```

mod charts;
mod entry;
mod error;
mod gather;
mod json;
mod limits;
mod shape;
mod write;
mod yaml;

use std::path::Path;

use lode_stdx::budget::Budget;

use self::gather::Gather;

pub use charts::{FindError, FoundChart, Index};
pub use error::{IndexError, Misfit};
pub use limits::IndexLimits;
pub use write::IndexFile;

/// Reads an index in YAML or JSON; returns it compact, and as the JSON that Flux stores, in a file without a name below
/// `folder`.
///
/// # Errors
/// See [`IndexError`].
pub fn convert(
    text: &[u8],
    folder: &Path,
    limits: &IndexLimits,
    budget: &Budget,
) -> Result<(Index, IndexFile), IndexError> {
    if text.is_empty() {
        return Err(IndexError::Empty);
    }
    if json::is_likely(text) {
        let mut gather = Gather::with_file(folder, limits, budget)?;
        if let Ok(rest) = json::read(text, &mut gather) {
            return gather.finish(&rest);
        }
        // What is not JSON may still be YAML, which has brackets, too.
    }
    let mut gather = Gather::with_file(folder, limits, budget)?;
    let rest = yaml::read(text, &mut gather, budget)?;
    gather.finish(&rest)
}

impl Index {
    /// Reads the JSON of an [`IndexFile`] that was stored.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn read(text: &[u8], limits: &IndexLimits, budget: &Budget) -> Result<Self, IndexError> {
        let mut gather = Gather::new(limits, budget);
        match json::read(text, &mut gather) {
            Ok(_) => gather.into_index(),
            Err(error) => Err(gather.error().unwrap_or(IndexError::Form(Misfit {
                chart: String::new(),
                field: format!("line {}", error.line()),
                want: "an index as JSON",
            }))),
        }
    }
}

#[cfg(test)]
mod tests;
