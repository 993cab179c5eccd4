//! Values of templates, each with its Go type.

mod fit;
mod indirect;
mod json;
mod list;
mod map;
mod object;
mod text;
mod types;

use std::borrow::Cow;
use std::rc::Rc;

pub use list::{List, ListForm};
pub use map::Map;
pub use object::GoObject;
pub use text::GoString;
pub(crate) use text::{SharedText, prefix};
pub use types::{GoKind, GoType, IntegerKind};

use crate::function::Signature;

/// How deep values may be nested for code that walks them by recursion. Deeper ones fail where Go
/// would go on, or overflow its stack.
pub const NESTING_MAX: usize = 500;

/// A value of Go. Cloning is cheap; clones of a map are the same map.
#[derive(Clone, Default)]
pub enum Value {
    /// The nil interface, and the absence of a value.
    #[default]
    Nil,
    /// `bool`.
    Bool(bool),
    /// `int`.
    Int(i64),
    /// `int64`.
    Int64(i64),
    /// One of the other integer types.
    Sized(Integer),
    /// `float64`.
    Float(f64),
    /// `float32`.
    Float32(f32),
    /// `string`: any bytes.
    String(GoString),
    /// `[]byte`.
    Bytes(Rc<[u8]>),
    /// A slice or an array.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// A struct, a pointer, a function, a map with other keys, or a value of a named type.
    Object(Rc<dyn GoObject>),
}

/// An integer of a type with its own [`IntegerKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integer {
    /// The type.
    pub kind: IntegerKind,
    /// The value; that of an unsigned type above `i64::MAX` wraps.
    pub bits: i64,
}

impl Integer {
    /// Returns the value of an unsigned type.
    pub(crate) fn unsigned(self) -> u64 {
        self.bits as u64
    }
}

impl Value {
    /// Returns a `string`.
    pub fn text(text: impl Into<GoString>) -> Self {
        Self::String(text.into())
    }

    /// Returns a `[]interface {}`.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::new(items))
    }

    /// Returns a `[]string`.
    pub fn strings<T: Into<GoString>>(items: impl IntoIterator<Item = T>) -> Self {
        let items = items.into_iter().map(Self::text).collect();
        Self::List(List::typed(GoType::String, items))
    }

    /// Returns an object.
    pub fn object(object: impl GoObject) -> Self {
        Self::Object(Rc::new(object))
    }

    /// Returns an integer of any type; `int` and `int64` become their own variants.
    pub fn integer(kind: IntegerKind, bits: i64) -> Self {
        match kind {
            IntegerKind::Int => Self::Int(bits),
            IntegerKind::Int64 => Self::Int64(bits),
            kind => Self::Sized(Integer { kind, bits }),
        }
    }

    /// Returns a byte, which is Go's `uint8`.
    pub(crate) fn byte(byte: u8) -> Self {
        Self::integer(IntegerKind::Uint8, i64::from(byte))
    }

    /// Returns the integer, of whatever integer type; that of a named type counts as well.
    pub fn as_integer(&self) -> Option<Integer> {
        match self {
            Self::Int(bits) => Some(Integer {
                kind: IntegerKind::Int,
                bits: *bits,
            }),
            Self::Int64(bits) => Some(Integer {
                kind: IntegerKind::Int64,
                bits: *bits,
            }),
            Self::Sized(integer) => Some(*integer),
            Self::Object(object) => object.underlying()?.as_integer(),
            _ => None,
        }
    }

    /// Returns the text of a `string`.
    pub fn as_text(&self) -> Option<&GoString> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the list of a slice or array.
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// Returns the map of a map with string keys.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Returns the object, if it is one of type `T`.
    pub fn as_object<T: GoObject>(&self) -> Option<&T> {
        match self {
            Self::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// Returns whether this is the nil interface.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// Returns whether this is nil, or a nil map, slice, pointer or function.
    pub fn is_nil_of_any_type(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::List(list) => list.is_nil(),
            Self::Map(map) => map.is_nil(),
            Self::Object(object) => object.is_nil(),
            _ => false,
        }
    }

    /// Returns `reflect.Kind`.
    pub fn kind(&self) -> GoKind {
        match self {
            Self::Nil => GoKind::Invalid,
            Self::Bool(_) => GoKind::Bool,
            Self::Int(_) => GoKind::Integer(IntegerKind::Int),
            Self::Int64(_) => GoKind::Integer(IntegerKind::Int64),
            Self::Sized(integer) => GoKind::Integer(integer.kind),
            Self::Float(_) => GoKind::Float64,
            Self::Float32(_) => GoKind::Float32,
            Self::String(_) => GoKind::String,
            Self::Bytes(_) => GoKind::Slice,
            Self::List(list) => list.kind(),
            Self::Map(_) => GoKind::Map,
            Self::Object(object) => object.kind(),
        }
    }

    /// Returns the type as `%T` prints it.
    pub fn type_name(&self) -> Cow<'static, str> {
        match self {
            Self::Nil => "<nil>".into(),
            Self::Object(object) => object.type_name(),
            Self::Map(map) => map.type_name(),
            other => other.type_of().to_string().into(),
        }
    }

    /// Returns the type; that of the nil interface is [`GoType::Any`].
    pub fn type_of(&self) -> GoType {
        match self {
            Self::Nil => GoType::Any,
            Self::Bool(_) => GoType::Bool,
            Self::Int(_) => GoType::Integer(IntegerKind::Int),
            Self::Int64(_) => GoType::Integer(IntegerKind::Int64),
            Self::Sized(integer) => GoType::Integer(integer.kind),
            Self::Float(_) => GoType::Float64,
            Self::Float32(_) => GoType::Float32,
            Self::String(_) => GoType::String,
            Self::Bytes(_) => GoType::slice(GoType::Integer(IntegerKind::Uint8)),
            Self::List(list) => list.type_of(),
            Self::Map(map) => map.type_of(),
            Self::Object(object) => GoType::named(object.type_name()),
        }
    }

    /// Returns whether `if` takes its first branch; structs always do.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(is_true) => *is_true,
            Self::Int(bits) | Self::Int64(bits) => *bits != 0,
            Self::Sized(integer) => integer.bits != 0,
            Self::Float(number) => *number != 0.0,
            Self::Float32(number) => *number != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => match (object.kind(), object.underlying()) {
                (GoKind::Struct, _) => true,
                (_, Some(value)) => value.is_true(),
                _ => !object.is_nil(),
            },
        }
    }

    /// Returns the signature of a method.
    pub fn method(&self, name: &str) -> Option<&Signature> {
        match self {
            Self::Object(object) => object.method(name),
            _ => None,
        }
    }
}

/// `reflect.DeepEqual`: the same types and the same contents. Values nested deeper than
/// [`NESTING_MAX`] are unequal unless they are the same map or list.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        deep_equal(self, other, NESTING_MAX)
    }
}

#[expect(clippy::float_cmp, reason = "Go compares floats of values exactly")]
fn deep_equal(a: &Value, b: &Value, depth: usize) -> bool {
    match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
        (Value::Sized(a), Value::Sized(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Float32(a), Value::Float32(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.is_same(b) || depth > 0 && a.equals_by(b, |a, b| deep_equal(a, b, depth - 1))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.is_same(b) || depth > 0 && a.equals_by(b, |a, b| deep_equal(a, b, depth - 1))
        }
        (Value::Object(a), Value::Object(b)) => Rc::ptr_eq(a, b) || a.equals(&**b),
        _ => false,
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Int64(value) => write!(f, "int64({value})"),
            Self::Sized(value) => write!(f, "{}({})", value.kind.as_str(), value.bits),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Float32(value) => write!(f, "float32({value:?})"),
            Self::String(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => write!(f, "[]byte{bytes:?}"),
            Self::List(list) => f.debug_list().entries(list.items()).finish(),
            // A map may contain itself.
            Self::Map(map) => write!(f, "{} with {} keys", map.type_name(), map.len()),
            Self::Object(object) => f.write_str(&object.type_name()),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<GoString> for Value {
    fn from(text: GoString) -> Self {
        Self::String(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

/// Drops nested lists and maps without recursion: a template can nest them a million deep.
fn dismantle(mut pending: Vec<Value>) {
    while let Some(value) = pending.pop() {
        match value {
            Value::List(mut list) => list.take_items(&mut pending),
            Value::Map(mut map) => map.take_values(&mut pending),
            _ => {}
        }
    }
}

/// Returns whether dropping the value drops other values.
fn is_last_of_container(value: &Value) -> bool {
    match value {
        Value::List(list) => list.is_last(),
        Value::Map(map) => map.is_last(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_three_words() {
        assert_eq!(size_of::<Value>(), 24);
        assert_eq!(size_of::<GoString>(), 24);
    }

    #[test]
    fn types_print_as_in_go() {
        let cases = [
            (Value::Nil, "<nil>"),
            (Value::Int(1), "int"),
            (Value::integer(IntegerKind::Uint8, 1), "uint8"),
            (Value::Bytes(Rc::from(*b"a")), "[]uint8"),
            (Value::list(vec![]), "[]interface {}"),
            (Value::strings(["a"]), "[]string"),
            (Map::new().into(), "map[string]interface {}"),
            (
                Map::typed(GoType::String, vec![]).into(),
                "map[string]string",
            ),
        ];
        for (value, name) in cases {
            assert_eq!(value.type_name(), name);
        }
    }

    #[test]
    fn equality_is_that_of_types_and_contents() {
        assert_ne!(Value::Int(1), Value::Int64(1));
        assert_ne!(Value::list(vec![]), Value::strings(Vec::<GoString>::new()));
        let nested = |number| Value::list(vec![Value::list(vec![Value::Float(number)])]);
        assert_eq!(nested(1.0), nested(1.0));
        assert_ne!(nested(1.0), nested(2.0));
    }

    #[test]
    fn a_million_nested_lists_are_dropped_without_recursion() {
        let mut value = Value::Nil;
        for depth in 0..1_000_000 {
            value = match depth % 2 {
                0 => Value::list(vec![value]),
                _ => Map::from_entries(vec![("a".into(), value)]).into(),
            };
        }
        drop(value);
    }
}
