//! Templates as trees of nodes, with Go's grammar and error texts.

mod control;
mod grammar;
mod lex;
mod node;
mod number;
mod parsed;
mod parser;
mod pipeline;
mod source;
mod unquote;

pub use grammar::Grammar;
pub(crate) use node::{Branch, NodeId, NodeKind, Nodes, Pipe, Span};
pub use number::Number;
pub use parsed::Parsed;
pub(crate) use parser::{NODE_BYTES, charge_nodes};

/// The tokens of a template by kind and text, for tests of the lexer. The last one is an error or
/// the end.
pub fn tokens(text: &[u8], delimiters: Grammar<'_>) -> Vec<(&'static str, String)> {
    lex::tokens(text, delimiters)
}
