//! Why a patch cannot be made or applied.

/// Why a patch cannot be created or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The patched value is not an object.
    #[error("invalid JSON document")]
    NotAnObject,
    /// A list item lacks the field by which items are matched.
    #[error("map: {item} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The item.
        item: Box<str>,
        /// The field.
        key: Box<str>,
    },
    /// A list must be merged, but no field matches its items.
    #[error("cannot merge lists without merge key")]
    NoKey,
    /// A list with nested lists must be merged.
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// A list has items of several types, or is empty when it must not be.
    #[error("list element types are not identical")]
    MixedList,
    /// A directive has an invalid value.
    #[error("invalid value for special key: {0}")]
    Directive(&'static str),
    /// Two patches contradict each other in the same field.
    #[error("{0} of two patches are not equal")]
    Unequal(&'static str),
    /// A patch keeps fields that are not in its list of retained ones.
    #[error("$retainKeys must list all fields of the patch")]
    NotRetained,
    /// The items of a patch are in another order than it states.
    #[error("The order in patch list doesn't match $setElementOrder list of {0}")]
    Order(Box<str>),
}
