//! Output, and values that are put on the stack.

use super::frame::{Slot, Variable};
use super::machine::Machine;
use super::nil::is_nil_interface;
use crate::compile::{Constant, EmitStep, PushStep, Unit};
use crate::error::TemplateError;
use crate::print;
use crate::value::{GoKind, Value};

impl Machine<'_> {
    pub(super) fn emit(&mut self, unit: &Unit, emit: EmitStep) -> Result<(), TemplateError> {
        match emit {
            EmitStep::Text { start, end } => {
                let text = unit.text.get(start as usize..end as usize);
                let text = text.unwrap_or_default();
                self.context.bytes(text.len())?;
                self.out.extend_from_slice(text);
                Ok(())
            }
            EmitStep::Print => self.print(),
            EmitStep::Declare { name, keep } => {
                let value = self.taken(keep);
                self.context.nodes(1)?;
                let slot = Slot {
                    value,
                    is_interface: false,
                };
                self.variables.push(Variable { name, slot });
                Ok(())
            }
            EmitStep::Assign { name, keep } => {
                let value = self.taken(keep);
                let slot = Slot {
                    value,
                    is_interface: false,
                };
                self.assign(unit, name, slot)
            }
            EmitStep::Nothing => Ok(()),
        }
    }

    fn taken(&mut self, keep: bool) -> Value {
        if keep {
            return self.stack.last().cloned().unwrap_or_default();
        }
        self.pop()
    }

    fn print(&mut self) -> Result<(), TemplateError> {
        let value = self.pop();
        match &value {
            Value::String(text) => {
                self.context.bytes(text.len())?;
                self.out.extend_from_slice(text);
                Ok(())
            }
            Value::Nil => {
                self.context.bytes(NO_VALUE.len())?;
                self.out.extend_from_slice(NO_VALUE.as_bytes());
                Ok(())
            }
            Value::Object(object) if object.kind() == GoKind::Func && object.text().is_none() => {
                let (shown, of) = (self.shown_node(), value.type_name());
                Err(TemplateError::new(format!(
                    "can't print {shown} of type {of}"
                )))
            }
            value => print::shown(&self.context, &mut self.out, value),
        }
    }

    // === Values ===

    pub(super) fn push(&mut self, unit: &Unit, push: PushStep) -> Result<(), TemplateError> {
        let value = match push {
            PushStep::Constant(index) => {
                let constant = unit.constants.get(index as usize);
                constant.map_or(Value::Nil, Constant::value)
            }
            PushStep::Nil => Value::Nil,
            PushStep::Dot { strip } => self.slot_value(&self.at_hand.dot, strip),
            PushStep::Root { strip } => self.slot_value(self.root(), strip),
            PushStep::Variable { name, strip } => {
                let slot = self.variable(unit, name)?;
                self.slot_value(slot, strip)
            }
            PushStep::Fields { of, chain, strip } => self.fields(unit, of, chain, strip)?,
            PushStep::Strip => {
                let value = self.pop();
                if is_nil_interface(&value) {
                    Value::Nil
                } else {
                    value
                }
            }
        };
        self.stack.push(value);
        Ok(())
    }
}

/// What Go prints for a missing value.
const NO_VALUE: &str = "<no value>";
