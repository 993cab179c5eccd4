//! Paths of replacements, such as `spec.containers.[name=web].image`.
//!
//! A path is followed in two ways, as kustomize does: a source is looked up exactly and is one value; a target may be
//! many values, its `[k=v]` is a pattern, `*` is every item, and what is missing can be made on the way.

use std::sync::OnceLock;

use lode_yaml::{Content, Entry, Node, Place};
use regex::Regex;

use super::structured;
use crate::selector;

/// A path split into its parts.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    text: Box<str>,
    parts: Vec<Part>,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A part wants another kind of value than is there.
    #[error("\"{part}\" wants {want}")]
    WrongKind {
        /// The part.
        part: Box<str>,
        /// What it wants.
        want: &'static str,
    },
    /// An item is asked for beyond the end.
    #[error("there is no item {at}, only {len}")]
    NoItem {
        /// The item, from 0.
        at: usize,
        /// How many there are.
        len: usize,
    },
    /// A part in brackets says nothing to look for.
    #[error("\"{0}\" is not of the form [field=value]")]
    NoMatch(Box<str>),
    /// A `*` where one value is wanted.
    #[error("\"*\" is no single value")]
    Wildcard,
    /// An index below zero.
    #[error("index {0} is negative")]
    Negative(i64),
    /// A pattern that does not compile.
    #[error("\"{0}\" is no valid pattern")]
    Pattern(Box<str>),
    /// An item was made for a pattern that does not fit it.
    #[error("the item made for \"{0}\" does not fit it")]
    NeverFits(Box<str>),
    /// A text on the way is no YAML or JSON to be looked into.
    #[error("the text before \"{0}\" is no YAML or JSON")]
    NoData(Box<str>),
    /// More parts than are followed.
    #[error("it has more than {PARTS_MAX} parts")]
    TooLong,
}

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

#[derive(Debug, Clone)]
enum Part {
    Field(Box<str>),
    Index(usize),
    Every,
    Item(Item),
    /// Brackets without `=`.
    Brackets(Box<str>),
}

/// `[field=value]`, or `[=value]` for items that are scalars.
#[derive(Debug, Clone)]
struct Item {
    field: Box<str>,
    value: Box<str>,
    pattern: OnceLock<Option<Regex>>,
}

/// Most parts of a path: each costs a level of recursion.
const PARTS_MAX: usize = 256;

impl Path {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let parts: Vec<Part> = split(text).into_iter().map(Part::parse).collect();
        if parts.len() > PARTS_MAX {
            return Err(Fault::TooLong);
        }
        Ok(Self { text: text.into(), parts })
    }

    /// Parses a path of a variable, where `ports[0]` is the first of the ports.
    pub(crate) fn parse_indexed(text: &str) -> Result<Self, Fault> {
        let indexed = |part: String| {
            let digits = part.strip_suffix(']').and_then(|part| part.rsplit_once('['));
            match digits.filter(|(_, at)| !at.is_empty() && at.bytes().all(|byte| byte.is_ascii_digit())) {
                Some((field, at)) => vec![field.to_owned(), at.to_owned()],
                None => vec![part],
            }
        };
        let parts: Vec<Part> = split(text).into_iter().flat_map(indexed).map(Part::parse).collect();
        if parts.len() > PARTS_MAX {
            return Err(Fault::TooLong);
        }
        Ok(Self { text: text.into(), parts })
    }

    /// Returns the path as written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Tells whether it leads to what an object is called by.
    pub(crate) fn may_name(&self) -> bool {
        match self.parts.first() {
            Some(Part::Field(field)) => matches!(&**field, "apiVersion" | "kind" | "metadata"),
            _ => true,
        }
    }

    /// Looks one value up.
    pub(crate) fn find<'n>(&self, root: &'n Node) -> Result<Option<&'n Node>, Fault> {
        let mut node = root;
        for part in &self.parts {
            let next = match part.step(node)? {
                Step::Stay => Some(node),
                Step::Into(at) => child(node, at),
                Step::Nowhere => None,
            };
            let Some(next) = next else { return Ok(None) };
            node = next;
        }
        Ok(Some(node))
    }

    /// Visits every value the path leads to, those inside texts that hold YAML or JSON excepted. Returns how many.
    pub(crate) fn visit<E: From<Fault>>(
        &self,
        root: &mut Node,
        make: Make,
        visit: &mut impl FnMut(&mut Node) -> Result<(), E>,
    ) -> Result<usize, E> {
        Walk { make, visit }.go(&self.parts, root)
    }

    /// Finds the text on the way that holds YAML or JSON, and visits what the rest of the path leads to in it. Returns
    /// that text's node and what it says then; nothing where there is none, or it cannot be looked into or written.
    pub(crate) fn visit_inside_text<'n>(
        &self,
        root: &'n mut Node,
        make: Make,
        visit: &mut impl FnMut(&mut Node),
    ) -> Option<(&'n mut Node, String)> {
        let (holder, rest) = self.holder(root)?;
        let text = holder.text()?;
        let mut data = structured::read(text)?;
        let mut visit = |node: &mut Node| {
            visit(node);
            Ok::<(), Fault>(())
        };
        let found = Walk { make, visit: &mut visit }.go(rest, &mut data).ok()?;
        let written = (found > 0).then(|| structured::write(&data, text)).flatten()?;
        Some((holder, written))
    }

    /// Returns the first scalar on the way and the rest of the path.
    fn holder<'n>(&self, root: &'n mut Node) -> Option<(&'n mut Node, &[Part])> {
        let mut node = root;
        let mut parts = self.parts.as_slice();
        while let [part, rest @ ..] = parts
            && !rest.is_empty()
        {
            node = match part.step(node).ok()? {
                Step::Stay => node,
                Step::Into(at) => child_mut(node, at)?,
                Step::Nowhere => return None,
            };
            if node.text().is_some() {
                return Some((node, rest));
            }
            parts = rest;
        }
        None
    }
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

/// Where a part leads in an exact lookup.
enum Step {
    Into(usize),
    Nowhere,
    Stay,
}

impl Part {
    fn parse(text: String) -> Self {
        if text == "*" {
            return Self::Every;
        }
        if let Some(index) = text.parse::<i64>().ok().and_then(|index| usize::try_from(index).ok()) {
            return Self::Index(index);
        }
        if !(text.starts_with('[') && text.ends_with(']')) {
            return Self::Field(text.into());
        }
        let inner = text.strip_suffix(']').unwrap_or(&text);
        let inner = inner.strip_prefix('[').unwrap_or(inner);
        match inner.split_once('=') {
            Some((field, value)) => {
                Self::Item(Item { field: field.into(), value: value.into(), pattern: OnceLock::new() })
            }
            None => Self::Brackets(text.into()),
        }
    }

    fn step(&self, node: &Node) -> Result<Step, Fault> {
        let found = match self {
            Self::Field(name) => return field_step(name.trim(), node),
            Self::Index(at) => items(node, || at.to_string())?.get(*at).map(|_| *at),
            Self::Every => return Err(Fault::Wildcard),
            Self::Item(item) => items(node, || item.to_string())?.iter().position(|found| item.equals(found)),
            Self::Brackets(text) => return Err(Fault::NoMatch(text.clone())),
        };
        Ok(found.map_or(Step::Nowhere, Step::Into))
    }

    /// Returns the shape of what must be there for this part to be followed.
    fn container(&self, leaf: Shape) -> Shape {
        match self {
            Self::Index(_) | Self::Item(_) | Self::Brackets(_) => Shape::Sequence,
            Self::Field(name) if name.is_empty() => leaf,
            Self::Field(_) | Self::Every => Shape::Mapping,
        }
    }
}

fn field_step(name: &str, node: &Node) -> Result<Step, Fault> {
    if name.is_empty() {
        return Ok(Step::Stay);
    }
    if name == "-" {
        return Ok(items(node, || name.to_owned())?.len().checked_sub(1).map_or(Step::Nowhere, Step::Into));
    }
    if let Ok(index) = name.parse::<i64>() {
        return Err(Fault::Negative(index));
    }
    match node.entries() {
        Some(entries) => {
            let at = entries.iter().position(|entry| entry.key.text() == Some(name));
            Ok(at.map_or(Step::Nowhere, Step::Into))
        }
        None if node.is_null() => Ok(Step::Nowhere),
        None => Err(Fault::WrongKind { part: name.into(), want: "a mapping" }),
    }
}

/// Returns a sequence's items; a null has none.
fn items(node: &Node, part: impl Fn() -> String) -> Result<&[Node], Fault> {
    match node.items() {
        Some(items) => Ok(items),
        None if node.is_null() => Ok(&[]),
        None => Err(Fault::WrongKind { part: part().into(), want: "a list" }),
    }
}

fn child(node: &Node, at: usize) -> Option<&Node> {
    match &node.content {
        Content::Sequence(items) => items.get(at),
        Content::Mapping(entries) => entries.get(at).map(|entry| &entry.value),
        Content::Scalar(_) => None,
    }
}

fn child_mut(node: &mut Node, at: usize) -> Option<&mut Node> {
    match &mut node.content {
        Content::Sequence(items) => items.get_mut(at),
        Content::Mapping(entries) => entries.get_mut(at).map(|entry| &mut entry.value),
        Content::Scalar(_) => None,
    }
}

impl Item {
    /// Tells whether an item is the one, by its text.
    fn equals(&self, item: &Node) -> bool {
        let value = if self.field.is_empty() { Some(item) } else { item.get(&self.field) };
        value.is_some_and(|value| value.text().unwrap_or_default() == &*self.value)
    }

    /// Tells whether the pattern is found in a value as YAML shows it.
    fn fits(&self, value: &Node) -> Result<bool, Fault> {
        let pattern = self.pattern.get_or_init(|| selector::regex(&self.value).ok());
        let pattern = pattern.as_ref().ok_or_else(|| Fault::Pattern(self.value.clone()))?;
        Ok(pattern.is_match(&structured::shown(value)))
    }

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

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}={}]", self.field, self.value)
    }
}

/// A walk along a target's path.
struct Walk<'v, E> {
    make: Make,
    visit: &'v mut dyn FnMut(&mut Node) -> Result<(), E>,
}

impl<E: From<Fault>> Walk<'_, E> {
    fn go(&mut self, parts: &[Part], node: &mut Node) -> Result<usize, E> {
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

fn next_shape(rest: &[Part], leaf: Shape) -> Shape {
    rest.first().map_or(leaf, |next| next.container(leaf))
}

fn items_mut(node: &mut Node, part: impl Fn() -> String) -> Result<&mut Vec<Node>, Fault> {
    node.items_mut().ok_or_else(|| Fault::WrongKind { part: part().into(), want: "a list" })
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(text) | Self::Brackets(text) => f.write_str(text),
            Self::Index(at) => write!(f, "{at}"),
            Self::Every => f.write_str("*"),
            Self::Item(item) => item.fmt(f),
        }
    }
}

/// Splits at dots; `\.` is a dot, and so is one between brackets, which are dropped where they hold no `=`.
fn split(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut plain = split_at_dots(text).into_iter();
    while let Some(mut part) = plain.next() {
        if part.starts_with('[') && !part.ends_with(']') {
            for more in plain.by_ref() {
                part.push('.');
                part.push_str(&more);
                if more.ends_with(']') {
                    break;
                }
            }
            if !part.contains('=') {
                part = part.trim_matches(['[', ']']).to_owned();
            }
        }
        parts.push(part);
    }
    parts
}

fn split_at_dots(text: &str) -> Vec<String> {
    let text = text.strip_prefix('.').unwrap_or(text);
    let mut parts: Vec<String> = Vec::new();
    for part in text.split('.') {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('.');
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
}
