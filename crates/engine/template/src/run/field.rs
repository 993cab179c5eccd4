//! Fields of maps and objects.

use std::borrow::Cow;
use std::rc::Rc;

use super::check::check_count;
use super::frame::Slot;
use super::machine::Machine;
use crate::compile::{Chain, ChainStart, Unit, UnitName};
use crate::engine::MissingKey;
use crate::error::TemplateError;
use crate::value::{GoKind, GoObject, GoType, Map, Value};

impl Machine<'_> {
    /// Follows a chain of fields.
    pub(super) fn fields(
        &mut self,
        unit: &Unit,
        of: ChainStart,
        chain: Chain,
        strip: bool,
    ) -> Result<Value, TemplateError> {
        let first = chain.first as usize;
        let names = unit.names.get(first..first + usize::from(chain.count));
        let names = names.and_then(<[UnitName]>::split_first);
        let Some((name, rest)) = names else {
            return Ok(Value::Nil);
        };

        let slot = match of {
            ChainStart::Dot => self.first_field(&self.at_hand.dot, name),
            ChainStart::Root => self.first_field(self.root(), name),
            ChainStart::Variable(variable) => {
                self.first_field(self.variable(unit, variable)?, name)
            }
            ChainStart::Stack => Err(self.popped_slot()),
        };
        let mut slot = match slot {
            Ok(slot) => slot,
            Err(slot) => self.field(&slot, name)?,
        };
        for name in rest {
            slot = match &slot.value {
                Value::Map(map) => self.entry(map, name)?,
                _ => self.field(&slot, name)?,
            };
        }

        Ok(match slot.value {
            Value::Nil if slot.is_interface && !strip => self.nil.clone(),
            value => value,
        })
    }

    /// Returns a field without a copy of what it is a field of, or that copy if it takes more.
    fn first_field(&self, slot: &Slot, name: &UnitName) -> Result<Slot, Slot> {
        match &slot.value {
            Value::Map(map) => self.entry(map, name).map_err(|_| slot.clone()),
            _ => Err(slot.clone()),
        }
    }

    fn field(&mut self, slot: &Slot, name: &UnitName) -> Result<Slot, TemplateError> {
        match &slot.value {
            Value::Map(map) => self.entry(map, name),
            Value::Object(object) => self.object_field(slot, Rc::clone(object), name),
            Value::Nil if !slot.is_interface => self.field_of_nothing(&name.text),
            _ => Err(cannot_evaluate(slot, &name.text)),
        }
    }

    /// No value at all has every field, unless missing keys are errors.
    fn field_of_nothing(&self, name: &str) -> Result<Slot, TemplateError> {
        if self.missing == MissingKey::Error {
            let message = format!("nil data; no entry for key {name:?}");
            return Err(TemplateError::new(message));
        }
        Ok(Slot::default())
    }

    fn entry(&self, map: &Map, name: &UnitName) -> Result<Slot, TemplateError> {
        let is_interface = map.is_of_any();
        if let Some(value) = map.get_by(name.text.as_bytes(), name.prefix, &name.seen_at) {
            return Ok(Slot::item(value, is_interface));
        }
        self.missing_entry(map.element(), &name.text)
    }

    fn missing_entry(&self, element: &GoType, name: &str) -> Result<Slot, TemplateError> {
        match self.missing {
            MissingKey::Invalid => Ok(Slot::default()),
            MissingKey::Zero => Ok(Slot {
                value: element.zero(),
                is_interface: *element == GoType::Any,
            }),
            MissingKey::Error => {
                let message = format!("map has no entry for key {name:?}");
                Err(TemplateError::new(message))
            }
        }
    }

    /// Returns a field of an object, or of what it points to. Errors name the type of `slot`.
    fn object_field(
        &mut self,
        slot: &Slot,
        mut object: Rc<dyn GoObject>,
        field: &UnitName,
    ) -> Result<Slot, TemplateError> {
        let name = &*field.text;
        loop {
            if let Some(signature) = object.method(name) {
                check_count(signature, name, 0)?;
                let called = object.call(name, &mut self.context, &[]);
                let value = called.map_err(|error| error.calling(name))?;
                return Ok(Slot::item(value, false));
            }
            match object.target() {
                Some(Value::Object(target)) => object = target,
                Some(Value::Map(map)) => return self.entry(&map, field),
                Some(_) => return Err(cannot_evaluate(slot, name)),
                None => break,
            }
        }
        match object.kind() {
            GoKind::Struct | GoKind::Pointer => struct_field(slot, &*object, name),
            GoKind::Map => self.object_entry(slot, &*object, field),
            _ => Err(cannot_evaluate(slot, name)),
        }
    }

    fn object_entry(
        &self,
        slot: &Slot,
        object: &dyn GoObject,
        field: &UnitName,
    ) -> Result<Slot, TemplateError> {
        let name = &*field.text;
        if let Some(Value::Map(map)) = object.underlying() {
            return self.entry(&map, field);
        }
        let GoType::Map(types) = GoType::parse(&object.type_name()) else {
            return Err(cannot_evaluate(slot, name));
        };
        let (key, element) = &*types;
        if !matches!(key, GoType::Any | GoType::String) {
            return Err(cannot_evaluate(slot, name));
        }
        let wanted = Value::text(name);
        let pairs = object.pairs().unwrap_or_default();
        match pairs.into_iter().find(|(key, _)| *key == wanted) {
            Some((_, value)) => Ok(Slot {
                value,
                is_interface: *element == GoType::Any,
            }),
            None => self.missing_entry(element, name),
        }
    }
}

fn struct_field(slot: &Slot, object: &dyn GoObject, name: &str) -> Result<Slot, TemplateError> {
    let field = object.field(name);
    if field.is_some() && !name.starts_with(char::is_uppercase) {
        let of = slot.value.type_name();
        let message = format!("{name} is an unexported field of struct type {of}");
        return Err(TemplateError::new(message));
    }
    match field {
        Some(_) if object.is_nil() => {
            let of = object.type_name();
            Err(TemplateError::new(format!(
                "nil pointer evaluating {of}.{name}"
            )))
        }
        Some(value) => Ok(Slot {
            is_interface: value.is_nil(),
            value,
        }),
        None => Err(cannot_evaluate(slot, name)),
    }
}

/// The error for a value that has no such field.
pub(super) fn cannot_evaluate(slot: &Slot, name: &str) -> TemplateError {
    let is_nil = slot.value.is_nil() || slot.value.kind() == GoKind::Interface;
    if is_nil {
        return TemplateError::new(format!("nil pointer evaluating interface {{}}.{name}"));
    }
    let of: Cow<'_, str> = if slot.is_interface {
        "interface {}".into()
    } else {
        slot.value.type_name()
    };
    TemplateError::new(format!("can't evaluate field {name} in type {of}"))
}
