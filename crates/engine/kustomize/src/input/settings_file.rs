//! Settings files that a kustomization names.

use lode_tree::RepoPath;
use lode_yaml::{Dialect, Node, Nodes, Origins, Place};

use crate::error::Fault;
use crate::input::source::Source;

/// Reads a settings file that a kustomization names: its first document.
pub(crate) fn settings_file(
    source: &mut Source<'_>,
    folder: &RepoPath,
    path: &str,
    by: Place,
) -> Result<Node, Fault> {
    let (_, blob, number) = source.named(folder, path, by)?;
    let origins = Origins {
        source: number,
        lines_above: 0,
    };
    let document = Nodes::new(&blob.bytes, Dialect::V2, origins)
        .with_budget(source.budget)
        .next()
        .transpose();
    let node = document
        .map_err(|error| Fault::Yaml {
            source: number,
            error,
        })?
        .filter(|node| !node.is_null());
    Ok(node.unwrap_or_else(|| {
        Node::mapping().placed(Place {
            source: number,
            line: 1,
            ..Place::default()
        })
    }))
}
