//! [`ClientStep`]: the way to a field that a client drops.

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientStep {
    /// Into a field or the value of a key.
    Key(Box<str>),
    /// Into an item of a list.
    Index(usize),
}
