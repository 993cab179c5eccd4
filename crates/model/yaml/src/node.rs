//! [`Node`]: a YAML value as it was in a text, or as code created it.
//!
//! Unlike a JSON value a node keeps the order of keys, the style of scalars, tags, comments and
//! positions, so that an edit can leave the rest alone and a message can name file and line.
//! Aliases and merges are already resolved. Nodes are internal to readers and builders; a build
//! returns JSON values.

use compact_str::CompactString;

use crate::Dialect;
use crate::compose::resolve::{self, Meaning};
use crate::error::{Cause, Error};

/// A node's text; short texts are stored inline.
pub type Text = CompactString;

/// A YAML value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its content.
    pub content: Content,
    /// Its type, if it does not follow from the text.
    pub tag: Tag,
    /// How it is written.
    pub style: Style,
    /// Its position.
    pub place: Place,
    /// Rarely used parts: comments, a custom tag.
    pub extra: Option<Box<Extra>>,
}

/// The content of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text, not yet interpreted as a number or anything else.
    Scalar(Text),
    /// Items in order.
    Sequence(Vec<Node>),
    /// Entries in the order of the text, with unique keys.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key; usually a scalar.
    pub key: Node,
    /// The value.
    pub value: Node,
}

/// A node's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tag {
    /// Follows from text and style: a quoted or block scalar is a text, a plain one is up to the
    /// dialect.
    #[default]
    Implied,
    /// `!!null`
    Null,
    /// `!!bool`
    Bool,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!str`
    Str,
    /// `!!binary`
    Binary,
    /// `!!timestamp`
    Timestamp,
    /// `!!seq`
    Seq,
    /// `!!map`
    Map,
    /// Any other; its text is in [`Extra::tag`].
    Other,
}

/// How a node is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// A scalar without quotes; a collection in block form.
    #[default]
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
    /// `[…]`, `{…}`
    Flow,
}

/// The position of a node. All zero for a node created by code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The number of the text, chosen by the caller.
    pub source: u32,
    /// Line, from 1.
    pub line: u32,
    /// First byte in the text.
    pub start: u32,
    /// First byte after the node.
    pub end: u32,
}

/// Where a text comes from, for the positions of its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origins {
    /// Becomes [`Place::source`].
    pub source: u32,
    /// Lines before the text in its file: a patch inside a kustomization starts in the middle of
    /// it.
    pub lines_above: u32,
}

/// What few nodes have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra {
    /// The tag as written, if [`Node::tag`] is [`Tag::Other`]; if comments are kept, every written
    /// tag.
    pub tag: Option<Box<str>>,
    /// Comment lines above it, including `#`.
    pub head_comment: Box<str>,
    /// The comment after it on its line.
    pub line_comment: Box<str>,
    /// Comment lines below it that belong to no other node.
    pub foot_comment: Box<str>,
}

impl Node {
    /// Returns a scalar that is a text, whatever it looks like.
    #[must_use]
    pub fn string(text: impl Into<Text>) -> Self {
        Self {
            tag: Tag::Str,
            ..Self::plain(text)
        }
    }

    /// Returns a scalar as if written without quotes: a number if it looks like one.
    #[must_use]
    pub fn plain(text: impl Into<Text>) -> Self {
        Self::of(Content::Scalar(text.into()))
    }

    /// Returns a null.
    #[must_use]
    pub fn null() -> Self {
        Self {
            tag: Tag::Null,
            ..Self::plain("null")
        }
    }

    /// Returns an empty mapping.
    #[must_use]
    pub fn mapping() -> Self {
        Self::of(Content::Mapping(Vec::new()))
    }

    /// Returns a sequence.
    #[must_use]
    pub fn sequence(items: Vec<Self>) -> Self {
        Self::of(Content::Sequence(items))
    }

    /// Returns the node with another position; nested nodes keep theirs.
    #[must_use]
    pub fn placed(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Returns a scalar's text, whatever its type.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a sequence's items.
    #[must_use]
    pub fn items(&self) -> Option<&[Self]> {
        match &self.content {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// Returns a sequence's items, mutably.
    pub fn items_mut(&mut self) -> Option<&mut Vec<Self>> {
        match &mut self.content {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// Returns a mapping's entries.
    #[must_use]
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns a mapping's entries, mutably.
    pub fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns the value of a key; nothing if this is not a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?
            .iter()
            .find(|entry| entry.key.text() == Some(key))
            .map(|entry| &entry.value)
    }

    /// Returns the value of a key, mutably.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.entries_mut()?
            .iter_mut()
            .find(|entry| entry.key.text() == Some(key))
            .map(|entry| &mut entry.value)
    }

    /// Returns the value at a path of keys.
    #[must_use]
    pub fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Sets a key's value, in place if the key exists, else at the end. Returns the previous value.
    /// Does nothing if this is not a mapping.
    pub fn insert(&mut self, key: &str, value: Self) -> Option<Self> {
        if let Some(old) = self.get_mut(key) {
            return Some(std::mem::replace(old, value));
        }
        let key = Self::string(key).placed(value.place);
        self.entries_mut()?.push(Entry { key, value });
        None
    }

    /// Returns a key's value, created by `make` if it is absent; nothing if this is not a mapping.
    pub fn get_or_insert_with(
        &mut self,
        key: &str,
        make: impl FnOnce() -> Self,
    ) -> Option<&mut Self> {
        let entries = self.entries_mut()?;
        let at = entries
            .iter()
            .position(|entry| entry.key.text() == Some(key))
            .unwrap_or(entries.len());
        if at == entries.len() {
            let value = make();
            let key = Self::string(key).placed(value.place);
            entries.push(Entry { key, value });
        }
        entries.get_mut(at).map(|entry| &mut entry.value)
    }

    /// Removes a key and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<Self> {
        let entries = self.entries_mut()?;
        let at = entries
            .iter()
            .position(|entry| entry.key.text() == Some(key))?;
        Some(entries.remove(at).value)
    }

    /// Returns whether a scalar is plain, so that its type depends on the dialect only.
    #[must_use]
    pub fn is_implied_plain(&self) -> bool {
        self.tag == Tag::Implied && self.style == Style::Plain
    }

    /// Returns whether it is a null as go-yaml v3 reads it.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.text().is_some() && self.resolved_tag(Dialect::V3) == Tag::Null
    }

    /// Returns whether it is a text as go-yaml v3 reads it.
    #[must_use]
    pub fn is_string(&self) -> bool {
        self.text().is_some() && self.resolved_tag(Dialect::V3) == Tag::Str
    }

    /// Returns whether it is a null, an empty text without quotes, or an empty collection.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        match &self.content {
            Content::Scalar(_) => self.is_null(),
            Content::Sequence(items) => items.is_empty(),
            Content::Mapping(entries) => entries.is_empty(),
        }
    }

    /// Returns how many collections are nested in it, itself included; 0 for a scalar. Keys are texts and count nothing.
    #[must_use]
    pub fn depth(&self) -> usize {
        let inside = match &self.content {
            Content::Scalar(_) => return 0,
            Content::Sequence(items) => items.iter().map(Self::depth).max(),
            Content::Mapping(entries) => entries.iter().map(|entry| entry.value.depth()).max(),
        };
        1 + inside.unwrap_or_default()
    }

    /// Returns its type, which is never [`Tag::Implied`].
    #[must_use]
    pub fn resolved_tag(&self, dialect: Dialect) -> Tag {
        match &self.content {
            _ if self.tag != Tag::Implied => self.tag,
            Content::Sequence(_) => Tag::Seq,
            Content::Mapping(_) => Tag::Map,
            Content::Scalar(_) if self.style != Style::Plain => Tag::Str,
            Content::Scalar(text) => match resolve::plain(text, dialect) {
                Meaning::Text => Tag::Str,
                Meaning::Null => Tag::Null,
                Meaning::Bool(_) => Tag::Bool,
                Meaning::Int(_) | Meaning::Uint(_) => Tag::Int,
                Meaning::Float(_) => Tag::Float,
                Meaning::Time(_) => Tag::Timestamp,
            },
        }
    }

    /// Replaces a scalar's text and keeps its type, as setting a value through kyaml does.
    pub fn set_text_only(&mut self, text: impl Into<Text>) {
        self.tag = self.resolved_tag(Dialect::V3);
        self.content = Content::Scalar(text.into());
    }

    pub(crate) fn fault(&self, cause: Cause) -> Error {
        Error {
            line: self.place.line.max(1),
            column: 1,
            cause,
        }
    }

    pub(crate) fn of(content: Content) -> Self {
        Self {
            content,
            tag: Tag::Implied,
            style: Style::Plain,
            place: Place::default(),
            extra: None,
        }
    }
}
