//! Fields of maps and objects.

use std::borrow::Cow;
use std::rc::Rc;

use super::check::check_count;
use super::frame::Slot;
use super::machine::Machine;
use crate::compile::{Chain, Name, Source, Unit};
use crate::engine::MissingKey;
use crate::error::Error;
use crate::value::{Kind, Map, Object, Type, Value};

impl Machine<'_> {
    /// Follows a chain of fields.
    pub(super) fn fields(
        &mut self,
        unit: &Unit,
        of: Source,
        chain: Chain,
        strip: bool,
    ) -> Result<Value, Error> {
        let first = chain.first as usize;
        let names = unit.names.get(first..first + usize::from(chain.count));
        let names = names.and_then(<[Name]>::split_first);
        let Some((name, rest)) = names else {
            return Ok(Value::Nil);
        };
        let slot = match of {
            Source::Dot => self.first_field(&self.at_hand.dot, name),
            Source::Root => self.first_field(self.root(), name),
            Source::Variable(variable) => self.first_field(self.variable(unit, variable)?, name),
            Source::Stack => Err(self.popped_slot()),
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
    fn first_field(&self, slot: &Slot, name: &Name) -> Result<Slot, Slot> {
        match &slot.value {
            Value::Map(map) => self.entry(map, name).map_err(|_| slot.clone()),
            _ => Err(slot.clone()),
        }
    }

    fn field(&mut self, slot: &Slot, name: &Name) -> Result<Slot, Error> {
        match &slot.value {
            Value::Map(map) => self.entry(map, name),
            Value::Object(object) => self.object_field(slot, Rc::clone(object), name),
            Value::Nil if !slot.is_interface => self.field_of_nothing(&name.text),
            _ => Err(cannot_evaluate(slot, &name.text)),
        }
    }

    /// No value at all has every field, unless missing keys are errors.
    fn field_of_nothing(&self, name: &str) -> Result<Slot, Error> {
        if self.missing == MissingKey::Error {
            let message = format!("nil data; no entry for key {name:?}");
            return Err(Error::new(message));
        }
        Ok(Slot::default())
    }

    fn entry(&self, map: &Map, name: &Name) -> Result<Slot, Error> {
        let is_interface = map.is_of_any();
        if let Some(value) = map.get_by(name.text.as_bytes(), name.prefix, &name.seen_at) {
            return Ok(Slot::item(value, is_interface));
        }
        self.missing_entry(map.element(), &name.text)
    }

    fn missing_entry(&self, element: &Type, name: &str) -> Result<Slot, Error> {
        match self.missing {
            MissingKey::Invalid => Ok(Slot::default()),
            MissingKey::Zero => Ok(Slot {
                value: element.zero(),
                is_interface: *element == Type::Any,
            }),
            MissingKey::Error => {
                let message = format!("map has no entry for key {name:?}");
                Err(Error::new(message))
            }
        }
    }

    /// Returns a field of an object, or of what it points to. Errors name the type of `slot`.
    fn object_field(
        &mut self,
        slot: &Slot,
        mut object: Rc<dyn Object>,
        field: &Name,
    ) -> Result<Slot, Error> {
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
            Kind::Struct | Kind::Pointer => struct_field(slot, &*object, name),
            Kind::Map => self.object_entry(slot, &*object, field),
            _ => Err(cannot_evaluate(slot, name)),
        }
    }

    fn object_entry(&self, slot: &Slot, object: &dyn Object, field: &Name) -> Result<Slot, Error> {
        let name = &*field.text;
        if let Some(Value::Map(map)) = object.underlying() {
            return self.entry(&map, field);
        }
        let Type::Map(types) = Type::parse(&object.type_name()) else {
            return Err(cannot_evaluate(slot, name));
        };
        let (key, element) = &*types;
        if !matches!(key, Type::Any | Type::String) {
            return Err(cannot_evaluate(slot, name));
        }
        let wanted = Value::text(name);
        let pairs = object.pairs().unwrap_or_default();
        match pairs.into_iter().find(|(key, _)| *key == wanted) {
            Some((_, value)) => Ok(Slot {
                value,
                is_interface: *element == Type::Any,
            }),
            None => self.missing_entry(element, name),
        }
    }
}

fn struct_field(slot: &Slot, object: &dyn Object, name: &str) -> Result<Slot, Error> {
    let field = object.field(name);
    if field.is_some() && !name.starts_with(char::is_uppercase) {
        let of = slot.value.type_name();
        let message = format!("{name} is an unexported field of struct type {of}");
        return Err(Error::new(message));
    }
    match field {
        Some(_) if object.is_nil() => {
            let of = object.type_name();
            Err(Error::new(format!("nil pointer evaluating {of}.{name}")))
        }
        Some(value) => Ok(Slot {
            is_interface: value.is_nil(),
            value,
        }),
        None => Err(cannot_evaluate(slot, name)),
    }
}

/// The error for a value that has no such field.
pub(super) fn cannot_evaluate(slot: &Slot, name: &str) -> Error {
    let is_nil = slot.value.is_nil() || slot.value.kind() == Kind::Interface;
    if is_nil {
        return Error::new(format!("nil pointer evaluating interface {{}}.{name}"));
    }
    let of: Cow<'_, str> = if slot.is_interface {
        "interface {}".into()
    } else {
        slot.value.type_name()
    };
    Error::new(format!("can't evaluate field {name} in type {of}"))
}
