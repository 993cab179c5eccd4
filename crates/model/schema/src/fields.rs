//! [`Fields`]: the Go structs behind the built-in kinds, which define how their objects are read
//! and written.
//!
//! The published `OpenAPI` documents lack this: the protobuf numbers of fields, which structs are
//! inlined, what Go leaves out if empty, and what it always writes. The data file is generated from
//! the published Go modules.

use std::collections::HashMap;

pub use self::embedded::fields;

mod embedded;
mod read;
pub mod written;

/// The Go types behind the built-in kinds.
#[derive(Debug, Default)]
pub struct Fields {
    types: Vec<Type>,
    /// By their spelling.
    ids: HashMap<&'static str, Id>,
    kinds: HashMap<&'static str, HashMap<&'static str, Id>>,
}

/// The number of a type in [`Fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(u32);

/// A Go type.
#[derive(Debug)]
pub struct Type {
    /// Its name with the last parts of its package path: `core/v1.Container`; empty if it has none.
    pub name: &'static str,
    /// Its structure.
    pub sort: Sort,
}

/// The structure of a Go type.
#[derive(Debug)]
pub enum Sort {
    /// A boolean.
    Bool,
    /// Text.
    String,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// A floating-point number.
    Float64,
    /// Bytes; base64 in JSON.
    Bytes,
    /// A value or null.
    Pointer(Id),
    /// A list.
    List {
        /// The type of the items.
        element: Id,
        /// In protobuf the items are field 1 of a message.
        wrapped: bool,
    },
    /// A map with text keys.
    Map {
        /// The type of the keys.
        key: Id,
        /// The type of the values.
        value: Id,
    },
    /// Named fields.
    Struct(Struct),
    /// A type with its own encoding.
    Special(Special),
}

/// A type that reads and writes JSON with its own code. All are Go structs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// A number with a unit: `100m`, `1Gi`.
    Quantity,
    /// A 32-bit integer or a text.
    IntOrString,
    /// A time in whole seconds.
    Time,
    /// A time in microseconds.
    MicroTime,
    /// Any object.
    RawExtension,
    /// A set of fields.
    FieldsV1,
    /// Any JSON.
    Json,
    /// A schema or a boolean.
    SchemaOrBool,
    /// A schema, or a list of them.
    SchemaOrArray,
    /// A schema, or a list of texts.
    SchemaOrStringArray,
}

/// A Go struct.
#[derive(Debug, Default)]
pub struct Struct {
    /// Its JSON fields by name, including inlined ones.
    pub fields: Box<[Field]>,
    /// Its protobuf members by number.
    pub members: Box<[(u32, Member)]>,
    /// Positions in `fields` of those that Go always writes.
    always: Box<[usize]>,
}

/// A JSON field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Id,
    /// Go leaves it out if it is false, 0, null, or has no items.
    pub omit_empty: bool,
    /// Go leaves it out if it was never set.
    pub omit_zero: bool,
    /// The structs it is inlined from, outermost first.
    pub via: Box<[&'static str]>,
}

/// The meaning of a protobuf field number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// Position of the field in [`Struct::fields`].
    Field(usize),
    /// A message whose fields JSON has next to the others.
    Inline(Id),
}

impl Fields {
    /// Returns the type of objects with this `apiVersion` and `kind`.
    #[must_use]
    pub fn of_kind(&self, api_version: &str, kind: &str) -> Option<Id> {
        self.kinds.get(api_version)?.get(kind).copied()
    }

    /// Returns a type.
    #[must_use]
    pub fn get(&self, id: Id) -> &Type {
        // Only the reader of this table hands out ids.
        &self.types[id.0 as usize]
    }

    /// Returns the struct that a type is, following pointers.
    #[must_use]
    pub fn structure(&self, id: Id) -> Option<&Struct> {
        match &self.get(id).sort {
            Sort::Struct(structure) => Some(structure),
            Sort::Pointer(to) => self.structure(*to),
            _ => None,
        }
    }

    /// Returns the type of a name: `meta/v1.ObjectMeta`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Id> {
        self.ids.get(name).copied()
    }

    /// Returns all kinds: `apiVersion`, `kind`, type.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, &'static str, Id)> {
        self.kinds
            .iter()
            .flat_map(|(version, kinds)| kinds.iter().map(|(kind, id)| (*version, *kind, *id)))
    }

    /// Returns a type as Go's messages name it: `v1.Container`, `[]string`.
    #[must_use]
    pub fn go_name(&self, id: Id) -> String {
        let ty = self.get(id);
        if !ty.name.is_empty() {
            return ty.name.rsplit('/').next().unwrap_or_default().to_owned();
        }
        match &ty.sort {
            Sort::Bool => "bool".to_owned(),
            Sort::Int32 => "int32".to_owned(),
            Sort::Int64 => "int64".to_owned(),
            Sort::Float64 => "float64".to_owned(),
            Sort::Bytes => "[]uint8".to_owned(),
            Sort::Pointer(to) => format!("*{}", self.go_name(*to)),
            Sort::List { element, .. } => format!("[]{}", self.go_name(*element)),
            Sort::Map { key, value } => {
                format!("map[{}]{}", self.go_name(*key), self.go_name(*value))
            }
            Sort::String | Sort::Struct(_) | Sort::Special(_) => "string".to_owned(),
        }
    }
}

impl Type {
    /// Returns its name without the package: `Container`.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or_default()
    }
}

impl Struct {
    /// Returns the field with a name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.position(name).map(|at| &self.fields[at])
    }

    /// Returns the position of the field with a name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields
            .binary_search_by(|field| field.name.cmp(name))
            .ok()
    }

    /// Returns the meaning of a protobuf field number.
    #[must_use]
    pub fn member(&self, number: u32) -> Option<Member> {
        let found = self
            .members
            .binary_search_by_key(&number, |(number, _)| *number)
            .ok()?;
        Some(self.members[found].1)
    }

    /// Returns the fields that Go writes even if they were never set.
    pub fn always(&self) -> impl Iterator<Item = &Field> {
        self.always.iter().map(|at| &self.fields[*at])
    }
}

impl Special {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "resource.Quantity" => Self::Quantity,
            "intstr.IntOrString" => Self::IntOrString,
            "meta/v1.Time" => Self::Time,
            "meta/v1.MicroTime" => Self::MicroTime,
            "runtime.RawExtension" => Self::RawExtension,
            "meta/v1.FieldsV1" => Self::FieldsV1,
            "apiextensions/v1.JSON" => Self::Json,
            "apiextensions/v1.JSONSchemaPropsOrBool" => Self::SchemaOrBool,
            "apiextensions/v1.JSONSchemaPropsOrArray" => Self::SchemaOrArray,
            "apiextensions/v1.JSONSchemaPropsOrStringArray" => Self::SchemaOrStringArray,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let fields = fields();
        assert!(fields.kinds().count() > 180, "{}", fields.kinds().count());
        let container = fields
            .structure(fields.named("core/v1.Container").unwrap())
            .unwrap();
        let resources = container.field("resources").unwrap();
        assert!(resources.omit_empty && container.always().any(|field| field.name == "resources"));
        assert_eq!(
            container
                .always()
                .map(|field| field.name)
                .collect::<Vec<_>>(),
            ["name", "resources"]
        );
        let image = container.position("image").unwrap();
        assert_eq!(container.member(2), Some(Member::Field(image)));
        assert_eq!(
            fields.go_name(container.field("imagePullPolicy").unwrap().ty),
            "v1.PullPolicy"
        );
        assert_eq!(
            fields.go_name(container.field("ports").unwrap().ty),
            "[]v1.ContainerPort"
        );
    }

    #[test]
    fn what_is_inlined_stands_beside_the_others_in_json_and_apart_in_protobuf() {
        let fields = fields();
        let volume = fields
            .structure(fields.named("core/v1.Volume").unwrap())
            .unwrap();
        let host_path = volume.field("hostPath").unwrap();
        assert_eq!(
            (&*host_path.via, host_path.omit_empty),
            (&["VolumeSource"][..], true)
        );
        assert_eq!(
            volume.member(2),
            fields.named("core/v1.VolumeSource").map(Member::Inline)
        );
        let device = fields
            .structure(
                fields
                    .named("resource/v1.DeviceClaimConfiguration")
                    .unwrap(),
            )
            .unwrap();
        assert_eq!(
            &*device.field("opaque").unwrap().via,
            ["DeviceConfiguration"]
        );
    }
}
