//! [`Schema`] and its parts.

use std::collections::HashMap;

use serde_json::Value;

/// A table of types that refer to each other by number.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(crate) atoms: Vec<Atom>,
    pub(crate) names: HashMap<Box<str>, TypeId>,
}

/// The number of a type within its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub(crate) u32);

/// A use of a type, which may override whether it is atomic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeRef {
    pub(crate) id: TypeId,
    pub(crate) atomic: Option<bool>,
}

/// The values that a type allows; several members form a union.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Atom {
    /// It allows a scalar.
    pub scalar: Option<Scalar>,
    /// It allows a list.
    pub list: Option<List>,
    /// It allows a map.
    pub map: Option<Map>,
    /// The meaning of its text or number.
    pub format: Format,
    /// The only allowed values; empty for any.
    pub values: Box<[Box<str>]>,
}

/// The type of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// A number.
    Numeric,
    /// Text.
    String,
    /// A boolean.
    Boolean,
    /// Any scalar.
    Untyped,
}

/// What a scalar means beyond its type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Nothing.
    #[default]
    None,
    /// An integer.
    Integer,
    /// An integer or a text.
    IntOrString,
    /// A number with a unit: `100m`, `1Gi`.
    Quantity,
    /// A time (RFC 3339).
    Time,
    /// Bytes in base64.
    Bytes,
}

/// A list.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// The type of its items.
    pub element: TypeRef,
    /// It changes as a whole.
    pub atomic: bool,
    /// The fields that identify items. If a list that is not atomic has none, the items themselves
    /// are the keys.
    pub keys: Box<[Box<str>]>,
}

/// A map, or a struct.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Map {
    /// Its declared fields, by name.
    pub fields: Box<[Field]>,
    /// The type of all other fields; without it, none are allowed.
    pub element: Option<TypeRef>,
    /// It changes as a whole.
    pub atomic: bool,
    /// Undeclared fields are kept rather than pruned.
    pub preserve_unknown: bool,
}

/// A declared field of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Box<str>,
    /// Its type.
    pub ty: TypeRef,
    /// Its default value. It always applies to list keys; for other fields see
    /// [`api_default`](Self::api_default).
    pub default: Option<Value>,
    /// The default only means that a Go field is not a pointer: the API server does not write it
    /// into objects.
    pub assumed: bool,
    /// An object without it is invalid.
    pub required: bool,
    /// How a strategic merge patch changes it.
    pub patch: PatchStrategy,
}

/// How a strategic merge patch changes a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatchStrategy {
    /// List items are merged rather than replaced.
    pub merge: bool,
    /// A map is replaced rather than merged.
    pub replace: bool,
    /// Keys of a map that the patch does not list are removed.
    pub retain_keys: bool,
    /// The field that identifies items.
    pub key: Option<Box<str>>,
}

/// The shape of a value, according to its type.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'s> {
    /// A map.
    Map(MapView<'s>),
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    List(ListView<'s>),
    /// The type allows nothing.
    Nothing,
}

/// A [`Map`] at one place of use.
#[derive(Debug, Clone, Copy)]
pub struct MapView<'s> {
    /// The type.
    pub map: &'s Map,
    /// It changes as a whole.
    pub atomic: bool,
}

/// A [`List`] at one place of use.
#[derive(Debug, Clone, Copy)]
pub struct ListView<'s> {
    /// The type.
    pub list: &'s List,
    /// It changes as a whole.
    pub atomic: bool,
}

impl Schema {
    /// Returns the type with a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<TypeRef> {
        self.names.get(name).map(|id| TypeRef::from(*id))
    }

    /// Returns the name of a type; an inline type has none. It searches, so it is not for hot
    /// paths.
    #[must_use]
    pub fn name(&self, ty: TypeRef) -> Option<&str> {
        self.names
            .iter()
            .find(|(_, id)| **id == ty.id)
            .map(|(name, _)| &**name)
    }

    /// Returns what a type allows.
    #[must_use]
    pub fn atom(&self, ty: TypeRef) -> &Atom {
        // Only the builder of this table hands out ids.
        self.atoms.get(ty.id.0 as usize).unwrap_or(&self.atoms[0])
    }

    /// Returns the shape of a value according to its type. For null, and for a value that the type
    /// does not allow, it is the first of map, scalar and list that the type allows.
    #[must_use]
    pub fn shape(&self, ty: TypeRef, value: &Value) -> Shape<'_> {
        let atom = self.atom(ty);
        let map = || {
            atom.map.as_ref().map(|map| {
                Shape::Map(MapView {
                    map,
                    atomic: ty.atomic.unwrap_or(map.atomic),
                })
            })
        };
        let list = || {
            atom.list.as_ref().map(|list| {
                Shape::List(ListView {
                    list,
                    atomic: ty.atomic.unwrap_or(list.atomic),
                })
            })
        };
        let scalar = || atom.scalar.map(Shape::Scalar);
        let own = match value {
            Value::Null => None,
            Value::Object(_) => map(),
            Value::Array(_) => list(),
            _ => scalar(),
        };
        own.or_else(map)
            .or_else(scalar)
            .or_else(list)
            .unwrap_or(Shape::Nothing)
    }

    /// Returns the map that a type allows, if it allows one.
    #[must_use]
    pub fn map(&self, ty: TypeRef) -> Option<&Map> {
        self.atom(ty).map.as_ref()
    }

    /// Returns the number of types.
    #[must_use]
    pub fn len(&self) -> usize {
        self.atoms.len()
    }

    /// Returns whether there is no type.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.atoms.is_empty()
    }
}

impl TypeRef {
    /// Returns the type that allows anything and changes as a whole.
    pub const ANY: Self = Self {
        id: TypeId(0),
        atomic: None,
    };
    /// Anything, with the type deduced from the value: maps are granular, lists are not.
    pub const DEDUCED: Self = Self {
        id: TypeId(1),
        atomic: None,
    };

    /// Returns the number of the type.
    #[must_use]
    pub fn id(self) -> TypeId {
        self.id
    }

    /// Returns this use with an override of whether it is atomic.
    #[must_use]
    pub fn with_atomic(self, atomic: Option<bool>) -> Self {
        Self { atomic, ..self }
    }

    /// Returns this use's override of whether it is atomic, if there is one.
    #[must_use]
    pub fn atomic(self) -> Option<bool> {
        self.atomic
    }
}

impl From<TypeId> for TypeRef {
    fn from(id: TypeId) -> Self {
        Self { id, atomic: None }
    }
}

impl Map {
    /// Returns the declared field with a name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        let found = self
            .fields
            .binary_search_by(|field| (*field.name).cmp(name))
            .ok()?;
        self.fields.get(found)
    }

    /// Returns the type of a field, declared or not; `None` if it is not allowed.
    #[must_use]
    pub fn field_type(&self, name: &str) -> Option<TypeRef> {
        self.field(name).map(|field| field.ty).or(self.element)
    }
}

impl Field {
    /// Returns the value that the API server writes if the field is absent.
    #[must_use]
    pub fn api_default(&self) -> Option<&Value> {
        self.default.as_ref().filter(|_| !self.assumed)
    }
}

impl<'s> MapView<'s> {
    /// Returns the declared field with a name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'s Field> {
        self.map.field(name)
    }
}
