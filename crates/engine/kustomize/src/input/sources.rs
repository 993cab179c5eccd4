//! [`Sources`]: all files that affect an object.
//!
//! Values have positions; files that left no value are the object's parts. Computed on demand, so a
//! build that only wants objects does not pay for it.

use std::collections::{BTreeMap, HashSet};

use lode_tree::RepoPath;
use lode_yaml::{Content, Node, Place};

use crate::build::Built;
use crate::object::origin::{Files, Origin};

/// The files that affect an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Where it was read, followed by the first place in each other file that one of its values
    /// comes from.
    pub origins: Vec<Origin>,
    /// Further files: kustomizations it passed through, patches and files of generators that left
    /// no value in it.
    pub parts: Vec<RepoPath>,
}

impl Built {
    /// Finds every file that affects the object; `files` are those of its build.
    #[must_use]
    pub fn sources(&self, files: &Files) -> Sources {
        let mut first = BTreeMap::new();
        gather(&self.node, &mut first);
        let places = first.into_iter().map(|(source, line)| Place {
            source,
            line,
            ..Place::default()
        });
        let others = places
            .map(|place| files.origin(place))
            .filter(|origin| origin.path != self.origin.path);
        let origins: Vec<Origin> = std::iter::once(self.origin.clone()).chain(others).collect();
        let parts = self.parts.iter().filter_map(|number| files.path(*number));
        let told: HashSet<&RepoPath> = origins.iter().map(|origin| &origin.path).collect();
        let parts = parts.filter(|path| !told.contains(path)).cloned().collect();
        Sources { origins, parts }
    }
}

/// Finds the first line of each file that values come from.
fn gather(node: &Node, first: &mut BTreeMap<u32, u32>) {
    if node.place.line > 0 {
        let line = first.entry(node.place.source).or_insert(node.place.line);
        *line = node.place.line.min(*line);
    }
    match &node.content {
        Content::Scalar(_) => {}
        Content::Sequence(items) => items.iter().for_each(|item| gather(item, first)),
        Content::Mapping(entries) => entries.iter().for_each(|entry| gather(&entry.value, first)),
    }
}
