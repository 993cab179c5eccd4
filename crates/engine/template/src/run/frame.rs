//! Calls of templates, and what is restored when they return.

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use super::{AtHand, Machine};
use crate::compile::{NO_NODE, Unit};
use crate::error::Error;
use crate::parse::NodeId;
use crate::value::{Text, Value};

/// A unit of the set that is run, or one that was compiled by this run.
#[derive(Clone)]
pub(super) enum Handle<'r> {
    Shared(&'r Unit),
    Own(Arc<Unit>),
}

impl Deref for Handle<'_> {
    type Target = Unit;

    fn deref(&self) -> &Unit {
        match self {
            Self::Shared(unit) => unit,
            Self::Own(unit) => unit,
        }
    }
}

/// A value that may have the static type `interface {}`: only errors and nil show the difference.
#[derive(Clone, Default)]
pub(super) struct Slot {
    pub(super) value: Value,
    pub(super) is_interface: bool,
}

pub(super) struct Variable {
    pub(super) name: u32,
    pub(super) slot: Slot,
}

/// Templates of a text that `tpl` runs. They hide those of the set.
pub(super) struct Overlay {
    pub(super) unit: Arc<Unit>,
    pub(super) outer: Option<Rc<Overlay>>,
    /// Templates here and further out, which a call may have to look at.
    pub(super) templates: usize,
}

/// A template that waits for one that it called.
pub(super) struct Frame<'r> {
    at_hand: AtHand<'r>,
    pub(super) call: CallKind,
}

/// How the template was called.
pub(super) enum CallKind {
    Template,
    Include {
        start: usize,
        node: NodeId,
        counted: Counted,
    },
    Tpl {
        start: usize,
        node: NodeId,
        text: Text,
    },
}

/// What counts an `include`.
#[derive(Clone)]
pub(super) enum Counted {
    Number(u32),
    Name(Text),
}

/// How a run goes on after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    On,
    To(u32),
    /// In another template.
    Switch,
    End,
}

/// A template that can be called.
pub(super) struct Callee<'r> {
    pub(super) unit: Handle<'r>,
    pub(super) code: usize,
    /// Its number in the set.
    pub(super) number: Option<u32>,
}

/// The name of the data, `$`, in every unit.
const ROOT: u32 = 0;
/// How many calls may be open. Go's own bound is 100,000 for each output that is returned.
const FRAMES_MAX: usize = 110_000;
/// How many of them may return their output.
const CAPTURES_MAX: usize = 10_000;

impl<'r> Machine<'r> {
    /// Starts the template at hand with its data.
    pub(super) fn begin(&mut self, data: Value) {
        self.at_hand.at = NO_NODE;
        self.at_hand.base = self.variables.len();
        let slot = Slot {
            value: data,
            is_interface: false,
        };
        self.variables.push(Variable {
            name: ROOT,
            slot: slot.clone(),
        });
        self.at_hand.dot = slot;
    }

    /// Calls a template; the one at hand goes on at `next` when it returns.
    pub(super) fn enter(
        &mut self,
        callee: Callee<'r>,
        data: Value,
        call: CallKind,
        next: usize,
    ) -> Result<Turn, Error> {
        if self.frames.len() >= FRAMES_MAX {
            let message = format!("templates are nested deeper than {FRAMES_MAX}, the limit");
            return Err(Error::bound(message));
        }
        let captures = !matches!(call, CallKind::Template);
        if captures && self.captures >= CAPTURES_MAX {
            let message =
                format!("include and tpl are nested deeper than {CAPTURES_MAX}, the limit");
            return Err(Error::bound(message));
        }

        self.captures += usize::from(captures);
        self.at_hand.next = next;
        let depth = if captures { 0 } else { self.at_hand.depth + 1 };
        let called = AtHand {
            unit: callee.unit,
            code: callee.code,
            next: 0,
            at: NO_NODE,
            dot: Slot::default(),
            base: 0,
            depth,
            overlay: self.at_hand.overlay.clone(),
        };
        let at_hand = std::mem::replace(&mut self.at_hand, called);
        self.frames.push(Frame { at_hand, call });
        self.begin(data);
        self.charge_code()?;
        Ok(Turn::Switch)
    }

    /// Charges the steps of the template at hand, each once: loops charge theirs again.
    pub(super) fn charge_code(&mut self) -> Result<(), Error> {
        let code = self.at_hand.unit.codes.get(self.at_hand.code);
        let steps = code.map_or(0, |code| code.ops.len());
        self.context.steps(steps + 1)?;
        self.context.nodes(1)
    }

    /// Returns to the caller.
    pub(super) fn leave(&mut self) -> Result<Turn, Error> {
        let Some(frame) = self.frames.pop() else {
            return Ok(Turn::End);
        };
        self.variables.truncate(self.at_hand.base);
        self.at_hand = frame.at_hand;
        match frame.call {
            CallKind::Template => {}
            CallKind::Include { start, counted, .. } => {
                self.captures -= 1;
                self.uncount(&counted);
                let text = self.cut(start)?;
                self.stack.push(Value::String(text));
            }
            CallKind::Tpl { start, .. } => {
                self.captures -= 1;
                let text = self.cut(start)?;
                self.stack.push(Value::String(without_no_value(text)));
            }
        }
        Ok(Turn::Switch)
    }

    /// Leaves the template at hand because of an error; returns how it was called.
    pub(super) fn abandon(&mut self) -> Option<CallKind> {
        let frame = self.frames.pop()?;
        self.at_hand = frame.at_hand;
        Some(frame.call)
    }

    /// Cuts off the end of the output.
    fn cut(&mut self, start: usize) -> Result<Text, Error> {
        let end = self.out.get(start..).unwrap_or_default();
        self.context.bytes(end.len())?;
        let text = Text::from(end);
        self.out.truncate(start);
        Ok(text)
    }
}

/// Removes what Go prints for a missing value, as Helm does.
fn without_no_value(text: Text) -> Text {
    match crate::engine::without_no_value(&text) {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(text) => text.into(),
    }
}
