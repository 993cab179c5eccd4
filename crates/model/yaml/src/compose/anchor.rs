//! [`Anchor`]: a node that aliases may repeat.

use crate::node::Node;

/// A node that aliases may repeat, with the cost of a copy.
pub(crate) struct Anchor {
    /// Its number among the document's anchors: a later one of the same name hides it.
    pub(super) number: usize,
    /// Nothing while its node is being read.
    pub(super) node: Option<Node>,
    pub(super) nodes: usize,
    /// Bytes of its texts that are stored outside their nodes.
    pub(super) bytes: u64,
    pub(super) depth: usize,
}
