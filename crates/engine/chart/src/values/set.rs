//! The lines of `--set` and its relatives: `a.b=1,c[0]=x,d={y,z}`.
//!
//! Grammar, limits and messages are Helm's, with its oddities: a line that ends within an index, or
//! after a key in a list, sets nothing and is no error; `a=` sets an empty text.

mod index;
mod key;
mod text;

use lode_stdx::budget::{Budget, Exceeded, Meter};
use serde_json::{Map, Value};

use key::Parser;

/// Highest index of a list.
pub const INDEX_MAX: usize = 65_536;
/// Deepest nesting of names.
pub const NAME_LEVEL_MAX: usize = 30;

/// Why a line is refused. The texts contain keys, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A key at the end of the line.
    #[error("key {0:?} has no value")]
    NoValue(String),
    /// A key that is followed by a comma.
    #[error("key {0:?} has no value (cannot end with ,)")]
    NoValueBeforeComma(String),
    /// A table without anything in it.
    #[error("key map {0:?} has no value")]
    EmptyMap(String),
    /// Names nested too deeply.
    #[error(
        "value name nested level is greater than maximum supported nested level of {NAME_LEVEL_MAX}"
    )]
    TooDeep,
    /// Indices nested too deeply.
    #[error("indices are nested deeper than {NAME_LEVEL_MAX}")]
    TooManyIndices,
    /// An index that is not a number.
    #[error("error parsing index: strconv.Atoi: parsing {0:?}: invalid syntax")]
    Index(String),
    /// A negative index.
    #[error("negative {0} index not allowed")]
    NegativeIndex(i64),
    /// A large index.
    #[error("index of {0} is greater than maximum supported index of {INDEX_MAX}")]
    LargeIndex(i64),
    /// Something between an index and what may follow it.
    #[error("unexpected data at end of array index: {0:?}")]
    AfterIndex(String),
    /// A list without its end.
    #[error("list must terminate with '}}'")]
    OpenList,
    /// A key with points or an index after something else.
    #[error("unable to parse key: {key:?} is {found}, not {want}")]
    Mismatch {
        /// The key, or the index.
        key: String,
        /// What is there.
        found: &'static str,
        /// What it would have to be.
        want: &'static str,
    },
    /// A value that is not JSON.
    #[error("the value of key {0:?} is not JSON")]
    Json(String),
    /// A file that cannot be read.
    #[error("{0}")]
    File(String),
    /// The budget is exceeded.
    #[error("setting values {0}")]
    Exceeded(#[from] Exceeded),
}

/// Reads the file that a value of `--set-file` names. An error says why it cannot be read.
pub type ReadFile<'f> = &'f dyn Fn(&str) -> Result<String, String>;

/// How values are read.
#[derive(Clone, Copy)]
pub(crate) enum Form<'f> {
    /// `true`, `false`, `null` and integers have their types, all others are texts.
    Typed,
    /// All are texts.
    Text,
    /// Each names a file.
    File(ReadFile<'f>),
    /// JSON.
    Json,
    /// Texts, to the end of the line.
    Literal,
}

/// Sets values from a line of `--set`.
///
/// # Errors
/// The line is malformed, or the budget is exceeded.
pub fn typed(line: &str, into: &mut Map<String, Value>, budget: &Budget) -> Result<(), Error> {
    parse(line, Form::Typed, into, budget)
}

/// Sets texts from a line of `--set-string`.
///
/// # Errors
/// As [`typed`].
pub fn texts(line: &str, into: &mut Map<String, Value>, budget: &Budget) -> Result<(), Error> {
    parse(line, Form::Text, into, budget)
}

/// Sets a text from a line of `--set-literal`, in which nothing after `=` has a meaning.
///
/// # Errors
/// As [`typed`].
pub fn literal(line: &str, into: &mut Map<String, Value>, budget: &Budget) -> Result<(), Error> {
    parse(line, Form::Literal, into, budget)
}

/// Sets JSON values from a line of `--set-json` of the form `key=value,key=value`.
///
/// # Errors
/// As [`typed`], or a value is not JSON.
pub fn json(line: &str, into: &mut Map<String, Value>, budget: &Budget) -> Result<(), Error> {
    parse(line, Form::Json, into, budget)
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
) -> Result<(), Error> {
    parse(line, Form::File(read), into, budget)
}

fn parse(
    line: &str,
    form: Form<'_>,
    into: &mut Map<String, Value>,
    budget: &Budget,
) -> Result<(), Error> {
    let mut parser = Parser {
        text: text::Text::new(line),
        form,
        meter: Meter::new(budget),
    };
    loop {
        match parser.key(into, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Failed(error)) => return Err(error),
        }
    }
}

/// Why a step of parsing ends early.
enum Stop {
    /// The line ended. That is no error, wherever it happens.
    End,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Exceeded> for Stop {
    fn from(exceeded: Exceeded) -> Self {
        Self::Failed(exceeded.into())
    }
}

#[cfg(test)]
mod tests;
