//! Why a text is no expression.

/// Why text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is longer than allowed.
    #[error("the expression has {bytes} bytes, more than {max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// It is nested deeper, or chained longer, than allowed.
    #[error("the expression is nested too deeply")]
    TooDeep,
    /// The text does not follow the grammar.
    #[error("line {line}, column {column}: {what}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is there.
        what: String,
    },
    /// It uses something that is left out here.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The parser itself failed.
    #[error("the expression cannot be read")]
    Parser,
}
