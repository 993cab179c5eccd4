//! Steps that go elsewhere.

use super::frame::{CallKind, RunTurn, Slot};
use super::machine::Machine;
use crate::compile::{FlowStep, Unit};
use crate::error::TemplateError;

/// How deep templates may call each other, as in Go.
const DEPTH_MAX: usize = 100_000;

impl Machine<'_> {
    pub(super) fn flow(
        &mut self,
        unit: &Unit,
        flow: FlowStep,
        next: usize,
    ) -> Result<RunTurn, TemplateError> {
        match flow {
            FlowStep::Jump(target) => return Ok(RunTurn::To(target)),
            FlowStep::JumpIfFalse(target) => {
                if !self.pop().is_true() {
                    return Ok(RunTurn::To(target));
                }
            }
            FlowStep::Enter => self.scopes.push(self.variables.len()),
            FlowStep::Leave => {
                if let Some(variables) = self.scopes.pop() {
                    self.variables.truncate(variables);
                }
            }
            FlowStep::With(target) => return Ok(self.with(target)),
            FlowStep::EndWith => self.at_hand.dot = self.dots.pop().unwrap_or_default(),
            FlowStep::Range(range) => return self.range(unit, range),
            FlowStep::Next(range) => return self.next_item(unit, range),
            FlowStep::Break(range) => return Ok(self.end_loop(unit, range)),
            FlowStep::Exists { link } => self.exists(unit, link)?,
            FlowStep::Template { link } => return self.template(unit, link, next),
            FlowStep::Include { link, node } => return self.include_link(unit, link, node, next),
            FlowStep::IncludeNamed { rotate, node } => {
                return self.include_named(rotate, node, next);
            }
            FlowStep::Tpl { rotate, node } => return self.tpl(rotate, node, next),
            FlowStep::Fail(message) => {
                let message = unit.messages.get(message as usize);
                return Err(TemplateError::new(message.map_or("", |message| message)));
            }
            FlowStep::Return => return self.leave(),
        }
        Ok(RunTurn::On)
    }

    /// Makes the top value dot, unless it is empty.
    fn with(&mut self, target: u32) -> RunTurn {
        let value = self.pop();
        if !value.is_true() {
            return RunTurn::To(target);
        }
        let dot = std::mem::replace(&mut self.at_hand.dot, Slot::item(value, false));
        self.dots.push(dot);
        RunTurn::On
    }

    /// Fails if a template cannot be called.
    fn exists(&mut self, unit: &Unit, link: u32) -> Result<(), TemplateError> {
        self.charge_search()?;
        if self.resolve(unit, link).is_none() {
            let name = unit.links.get(link as usize).map(|link| &*link.name);
            let name = super::unwind::quoted(name.unwrap_or_default());
            return Err(TemplateError::new(format!("template {name} not defined")));
        }
        if self.at_hand.depth == DEPTH_MAX {
            let message = format!("exceeded maximum template depth ({DEPTH_MAX})");
            return Err(TemplateError::new(message));
        }
        Ok(())
    }

    fn template(&mut self, unit: &Unit, link: u32, next: usize) -> Result<RunTurn, TemplateError> {
        let data = self.pop();
        match self.resolve(unit, link) {
            Some(callee) => self.enter(callee, data, CallKind::Template, next),
            None => Ok(RunTurn::On),
        }
    }
}
