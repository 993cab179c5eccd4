//! One function: its name, its signature as Go writes it, its code.

use crate::context::Context;
use crate::error::TemplateError;
use crate::value::Value;

/// A function that templates can call: its name, its Go signature, its code.
#[derive(Debug, Clone, Copy)]
pub struct TemplateFunction {
    /// The name in templates.
    pub name: &'static str,
    /// The signature as Go writes it: `func(int, string) string`.
    pub signature: &'static str,
    /// The code.
    pub body: FunctionBody,
}

impl TemplateFunction {
    /// Returns a row.
    pub const fn new(name: &'static str, signature: &'static str, body: FunctionBody) -> Self {
        Self {
            name,
            signature,
            body,
        }
    }
}

/// The code of a function. The arguments fit its signature, both in number and in type.
pub type FunctionBody = fn(&mut Context<'_>, &[Value]) -> Result<Value, TemplateError>;
