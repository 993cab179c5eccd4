//! What a field of a kind refers to.

/// What a field refers to.
pub(super) enum Means {
    /// It names something; these attempts use it.
    Names(&'static [&'static str]),
    /// It names nothing that could be another's, with the reason.
    Nothing(&'static str),
}

/// Fields of one kind, with what they refer to.
pub(super) type FieldsOfKind = (&'static str, &'static [(&'static str, Means)]);
