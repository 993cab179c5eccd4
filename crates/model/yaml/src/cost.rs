//! The memory of values, so that a budget can be charged before they are created or copied.

use lode_stdx::budget::{Budget, Exceeded, Meter};

use crate::node::{Content, Extra, Node, Text};

/// The size of a node with everything in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Nodes, keys included.
    pub nodes: u64,
    /// Approximate bytes of memory.
    pub bytes: u64,
}

/// Bytes of a node besides its text. Lists grow by doubling, so half of their capacity may be
/// unused.
pub(crate) const NODE_BYTES: u64 = 2 * size_of::<Node>() as u64;
/// Bytes of a JSON value besides long texts: maps are allocated for eleven entries at once, so
/// small ones waste most.
const VALUE_BYTES: u64 = 128;
/// Bytes of a text that are processed in one step.
pub(crate) const STEP_BYTES: u64 = 64;

impl Cost {
    /// Returns the size of a scalar with a text.
    #[must_use]
    pub const fn of_text(text: &str) -> Self {
        Self {
            nodes: 1,
            bytes: NODE_BYTES + text.len() as u64,
        }
    }

    /// Returns the size of a value together with its key.
    #[must_use]
    pub const fn under(self, key: &str) -> Self {
        let key = Self::of_text(key);
        Self {
            nodes: self.nodes + key.nodes,
            bytes: self.bytes + key.bytes,
        }
    }

    /// Charges a budget for a copy of the value.
    ///
    /// # Errors
    /// The budget is exceeded.
    pub fn charge(self, budget: &Budget) -> Result<(), Exceeded> {
        budget.steps(self.steps())?;
        budget.nodes(self.nodes)?;
        budget.bytes(self.bytes)
    }

    /// As [`Cost::charge`], through a meter.
    ///
    /// # Errors
    /// The budget is exceeded.
    pub fn charge_meter(self, meter: &Meter<'_>) -> Result<(), Exceeded> {
        meter.steps(self.steps())?;
        meter.nodes(self.nodes)?;
        meter.bytes(self.bytes)
    }

    /// Charges a budget for the equivalent JSON value.
    ///
    /// # Errors
    /// The budget is exceeded.
    pub fn charge_value(self, budget: &Budget) -> Result<(), Exceeded> {
        budget.steps(self.steps())?;
        budget.nodes(self.nodes)?;
        budget.bytes(
            self.texts()
                .saturating_add(self.nodes.saturating_mul(VALUE_BYTES)),
        )
    }

    /// Returns the number of steps to visit the value once.
    #[must_use]
    pub fn steps(self) -> u64 {
        self.nodes + self.texts() / STEP_BYTES
    }

    /// Returns the bytes of long texts.
    const fn texts(self) -> u64 {
        self.bytes
            .saturating_sub(self.nodes.saturating_mul(NODE_BYTES))
    }
}

impl Node {
    /// Returns the size of the node.
    #[must_use]
    pub fn cost(&self) -> Cost {
        let mut cost = Cost::default();
        self.add_cost(&mut cost);
        cost
    }

    fn add_cost(&self, cost: &mut Cost) {
        cost.nodes += 1;
        cost.bytes += NODE_BYTES + self.extra.as_deref().map_or(0, extra_bytes);
        match &self.content {
            Content::Scalar(text) => cost.bytes += text_bytes(text),
            Content::Sequence(items) => items.iter().for_each(|item| item.add_cost(cost)),
            Content::Mapping(entries) => entries.iter().for_each(|entry| {
                entry.key.add_cost(cost);
                entry.value.add_cost(cost);
            }),
        }
    }
}

/// Charges for a text while it is written: indentation can make it many times longer than its
/// content.
///
/// Steps are charged for all of it, bytes only beyond what the text held before, so a reused buffer
/// is charged once.
pub(crate) struct Till<'b> {
    meter: Option<Meter<'b>>,
    /// The length that has been charged.
    paid: usize,
    /// What the text holds, or held before.
    held: usize,
    exceeded: Option<Exceeded>,
}

/// How far a text may grow before it is charged.
const UNPAID_MAX: usize = 4096;

impl<'b> Till<'b> {
    /// Starts with a text; without a budget nothing is charged.
    pub(crate) fn new(budget: Option<&'b Budget>, text: &String) -> Self {
        Self {
            meter: budget.map(Meter::new),
            paid: text.len(),
            held: text.capacity(),
            exceeded: None,
        }
    }

    /// Charges for what was written; false if the budget is exceeded and writing should stop.
    #[inline]
    pub(crate) fn pay(&mut self, len: usize) -> bool {
        if len.saturating_sub(self.paid) >= UNPAID_MAX {
            self.charge(len);
        }
        self.exceeded.is_none()
    }

    /// Charges for the rest.
    pub(crate) fn close(mut self, len: usize) -> Result<(), Exceeded> {
        self.charge(len);
        self.exceeded.map_or(Ok(()), Err)
    }

    #[cold]
    fn charge(&mut self, len: usize) {
        let grown = len.saturating_sub(self.paid) as u64;
        let allocated = len.saturating_sub(self.held) as u64;
        self.paid = len;
        self.held = self.held.max(len);
        if let Some(meter) = &self.meter
            && let Err(exceeded) = meter
                .steps(grown / STEP_BYTES + 1)
                .and_then(|()| meter.bytes(allocated))
        {
            self.exceeded.get_or_insert(exceeded);
        }
    }
}

/// Returns the bytes of a text that are stored outside its node: short texts are stored inline.
pub(crate) fn text_bytes(text: &Text) -> u64 {
    if text.is_heap_allocated() {
        text.len() as u64
    } else {
        0
    }
}

fn extra_bytes(extra: &Extra) -> u64 {
    let comments = [
        &extra.head_comment,
        &extra.line_comment,
        &extra.foot_comment,
    ];
    let comments: usize = comments.iter().map(|comment| comment.len()).sum();
    let tag = extra.tag.as_deref().map_or(0, str::len);
    (size_of::<Extra>() + comments + tag) as u64
}

#[cfg(test)]
mod tests {
    use crate::{Dialect, Nodes, Origins};

    #[test]
    fn long_texts_cost_their_length_and_short_ones_nothing() {
        let read = |text: &str| {
            Nodes::new(text.as_bytes(), Dialect::V3, Origins::default())
                .next()
                .unwrap()
                .unwrap()
        };
        let (short, long) = (
            read("a: [b, c]").cost(),
            read(&format!("a: [b, {}]", "c".repeat(1000))).cost(),
        );
        assert_eq!(
            (short.nodes, long.nodes, long.bytes - short.bytes),
            (5, 5, 1000)
        );
        assert_eq!((short.steps(), long.steps()), (5, 5 + 15));
    }
}
