//! From a source to its code.

use std::sync::Arc;

use lode_stdx::budget::Meter;

use super::code::{Code, CodeStep, FlowStep, Unit};
use super::compiler::Compiler;
use crate::error::TemplateError;
use crate::function::Functions;
use crate::parse::{Grammar, Parsed};

/// Parses and compiles a source.
///
/// # Errors
/// Go's text, as of the parser.
pub(crate) fn compile(
    name: &str,
    text: &Arc<[u8]>,
    functions: &Functions,
    delimiters: Grammar<'_>,
    meter: &Meter<'_>,
) -> Result<Unit, TemplateError> {
    let parsed = Parsed::parse(name, text, functions, delimiters, meter)?;
    let is_default = delimiters.left == "{{" && delimiters.right == "}}";
    let unit = Unit {
        name: name.into(),
        text: Arc::clone(text),
        delimiters: (!is_default).then(|| (delimiters.left.into(), delimiters.right.into())),
        charged: parsed.charged,
        ..Unit::empty()
    };

    let mut compiler = Compiler::new(&parsed, text, functions, unit);
    for tree in &parsed.trees {
        compiler.list(tree.root);
        compiler.emit(CodeStep::Flow(FlowStep::Return));
        let mut ops = std::mem::take(&mut compiler.ops);
        ops.shrink_to_fit();
        compiler.unit.codes.push(Code {
            name: Arc::clone(&tree.name),
            ops,
            is_empty: tree.is_empty,
        });
    }
    Ok(compiler.unit)
}
