//! What comments and the tokens around them are taken apart into.

/// What the composer passed in a text, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommentKind {
    /// A `%` line; ends after its line break.
    Directive,
    /// `---` or `...`.
    Mark,
    /// An anchor or a tag.
    Property,
    Scalar,
    Alias,
    /// A node without content; not a token.
    Empty,
    /// `[` or `{`.
    FlowStart,
    /// `]` or `}`.
    FlowEnd,
    /// `,`
    Comma,
    /// `-`
    Entry,
    /// `?`
    Key,
    /// `:`
    Value,
    /// A list begins at the following token; `end` holds its column.
    SequenceStart,
    /// A mapping begins at the following token; `end` holds its column.
    MappingStart,
    /// A list begins at the column of its mapping; it does not count in go-yaml's indentation.
    BareStart,
    /// The innermost list of that kind ends.
    BareEnd,
    /// The innermost block collection ends; `start` is determined later.
    BlockEnd,
    /// `key: value` inside `[…]` begins.
    PairStart,
    PairEnd,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct CommentToken {
    pub(super) kind: CommentKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A part of the comments in a gap.
pub(super) struct Comment {
    pub(super) part: CommentPart,
    pub(super) text: String,
    /// A token at or after this position takes it.
    pub(super) bound: usize,
    pub(super) start: usize,
    pub(super) column: usize,
    /// The range that was scanned for it; nothing for a line comment.
    pub(super) looked_at: Option<(usize, usize)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CommentPart {
    Head,
    Line,
    Foot,
}

/// What a node is given.
#[derive(Default)]
pub(super) struct CommentParts {
    pub(super) head: String,
    pub(super) line: String,
    pub(super) foot: String,
}

/// A node as it was announced, with what it was given.
pub(super) struct AnnouncedNode {
    pub(super) start: usize,
    /// [`BLOCK`] for a block collection.
    pub(super) end: usize,
    pub(super) parts: CommentParts,
}

/// Stands for the end of a block collection, which is identified by its first byte only.
pub(super) const BLOCK: usize = usize::MAX;

/// A document's own comments.
pub(super) struct Document {
    pub(super) head: String,
    pub(super) foot: String,
    pub(super) nodes: Vec<AnnouncedNode>,
}

impl CommentParts {
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && self.line.is_empty() && self.foot.is_empty()
    }
}
