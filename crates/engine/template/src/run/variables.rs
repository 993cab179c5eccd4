//! Variables, and values with the static type they have.

use super::frame::Slot;
use super::machine::Machine;
use super::nil::is_nil_interface;
use crate::compile::Unit;
use crate::error::TemplateError;
use crate::value::Value;

impl Machine<'_> {
    /// Sets the last variable of a name.
    pub(super) fn assign(
        &mut self,
        unit: &Unit,
        name: u32,
        slot: Slot,
    ) -> Result<(), TemplateError> {
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

    pub(super) fn slot_value(&self, slot: &Slot, strip: bool) -> Value {
        match &slot.value {
            Value::Nil if slot.is_interface && !strip => self.nil.clone(),
            value => value.clone(),
        }
    }

    pub(super) fn variable(&self, unit: &Unit, name: u32) -> Result<&Slot, TemplateError> {
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
fn undefined(unit: &Unit, name: u32) -> TemplateError {
    let name = unit.names.get(name as usize).map_or("", |name| &*name.text);
    TemplateError::new(format!("undefined variable: {name}"))
}
