//! Values of a type: which ones fit it, and its zero value.

use super::{GoKind, GoString, GoType, IntegerKind, List, ListForm, Map, Value};

impl Value {
    /// Returns whether the value can be assigned to a type.
    pub fn fits(&self, of: &GoType) -> bool {
        match (self, of) {
            (_, GoType::Any | GoType::Reflect)
            | (Self::String(_), GoType::String)
            | (Self::Bool(_), GoType::Bool)
            | (Self::Float(_), GoType::Float64)
            | (Self::Float32(_), GoType::Float32)
            | (Self::Int(_), GoType::Integer(IntegerKind::Int))
            | (Self::Int64(_), GoType::Integer(IntegerKind::Int64)) => true,
            (Self::Sized(integer), GoType::Integer(kind)) => integer.kind == *kind,
            (Self::Bytes(_), GoType::Slice(element)) => {
                **element == GoType::Integer(IntegerKind::Uint8)
            }
            (Self::List(list), GoType::Slice(element)) => {
                self.kind() == GoKind::Slice && list.element() == &**element
            }
            (Self::List(_), GoType::Array(..)) => self.type_of() == *of,
            (Self::Map(map), GoType::Map(types)) => {
                types.0 == GoType::String && *map.element() == types.1
            }
            (Self::Map(map), GoType::Named(_)) => map.type_of() == *of,
            (Self::Object(object), GoType::Named(name)) => {
                object.type_name() == *name || object.implements(name)
            }
            (Self::Object(object), GoType::Slice(_) | GoType::Map(_)) => {
                // A defined type fits the type it is defined by, unless that has a name as well.
                object.kind() != GoKind::Pointer
                    && object.underlying().is_some_and(|value| value.fits(of))
            }
            _ => false,
        }
    }
}

impl GoType {
    /// Returns the zero value of the type; that of a type by name is the nil interface.
    pub fn zero(&self) -> Value {
        match self {
            Self::Any | Self::Reflect | Self::Named(_) => Value::Nil,
            Self::Bool => Value::Bool(false),
            Self::Integer(kind) => Value::integer(*kind, 0),
            Self::Float64 => Value::Float(0.0),
            Self::Float32 => Value::Float32(0.0),
            Self::String => Value::String(GoString::EMPTY),
            Self::Slice(element) => List::nil((**element).clone()).into(),
            Self::Array(len, element) => {
                let items = vec![element.zero(); (*len).min(ARRAY_MAX)];
                List::with_form((**element).clone(), ListForm::Array, items).into()
            }
            Self::Map(types) => Map::nil(types.1.clone()).into(),
        }
    }
}

/// The longest array whose zero value is made.
const ARRAY_MAX: usize = 1024;
