//! Walking along a target's path to every value it leads to.
//!
//! Input: the parts of a path, an object, and what is made where something is missing. Output: each value visited, and
//! how many there were.

use lode_yaml::{Content, Entry, Node, Place};

use super::path::{Fault, Item, Part};
use super::structured;

/// The shape of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Scalar,
    Sequence,
    Mapping,
}

/// What is made where a target's path leads nowhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Make {
    /// The shape of the last value; nothing is made without it.
    pub(crate) leaf: Option<Shape>,
    /// The place that made nodes get.
    pub(crate) place: Place,
}

/// Tells whether a scalar was made on the way and so has no type of its own yet: it follows from each text it gets.
/// Such a node has a line and no bytes.
pub(crate) fn is_untyped(node: &Node) -> bool {
    node.is_implied_plain() && node.place.line != 0 && node.place.start == 0 && node.place.end == 0
}

/// Returns the place of a node made because of what stands at `place`.
pub(crate) fn untyped(place: Place) -> Place {
    Place { start: 0, end: 0, ..place }
}

/// A walk along a target's path.
pub(super) struct Walk<'v, E> {
    make: Make,
    visit: &'v mut dyn FnMut(&mut Node) -> Result<(), E>,
}

impl<'v, E: From<Fault>> Walk<'v, E> {
    pub(super) fn new(make: Make, visit: &'v mut dyn FnMut(&mut Node) -> Result<(), E>) -> Self {
        Self { make, visit }
    }

    /// Goes on from a node. The parts bound the recursion.
    pub(super) fn go(&mut self, parts: &[Part], node: &mut Node) -> Result<usize, E> {
        let Some((part, rest)) = parts.split_first() else {
            (self.visit)(node)?;
            return Ok(1);
        };
        if node.is_null() {
            return self.beyond_null(part, parts);
        }
        match part {
            Part::Field(name) => self.field(name, rest, node),
            Part::Index(at) => self.index(*at, rest, node),
            Part::Every => {
                let items = items_mut(node, || "*".to_owned())?;
                items.iter_mut().try_fold(0, |found, item| Ok(found + self.go(rest, item)?))
            }
            Part::Item(item) => self.matching(item, rest, node),
            Part::Brackets(text) => Err(Fault::NoMatch(text.clone()).into()),
        }
    }

    /// What is made below a null is found, and lost.
    fn beyond_null(&mut self, part: &Part, parts: &[Part]) -> Result<usize, E> {
        match (part, self.make.leaf) {
            (Part::Brackets(text), _) => Err(Fault::NoMatch(text.clone()).into()),
            (Part::Index(at), None) => Err(Fault::NoItem { at: *at, len: 0 }.into()),
            (_, None) | (Part::Every, _) => Ok(0),
            (Part::Field(_), Some(_)) => self.go(parts, &mut Node::mapping()),
            (Part::Index(_) | Part::Item(_), Some(_)) => self.go(parts, &mut Node::sequence(Vec::new())),
        }
    }

    fn field(&mut self, name: &str, rest: &[Part], node: &mut Node) -> Result<usize, E> {
        if name.is_empty() || node.entries().is_none() {
            return Err(Fault::WrongKind { part: name.into(), want: "a mapping" }.into());
        }
        let value = match self.make.leaf {
            Some(leaf) => node.get_or_insert_with(name, || self.made(next_shape(rest, leaf))),
            None => node.get_mut(name),
        };
        let Some(value) = value else { return Ok(0) };
        match (value.text(), rest.first()) {
            (Some(text), Some(next)) => {
                // Found inside a text that an exact lookup does not reach: what is set there is lost.
                let data = structured::read(text);
                let mut data = data.ok_or_else(|| Fault::NoData(next.to_string().into()))?;
                self.go(rest, &mut data)
            }
            _ => self.go(rest, value),
        }
    }

    fn index(&mut self, at: usize, rest: &[Part], node: &mut Node) -> Result<usize, E> {
        let made = self.make.leaf.map(|leaf| self.made(next_shape(rest, leaf)));
        let items = items_mut(node, || at.to_string())?;
        if items.len() == at {
            items.extend(made);
        }
        let len = items.len();
        let item = items.get_mut(at).ok_or(Fault::NoItem { at, len })?;
        self.go(rest, item)
    }

    fn matching(&mut self, item: &Item, rest: &[Part], node: &mut Node) -> Result<usize, E> {
        let items = items_mut(node, || item.to_string())?;
        let found = self.search(item, rest, items)?;
        if found > 0 || self.make.leaf.is_none() {
            return Ok(found);
        }
        items.push(item.make(untyped(self.make.place)));
        match self.search(item, rest, items)? {
            0 => Err(Fault::NeverFits(item.to_string().into()).into()),
            found => Ok(found),
        }
    }

    fn search(&mut self, item: &Item, rest: &[Part], items: &mut [Node]) -> Result<usize, E> {
        let mut found = 0;
        for node in items {
            if item.field.is_empty() {
                // Of a scalar there is no further part; kustomize ignores one.
                if item.fits(node)? {
                    found += self.go(&[], node)?;
                }
            } else if let Some(value) = node.get(&item.field)
                && item.fits(value)?
            {
                found += self.go(rest, node)?;
            }
        }
        Ok(found)
    }

    fn made(&self, shape: Shape) -> Node {
        let node = match shape {
            Shape::Scalar => Node::plain(""),
            Shape::Sequence => Node::sequence(Vec::new()),
            Shape::Mapping => Node::mapping(),
        };
        node.placed(untyped(self.make.place))
    }
}

impl Part {
    /// Returns the shape of what must be there for this part to be followed.
    fn container(&self, leaf: Shape) -> Shape {
        match self {
            Self::Index(_) | Self::Item(_) | Self::Brackets(_) => Shape::Sequence,
            Self::Field(name) if name.is_empty() => leaf,
            Self::Field(_) | Self::Every => Shape::Mapping,
        }
    }
}

impl Item {
    fn make(&self, place: Place) -> Node {
        let value = Node::plain(&*self.value).placed(place);
        if self.field.is_empty() {
            return value;
        }
        let mut item = Node::mapping().placed(place);
        let key = Node::plain(&*self.field).placed(place);
        item.content = Content::Mapping(vec![Entry { key, value }]);
        item
    }
}

fn next_shape(rest: &[Part], leaf: Shape) -> Shape {
    rest.first().map_or(leaf, |next| next.container(leaf))
}

fn items_mut(node: &mut Node, part: impl Fn() -> String) -> Result<&mut Vec<Node>, Fault> {
    node.items_mut().ok_or_else(|| Fault::WrongKind { part: part().into(), want: "a list" })
}
