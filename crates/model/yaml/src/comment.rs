//! Comments: which node each one belongs to, as go-yaml v3 decides it.
//!
//! Input: the tokens that the composer passed, and the text. Output: comments in the nodes'
//! [`Extra`]. go-yaml finds a comment when it scans the gap after a token (`comment/gap.rs`), binds
//! it to a position, and gives it to the first token at or after that position; what a token was
//! given belongs to the node announced next (`comment/attribute.rs`). All of this happens here
//! after a document was composed, so readers without comments pay nothing. An alias' own comments
//! are dropped: it is replaced by a copy of the anchored node, with that node's comments.

mod attribute;
mod gap;
mod piece;

use std::collections::VecDeque;

use lode_stdx::budget::{Exceeded, Meter};

pub(crate) use piece::{CommentKind, CommentToken};

use piece::{AnnouncedNode, BLOCK, Comment, CommentPart, CommentParts, Document};

use crate::node::{Content, Extra, Node, Style};

/// The tokens of a document, if they are needed.
#[derive(Default)]
pub(crate) struct Trace {
    tokens: Vec<CommentToken>,
    wanted: bool,
}

impl Trace {
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            tokens: Vec::new(),
            wanted,
        }
    }

    /// Returns a position for a later [`Trace::insert`].
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    #[inline]
    pub(crate) fn note(&mut self, kind: CommentKind, start: usize, end: usize) {
        if self.wanted {
            self.push(CommentToken { kind, start, end });
        }
    }

    /// Out of line, so that readers without comments skip it quickly.
    #[cold]
    fn push(&mut self, token: CommentToken) {
        self.tokens.push(token);
    }

    /// Inserts a start that was only recognised later.
    #[inline]
    pub(crate) fn insert(&mut self, at: usize, kind: CommentKind, (start, end): (usize, usize)) {
        if self.wanted {
            self.tokens.insert(at, CommentToken { kind, start, end });
        }
    }
}

/// The comments of a text, from document to document.
pub(crate) struct Comments<'t> {
    gaps: gap::Gaps<'t>,
    /// Comments not yet taken.
    queue: VecDeque<Comment>,
    is_first: bool,
}

impl<'t> Comments<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            gaps: gap::Gaps::new(text),
            queue: VecDeque::new(),
            is_first: true,
        }
    }

    /// Gives a document's nodes their comments. `next` is where the text continues after it.
    ///
    /// # Errors
    /// The budget is exceeded: the copy in place of an alias repeats the comments of the anchored
    /// node.
    pub(crate) fn attach(
        &mut self,
        node: &mut Node,
        trace: &mut Trace,
        (next, meter): (usize, Option<&Meter<'_>>),
    ) -> Result<(), Exceeded> {
        let mut tokens = std::mem::take(&mut trace.tokens);
        self.gaps.scan(&mut tokens, next, &mut self.queue);
        let document = attribute::document(
            self.gaps.text,
            &tokens,
            next,
            (&mut self.queue, self.is_first),
        );
        self.is_first = false;
        let mut found: Vec<AnnouncedNode> = document.nodes;
        found.retain(|found| !found.parts.is_empty());
        found.sort_unstable_by_key(|found| (found.start, found.end));
        give(node, &found, meter)?;
        give_document(node, &document.head, &document.foot);
        tokens.clear();
        trace.tokens = tokens;
        Ok(())
    }
}

/// Depth is bounded where nodes are composed.
fn give(
    node: &mut Node,
    found: &[AnnouncedNode],
    meter: Option<&Meter<'_>>,
) -> Result<(), Exceeded> {
    let start = node.place.start as usize;
    let is_block = node.text().is_none() && node.style != Style::Flow;
    let end = if is_block {
        BLOCK
    } else {
        node.place.end as usize
    };
    if let Ok(at) = found.binary_search_by_key(&(start, end), |found| (found.start, found.end)) {
        let parts = &found[at].parts;
        if let Some(meter) = meter {
            meter.bytes(
                (size_of::<Extra>() + parts.head.len() + parts.line.len() + parts.foot.len())
                    as u64,
            )?;
        }
        let extra = node.extra.get_or_insert_default();
        extra.head_comment = parts.head.as_str().into();
        extra.line_comment = parts.line.as_str().into();
        extra.foot_comment = parts.foot.as_str().into();
    }
    match &mut node.content {
        Content::Scalar(_) => Ok(()),
        Content::Sequence(items) => items
            .iter_mut()
            .try_for_each(|item| give(item, found, meter)),
        Content::Mapping(entries) => {
            for entry in entries {
                give(&mut entry.key, found, meter)?;
                // A value without content may be at the position of its empty key, and has no
                // comments.
                if entry.value.place.start < entry.value.place.end {
                    give(&mut entry.value, found, meter)?;
                }
            }
            Ok(())
        }
    }
}

/// Gives a document's comments to its root, separated by an empty line if they would read as the
/// root's own.
fn give_document(root: &mut Node, head: &str, foot: &str) {
    if head.is_empty() && foot.is_empty() {
        return;
    }
    let ends_its_line = root.text().is_some() || root.style == Style::Flow || root.is_nothing();
    let extra: &mut Extra = root.extra.get_or_insert_default();
    if !head.is_empty() {
        extra.head_comment = format!("{head}\n\n{}", extra.head_comment).into();
    }
    if !foot.is_empty() {
        extra.foot_comment = match &*extra.foot_comment {
            _ if !ends_its_line => foot.into(),
            "" => format!("\n{foot}").into(),
            own => format!("{own}\n\n{foot}").into(),
        };
    }
}
