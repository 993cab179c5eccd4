//! Calls of functions and methods.

use std::rc::Rc;

use super::check::{check_count, checked, pass};
use super::field::cannot_evaluate;
use super::frame::Slot;
use super::machine::Machine;
use super::nil::is_nil_interface;
use crate::builtin;
use crate::compile::{CallStep, Unit};
use crate::error::TemplateError;
use crate::parse::NodeId;
use crate::value::{GoKind, GoString, GoType, Value};

impl Machine<'_> {
    /// Runs a step. Returns where to go on, if not at the next one.
    pub(super) fn call(
        &mut self,
        unit: &Unit,
        call: CallStep,
    ) -> Result<Option<usize>, TemplateError> {
        match call {
            CallStep::Check { of, below } => self.check(unit, of, below)?,
            CallStep::Function {
                index,
                count,
                rotate,
                node,
            } => {
                self.call_function(usize::from(index), count, rotate, node)?;
            }
            CallStep::Value {
                count,
                rotate,
                node,
            } => self.call_value(count, rotate, node)?,
            CallStep::Callee => self.push_callee(),
            CallStep::Method { name, count } => self.method(unit, name, count)?,
            CallStep::MethodCheck { name, index } => self.method_check(unit, name, index)?,
            CallStep::MethodLiteral {
                name,
                index,
                literal,
            } => {
                self.method_literal(unit, name, index, literal)?;
            }
            CallStep::MethodFinal { name, count } => self.method_final(unit, name, count)?,
            CallStep::Invoke {
                name,
                count,
                piped,
                node,
            } => {
                if let Err(error) = self.method_call(unit, name, count, piped) {
                    self.at_hand.at = node;
                    return Err(error);
                }
            }
            CallStep::Decide { or, target } => {
                if self.stack.last().is_some_and(Value::is_true) == or {
                    return Ok(Some(target as usize));
                }
                self.stack.pop();
            }
            CallStep::DropBelow => {
                let value = self.pop();
                if let Some(below) = self.stack.last_mut() {
                    *below = value;
                }
            }
        }
        Ok(None)
    }

    fn check(&mut self, unit: &Unit, of: u32, below: u16) -> Result<(), TemplateError> {
        let index = self.stack.len().checked_sub(usize::from(below) + 1);
        let value = index.and_then(|index| self.stack.get_mut(index));
        let (Some(value), Some(of)) = (value, unit.types.get(of as usize)) else {
            return Ok(());
        };
        if let (Value::String(_), GoType::String) = (&*value, of) {
            return Ok(());
        }
        *value = checked(std::mem::take(value), of)?;
        Ok(())
    }

    fn call_function(
        &mut self,
        index: usize,
        count: u16,
        rotate: bool,
        node: NodeId,
    ) -> Result<(), TemplateError> {
        let functions = self.functions();
        let Some(row) = functions.at(index) else {
            return Ok(());
        };
        self.context.steps(1)?;
        let base = self.base_of(count);
        let args = self.stack.get_mut(base..).unwrap_or_default();
        if rotate {
            args.rotate_left(1);
        }
        if !row.is_reflective {
            args.iter_mut().for_each(pass);
        }

        let args = self.stack.get(base..).unwrap_or_default();
        match (row.body)(&mut self.context, args) {
            Ok(value) => {
                self.stack.truncate(base);
                self.stack.push(value);
                Ok(())
            }
            Err(error) => {
                self.at_hand.at = node;
                Err(error.calling(row.name))
            }
        }
    }

    /// `call`: the name, the function, its arguments.
    fn call_value(&mut self, count: u16, rotate: bool, node: NodeId) -> Result<(), TemplateError> {
        let base = self.base_of(count);
        let args = self.stack.get_mut(base..).unwrap_or_default();
        if rotate {
            // The piped value lies under the name.
            let below = base.saturating_sub(1);
            if let Some(all) = self.stack.get_mut(below..) {
                let name = all.get(1).cloned().unwrap_or_default();
                all.rotate_left(1);
                if let Some(first) = all.first_mut() {
                    *first = name;
                }
            }
        } else {
            let _ = args;
        }
        let args: Vec<Value> = self.stack.drain(base.min(self.stack.len())..).collect();
        let name = self.pop();
        let name = name.as_text().map(GoString::to_string).unwrap_or_default();
        let (function, args) = args.split_first().unwrap_or((&Value::Nil, &[]));
        match builtin::call(&mut self.context, &name, function, args) {
            Ok(value) => {
                self.stack.push(value);
                Ok(())
            }
            Err(error) => {
                self.at_hand.at = node;
                Err(error.calling("call"))
            }
        }
    }

    /// Errors name a piped function by its value.
    fn push_callee(&mut self) {
        let value = self.pop();
        let name = match &value {
            Value::String(text) => text.clone(),
            Value::Nil => "<invalid Value>".into(),
            value => format!("<{} Value>", value.type_name()).into(),
        };
        self.stack.push(Value::String(name));
        self.stack.push(value);
    }

    // === Methods ===

    /// Checks that the top value has a method for so many arguments.
    fn method(&mut self, unit: &Unit, name: u32, count: u16) -> Result<(), TemplateError> {
        let name = unit.names.get(name as usize).map_or("", |name| &*name.text);
        let receiver = self.stack.last().cloned().unwrap_or_default();
        if receiver.is_nil() {
            // A field of no value is no value, whatever its arguments.
            return Ok(());
        }
        let Some(receiver) = with_method(&receiver, name) else {
            return Err(not_a_method(&receiver, name));
        };
        if let Some(signature) = receiver.method(name) {
            check_count(signature, name, usize::from(count))?;
        }
        if let Some(top) = self.stack.last_mut() {
            *top = receiver;
        }
        Ok(())
    }

    /// Calls `f` with the receiver's signature; the receiver is `above` values deep.
    fn signature_type(&self, unit: &Unit, name: u32, above: u16, index: usize) -> GoType {
        let name = unit.names.get(name as usize).map_or("", |name| &*name.text);
        let receiver = self.stack.len().checked_sub(usize::from(above) + 1);
        let receiver = receiver.and_then(|index| self.stack.get(index));
        let signature = receiver.and_then(|receiver| receiver.method(name));
        let parameter = signature.and_then(|signature| signature.parameter(index));
        parameter.map_or(GoType::Any, |parameter| parameter.of.clone())
    }

    fn method_check(&mut self, unit: &Unit, name: u32, index: u16) -> Result<(), TemplateError> {
        let of = self.signature_type(unit, name, index + 1, usize::from(index));
        if let Some(value) = self.stack.last_mut() {
            *value = checked(std::mem::take(value), &of)?;
        }
        Ok(())
    }

    fn method_literal(
        &mut self,
        unit: &Unit,
        name: u32,
        index: u16,
        literal: u32,
    ) -> Result<(), TemplateError> {
        let of = self.signature_type(unit, name, index, usize::from(index));
        let Some(literal) = unit.literals.get(literal as usize) else {
            return Ok(());
        };
        let constant = literal.constant(&of).map_err(TemplateError::new)?;
        self.stack.push(constant.value());
        Ok(())
    }

    fn method_final(&mut self, unit: &Unit, name: u32, count: u16) -> Result<(), TemplateError> {
        let arguments = count.saturating_sub(1);
        let of = self.signature_type(unit, name, arguments, usize::from(arguments));
        let index = self.stack.len().checked_sub(usize::from(count) + 1);
        if let Some(value) = index.and_then(|index| self.stack.get_mut(index)) {
            *value = checked(std::mem::take(value), &of)?;
        }
        Ok(())
    }

    fn method_call(
        &mut self,
        unit: &Unit,
        name: u32,
        count: u16,
        piped: bool,
    ) -> Result<(), TemplateError> {
        let name = unit.names.get(name as usize).map_or("", |name| &*name.text);
        let arguments = usize::from(count) - usize::from(piped);
        let base = self.stack.len().saturating_sub(arguments);
        let mut args: Vec<Value> = self.stack.drain(base..).collect();
        let receiver = self.pop();
        if piped {
            args.push(self.pop());
        }

        let Value::Object(object) = &receiver else {
            self.stack.push(Value::Nil);
            return Ok(());
        };
        self.context.steps(1)?;
        args.iter_mut().for_each(pass);
        let called = Rc::clone(object).call(name, &mut self.context, &args);
        self.stack
            .push(called.map_err(|error| error.calling(name))?);
        Ok(())
    }
}

/// Follows pointers to a value that has the method.
fn with_method(value: &Value, name: &str) -> Option<Value> {
    let mut value = value.clone();
    loop {
        if value.method(name).is_some() {
            return Some(value);
        }
        match &value {
            Value::Object(object) => value = object.target()?,
            _ => return None,
        }
    }
}

/// The error for arguments to what is no method.
fn not_a_method(receiver: &Value, name: &str) -> TemplateError {
    let slot = Slot {
        is_interface: is_nil_interface(receiver),
        value: receiver.clone(),
    };
    let target = receiver.indirect().unwrap_or_default();
    match (&target, target.kind()) {
        (Value::Object(object), GoKind::Struct | GoKind::Pointer)
            if object.field(name).is_some() =>
        {
            TemplateError::new(format!(
                "{name} has arguments but cannot be invoked as function"
            ))
        }
        (_, GoKind::Map) => TemplateError::new(format!("{name} is not a method but has arguments")),
        _ => cannot_evaluate(&slot, name),
    }
}
