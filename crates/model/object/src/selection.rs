//! [`Selector`]: which objects a patch, a replacement or a rule is about, as text.

/// Selects objects; an empty field selects all. The first five are anchored regular expressions, the last two label
/// selectors. Who asks the selector compiles it, within bounds of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// API group.
    pub group: String,
    /// API version within the group.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Selector on labels.
    pub label_selector: String,
    /// Selector on annotations.
    pub annotation_selector: String,
}
