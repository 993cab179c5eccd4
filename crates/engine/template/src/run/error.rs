//! Errors of running templates, with the templates that led to them.

use std::fmt;

use crate::error::TemplateError;

/// A template failed. Its text is Go's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecError {
    /// Where it failed, from the template that was run to the innermost one.
    pub(crate) layers: Vec<Layer>,
    pub(crate) error: TemplateError,
}

/// A place in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    /// File, line and column.
    pub(crate) location: String,
    /// The template, quoted.
    pub(crate) template: String,
    /// The node.
    pub(crate) context: String,
    /// What led to the next layer.
    pub(crate) what: String,
    /// Whether the next layer is reported by another error between them.
    pub(crate) is_wrapped: bool,
}

impl ExecError {
    /// An error outside of any template.
    pub(crate) fn plain(error: TemplateError) -> Self {
        Self {
            layers: Vec::new(),
            error,
        }
    }

    /// Returns whether a bound of ours was reached, so that the same input would fail again.
    pub fn is_bound(&self) -> bool {
        self.error.is_bound()
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            location,
            template,
            context,
            what,
            ..
        } = self;
        if context.is_empty() {
            return write!(f, "template: {location}: {what}");
        }
        write!(
            f,
            "template: {location}: executing {template} at <{context}>: {what}"
        )
    }
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for layer in &self.layers {
            fmt::Display::fmt(layer, f)?;
        }
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for ExecError {}
