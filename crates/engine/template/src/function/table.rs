//! The table of functions that a template is compiled with.

use std::collections::HashMap;

use super::{FunctionBody, Signature, TemplateFunction};
use crate::builtin;
use crate::context::Context;
use crate::error::TemplateError;
use crate::value::{GoType, Value};

/// Functions by name. Templates hold indexes into it, so nothing is searched while they run.
#[derive(Debug)]
pub struct Functions {
    rows: Vec<ParsedFunction>,
    index: HashMap<&'static str, usize>,
}

#[derive(Debug)]
pub(crate) struct ParsedFunction {
    pub(crate) name: &'static str,
    pub(crate) signature: Signature,
    pub(crate) body: FunctionBody,
    /// Whether it takes values as they are, and not as interfaces.
    pub(crate) is_reflective: bool,
}

impl Functions {
    /// Returns the table of Go's own functions and the entries; a later one replaces an earlier one of the same name.
    pub fn new<'e>(entries: impl IntoIterator<Item = &'e TemplateFunction>) -> Self {
        let mut functions = Self {
            rows: Vec::new(),
            index: HashMap::new(),
        };
        for entry in builtin::TABLE.iter().chain(entries) {
            let index = functions.rows.len();
            functions.index.insert(entry.name, index);
            let signature = Signature::parse(entry.signature);
            let first = signature.parameter(0);
            functions.rows.push(ParsedFunction {
                name: entry.name,
                is_reflective: first.is_some_and(|first| first.of == GoType::Reflect),
                signature,
                body: entry.body,
            });
        }
        functions
    }

    /// Returns the functions of sprig and Helm.
    pub fn helm() -> Self {
        Self::new(crate::functions::all().chain(crate::engine::TABLE))
    }

    /// Returns the signature of a function.
    pub fn signature(&self, name: &str) -> Option<&Signature> {
        self.row(name).map(|row| &row.signature)
    }

    /// Calls a function with arguments that fit its signature.
    ///
    /// # Errors
    /// As the function fails, or there is none of this name.
    pub fn call(
        &self,
        name: &str,
        context: &mut Context<'_>,
        args: &[Value],
    ) -> Result<Value, TemplateError> {
        let row = self.row(name);
        let row =
            row.ok_or_else(|| TemplateError::new(format!("function {name:?} not defined")))?;
        (row.body)(context, args)
    }

    /// Returns the names, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.index.keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// Returns where a function is.
    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// Returns whether the function at an index is Go's own.
    pub(crate) fn is_builtin(index: usize) -> bool {
        index < builtin::TABLE.len()
    }

    pub(crate) fn at(&self, index: usize) -> Option<&ParsedFunction> {
        self.rows.get(index)
    }

    fn row(&self, name: &str) -> Option<&ParsedFunction> {
        self.at(self.index(name)?)
    }
}
