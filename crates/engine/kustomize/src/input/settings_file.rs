//! Settings files that a kustomization names.

use lode_stdx::budget::Budget;
use lode_tree::RepoPath;
use lode_yaml::{Dialect, Node, Nodes, Origins, Place};

use crate::error::Fault;
use crate::input::source::BuildSource;

/// Reads a settings file that a kustomization names: its first document.
pub(crate) fn settings_file(
    source: &mut BuildSource<'_>,
    folder: &RepoPath,
    path: &str,
    by: Place,
) -> Result<Node, Fault> {
    let (_, blob, number) = source.named(folder, path, by)?;
    let node = first_document(&blob.bytes, number, Dialect::V2, source.budget)?;
    Ok(node.filter(|node| !node.is_null()).unwrap_or_else(|| {
        Node::mapping().placed(Place {
            source: number,
            line: 1,
            ..Place::default()
        })
    }))
}

/// Reads the first document of a file of this number; nothing if the file has none.
pub(crate) fn first_document(
    bytes: &[u8],
    source: u32,
    dialect: Dialect,
    budget: &Budget,
) -> Result<Option<Node>, Fault> {
    let origins = Origins {
        source,
        lines_above: 0,
    };
    Nodes::new(bytes, dialect, origins)
        .with_budget(budget)
        .next()
        .transpose()
        .map_err(|error| Fault::Yaml { source, error })
}
