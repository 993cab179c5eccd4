//! The machine that runs code.
//!
//! Values lie on one stack, calls of templates on another: however deep templates call each other,
//! the thread's own stack stays as it is. All output goes into one buffer; what `include` and `tpl`
//! return is cut off its end.

mod call;
mod check;
mod compiled;
mod enter;
mod error;
mod field;
mod flow;
mod frame;
mod include;
mod items;
mod machine;
mod nil;
mod range;
mod unwind;
mod variables;
mod write;

pub use error::ExecError;
pub(crate) use error::Layer;
pub(crate) use machine::Machine;

use frame::{Handle, RunTurn};

use crate::compile::{CodeStep, NO_NODE, Op, Unit};
use crate::error::TemplateError;
use crate::value::Value;

impl Machine<'_> {
    /// Runs a template and returns its output.
    pub(crate) fn execute(&mut self, number: u32, data: Value) -> Result<Vec<u8>, ExecError> {
        self.reset();
        let Some((unit, code)) = self.templates.code(number) else {
            return Err(ExecError::plain(TemplateError::new(
                "there is no such template",
            )));
        };
        self.at_hand.unit = Handle::Shared(unit);
        self.at_hand.code = code;
        self.at_hand.next = 0;
        self.begin(data);
        match self.run() {
            // The buffer is kept for the next template.
            Ok(()) => Ok(self.out.clone()),
            Err(error) => Err(self.unwind(error)),
        }
    }

    fn run(&mut self) -> Result<(), TemplateError> {
        self.charge_code()?;
        loop {
            let unit = self.at_hand.unit.clone();
            let ops = unit
                .codes
                .get(self.at_hand.code)
                .map_or(&[][..], |code| &code.ops);
            if self.run_ops(&unit, ops)? == RunTurn::End {
                return Ok(());
            }
        }
    }

    /// Runs until a template is called or left.
    fn run_ops(&mut self, unit: &Unit, ops: &[Op]) -> Result<RunTurn, TemplateError> {
        let mut next = self.at_hand.next;
        while let Some(op) = ops.get(next) {
            next += 1;
            if op.at != NO_NODE {
                self.at_hand.at = op.at;
            }
            match op.step {
                CodeStep::Emit(emit) => self.emit(unit, emit)?,
                CodeStep::Push(push) => self.push(unit, push)?,
                CodeStep::Call(call) => {
                    if let Some(target) = self.call(unit, call)? {
                        next = target;
                    }
                }
                CodeStep::Flow(flow) => match self.flow(unit, flow, next)? {
                    RunTurn::On => {}
                    RunTurn::To(target) => next = target as usize,
                    turn => return Ok(turn),
                },
            }
        }
        Ok(RunTurn::End)
    }
}
