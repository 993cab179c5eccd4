//! Values of a type: which ones fit it, and its zero value.

use super::{Form, IntegerKind, Kind, List, Map, Text, Type, Value};

impl Value {
    /// Returns whether the value can be assigned to a type.
    pub fn fits(&self, of: &Type) -> bool {
        match (self, of) {
            (_, Type::Any | Type::Reflect)
            | (Self::String(_), Type::String)
            | (Self::Bool(_), Type::Bool)
            | (Self::Float(_), Type::Float64)
            | (Self::Float32(_), Type::Float32)
            | (Self::Int(_), Type::Integer(IntegerKind::Int))
            | (Self::Int64(_), Type::Integer(IntegerKind::Int64)) => true,
            (Self::Sized(integer), Type::Integer(kind)) => integer.kind == *kind,
            (Self::Bytes(_), Type::Slice(element)) => {
                **element == Type::Integer(IntegerKind::Uint8)
            }
            (Self::List(list), Type::Slice(element)) => {
                self.kind() == Kind::Slice && list.element() == &**element
            }
            (Self::List(_), Type::Array(..)) => self.type_of() == *of,
            (Self::Map(map), Type::Map(types)) => {
                types.0 == Type::String && *map.element() == types.1
            }
            (Self::Map(map), Type::Named(_)) => map.type_of() == *of,
            (Self::Object(object), Type::Named(name)) => {
                object.type_name() == *name || object.implements(name)
            }
            (Self::Object(object), Type::Slice(_) | Type::Map(_)) => {
                // A defined type fits the type it is defined by, unless that has a name as well.
                object.kind() != Kind::Pointer
                    && object.underlying().is_some_and(|value| value.fits(of))
            }
            _ => false,
        }
    }
}

impl Type {
    /// Returns the zero value of the type; that of a type by name is the nil interface.
    pub fn zero(&self) -> Value {
        match self {
            Self::Any | Self::Reflect | Self::Named(_) => Value::Nil,
            Self::Bool => Value::Bool(false),
            Self::Integer(kind) => Value::integer(*kind, 0),
            Self::Float64 => Value::Float(0.0),
            Self::Float32 => Value::Float32(0.0),
            Self::String => Value::String(Text::EMPTY),
            Self::Slice(element) => List::nil((**element).clone()).into(),
            Self::Array(len, element) => {
                let items = vec![element.zero(); (*len).min(ARRAY_MAX)];
                List::with_form((**element).clone(), Form::Array, items).into()
            }
            Self::Map(types) => Map::nil(types.1.clone()).into(),
        }
    }
}

/// The longest array whose zero value is made.
const ARRAY_MAX: usize = 1024;
