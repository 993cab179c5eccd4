//! Calls of templates, and returns.

use super::frame::{AtHand, CallKind, Callee, Frame, RunTurn, Slot};
use super::machine::Machine;
use crate::compile::NO_NODE;
use crate::error::TemplateError;
use crate::value::{GoString, Value};

/// How many calls may be open. Go's own bound is 100,000 for each output that is returned.
const FRAMES_MAX: usize = 110_000;
/// How many of them may return their output.
const CAPTURES_MAX: usize = 10_000;

impl<'r> Machine<'r> {
    /// Calls a template; the one at hand goes on at `next` when it returns.
    pub(super) fn enter(
        &mut self,
        callee: Callee<'r>,
        data: Value,
        call: CallKind,
        next: usize,
    ) -> Result<RunTurn, TemplateError> {
        if self.frames.len() >= FRAMES_MAX {
            let message = format!("templates are nested deeper than {FRAMES_MAX}, the limit");
            return Err(TemplateError::bound(message));
        }
        let captures = !matches!(call, CallKind::Template);
        if captures && self.captures >= CAPTURES_MAX {
            let message =
                format!("include and tpl are nested deeper than {CAPTURES_MAX}, the limit");
            return Err(TemplateError::bound(message));
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
        Ok(RunTurn::Switch)
    }

    /// Returns to the caller.
    pub(super) fn leave(&mut self) -> Result<RunTurn, TemplateError> {
        let Some(frame) = self.frames.pop() else {
            return Ok(RunTurn::End);
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
        Ok(RunTurn::Switch)
    }

    /// Cuts off the end of the output.
    fn cut(&mut self, start: usize) -> Result<GoString, TemplateError> {
        let end = self.out.get(start..).unwrap_or_default();
        self.context.bytes(end.len())?;
        let text = GoString::from(end);
        self.out.truncate(start);
        Ok(text)
    }
}

/// Removes what Go prints for a missing value, as Helm does.
fn without_no_value(text: GoString) -> GoString {
    match crate::engine::without_no_value(&text) {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(text) => text.into(),
    }
}
