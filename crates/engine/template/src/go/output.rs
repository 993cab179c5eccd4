//! [`Output`]: bytes that are paid for before they are written.

use crate::context::Context;
use crate::error::TemplateError;
use crate::value::{GoString, Value};

/// A text in the making, charged to the budget of the render.
pub(crate) struct Output<'c, 'r> {
    context: &'c Context<'r>,
    bytes: Vec<u8>,
}

impl<'c, 'r> Output<'c, 'r> {
    /// Starts with an empty text.
    pub(crate) fn new(context: &'c Context<'r>) -> Self {
        Self {
            context,
            bytes: Vec::new(),
        }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// The budget is spent.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), TemplateError> {
        self.context.bytes(bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Returns what was written.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Returns what was written as a value.
    pub(crate) fn into_value(self) -> Value {
        Value::String(GoString::from(self.bytes))
    }
}
