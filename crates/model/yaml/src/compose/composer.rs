//! [`Composer`]: what all parts of composing share: scanner, limits, budget, positions.

use std::collections::HashMap;

use lode_stdx::budget::{Budget, Exceeded, Meter};

use super::anchor::Anchor;
use super::items::Items;
use crate::bounds::{DEPTH_MAX, NODES_MAX};
use crate::comment::{CommentKind, Comments, Trace};
use crate::cost::{NODE_BYTES, STEP_BYTES, text_bytes};
use crate::error::{Cause, Error};
use crate::node::{Node, Place, Style, Text};
use crate::scan::{Mark, Scanner};
use crate::{Dialect, Origins};

/// What composing needs in addition to the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComposeOptions {
    pub(crate) dialect: Dialect,
    pub(crate) origins: Origins,
    /// Whether nodes keep comments, and tags as they were written.
    pub(crate) comments: bool,
}

/// Builds the documents of a text.
pub(crate) struct Composer<'t> {
    pub(crate) scan: Scanner<'t>,
    pub(crate) options: ComposeOptions,
    pub(crate) anchors: HashMap<&'t str, Anchor>,
    /// Handles and prefixes of `%TAG` lines.
    pub(crate) handles: Vec<(&'t str, Text)>,
    pub(crate) nodes: usize,
    /// Bytes of the texts read so far that are stored outside their nodes.
    pub(crate) text_bytes: u64,
    pub(crate) alias_nodes: usize,
    pub(crate) alias_bytes: u64,
    pub(crate) anchored_nodes: usize,
    pub(crate) anchored_bytes: u64,
    pub(crate) anchors_seen: usize,
    pub(crate) depth: usize,
    /// After the last scalar, alias or bracket read.
    pub(crate) last_end: usize,
    /// Column of the innermost block collection, -1 outside of all.
    pub(crate) indent: isize,
    /// Whether no document was read yet.
    pub(crate) is_first: bool,
    pub(crate) trace: Trace,
    pub(crate) comments: Option<Box<Comments<'t>>>,
    pub(crate) meter: Option<Meter<'t>>,
    /// Who takes the items of large lists.
    pub(crate) items: Option<Items<'t>>,
    /// Deepest mappings and lists whose content is kept; that of deeper ones is only checked.
    pub(crate) depth_kept: Option<usize>,
    /// Bytes charged for a node.
    node_bytes: u64,
}

impl<'t> Composer<'t> {
    pub(crate) fn new(
        text: &'t [u8],
        options: ComposeOptions,
        budget: Option<&'t Budget>,
    ) -> Result<Self, Error> {
        if let Some(budget) = budget {
            charge_text(text, options, budget).map_err(|exceeded| Error {
                line: 1,
                column: 1,
                cause: exceeded.into(),
            })?;
        }
        let scan = Scanner::new(text, options.dialect)?;
        let comments = options.comments.then(|| Box::new(Comments::new(scan.text)));
        Ok(Self {
            scan,
            options,
            anchors: HashMap::new(),
            handles: Vec::new(),
            nodes: 0,
            text_bytes: 0,
            alias_nodes: 0,
            alias_bytes: 0,
            anchored_nodes: 0,
            anchored_bytes: 0,
            anchors_seen: 0,
            depth: 0,
            last_end: 0,
            indent: -1,
            is_first: true,
            trace: Trace::new(options.comments),
            comments,
            meter: budget.map(Meter::new),
            items: None,
            depth_kept: None,
            node_bytes: if options.comments {
                COMMENTED * NODE_BYTES
            } else {
                NODE_BYTES
            },
        })
    }

    pub(crate) fn scalar(
        &mut self,
        start: Mark,
        end: usize,
        (text, style): (Text, Style),
    ) -> Result<Node, Error> {
        self.count(1, start)?;
        self.last_end = end;
        self.trace.note(
            if start.at < end {
                CommentKind::Scalar
            } else {
                CommentKind::Empty
            },
            start.at,
            end,
        );
        self.text_bytes += text_bytes(&text);
        let mut node = Node::plain(text);
        node.style = style;
        node.place = self.place(start, end);
        Ok(node)
    }

    /// Creates the null for a missing value.
    pub(crate) fn empty(&mut self, mark: Mark) -> Result<Node, Error> {
        self.scalar(mark, mark.at, (Text::default(), Style::Plain))
    }

    pub(crate) fn place(&self, start: Mark, end: usize) -> Place {
        let origins = self.options.origins;
        Place {
            source: origins.source,
            line: start
                .line
                .saturating_add(1)
                .saturating_add(origins.lines_above),
            start: start.at as u32,
            end: end as u32,
        }
    }

    pub(crate) fn enter(&mut self, mark: Mark) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            Err(self.scan.error(mark, Cause::TooDeep))
        } else {
            Ok(())
        }
    }

    #[inline]
    pub(crate) fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), Error> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            return Err(self.scan.error(mark, Cause::TooManyNodes));
        }
        let nodes = nodes as u64;
        self.charge(mark, |meter, node_bytes| {
            meter.steps(nodes)?;
            meter.nodes(nodes)?;
            meter.bytes(nodes.saturating_mul(node_bytes))
        })
    }

    /// Charges the budget, if there is one, for what is about to be created.
    #[inline]
    pub(crate) fn charge(
        &self,
        mark: Mark,
        charge: impl Fn(&Meter<'_>, u64) -> Result<(), Exceeded>,
    ) -> Result<(), Error> {
        match &self.meter {
            None => Ok(()),
            Some(meter) => {
                charge(meter, self.node_bytes).map_err(|exceeded| self.scan.error(mark, exceeded))
            }
        }
    }

    /// Notes a key whose value follows; returns whether it has to be left again.
    pub(crate) fn enter_key(&mut self, key: &Node) -> bool {
        let depth = self.depth;
        let items = self.items.as_mut();
        items.is_some_and(|items| items.enter_key(key, depth))
    }

    /// Leaves a key that was entered.
    pub(crate) fn leave_key(&mut self, was_entered: bool) {
        if let Some(items) = &mut self.items
            && was_entered
        {
            items.leave_key();
        }
    }

    /// Hands an item of the innermost list out, or returns it to be kept. `nodes` is how many there were before it.
    pub(crate) fn hand_out(&mut self, item: Node, nodes: usize) -> Result<Option<Node>, Error> {
        if self.is_too_deep() {
            item.check_value(self.options.dialect)?;
            return Ok(None);
        }
        let Some(items) = &mut self.items else {
            return Ok(Some(item));
        };
        let kept = items.hand_out(item, self.depth);
        if kept.is_none() {
            self.nodes = nodes;
        }
        Ok(kept)
    }

    /// Returns whether the content of the innermost collection is only checked.
    pub(crate) fn is_too_deep(&self) -> bool {
        self.depth_kept.is_some_and(|kept| self.depth > kept)
    }
}

/// How many times as much memory nodes and texts take with comments.
const COMMENTED: u64 = 3;

/// Charges a text as a whole before it is read: its scalars together are no longer than it.
fn charge_text(text: &[u8], options: ComposeOptions, budget: &Budget) -> Result<(), Exceeded> {
    let bytes = text.len() as u64;
    budget.steps(bytes / STEP_BYTES)?;
    budget.bytes(if options.comments {
        COMMENTED * bytes
    } else {
        bytes
    })
}
