//! [`IndexError`]: why a text is not an index.

use lode_stdx::budget::Exceeded;

/// Why a text is not an index. The words are Helm's where it has some.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// There is no text.
    #[error("empty index.yaml file")]
    Empty,
    /// It is neither YAML nor JSON.
    #[error("error converting YAML to JSON: yaml: {0}")]
    Yaml(#[from] lode_yaml::Error),
    /// It does not say which form it has.
    #[error("no API version specified")]
    NoApiVersion,
    /// A part of it has another form.
    #[error("error unmarshaling JSON: {0}")]
    Form(Misfit),
    /// It exceeds the budget.
    #[error("reading the index {0}")]
    Exceeded(#[from] Exceeded),
    /// There are too many versions.
    #[error("the versions in the index take more than {limit} bytes of memory, the limit")]
    TooMany {
        /// The limit.
        limit: u64,
    },
    /// The file would be too large.
    #[error("the index has more than {limit} bytes as JSON, the limit")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The file cannot be written.
    #[error("write the index: {0}")]
    Io(#[from] std::io::Error),
}

/// A part of an index that does not have the type it must have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{chart}{field}: {want} expected")]
pub struct Misfit {
    /// The chart with a colon, if the part belongs to one.
    pub chart: String,
    /// The field.
    pub field: String,
    /// What it must be.
    pub want: &'static str,
}
