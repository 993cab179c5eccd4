//! Why a text was not changed.

/// Why a text was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not YAML.
    #[error(transparent)]
    Unreadable(#[from] crate::Error),
    /// There are fewer documents.
    #[error("there is no document {0}, counted from 0")]
    NoDocument(usize),
    /// A step leads nowhere.
    #[error("line {line}: step {step} of the path leads nowhere from here")]
    NoPlace {
        /// Line of the value that has no such key or item.
        line: u32,
        /// The number of the step, from 1.
        step: usize,
    },
    /// The key already exists.
    #[error("line {line}: the key is there already")]
    Exists {
        /// Line of its value.
        line: u32,
    },
    /// An anchor shares the value.
    #[error(
        "line {line}: the value is shared by an anchor and its aliases or merges: edit each use separately"
    )]
    Shared {
        /// Line of the anchored value.
        line: u32,
    },
    /// The result would not have the intended meaning.
    #[error("line {line}: this layout cannot be edited without changing more than the one value")]
    Layout {
        /// Line of the value.
        line: u32,
    },
}
