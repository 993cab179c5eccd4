//! [`default()`]: the defaults that a server sets before it examines an object further
//! (`SetDefaults_*`).
//!
//! The object is visited along its type. At each struct the defaults of the published schema come
//! first, then the rows of the data file, then the rules that rows cannot express ([`rules`]);
//! outer structs come before inner ones, and a struct that is not a pointer exists even if it was
//! not written. In: an object of a built-in kind. Left out: custom kinds, and what needs a clock, a
//! random number or other objects.

mod image;
mod rules;
mod table;
mod unset;

use lode_schema::{Map, Schema, TypeRef, builtin};
use serde_json::Value;

use crate::kind::{Kind, Types};

pub(crate) use rules::TEMPLATE_GENERATION;
use table::{DefaultTable, TABLE};
use unset::is_unset;

/// Sets the defaults of an object.
pub fn default(kind: &Kind, object: &mut Value) {
    if matches!(kind.types, Types::Builtin) {
        DefaultWalk {
            schema: &builtin().schema,
            table: &TABLE,
        }
        .value(kind.ty, object, 0);
    }
}

struct DefaultWalk<'w> {
    schema: &'w Schema,
    table: &'w DefaultTable,
}

impl DefaultWalk<'_> {
    fn value(&self, ty: TypeRef, value: &mut Value, depth: usize) {
        if depth > DEPTH_MAX || !self.table.concerns(ty) {
            return;
        }
        let atom = self.schema.atom(ty);
        match (value, &atom.map, &atom.list) {
            (Value::Object(object), Some(map), _) => {
                self.table.apply(ty, object);
                self.fields(map, object, depth);
                if let Some(element) = map.element {
                    for (_, value) in object
                        .iter_mut()
                        .filter(|(name, _)| map.field(name).is_none())
                    {
                        self.value(element, value, depth + 1);
                    }
                }
            }
            (Value::Array(items), _, Some(list)) => {
                for item in items {
                    self.value(list.element, item, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn fields(&self, map: &Map, object: &mut serde_json::Map<String, Value>, depth: usize) {
        for field in &map.fields {
            let name = &*field.name;
            if let Some(default) = field.api_default()
                && is_unset(object.get(name))
            {
                object.insert(name.to_owned(), default.clone());
            }
            if let Some(value) = object.get_mut(name) {
                self.value(field.ty, value, depth + 1);
            } else if field.default.as_ref().is_some_and(Value::is_object)
                && self.table.concerns(field.ty)
            {
                let mut value = Value::Object(serde_json::Map::new());
                self.value(field.ty, &mut value, depth + 1);
                if value.as_object().is_some_and(|value| !value.is_empty()) {
                    object.insert(name.to_owned(), value);
                }
            }
        }
    }
}

/// The depth limit of a JSON parser.
const DEPTH_MAX: usize = 128;
