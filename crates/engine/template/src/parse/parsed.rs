//! What a source is parsed into: nodes, and templates by name.

use std::sync::Arc;

use super::node::{NodeId, Nodes, TemplateNode};

/// A parsed source: the nodes, and the templates that it defines, itself last.
#[derive(Debug)]
pub struct Parsed {
    pub(crate) nodes: Vec<TemplateNode>,
    pub(crate) trees: Vec<Tree>,
    /// The nodes that were charged.
    pub(crate) charged: u64,
}

/// A template that a source defines.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Arc<[u8]>,
    pub(crate) root: NodeId,
    /// Holds nothing but space and comments, and so does not replace another template.
    pub(crate) is_empty: bool,
}

impl Parsed {
    /// Returns a template as Go writes it, its texts in quotes, for tests.
    pub fn show(&self, text: &[u8], name: &str) -> Option<String> {
        let tree = self
            .trees
            .iter()
            .find(|tree| *tree.name == *name.as_bytes())?;
        let mut out = Vec::new();
        let nodes = Nodes {
            text,
            all: &self.nodes,
            quotes_text: true,
        };
        nodes.write(tree.root, &mut out);
        Some(String::from_utf8_lossy(&out).into_owned())
    }

    /// Returns whether a template holds nothing but space and comments.
    pub fn is_empty(&self, name: &str) -> Option<bool> {
        let tree = self
            .trees
            .iter()
            .find(|tree| *tree.name == *name.as_bytes())?;
        Some(tree.is_empty)
    }
}
