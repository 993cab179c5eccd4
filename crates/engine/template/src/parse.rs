//! Templates as trees of nodes, with Go's grammar and error texts.

mod control;
mod lex;
mod node;
mod number;
mod parser;
mod pipeline;
mod unquote;

pub(crate) use node::{Branch, NodeId, NodeKind, Nodes, Pipe, Span};
pub use number::Number;
pub(crate) use parser::charge_nodes;
pub use parser::{Grammar, Parsed};

/// The tokens of a template by kind and text, for tests of the lexer. The last one is an error or
/// the end.
pub fn tokens(text: &[u8], delimiters: Grammar<'_>) -> Vec<(&'static str, String)> {
    lex::tokens(text, delimiters)
}
