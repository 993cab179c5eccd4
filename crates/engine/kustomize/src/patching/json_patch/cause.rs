//! Why a JSON patch does not apply.

use lode_stdx::budget::Exceeded;
use lode_yaml::DEPTH_MAX;

use super::pointer::Missing;

/// Why a patch does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonPatchCause {
    /// It is not a list of operations.
    #[error("a JSON 6902 patch is a list of operations")]
    NoList,
    /// An operation lacks a required field.
    #[error("\"{0}\" is missing or no text")]
    NoField(&'static str),
    /// `op` has an unknown value.
    #[error("there is no such operation")]
    Unknown,
    /// A path leads nowhere.
    #[error("{0}")]
    Missing(#[from] Missing),
    /// A `test` operation failed.
    #[error("the test does not hold")]
    TestFailed,
    /// The replacement of the whole object is not an object.
    #[error("an object can only be replaced by an object")]
    NoObject,
    /// The added value would be nested too deeply.
    #[error("it is nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// The budget does not allow it: copies of copies grow without bound.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// A value has no form in JSON.
    #[error("line {0} has no form in JSON")]
    NotJson(u32),
}
