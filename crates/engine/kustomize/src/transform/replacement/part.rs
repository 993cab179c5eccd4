//! [`PathPart`]: one part of a replacement's path, and the errors of following a path.

use std::sync::OnceLock;

use lode_stdx::budget::{Exceeded, Meter};
use lode_yaml::Node;

use super::structured;
use crate::config::pattern::{BoundedPattern, Refused};

/// Why a path cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathFault {
    /// A part needs another type of value than the existing one.
    #[error("\"{part}\" wants {want}")]
    WrongKind {
        /// The part.
        part: Box<str>,
        /// The required type.
        want: &'static str,
    },
    /// An index is beyond the end.
    #[error("there is no item {at}, only {len}")]
    NoItem {
        /// The index, from 0.
        at: usize,
        /// The number of items.
        len: usize,
    },
    /// A part in brackets has no condition.
    #[error("\"{0}\" is not of the form [field=value]")]
    NoMatch(Box<str>),
    /// A `*` when a single value is required.
    #[error("\"*\" is no single value")]
    Wildcard,
    /// A negative index.
    #[error("index {0} is negative")]
    Negative(i64),
    /// A pattern that does not compile.
    #[error("\"{0}\" is not a valid pattern")]
    Pattern(Box<str>),
    /// An item was created for a pattern that it does not match.
    #[error("the item made for \"{0}\" does not fit it")]
    NeverFits(Box<str>),
    /// A text on the path is not YAML or JSON.
    #[error("the text before \"{0}\" is no YAML or JSON")]
    NoData(Box<str>),
    /// The budget is exceeded.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The path has too many parts.
    #[error("it has more than {PARTS_MAX} parts")]
    TooLong,
}

#[derive(Debug, Clone)]
pub(super) enum PathPart {
    Field(Box<str>),
    Index(usize),
    Every,
    Item(ItemMatch),
    /// Brackets without `=`.
    Brackets(Box<str>),
}

/// `[field=value]`, or `[=value]` for items that are scalars.
#[derive(Debug, Clone)]
pub(super) struct ItemMatch {
    pub(super) field: Box<str>,
    pub(super) value: Box<str>,
    pattern: OnceLock<Result<BoundedPattern, Refused>>,
}

/// Most parts in a path: each adds a level of recursion.
pub(super) const PARTS_MAX: usize = 256;

/// The step for a part in an exact lookup.
pub(super) enum PartStep {
    Into(usize),
    Nowhere,
    Stay,
}

impl PathPart {
    pub(super) fn parse(text: String) -> Self {
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
            Some((field, value)) => Self::Item(ItemMatch {
                field: field.into(),
                value: value.into(),
                pattern: OnceLock::new(),
            }),
            None => Self::Brackets(text.into()),
        }
    }

    pub(super) fn step(&self, node: &Node) -> Result<PartStep, PathFault> {
        let found = match self {
            Self::Field(name) => return field_step(name.trim(), node),
            Self::Index(at) => items(node, || at.to_string())?.get(*at).map(|_| *at),
            Self::Every => return Err(PathFault::Wildcard),
            Self::Item(item) => items(node, || item.to_string())?
                .iter()
                .position(|found| item.equals(found)),
            Self::Brackets(text) => return Err(PathFault::NoMatch(text.clone())),
        };
        Ok(found.map_or(PartStep::Nowhere, PartStep::Into))
    }
}

impl std::fmt::Display for PathPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(text) | Self::Brackets(text) => f.write_str(text),
            Self::Index(at) => write!(f, "{at}"),
            Self::Every => f.write_str("*"),
            Self::Item(item) => item.fmt(f),
        }
    }
}

impl ItemMatch {
    /// Returns whether an item's text equals the value.
    fn equals(&self, item: &Node) -> bool {
        let value = if self.field.is_empty() {
            Some(item)
        } else {
            item.get(&self.field)
        };
        value.is_some_and(|value| value.text().unwrap_or_default() == &*self.value)
    }

    /// Returns whether the pattern matches a value as YAML shows it.
    pub(super) fn fits(&self, value: &Node, meter: &Meter<'_>) -> Result<bool, PathFault> {
        let pattern = self
            .pattern
            .get_or_init(|| BoundedPattern::new(&self.value, meter.budget()));
        let pattern = match pattern {
            Ok(pattern) => pattern,
            Err(Refused::Invalid) => return Err(PathFault::Pattern(self.value.clone())),
            Err(Refused::Exceeded(exceeded)) => return Err((*exceeded).into()),
        };
        Ok(pattern.is_match(&structured::shown(value, meter.budget())?, meter)?)
    }
}

impl std::fmt::Display for ItemMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}={}]", self.field, self.value)
    }
}

fn field_step(name: &str, node: &Node) -> Result<PartStep, PathFault> {
    if name.is_empty() {
        return Ok(PartStep::Stay);
    }
    if name == "-" {
        return Ok(items(node, || name.to_owned())?
            .len()
            .checked_sub(1)
            .map_or(PartStep::Nowhere, PartStep::Into));
    }
    if let Ok(index) = name.parse::<i64>() {
        return Err(PathFault::Negative(index));
    }
    match node.entries() {
        Some(entries) => {
            let at = entries
                .iter()
                .position(|entry| entry.key.text() == Some(name));
            Ok(at.map_or(PartStep::Nowhere, PartStep::Into))
        }
        None if node.is_null() => Ok(PartStep::Nowhere),
        None => Err(PathFault::WrongKind {
            part: name.into(),
            want: "a mapping",
        }),
    }
}

/// Returns a sequence's items; a null has none.
fn items(node: &Node, part: impl Fn() -> String) -> Result<&[Node], PathFault> {
    match node.items() {
        Some(items) => Ok(items),
        None if node.is_null() => Ok(&[]),
        None => Err(PathFault::WrongKind {
            part: part().into(),
            want: "a list",
        }),
    }
}
