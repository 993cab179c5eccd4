//! Why a line of `--set` is refused, or ends early.

use lode_stdx::budget::Exceeded;

/// Highest index of a list.
pub const INDEX_MAX: usize = 65_536;
/// Deepest nesting of names.
pub const NAME_LEVEL_MAX: usize = 30;

/// Why a line is refused. The texts contain keys, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
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

/// Why a step of parsing ends early.
pub(super) enum SetStop {
    /// The line ended. That is no error, wherever it happens.
    End,
    Failed(SetError),
}

impl From<SetError> for SetStop {
    fn from(error: SetError) -> Self {
        Self::Failed(error)
    }
}

impl From<Exceeded> for SetStop {
    fn from(exceeded: Exceeded) -> Self {
        Self::Failed(exceeded.into())
    }
}
