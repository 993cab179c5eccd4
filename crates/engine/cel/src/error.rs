//! Compile errors.

/// Why a text is not a valid expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is longer than allowed.
    #[error("the expression has {bytes} bytes, more than {max}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// It is nested too deeply, or has too long a chain.
    #[error("the expression is nested too deeply")]
    TooDeep,
    /// A syntax error.
    #[error("line {line}, column {column}: {what}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was found.
        what: String,
    },
    /// It uses an unsupported feature.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The parser itself failed.
    #[error("the expression cannot be read")]
    Parser,
}
