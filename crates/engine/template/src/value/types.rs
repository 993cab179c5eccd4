//! Go's types and kinds, as far as templates can see them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A Go type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GoType {
    /// `interface {}`.
    Any,
    /// `bool`.
    Bool,
    /// An integer type.
    Integer(IntegerKind),
    /// `float64`.
    Float64,
    /// `float32`.
    Float32,
    /// `string`.
    String,
    /// A slice.
    Slice(Arc<GoType>),
    /// An array.
    Array(usize, Arc<GoType>),
    /// A map: key and value.
    Map(Arc<(GoType, GoType)>),
    /// `reflect.Value`: a parameter that takes every value as it is.
    Reflect,
    /// Any other type, by the name that `%T` prints.
    Named(Cow<'static, str>),
}

/// An integer type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IntegerKind {
    /// `int`, of 64 bits.
    Int,
    /// `int8`.
    Int8,
    /// `int16`.
    Int16,
    /// `int32`.
    Int32,
    /// `int64`.
    Int64,
    /// `uint`, of 64 bits.
    Uint,
    /// `uint8`, which is `byte`.
    Uint8,
    /// `uint16`.
    Uint16,
    /// `uint32`.
    Uint32,
    /// `uint64`.
    Uint64,
    /// `uintptr`.
    Uintptr,
}

/// What `reflect.Kind` distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoKind {
    /// The nil interface has no kind.
    Invalid,
    /// `bool`.
    Bool,
    /// An integer.
    Integer(IntegerKind),
    /// `float32`.
    Float32,
    /// `float64`.
    Float64,
    /// `string`.
    String,
    /// A slice.
    Slice,
    /// An array.
    Array,
    /// A map.
    Map,
    /// A struct.
    Struct,
    /// A pointer.
    Pointer,
    /// A function.
    Func,
    /// An interface that is nil.
    Interface,
}

impl GoType {
    /// Returns the type of slices of `element`.
    pub fn slice(element: Self) -> Self {
        Self::Slice(Arc::new(element))
    }

    /// Returns the type of arrays of `len` times `element`.
    pub fn array(len: usize, element: Self) -> Self {
        Self::Array(len, Arc::new(element))
    }

    /// Returns the type of maps from `key` to `value`.
    pub fn map(key: Self, value: Self) -> Self {
        Self::Map(Arc::new((key, value)))
    }

    /// Returns a type by its name.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Named(name.into())
    }

    /// Reads a type as Go writes it; what is not built in is [`GoType::Named`].
    pub fn parse(text: &str) -> Self {
        if let Some(element) = text.strip_prefix("[]") {
            return Self::slice(Self::parse(element));
        }
        if let Some(rest) = text.strip_prefix("map[")
            && let Some((key, value)) = rest.split_once(']')
        {
            return Self::map(Self::parse(key), Self::parse(value));
        }
        if let Some((len, element)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']'))
            && let Ok(len) = len.parse()
        {
            return Self::array(len, Self::parse(element));
        }

        match text {
            "interface {}" | "any" => Self::Any,
            "reflect.Value" => Self::Reflect,
            "bool" => Self::Bool,
            "float64" => Self::Float64,
            "float32" => Self::Float32,
            "string" => Self::String,
            other => match IntegerKind::ALL.iter().find(|kind| kind.as_str() == other) {
                Some(kind) => Self::Integer(*kind),
                None => Self::named(other.to_owned()),
            },
        }
    }
}

impl GoType {
    /// Returns whether nil is a value of the type.
    pub fn can_be_nil(&self) -> bool {
        match self {
            Self::Any | Self::Reflect | Self::Slice(_) | Self::Map(_) => true,
            Self::Named(name) => name.starts_with('*') || name.starts_with("func("),
            _ => false,
        }
    }
}

impl fmt::Display for GoType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("interface {}"),
            Self::Reflect => f.write_str("reflect.Value"),
            Self::Bool => f.write_str("bool"),
            Self::Integer(kind) => f.write_str(kind.as_str()),
            Self::Float64 => f.write_str("float64"),
            Self::Float32 => f.write_str("float32"),
            Self::String => f.write_str("string"),
            Self::Slice(element) => write!(f, "[]{element}"),
            Self::Array(len, element) => write!(f, "[{len}]{element}"),
            Self::Map(types) => write!(f, "map[{}]{}", types.0, types.1),
            Self::Named(name) => f.write_str(name),
        }
    }
}

impl IntegerKind {
    const ALL: [Self; 11] = [
        Self::Int,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::Uint,
        Self::Uint8,
        Self::Uint16,
        Self::Uint32,
        Self::Uint64,
        Self::Uintptr,
    ];

    /// Returns the name of the type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Uintptr => "uintptr",
        }
    }

    /// Returns whether values of the type can be negative.
    pub const fn is_signed(self) -> bool {
        matches!(
            self,
            Self::Int | Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64
        )
    }

    /// Returns a number as a conversion to the type leaves it.
    pub fn wrap(self, bits: i64) -> i64 {
        match self {
            Self::Int8 => i64::from(bits as i8),
            Self::Int16 => i64::from(bits as i16),
            Self::Int32 => i64::from(bits as i32),
            Self::Uint8 => i64::from(bits as u8),
            Self::Uint16 => i64::from(bits as u16),
            Self::Uint32 => i64::from(bits as u32),
            Self::Int | Self::Int64 | Self::Uint | Self::Uint64 | Self::Uintptr => bits,
        }
    }

    /// Returns the number of bits.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Int8 | Self::Uint8 => 8,
            Self::Int16 | Self::Uint16 => 16,
            Self::Int32 | Self::Uint32 => 32,
            _ => 64,
        }
    }
}

impl GoKind {
    /// Returns the kind as Go prints it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Integer(kind) => kind.as_str(),
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Slice => "slice",
            Self::Array => "array",
            Self::Map => "map",
            Self::Struct => "struct",
            Self::Pointer => "ptr",
            Self::Func => "func",
            Self::Interface => "interface",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_printed() {
        for text in [
            "interface {}",
            "[]interface {}",
            "[][]interface {}",
            "map[string]interface {}",
            "map[interface {}]int",
            "[3]int",
            "uint8",
            "*semver.Version",
        ] {
            assert_eq!(GoType::parse(text).to_string(), text);
        }
        assert_eq!(
            GoType::parse("[]int"),
            GoType::slice(GoType::Integer(IntegerKind::Int))
        );
    }
}
