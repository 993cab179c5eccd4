//! Fields of a patch that say how it is applied.

/// The action for a map or a list item.
pub(super) const PATCH: &str = "$patch";

/// The fields of a map that are kept.
pub(super) const RETAIN_KEYS: &str = "$retainKeys";

/// Prefix of the name of a list of scalars to remove.
pub(super) const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// Prefix of the name of a list that gives the order of items.
pub(super) const ORDER: &str = "$setElementOrder/";
