//! Steps that go elsewhere.

use super::frame::{CallKind, Slot, Turn};
use super::machine::Machine;
use crate::compile::{Flow, Unit};
use crate::error::Error;

/// How deep templates may call each other, as in Go.
const DEPTH_MAX: usize = 100_000;

impl Machine<'_> {
    pub(super) fn flow(&mut self, unit: &Unit, flow: Flow, next: usize) -> Result<Turn, Error> {
        match flow {
            Flow::Jump(target) => return Ok(Turn::To(target)),
            Flow::JumpIfFalse(target) => {
                if !self.pop().is_true() {
                    return Ok(Turn::To(target));
                }
            }
            Flow::Enter => self.scopes.push(self.variables.len()),
            Flow::Leave => {
                if let Some(variables) = self.scopes.pop() {
                    self.variables.truncate(variables);
                }
            }
            Flow::With(target) => {
                let value = self.pop();
                if !value.is_true() {
                    return Ok(Turn::To(target));
                }
                let slot = Slot {
                    value,
                    is_interface: false,
                };
                let dot = std::mem::replace(&mut self.at_hand.dot, slot);
                self.dots.push(dot);
            }
            Flow::EndWith => self.at_hand.dot = self.dots.pop().unwrap_or_default(),
            Flow::Range(range) => return self.range(unit, range),
            Flow::Next(range) => return self.next_item(unit, range),
            Flow::Break(range) => return Ok(self.end_loop(unit, range)),
            Flow::Exists { link } => self.exists(unit, link)?,
            Flow::Template { link } => return self.template(unit, link, next),
            Flow::Include { link, node } => return self.include_link(unit, link, node, next),
            Flow::IncludeNamed { rotate, node } => return self.include_named(rotate, node, next),
            Flow::Tpl { rotate, node } => return self.tpl(rotate, node, next),
            Flow::Fail(message) => {
                let message = unit.messages.get(message as usize);
                return Err(Error::new(message.map_or("", |message| message)));
            }
            Flow::Return => return self.leave(),
        }
        Ok(Turn::On)
    }

    /// Fails if a template cannot be called.
    fn exists(&mut self, unit: &Unit, link: u32) -> Result<(), Error> {
        self.charge_search()?;
        if self.resolve(unit, link).is_none() {
            let name = unit.links.get(link as usize).map(|link| &*link.name);
            let name = super::unwind::quoted(name.unwrap_or_default());
            return Err(Error::new(format!("template {name} not defined")));
        }
        if self.at_hand.depth == DEPTH_MAX {
            let message = format!("exceeded maximum template depth ({DEPTH_MAX})");
            return Err(Error::new(message));
        }
        Ok(())
    }

    fn template(&mut self, unit: &Unit, link: u32, next: usize) -> Result<Turn, Error> {
        let data = self.pop();
        match self.resolve(unit, link) {
            Some(callee) => self.enter(callee, data, CallKind::Template, next),
            None => Ok(Turn::On),
        }
    }
}
