//! Helm's engine: the files of a chart as one set of templates.

mod functions;
mod render;
mod templates;

pub(crate) use functions::TABLE;
pub(crate) use functions::{include, tpl};
pub use render::{RenderError, RenderedFile, TemplateFile};
pub use templates::{MissingKey, ParseError, Templates};

use std::borrow::Cow;

/// What Helm calls the template that all files belong to.
pub(crate) const ROOT_NAME: &str = "gotpl";

/// Removes what Go prints for a missing value, as Helm does with all output.
pub(crate) fn without_no_value(text: &[u8]) -> Cow<'_, [u8]> {
    const NO_VALUE: &[u8] = b"<no value>";
    // The first letter is rare in manifests, and the fastest to find.
    let is_at = |at: &usize| {
        text.get(*at..)
            .is_some_and(|rest| rest.starts_with(NO_VALUE))
    };
    let mut found = memchr::memchr_iter(b'<', text).filter(is_at).peekable();
    if found.peek().is_none() {
        return Cow::Borrowed(text);
    }

    let mut kept = Vec::with_capacity(text.len());
    let mut start = 0;
    for at in found {
        kept.extend_from_slice(text.get(start..at).unwrap_or_default());
        start = at + NO_VALUE.len();
    }
    kept.extend_from_slice(text.get(start..).unwrap_or_default());
    Cow::Owned(kept)
}
