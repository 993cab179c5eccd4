//! What comments can belong to: entries, items and ends of values, in the order of the text.

use lode_yaml::{Content, Node, Style};

/// Where lines begin.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

/// Everything a comment can belong to.
pub(super) struct Outline {
    slots: Vec<Slot>,
    /// Spans of scalars, in which a `#` is no comment.
    scalars: Vec<(usize, usize)>,
    ends: Vec<End>,
    /// Where the document ends.
    pub(super) end: usize,
}

/// An entry of a mapping or an item of a list.
pub(super) struct Slot {
    pub(super) start: usize,
    /// That of the block it stands in.
    pub(super) column: usize,
    pub(super) parent: Option<usize>,
    /// A key or an item.
    step: Step,
    /// Its value starts on a later line.
    pub(super) is_open: bool,
    /// It stands in brackets.
    is_flow: bool,
}

/// The end of a scalar, or of a collection in brackets.
pub(super) struct End {
    pub(super) at: usize,
    slot: Option<usize>,
    is_value: bool,
    /// It is a scalar without quotes.
    is_plain: bool,
}

/// A step from a node to one inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Item(usize),
    Key(usize),
    Value(usize),
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Returns the line of a place, from 0.
    pub(super) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Returns where a line begins.
    pub(super) fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    /// Returns how far the line of a place is indented.
    pub(super) fn indentation(&self, at: usize) -> usize {
        let line = &self.text[self.start(self.line(at))..];
        line.bytes().take_while(|byte| *byte == b' ').count()
    }

    /// Returns the last line before a place that says something.
    pub(super) fn last_content(&self, at: usize) -> Option<usize> {
        let before = self.text[..at].trim_end();
        (!before.is_empty()).then(|| self.line(before.len() - 1))
    }

    /// Tells whether a line's last thing is a scalar without quotes. Below a text's first line go-yaml takes comments for
    /// those of what is above only then.
    pub(super) fn ends_plainly(&self, line: usize, outline: &Outline) -> bool {
        let end = self.start(line + 1);
        let says = self.text[..end].trim_end().len();
        outline.last_end(end).is_some_and(|last| last.is_plain && last.at == says)
    }

    fn column(&self, at: usize) -> usize {
        at - self.start(self.line(at))
    }
}

impl Outline {
    pub(super) fn new(lines: &Lines<'_>, root: &Node) -> Self {
        let end = root.place.end as usize;
        let mut outline = Self { slots: Vec::new(), scalars: Vec::new(), ends: Vec::new(), end };
        outline.add(lines, root, None);
        outline
    }

    pub(super) fn slot(&self, at: usize) -> &Slot {
        &self.slots[at]
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns the first slot behind a place; the outermost of those that start together.
    pub(super) fn next_after(&self, at: usize) -> Option<usize> {
        let next = self.slots.partition_point(|slot| slot.start <= at);
        (next < self.slots.len()).then_some(next)
    }

    /// Returns the last value or key that ends before a place.
    pub(super) fn last_end(&self, at: usize) -> Option<&End> {
        let behind = self.ends.partition_point(|end| end.at <= at);
        self.ends.get(behind.checked_sub(1)?)
    }

    /// Returns the end of the scalar that a place is in.
    pub(super) fn end_of_scalar(&self, at: usize) -> Option<usize> {
        let behind = self.scalars.partition_point(|(start, _)| *start <= at);
        let (_, end) = *self.scalars.get(behind.checked_sub(1)?)?;
        (end > at).then_some(end)
    }

    /// Returns the slot itself, or the one that holds the brackets it stands in.
    pub(super) fn block(&self, slot: usize) -> usize {
        let mut slot = slot;
        while let Some(parent) = self.slots[slot].parent.filter(|_| self.slots[slot].is_flow) {
            slot = parent;
        }
        slot
    }

    /// Returns the way to what ends the block that a column speaks of, going up from a slot: to the last entry of a
    /// mapping, or to a list. A list at the column of its key is no block of its own.
    pub(super) fn path_of_block(&self, from: usize, column: usize) -> Vec<Step> {
        let mut at = from;
        while let (true, Some(parent)) = (self.slots[at].column > column, self.slots[at].parent) {
            at = parent;
            let Step::Item(_) = self.slots[at].step else { continue };
            match self.slots[at].parent {
                Some(owner) if self.slots[owner].column == self.slots[at].column => at = owner,
                owner if self.slots[at].column <= column => return self.path_to(owner, true),
                _ => {}
            }
        }
        self.path(at)
    }

    /// Returns the way to a key or an item.
    pub(super) fn path(&self, slot: usize) -> Vec<Step> {
        self.path_to(Some(slot), false)
    }

    /// Returns the way to what ends there.
    pub(super) fn path_of(&self, end: &End) -> Vec<Step> {
        self.path_to(end.slot, end.is_value)
    }

    fn path_to(&self, slot: Option<usize>, is_value: bool) -> Vec<Step> {
        let (mut path, mut at, mut is_value) = (Vec::new(), slot, is_value);
        while let Some(slot) = at.map(|at| &self.slots[at]) {
            path.push(match slot.step {
                Step::Key(at) if is_value => Step::Value(at),
                step => step,
            });
            (at, is_value) = (slot.parent, true);
        }
        path.reverse();
        path
    }

    /// Adds what is in a node. Readers bound how deep nodes are nested.
    fn add(&mut self, lines: &Lines<'_>, node: &Node, slot: Option<usize>) {
        match &node.content {
            Content::Scalar(_) => self.add_scalar(node, slot, true),
            Content::Sequence(items) => {
                for (at, item) in items.iter().enumerate() {
                    let inner = self.add_slot(lines, node, item, (slot, Step::Item(at)));
                    self.add(lines, item, Some(inner));
                }
            }
            Content::Mapping(entries) => {
                for (at, entry) in entries.iter().enumerate() {
                    let inner = self.add_slot(lines, node, &entry.key, (slot, Step::Key(at)));
                    self.add_scalar(&entry.key, Some(inner), false);
                    let (key, value) = (entry.key.place, entry.value.place);
                    let is_below = lines.line(value.start as usize) > lines.line(key.start as usize);
                    self.slots[inner].is_open = is_below || value.start == value.end;
                    self.add(lines, &entry.value, Some(inner));
                }
            }
        }
        if node.style == Style::Flow {
            self.ends.push(End { at: node.place.end as usize, slot, is_value: true, is_plain: false });
        }
    }

    fn add_scalar(&mut self, node: &Node, slot: Option<usize>, is_value: bool) {
        let (start, end) = (node.place.start as usize, node.place.end as usize);
        if node.text().is_some() && start < end {
            self.scalars.push((start, end));
            self.ends.push(End { at: end, slot, is_value, is_plain: node.style == Style::Plain });
        }
    }

    fn add_slot(&mut self, lines: &Lines<'_>, of: &Node, node: &Node, (parent, step): (Option<usize>, Step)) -> usize {
        let is_flow = of.style == Style::Flow || parent.is_some_and(|parent| self.slots[parent].is_flow);
        let (start, column) = (node.place.start as usize, lines.column(of.place.start as usize));
        self.slots.push(Slot { start, column, parent, step, is_open: false, is_flow });
        self.slots.len() - 1
    }
}
