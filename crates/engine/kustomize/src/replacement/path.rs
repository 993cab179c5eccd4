//! Paths of replacements, such as `spec.containers.[name=web].image`.
//!
//! A path is followed in two ways, as kustomize does: a source is looked up exactly and is one value, which is done
//! here; a target may be many values, its `[k=v]` is a pattern, `*` is every item, and what is missing can be made on
//! the way, which [`walk`](super::walk) does.

use std::sync::OnceLock;

use lode_stdx::budget::{Exceeded, Meter};
use lode_yaml::{Content, Node};

use super::structured;
use super::walk::{Make, Walk};
use crate::fieldspec::width;
use crate::pattern::{Pattern, Refused};

/// A path split into its parts.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    text: Box<str>,
    parts: Vec<Part>,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
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
    /// The budget does not allow it.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// More parts than are followed.
    #[error("it has more than {PARTS_MAX} parts")]
    TooLong,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    Field(Box<str>),
    Index(usize),
    Every,
    Item(Item),
    /// Brackets without `=`.
    Brackets(Box<str>),
}

/// `[field=value]`, or `[=value]` for items that are scalars.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) field: Box<str>,
    pub(super) value: Box<str>,
    pattern: OnceLock<Result<Pattern, Refused>>,
}

/// Most parts of a path: each costs a level of recursion.
const PARTS_MAX: usize = 256;
/// Most dots in a path, those inside parts included.
const DOTS_MAX: usize = 8 * PARTS_MAX;

impl Path {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        if text.matches('.').count() > DOTS_MAX {
            return Err(Fault::TooLong);
        }
        let parts: Vec<Part> = split(text).into_iter().map(Part::parse).collect();
        if parts.len() > PARTS_MAX {
            return Err(Fault::TooLong);
        }
        Ok(Self {
            text: text.into(),
            parts,
        })
    }

    /// Parses a path of a variable, where `ports[0]` is the first of the ports.
    pub(crate) fn parse_indexed(text: &str) -> Result<Self, Fault> {
        if text.matches('.').count() > DOTS_MAX {
            return Err(Fault::TooLong);
        }
        let indexed = |part: String| {
            let digits = part
                .strip_suffix(']')
                .and_then(|part| part.rsplit_once('['));
            match digits
                .filter(|(_, at)| !at.is_empty() && at.bytes().all(|byte| byte.is_ascii_digit()))
            {
                Some((field, at)) => vec![field.to_owned(), at.to_owned()],
                None => vec![part],
            }
        };
        let parts: Vec<Part> = split(text)
            .into_iter()
            .flat_map(indexed)
            .map(Part::parse)
            .collect();
        if parts.len() > PARTS_MAX {
            return Err(Fault::TooLong);
        }
        Ok(Self {
            text: text.into(),
            parts,
        })
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

    /// Tells whether it leads to a text that an object is called by.
    pub(crate) fn names(&self) -> bool {
        let field = |part: &Part| {
            if let Part::Field(field) = part {
                Some(field.to_string())
            } else {
                None
            }
        };
        let fields: Option<Vec<String>> = self.parts.iter().map(field).collect();
        let fields = fields.unwrap_or_default().join("/");
        matches!(
            &*fields,
            "apiVersion" | "kind" | "metadata/name" | "metadata/namespace"
        )
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
        (make, meter): (Make, &Meter<'_>),
        visit: &mut impl FnMut(&mut Node) -> Result<(), E>,
    ) -> Result<usize, E> {
        Walk::new((make, meter), visit).go(&self.parts, root)
    }

    /// Finds the text on the way that holds YAML or JSON, and visits what the rest of the path leads to in it. Returns
    /// that text's node and what it says then; nothing where there is none, or it cannot be looked into or written.
    pub(crate) fn visit_inside_text<'n>(
        &self,
        root: &'n mut Node,
        (make, meter): (Make, &Meter<'_>),
        visit: &mut impl FnMut(&mut Node) -> Result<(), Exceeded>,
    ) -> Result<Option<(&'n mut Node, String)>, Exceeded> {
        let Some((holder, rest)) = self.holder(root, meter)? else {
            return Ok(None);
        };
        let Some(text) = holder.text() else {
            return Ok(None);
        };
        let Some(mut data) = structured::read(text, meter.budget())? else {
            return Ok(None);
        };
        let mut visit = |node: &mut Node| visit(node).map_err(Fault::Exceeded);
        let written = match Walk::new((make, meter), &mut visit).go(rest, &mut data) {
            Ok(found) if found > 0 => structured::write(&data, text, meter.budget())?,
            Err(Fault::Exceeded(exceeded)) => return Err(exceeded),
            Ok(_) | Err(_) => None,
        };
        Ok(written.map(|written| (holder, written)))
    }

    /// Returns the first scalar on the way and the rest of the path.
    fn holder<'n>(
        &self,
        root: &'n mut Node,
        meter: &Meter<'_>,
    ) -> Result<Option<(&'n mut Node, &[Part])>, Exceeded> {
        let mut node = root;
        let mut parts = self.parts.as_slice();
        while let [part, rest @ ..] = parts
            && !rest.is_empty()
        {
            meter.steps(1 + width(node) + node.items().map_or(0, <[_]>::len) as u64)?;
            let next = match part.step(node) {
                Ok(Step::Stay) => Some(node),
                Ok(Step::Into(at)) => child_mut(node, at),
                Ok(Step::Nowhere) | Err(_) => None,
            };
            let Some(next) = next else { return Ok(None) };
            node = next;
            if node.text().is_some() {
                return Ok(Some((node, rest)));
            }
            parts = rest;
        }
        Ok(None)
    }
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
        if let Some(index) = text
            .parse::<i64>()
            .ok()
            .and_then(|index| usize::try_from(index).ok())
        {
            return Self::Index(index);
        }
        if !(text.starts_with('[') && text.ends_with(']')) {
            return Self::Field(text.into());
        }
        let inner = text.strip_suffix(']').unwrap_or(&text);
        let inner = inner.strip_prefix('[').unwrap_or(inner);
        match inner.split_once('=') {
            Some((field, value)) => Self::Item(Item {
                field: field.into(),
                value: value.into(),
                pattern: OnceLock::new(),
            }),
            None => Self::Brackets(text.into()),
        }
    }

    fn step(&self, node: &Node) -> Result<Step, Fault> {
        let found = match self {
            Self::Field(name) => return field_step(name.trim(), node),
            Self::Index(at) => items(node, || at.to_string())?.get(*at).map(|_| *at),
            Self::Every => return Err(Fault::Wildcard),
            Self::Item(item) => items(node, || item.to_string())?
                .iter()
                .position(|found| item.equals(found)),
            Self::Brackets(text) => return Err(Fault::NoMatch(text.clone())),
        };
        Ok(found.map_or(Step::Nowhere, Step::Into))
    }
}

fn field_step(name: &str, node: &Node) -> Result<Step, Fault> {
    if name.is_empty() {
        return Ok(Step::Stay);
    }
    if name == "-" {
        return Ok(items(node, || name.to_owned())?
            .len()
            .checked_sub(1)
            .map_or(Step::Nowhere, Step::Into));
    }
    if let Ok(index) = name.parse::<i64>() {
        return Err(Fault::Negative(index));
    }
    match node.entries() {
        Some(entries) => {
            let at = entries
                .iter()
                .position(|entry| entry.key.text() == Some(name));
            Ok(at.map_or(Step::Nowhere, Step::Into))
        }
        None if node.is_null() => Ok(Step::Nowhere),
        None => Err(Fault::WrongKind {
            part: name.into(),
            want: "a mapping",
        }),
    }
}

/// Returns a sequence's items; a null has none.
fn items(node: &Node, part: impl Fn() -> String) -> Result<&[Node], Fault> {
    match node.items() {
        Some(items) => Ok(items),
        None if node.is_null() => Ok(&[]),
        None => Err(Fault::WrongKind {
            part: part().into(),
            want: "a list",
        }),
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
        let value = if self.field.is_empty() {
            Some(item)
        } else {
            item.get(&self.field)
        };
        value.is_some_and(|value| value.text().unwrap_or_default() == &*self.value)
    }

    /// Tells whether the pattern is found in a value as YAML shows it.
    pub(super) fn fits(&self, value: &Node, meter: &Meter<'_>) -> Result<bool, Fault> {
        let pattern = self
            .pattern
            .get_or_init(|| Pattern::new(&self.value, meter.budget()));
        let pattern = match pattern {
            Ok(pattern) => pattern,
            Err(Refused::Invalid) => return Err(Fault::Pattern(self.value.clone())),
            Err(Refused::Exceeded(exceeded)) => return Err((*exceeded).into()),
        };
        Ok(pattern.is_match(&structured::shown(value, meter.budget())?, meter)?)
    }
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}={}]", self.field, self.value)
    }
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
                part = String::from(part.trim_matches(['[', ']']));
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn paths_are_split_at_dots_outside_brackets() {
        for (text, want) in [
            ("a.b", &["a", "b"][..]),
            (".a", &["a"]),
            ("a.", &["a", ""]),
            ("a..b", &["a", "", "b"]),
            (r"a\.b/c.d", &["a.b/c", "d"]),
            (r"a.b\.c\.d", &["a", "b.c.d"]),
            ("a.[b.c/d]", &["a", "b.c/d"]),
            ("a.[k=b.c].d", &["a", "[k=b.c]", "d"]),
            ("a.[b.c", &["a", "b.c"]),
            ("a.[b]", &["a", "[b]"]),
        ] {
            assert_eq!(split(text), want, "{text}");
        }
    }

    #[test]
    fn a_path_of_a_variable_has_indices_in_brackets() {
        let value = Node::from_value(&json!({"a": [{"b": 1}, {"b": 2}]}));
        let find = |path: &str| {
            Path::parse_indexed(path)
                .unwrap()
                .find(&value)
                .map(|found| found.is_some())
        };
        assert_eq!(find("a[1].b"), Ok(true));
        assert_eq!(find("a.[1].b"), Ok(true));
        assert_eq!(find("a[2].b"), Ok(false));
        assert!(find("a[x].b").is_ok_and(|found| !found));
    }

    #[test]
    fn a_source_is_looked_up_exactly() {
        let value = json!({"l": [{"k": "web", "v": 1}, {"k": "we", "v": 2}, "x"], "e": [], "n": null, "t": "text"});
        let node = Node::from_value(&value);
        let find = |path: &str| {
            let path = Path::parse(path).unwrap();
            path.find(&node)
                .map(|found| found.map(|found| found.to_value(lode_yaml::Dialect::V3).unwrap()))
        };
        let one = |value: Value| Ok(Some(value));
        assert_eq!(find("l.[k=we].v"), one(json!(2)));
        assert_eq!(find("l.[k=w.*].v"), Ok(None));
        assert_eq!(find("l.[=x]"), one(json!("x")));
        assert_eq!(find("l.-"), one(json!("x")));
        assert_eq!(find("l.9"), Ok(None));
        assert_eq!(find("e.-"), Ok(None));
        assert_eq!(find("n.a"), Ok(None));
        assert_eq!(find("l..0. v"), one(json!(1)));
        assert_eq!(find("l.*"), Err(Fault::Wildcard));
        assert_eq!(find("l.-1"), Err(Fault::Negative(-1)));
        assert_eq!(find("l.[k]"), Err(Fault::NoMatch("[k]".into())));
        assert_eq!(
            find("t.a"),
            Err(Fault::WrongKind {
                part: "a".into(),
                want: "a mapping"
            })
        );
        assert_eq!(
            find("t.0"),
            Err(Fault::WrongKind {
                part: "0".into(),
                want: "a list"
            })
        );
    }

    #[test]
    fn a_path_has_an_end() {
        assert_eq!(
            Path::parse(&"a.".repeat(PARTS_MAX)).unwrap_err(),
            Fault::TooLong
        );
    }
}
