//! [`Edit`]: changes one value in a text and leaves every other byte as it is.
//!
//! Input: a text and a [`Step`] path into one of its documents. Output: the changed text. Positions
//! come from the nodes and the layout of the lines around them; the result is read again and must
//! have exactly the intended meaning, or the edit is refused and the text is not changed.
//!
//! Left out: values shared by an anchor, because more than one place would change; whole documents.

mod change;
mod error;
mod layout;
mod line;
mod shown;

use std::collections::HashMap;

use crate::edit::change::{Spot, TextChange};
use crate::edit::layout::Layout;
use crate::node::{Content, Entry, Node, Tag};
use crate::{Dialect, Nodes, Origins};

pub use change::New;
pub use error::Error;

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'p> {
    /// A mapping's key.
    Key(&'p str),
    /// A list's item, from 0.
    Index(usize),
    /// The first item of a list that is a mapping where `key` has the text `value`.
    Match {
        /// The key to compare.
        key: &'p str,
        /// The value it must have.
        value: &'p str,
    },
}

/// A text being edited.
#[derive(Debug, Clone)]
pub struct Edit {
    text: String,
    documents: Vec<Node>,
}

impl Edit {
    /// Starts editing.
    ///
    /// # Errors
    /// The text is not YAML.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let documents = read(&text)?;
        Ok(Self { text, documents })
    }

    /// Returns the current text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Ends editing.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    /// Returns the current documents.
    #[must_use]
    pub fn documents(&self) -> &[Node] {
        &self.documents
    }

    /// Replaces a value. A scalar keeps its quotes if the new text allows it.
    ///
    /// # Errors
    /// The path leads nowhere, an anchor shares the value, or the layout does not allow it.
    pub fn set<'v>(
        &mut self,
        document: usize,
        path: &[Step<'_>],
        value: impl Into<New<'v>>,
    ) -> Result<(), Error> {
        let spot = self.spot(document, path)?;
        let (change, node) = self
            .layout(document)
            .replaced(&spot, value.into())
            .ok_or(spot.layout_error())?;
        self.apply(change, document, &spot, |target| *target = node)
    }

    /// Adds what the path's last step names: a new key at the end of its mapping, or a new last
    /// item if the index is the list's length.
    ///
    /// # Errors
    /// As [`Edit::set`]; or the key already exists.
    pub fn insert<'v>(
        &mut self,
        document: usize,
        path: &[Step<'_>],
        value: impl Into<New<'v>>,
    ) -> Result<(), Error> {
        let Some((last, parents)) = path.split_last() else {
            return Err(Error::NoPlace { line: 1, step: 0 });
        };
        let value = match value.into() {
            New::Text(text) => Node::string(text),
            New::Node(node) => shown::bare(node),
        };
        let spot = self.spot(document, parents)?;
        let node = spot.node();
        match (last, &node.content) {
            (Step::Key(key), Content::Mapping(_)) => {
                if let Some(old) = node.get(key) {
                    return Err(Error::Exists {
                        line: old.place.line,
                    });
                }
            }
            (Step::Index(index), Content::Sequence(items)) if *index == items.len() => {}
            (Step::Key(_), Content::Scalar(_)) if node.is_null() => {}
            _ => {
                return Err(Error::NoPlace {
                    line: spot.line(),
                    step: path.len(),
                });
            }
        }
        if node.is_nothing() && !self.layout(document).is_in_flow(&spot) {
            return self.set(document, parents, &only(last, value));
        }
        let key = if let Step::Key(key) = last {
            Some(*key)
        } else {
            None
        };
        let change = self
            .layout(document)
            .inserted(&spot, key, &value)
            .ok_or(spot.layout_error())?;
        self.apply(change, document, &spot, |target| match key {
            Some(key) => drop(target.insert(key, value)),
            None => target
                .items_mut()
                .into_iter()
                .for_each(|items| items.push(value.clone())),
        })
    }

    /// Removes an entry or item, with the comment lines directly above it.
    ///
    /// # Errors
    /// As [`Edit::set`].
    pub fn remove(&mut self, document: usize, path: &[Step<'_>]) -> Result<(), Error> {
        let spot = self.spot(document, path)?;
        let Some(change) = self.layout(document).removed(&spot) else {
            return Err(spot.layout_error());
        };
        let Some((at, parent)) = spot.parent() else {
            return Err(spot.layout_error());
        };
        self.apply(change, document, &parent, |target| {
            match &mut target.content {
                Content::Mapping(entries) => drop(entries.remove(at)),
                Content::Sequence(items) => drop(items.remove(at)),
                Content::Scalar(_) => {}
            }
        })
    }

    fn layout(&self, document: usize) -> Layout<'_> {
        Layout::new(&self.text, &self.documents[document])
    }

    fn spot(&self, document: usize, path: &[Step<'_>]) -> Result<Spot, Error> {
        let root = self
            .documents
            .get(document)
            .ok_or(Error::NoDocument(document))?;
        let mut spot = Spot {
            chain: vec![root.clone()],
            indexes: Vec::new(),
        };
        for (number, step) in path.iter().enumerate() {
            let here = spot.node();
            let nowhere = Error::NoPlace {
                line: here.place.line.max(1),
                step: number + 1,
            };
            let index = index(here, step).ok_or(nowhere)?;
            let next = child(here, index)
                .cloned()
                .ok_or(Error::NoDocument(document))?;
            spot.indexes.push(index);
            spot.chain.push(next);
        }
        if let Some(line) = shared(root, spot.node()) {
            return Err(Error::Shared { line });
        }
        Ok(spot)
    }

    /// Makes a change if its result reads as intended.
    fn apply(
        &mut self,
        change: TextChange,
        document: usize,
        spot: &Spot,
        meant: impl FnOnce(&mut Node),
    ) -> Result<(), Error> {
        let mut text = self.text.clone();
        text.replace_range(change.range, &change.text);
        let documents = read(&text).map_err(|_| spot.layout_error())?;
        let mut wanted = self.documents[document].clone();
        let target = spot
            .indexes
            .iter()
            .try_fold(&mut wanted, |node, index| child_mut(node, *index));
        target.map(meant).ok_or(spot.layout_error())?;
        let count = self.documents.len();
        let reads_as_meant = documents.len() == count
            && (0..count).all(|at| {
                same(
                    &documents[at],
                    if at == document {
                        &wanted
                    } else {
                        &self.documents[at]
                    },
                )
            });
        if !reads_as_meant {
            return Err(spot.layout_error());
        }
        (self.text, self.documents) = (text, documents);
        Ok(())
    }
}

/// Returns a collection with one element.
fn only(step: &Step<'_>, value: Node) -> Node {
    if let Step::Key(key) = step {
        let mut mapping = Node::mapping();
        mapping.insert(key, value);
        return mapping;
    }
    Node::sequence(vec![value])
}

fn read(text: &str) -> Result<Vec<Node>, crate::Error> {
    Nodes::new(text.as_bytes(), Dialect::V3, Origins::default()).collect()
}

fn index(node: &Node, step: &Step<'_>) -> Option<usize> {
    match step {
        Step::Key(key) => node
            .entries()?
            .iter()
            .position(|entry| entry.key.text() == Some(key)),
        Step::Index(index) => (*index < node.items()?.len()).then_some(*index),
        Step::Match { key, value } => node
            .items()?
            .iter()
            .position(|item| item.get(key).and_then(Node::text) == Some(value)),
    }
}

fn child(node: &Node, index: usize) -> Option<&Node> {
    match &node.content {
        Content::Mapping(entries) => entries.get(index).map(|entry| &entry.value),
        Content::Sequence(items) => items.get(index),
        Content::Scalar(_) => None,
    }
}

fn child_mut(node: &mut Node, index: usize) -> Option<&mut Node> {
    match &mut node.content {
        Content::Mapping(entries) => entries.get_mut(index).map(|entry| &mut entry.value),
        Content::Sequence(items) => items.get_mut(index),
        Content::Scalar(_) => None,
    }
}

/// Returns the line of a value, itself or nested, that an anchor shares with a place outside of it.
fn shared(root: &Node, node: &Node) -> Option<u32> {
    let (mut all, mut own) = (HashMap::new(), HashMap::new());
    count_places(root, &mut all);
    count_places(node, &mut own);
    own.iter()
        .filter(|(place, count)| all.get(*place) > Some(count))
        .map(|((line, ..), _)| *line)
        .min()
}

/// Counts how often each place is used: more than once if its anchor has aliases.
fn count_places(node: &Node, counts: &mut HashMap<(u32, u32, u8), usize>) {
    let mut count = |kind| {
        *counts
            .entry((node.place.line, node.place.start, kind))
            .or_default() += 1;
    };
    match &node.content {
        Content::Scalar(_) if node.place.end <= node.place.start => {}
        Content::Scalar(_) => count(0),
        Content::Sequence(items) => {
            count(1);
            for item in items {
                count_places(item, counts);
            }
        }
        Content::Mapping(entries) => {
            count(2);
            for entry in entries {
                count_places(&entry.value, counts);
            }
        }
    }
}

/// Returns whether two trees have the same meaning; the order of keys does not matter.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.content, &b.content) {
        (Content::Scalar(x), Content::Scalar(y)) => {
            let (x_tag, y_tag) = (a.resolved_tag(Dialect::V3), b.resolved_tag(Dialect::V3));
            x_tag == y_tag && (x == y || x_tag == Tag::Null)
        }
        (Content::Sequence(x), Content::Sequence(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        (Content::Mapping(x), Content::Mapping(y)) => {
            let (x, y) = (by_key(x), by_key(y));
            x.len() == y.len()
                && x.iter()
                    .zip(&y)
                    .all(|(x, y)| same(&x.key, &y.key) && same(&x.value, &y.value))
        }
        _ => false,
    }
}

fn by_key(entries: &[Entry]) -> Vec<&Entry> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.key.text());
    sorted
}
