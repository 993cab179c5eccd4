//! A field is declared once and becomes both a Rust field and its `OpenAPI` schema.
//!
//! The `object!` macro takes a struct with a `required` and an `optional` block. It generates the
//! struct with its serde attributes, and a [`Field`] whose schema contains type, presence,
//! description (the first paragraph of the doc comment) and constraints (the facets after `=>`).
//!
//! Left out: reading schemas, and keywords that no kind uses.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// A type that can be a field of an API object.
pub trait Field {
    /// Returns the structural schema of the type, without what depends on the place of use.
    fn schema() -> Value;

    /// Returns whether an optional field with this value is left out when written.
    fn absent(&self) -> bool {
        false
    }

    /// Returns whether the value means the same as an absent field.
    fn says_nothing(&self) -> bool {
        false
    }

    /// Returns the value of an optional field, with values that mean nothing turned into absence.
    #[must_use]
    fn settled(self) -> Self
    where
        Self: Sized,
    {
        self
    }
}

/// A text that distinguishes empty from absent, like a pointer to a string in Go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExplicitText(Box<str>);

impl std::ops::Deref for ExplicitText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ExplicitText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// An integer without a size, as Flux declares Go's `int`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Int(pub i64);

/// A value of any form, kept as the JSON text it was read as.
///
/// It may be large and is read seldom: as a text it costs its length, and numbers keep their digits.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Free(Box<str>);

impl Free {
    /// Returns the JSON text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Free {
    /// Leaves out the value, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Free({} bytes)", self.0.len())
    }
}

impl<'de> Deserialize<'de> for Free {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(raw.into()))
    }
}

impl Serialize for Free {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// A keyword of a schema, and where below the field it belongs.
pub(crate) struct Facet {
    pointer: &'static str,
    keyword: &'static str,
    value: Value,
}

/// Reads a field; null counts as absent.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads an optional field; null counts as absent, and so does an empty text: Flux's types do not
/// distinguish the two, and an empty reference or account read as `Some("")` would override the
/// default that guards it.
pub(crate) fn optional<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + Field,
{
    or_default(deserializer).map(T::settled)
}

/// Sets the default that the API server fills in.
pub(crate) fn default(value: impl Into<Value>) -> Facet {
    facet("default", value.into())
}

/// Allows only these values.
pub(crate) fn one_of(values: &[&str]) -> Facet {
    facet("enum", json!(values))
}

/// Requires a match of a regular expression.
pub(crate) fn pattern(expression: &str) -> Facet {
    facet("pattern", json!(expression))
}

/// Requires at least this many characters.
pub(crate) fn min_length(count: u64) -> Facet {
    facet("minLength", json!(count))
}

/// Requires at most this many characters.
pub(crate) fn max_length(count: u64) -> Facet {
    facet("maxLength", json!(count))
}

/// Requires a number of at least this.
pub(crate) fn minimum(value: i64) -> Facet {
    facet("minimum", json!(value))
}

/// Requires a time in RFC 3339.
pub(crate) fn date_time() -> Facet {
    facet("format", json!("date-time"))
}

/// Requires a duration in milliseconds, seconds, minutes and hours.
pub(crate) fn duration() -> Facet {
    pattern(r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$")
}

/// Requires a duration without hours.
pub(crate) fn short_duration() -> Facet {
    pattern(r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$")
}

/// Places a facet at a JSON pointer below the field (`/items`, `/properties/kind`).
pub(crate) fn within(pointer: &'static str, facet: Facet) -> Facet {
    Facet { pointer, ..facet }
}

/// Builds the schema of a struct. The `object!` macro generates the calls.
pub(crate) struct Builder {
    about: String,
    properties: Map<String, Value>,
    required: Vec<String>,
    rules: Vec<Value>,
}

impl Builder {
    /// Starts with the lines of the struct's doc comment.
    pub(crate) fn new(about: &[&str]) -> Self {
        Self {
            about: paragraph(about),
            properties: Map::new(),
            required: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Adds a required field.
    pub(crate) fn required<T: Field>(
        mut self,
        name: &str,
        about: &[&str],
        facets: Vec<Facet>,
    ) -> Self {
        self.required.push(camel(name));
        self.optional::<T>(name, about, facets)
    }

    /// Adds an optional field.
    pub(crate) fn optional<T: Field>(
        mut self,
        name: &str,
        about: &[&str],
        facets: Vec<Facet>,
    ) -> Self {
        let mut schema = T::schema();
        schema["description"] = paragraph(about).into();
        for Facet {
            pointer,
            keyword,
            value,
        } in facets
        {
            schema
                .pointer_mut(pointer)
                .expect("facets name places that their type has")[keyword] = value;
        }
        self.properties.insert(camel(name), schema);
        self
    }

    /// Adds a CEL rule and the message for violations.
    pub(crate) fn rule(mut self, rule: &str, message: &str) -> Self {
        self.rules.push(json!({"rule": rule, "message": message}));
        self
    }

    /// Returns the schema.
    pub(crate) fn finish(self) -> Value {
        let mut schema =
            json!({"type": "object", "description": self.about, "properties": self.properties});
        if !self.required.is_empty() {
            schema["required"] = self.required.into();
        }
        if !self.rules.is_empty() {
            schema["x-kubernetes-validations"] = self.rules.into();
        }
        schema
    }
}

/// Defines a struct of an API object, with its serde attributes and its [`Field`]. An optional field whose wire name is
/// not its own in camel case names it: `pub match_oidc_identity as "matchOIDCIdentity"`.
macro_rules! object {
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident {
            $(required {
                $( $(#[doc = $r_about:literal])+ pub $r_name:ident: $r_type:ty $(=> $($r_facet:expr),+)?; )*
            })?
            $(optional {
                $(
                    $(#[doc = $o_about:literal])+ pub $o_name:ident $(as $o_wire:literal)?: $o_type:ty
                        $(=> $($o_facet:expr),+)?;
                )*
            })?
            $(rules { $( $rule:literal => $message:literal; )* })?
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        $vis struct $name {
            $($(
                $(#[doc = $r_about])+
                #[serde(deserialize_with = "crate::schema::or_default")]
                pub $r_name: $r_type,
            )*)?
            $($(
                $(#[doc = $o_about])+
                #[serde(
                    deserialize_with = "crate::schema::optional",
                    skip_serializing_if = "crate::schema::Field::absent"
                )]
                $(#[serde(rename = $o_wire)])?
                pub $o_name: $o_type,
            )*)?
        }

        impl crate::schema::Field for $name {
            fn schema() -> serde_json::Value {
                crate::schema::Builder::new(&[$($about),+])
                    $($( .required::<$r_type>(stringify!($r_name), &[$($r_about),+], vec![$($($r_facet),+)?]) )*)?
                    $($( .optional::<$o_type>([$($o_wire,)? stringify!($o_name)][0], &[$($o_about),+], vec![$($($o_facet),+)?]) )*)?
                    $($( .rule($rule, $message) )*)?
                    .finish()
            }
        }
    };
}
pub(crate) use object;

// === impl Field for the basic types ===

impl Field for Box<str> {
    fn schema() -> Value {
        json!({"type": "string"})
    }

    fn says_nothing(&self) -> bool {
        self.is_empty()
    }
}

impl Field for ExplicitText {
    fn schema() -> Value {
        json!({"type": "string"})
    }
}

impl Field for bool {
    fn schema() -> Value {
        json!({"type": "boolean"})
    }
}

impl Field for i64 {
    fn schema() -> Value {
        json!({"type": "integer", "format": "int64"})
    }
}

impl Field for Int {
    fn schema() -> Value {
        json!({"type": "integer"})
    }
}

impl Field for Free {
    fn schema() -> Value {
        json!({"x-kubernetes-preserve-unknown-fields": true})
    }
}

impl<T: Field> Field for Option<T> {
    fn schema() -> Value {
        T::schema()
    }

    fn absent(&self) -> bool {
        self.is_none()
    }

    fn settled(self) -> Self {
        self.filter(|value| !value.says_nothing())
    }
}

impl<T: Field> Field for Box<T> {
    fn schema() -> Value {
        T::schema()
    }

    fn absent(&self) -> bool {
        T::absent(self)
    }
}

impl<T: Field> Field for Vec<T> {
    fn schema() -> Value {
        json!({"type": "array", "items": T::schema()})
    }

    fn absent(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Field> Field for BTreeMap<Box<str>, T> {
    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": T::schema()})
    }

    fn absent(&self) -> bool {
        self.is_empty()
    }
}

/// Returns a facet of the field itself.
fn facet(keyword: &'static str, value: Value) -> Facet {
    Facet {
        pointer: "",
        keyword,
        value,
    }
}

/// Joins the first paragraph of a doc comment.
fn paragraph(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.trim())
        .take_while(|line| !line.is_empty())
        .collect();
    lines.join(" ")
}

/// Returns the wire name of a Rust field: `last_applied` is `lastApplied`, `r#type` is `type`.
fn camel(name: &str) -> String {
    let mut words = name.trim_start_matches("r#").split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (head, tail) = word.split_at(1.min(word.len()));
        camel += &head.to_ascii_uppercase();
        camel += tail;
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    object! {
        /// A thing.
        ///
        /// Not for the schema.
        struct Thing {
            required {
                /// Its name.
                pub r#type: Box<str> => min_length(1);
                /// Its parts, which
                /// may be none.
                pub all_parts: Vec<Box<str>> => within("/items", one_of(&["a", "b"]));
            }
            optional {
                /// Its age.
                pub age: Option<i64> => default(7), minimum(0);
                /// Its owner.
                pub owner: Option<Box<str>>;
                /// What is said of it.
                pub note: Option<ExplicitText>;
                /// Its address.
                pub web_address as "webURL": Option<Box<str>>;
            }
            rules {
                "self.age > 0" => "a thing has an age";
            }
        }
    }

    #[test]
    fn one_declaration_makes_the_schema() {
        let expected = json!({
            "type": "object",
            "description": "A thing.",
            "properties": {
                "type": {"type": "string", "description": "Its name.", "minLength": 1},
                "allParts": {
                    "type": "array",
                    "description": "Its parts, which may be none.",
                    "items": {"type": "string", "enum": ["a", "b"]},
                },
                "age": {"type": "integer", "format": "int64", "description": "Its age.", "default": 7, "minimum": 0},
                "owner": {"type": "string", "description": "Its owner."},
                "note": {"type": "string", "description": "What is said of it."},
                "webURL": {"type": "string", "description": "Its address."},
            },
            "required": ["type", "allParts"],
            "x-kubernetes-validations": [{"rule": "self.age > 0", "message": "a thing has an age"}],
        });
        assert_eq!(Thing::schema(), expected);
    }

    #[test]
    fn what_is_optional_and_absent_is_not_written() {
        let thing: Thing =
            serde_json::from_value(json!({"type": "x", "age": null, "other": 1})).unwrap();
        assert_eq!(
            serde_json::to_value(&thing).unwrap(),
            json!({"type": "x", "allParts": []})
        );
    }

    #[test]
    fn an_empty_text_that_may_be_absent_is_absent() {
        let thing: Thing =
            serde_json::from_value(json!({"type": "", "owner": "", "note": ""})).unwrap();
        assert_eq!(
            (thing.owner, thing.note),
            (None, Some(ExplicitText::default()))
        );
    }

    #[test]
    fn a_field_may_have_a_name_of_its_own_on_the_wire() {
        let thing: Thing = serde_json::from_value(json!({"webURL": "x"})).unwrap();
        assert_eq!(thing.web_address.as_deref(), Some("x"));
        assert_eq!(serde_json::to_value(&thing).unwrap()["webURL"], "x");
    }

    #[test]
    fn null_counts_as_missing() {
        let thing: Thing = serde_json::from_value(json!({"type": null, "allParts": null})).unwrap();
        assert_eq!(thing, Thing::default());
    }
}
