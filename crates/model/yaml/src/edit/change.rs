//! What is put in which place.

use std::ops::Range;

use super::error::Error;
use crate::node::Node;

/// The new value for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum New<'v> {
    /// A text: a string stays one whatever the new text looks like; a number or another plain word
    /// is written plain.
    Text(&'v str),
    /// A value with its type.
    Node(&'v Node),
}

impl<'v> From<&'v str> for New<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(text)
    }
}

impl<'v> From<&'v Node> for New<'v> {
    fn from(node: &'v Node) -> Self {
        Self::Node(node)
    }
}

/// A piece of text to be replaced.
#[derive(Debug)]
pub(super) struct TextChange {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

/// A value with all its ancestors, the root first.
pub(super) struct Spot {
    pub(super) chain: Vec<Node>,
    pub(super) indexes: Vec<usize>,
}

impl Spot {
    pub(super) fn node(&self) -> &Node {
        &self.chain[self.chain.len() - 1]
    }

    pub(super) fn line(&self) -> u32 {
        self.node().place.line.max(1)
    }

    /// Returns the index in the parent, and the parent.
    pub(super) fn parent(&self) -> Option<(usize, Self)> {
        let (last, indexes) = self.indexes.split_last()?;
        let chain = self.chain[..self.chain.len() - 1].to_vec();
        Some((
            *last,
            Self {
                chain,
                indexes: indexes.to_vec(),
            },
        ))
    }

    pub(super) fn layout_error(&self) -> Error {
        Error::Layout { line: self.line() }
    }
}
