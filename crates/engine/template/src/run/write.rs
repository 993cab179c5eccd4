//! Output and variables.

use super::Machine;
use super::frame::{Slot, Variable};
use crate::compile::{Constant, Emit, Push, Unit};
use crate::error::Error;
use crate::print;
use crate::value::{Kind, Value};

impl Machine<'_> {
    pub(super) fn emit(&mut self, unit: &Unit, emit: Emit) -> Result<(), Error> {
        match emit {
            Emit::Text { start, end } => {
                let text = unit.text.get(start as usize..end as usize);
                let text = text.unwrap_or_default();
                self.context.bytes(text.len())?;
                self.out.extend_from_slice(text);
                Ok(())
            }
            Emit::Print => self.print(),
            Emit::Declare { name, keep } => {
                let value = self.taken(keep);
                self.context.nodes(1)?;
                let slot = Slot {
                    value,
                    is_interface: false,
                };
                self.variables.push(Variable { name, slot });
                Ok(())
            }
            Emit::Assign { name, keep } => {
                let value = self.taken(keep);
                let slot = Slot {
                    value,
                    is_interface: false,
                };
                self.assign(unit, name, slot)
            }
            Emit::Nothing => Ok(()),
        }
    }

    fn taken(&mut self, keep: bool) -> Value {
        if keep {
            return self.stack.last().cloned().unwrap_or_default();
        }
        self.pop()
    }

    /// Sets the last variable of a name.
    pub(super) fn assign(&mut self, unit: &Unit, name: u32, slot: Slot) -> Result<(), Error> {
        match self.find(name) {
            Some(index) => {
                if let Some(variable) = self.variables.get_mut(index) {
                    variable.slot = slot;
                }
                Ok(())
            }
            None => Err(undefined(unit, name)),
        }
    }

    fn find(&self, name: u32) -> Option<usize> {
        let base = self.at_hand.base;
        let own = self.variables.get(base..)?;
        let index = own.iter().rposition(|variable| variable.name == name)?;
        Some(base + index)
    }

    fn print(&mut self) -> Result<(), Error> {
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
            Value::Object(object) if object.kind() == Kind::Func && object.text().is_none() => {
                let (shown, of) = (self.shown_node(), value.type_name());
                Err(Error::new(format!("can't print {shown} of type {of}")))
            }
            value => print::shown(&self.context, &mut self.out, value),
        }
    }

    // === Values ===

    pub(super) fn push(&mut self, unit: &Unit, push: Push) -> Result<(), Error> {
        let value = match push {
            Push::Constant(index) => {
                let constant = unit.constants.get(index as usize);
                constant.map_or(Value::Nil, Constant::value)
            }
            Push::Nil => Value::Nil,
            Push::Dot { strip } => self.slot_value(&self.at_hand.dot, strip),
            Push::Root { strip } => self.slot_value(self.root(), strip),
            Push::Variable { name, strip } => {
                let slot = self.variable(unit, name)?;
                self.slot_value(slot, strip)
            }
            Push::Fields { of, chain, strip } => self.fields(unit, of, chain, strip)?,
            Push::Strip => {
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

    /// Returns the data of the template at hand.
    pub(super) fn root(&self) -> &Slot {
        match self.variables.get(self.at_hand.base) {
            Some(root) => &root.slot,
            None => &self.at_hand.dot,
        }
    }

    pub(super) fn popped_slot(&mut self) -> Slot {
        let value = self.pop();
        if is_nil_interface(&value) {
            return Slot {
                value: Value::Nil,
                is_interface: true,
            };
        }
        Slot {
            value,
            is_interface: false,
        }
    }

    fn slot_value(&self, slot: &Slot, strip: bool) -> Value {
        match &slot.value {
            Value::Nil if slot.is_interface && !strip => self.nil.clone(),
            value => value.clone(),
        }
    }

    pub(super) fn variable(&self, unit: &Unit, name: u32) -> Result<&Slot, Error> {
        let index = self.find(name);
        // Templates with very many variables pay for the search.
        let passed = self.variables.len() - index.unwrap_or_default();
        if passed > VARIABLES_PER_STEP {
            self.context.steps(passed / VARIABLES_PER_STEP)?;
        }
        let variable = index.and_then(|index| self.variables.get(index));
        let variable = variable.ok_or_else(|| undefined(unit, name))?;
        Ok(&variable.slot)
    }
}

/// Variables that are looked at in one step.
const VARIABLES_PER_STEP: usize = 64;
/// What Go prints for a missing value.
const NO_VALUE: &str = "<no value>";

pub(super) fn is_nil_interface(value: &Value) -> bool {
    matches!(value, Value::Object(object) if object.kind() == Kind::Interface)
}

fn undefined(unit: &Unit, name: u32) -> Error {
    let name = unit.names.get(name as usize).map_or("", |name| &*name.text);
    Error::new(format!("undefined variable: {name}"))
}
