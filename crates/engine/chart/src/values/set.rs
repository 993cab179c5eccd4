//! The lines of `--set` and its relatives: `a.b=1,c[0]=x,d={y,z}`.
//!
//! Grammar, limits and messages are Helm's, with its oddities: a line that ends within an index, or
//! after a key in a list, sets nothing and is no error; `a=` sets an empty text.

mod error;
mod parser;
mod path;
mod text;

use lode_stdx::budget::{Budget, Meter};
use serde_json::{Map, Value};

pub use error::{INDEX_MAX, NAME_LEVEL_MAX, SetError};
pub use parser::ReadFile;

use error::SetStop;
use parser::{Parser, SetFlag};
use text::SetLine;

/// Sets values from a line of `--set`.
///
/// # Errors
/// The line is malformed, or the budget is exceeded.
pub fn typed(line: &str, into: &mut Map<String, Value>, budget: &Budget) -> Result<(), SetError> {
    parse(line, SetFlag::Typed, into, budget)
}

/// Sets texts from a line of `--set-string`.
///
/// # Errors
/// As [`typed`].
pub fn texts(line: &str, into: &mut Map<String, Value>, budget: &Budget) -> Result<(), SetError> {
    parse(line, SetFlag::Text, into, budget)
}

/// Sets a text from a line of `--set-literal`, in which nothing after `=` has a meaning.
///
/// # Errors
/// As [`typed`].
pub fn literal(line: &str, into: &mut Map<String, Value>, budget: &Budget) -> Result<(), SetError> {
    parse(line, SetFlag::Literal, into, budget)
}

/// Sets JSON values from a line of `--set-json` of the form `key=value,key=value`.
///
/// # Errors
/// As [`typed`], or a value is not JSON.
pub fn json(line: &str, into: &mut Map<String, Value>, budget: &Budget) -> Result<(), SetError> {
    parse(line, SetFlag::Json, into, budget)
}

/// Sets the contents of files from a line of `--set-file`.
///
/// # Errors
/// As [`typed`], or a file cannot be read.
pub fn files(
    line: &str,
    into: &mut Map<String, Value>,
    read: ReadFile<'_>,
    budget: &Budget,
) -> Result<(), SetError> {
    parse(line, SetFlag::File(read), into, budget)
}

fn parse(
    line: &str,
    form: SetFlag<'_>,
    into: &mut Map<String, Value>,
    budget: &Budget,
) -> Result<(), SetError> {
    let mut parser = Parser {
        text: SetLine::new(line),
        form,
        meter: Meter::new(budget),
    };
    loop {
        match parser.key(into, 0) {
            Ok(()) => {}
            Err(SetStop::End) => return Ok(()),
            Err(SetStop::Failed(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
