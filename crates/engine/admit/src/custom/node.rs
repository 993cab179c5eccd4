//! [`SchemaNode`]: one node of a structural schema, parsed for pruning, defaults and validation.

use std::collections::BTreeMap;

use lode_cel::Pattern;
use serde_json::Value;

use super::field::{count, flag, members, text, texts};
use super::{format::Format, rule::SchemaRule};

/// One node of a structural schema.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a keyword of its own"
)]
#[derive(Debug, Default)]
pub(crate) struct SchemaNode {
    /// The type of values; `None` for any.
    pub(crate) sort: Option<Sort>,
    /// Whether null is allowed.
    pub(crate) nullable: bool,
    /// Whether it is an integer or a text.
    pub(crate) int_or_string: bool,
    /// Whether it is an embedded resource, with a kind and metadata.
    pub(crate) embedded: bool,
    /// Whether undeclared fields are kept.
    pub(crate) preserve: bool,
    /// Declared fields.
    pub(crate) properties: BTreeMap<Box<str>, SchemaNode>,
    /// All other fields.
    pub(crate) additional: Option<Additional>,
    /// Items of a list.
    pub(crate) items: Option<Box<SchemaNode>>,
    /// How items are identified.
    pub(crate) list: ListType,
    /// The default value.
    pub(crate) default: Option<Value>,
    /// Further checks of values.
    pub(crate) checks: Option<Box<Checks>>,
    /// Rules in CEL.
    pub(crate) rules: Vec<SchemaRule>,
    /// Whether there are rules here or below.
    pub(crate) has_rules: bool,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

/// What undeclared fields may be.
#[derive(Debug)]
pub(crate) enum Additional {
    /// Anything, or nothing.
    Allowed(bool),
    /// Values of one type.
    Of(Box<SchemaNode>),
}

/// How the items of a list are identified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum ListType {
    /// Not at all.
    #[default]
    Atomic,
    /// By their value.
    Set,
    /// By key fields.
    Map(Box<[Box<str>]>),
}

/// Checks of values besides their type.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    pub(crate) format: Option<Format>,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) values: Option<Box<[Value]>>,
    pub(crate) minimum: Option<Bound>,
    pub(crate) maximum: Option<Bound>,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) length: Range,
    pub(crate) items: Range,
    pub(crate) properties: Range,
    pub(crate) unique: bool,
    pub(crate) required: Box<[Box<str>]>,
    pub(crate) all_of: Box<[SchemaNode]>,
    pub(crate) any_of: Box<[SchemaNode]>,
    pub(crate) one_of: Box<[SchemaNode]>,
    pub(crate) not: Option<Box<SchemaNode>>,
}

/// A bound of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bound {
    pub(crate) value: f64,
    /// Whether the bound itself is excluded.
    pub(crate) exclusive: bool,
}

/// Limits of a length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) min: Option<u64>,
    pub(crate) max: Option<u64>,
}

impl SchemaNode {
    /// Parses a schema. Invalid parts are ignored; the admission of definitions has refused them
    /// before.
    pub(crate) fn read(schema: &Value) -> Self {
        Self::at(schema, 0)
    }

    fn at(schema: &Value, depth: usize) -> Self {
        if depth > DEPTH_MAX {
            return Self::default();
        }
        let below = |schema: &Value| Self::at(schema, depth + 1);
        let mut node = Self {
            sort: text(schema, "type").and_then(Sort::named),
            nullable: flag(schema, "nullable"),
            int_or_string: flag(schema, "x-kubernetes-int-or-string"),
            embedded: flag(schema, "x-kubernetes-embedded-resource"),
            preserve: flag(schema, "x-kubernetes-preserve-unknown-fields"),
            properties: members(schema)
                .map(|(name, schema)| (name.into(), below(schema)))
                .collect(),
            additional: match schema.get("additionalProperties") {
                Some(Value::Bool(allowed)) => Some(Additional::Allowed(*allowed)),
                Some(of @ Value::Object(_)) => Some(Additional::Of(Box::new(below(of)))),
                _ => None,
            },
            items: schema
                .get("items")
                .filter(|items| items.is_object())
                .map(|items| Box::new(below(items))),
            list: ListType::read(schema),
            default: schema
                .get("default")
                .filter(|default| !default.is_null())
                .cloned(),
            checks: Checks::read(schema, depth),
            rules: SchemaRule::read(schema),
            has_rules: false,
        };
        node.lift();
        node.has_rules = node.asks();
        node
    }

    /// Returns the node of a field, declared or not.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        self.properties.get(name).or(match &self.additional {
            Some(Additional::Of(node)) => Some(node),
            _ => None,
        })
    }

    /// Returns whether rules can refer to it: it and everything in it has a type.
    pub(crate) fn is_typed(&self) -> bool {
        let additional = match &self.additional {
            Some(Additional::Of(node)) => node.is_typed(),
            _ => true,
        };
        (self.sort.is_some() || self.int_or_string)
            && additional
            && self.items.as_ref().is_none_or(|items| items.is_typed())
    }

    /// Returns whether null counts as absent here.
    pub(crate) fn refuses_null(&self, value: &Value) -> bool {
        value.is_null() && !self.nullable
    }

    /// Adopts the rules of `allOf`. Those of alternatives are ignored.
    fn lift(&mut self) {
        let Some(mut checks) = self.checks.take() else {
            return;
        };
        checks
            .all_of
            .iter_mut()
            .for_each(|other| self.take_rules(other));
        self.checks = Some(checks);
    }

    fn take_rules(&mut self, other: &mut Self) {
        self.rules.append(&mut other.rules);
        for (name, other) in &mut other.properties {
            if let Some(node) = self.properties.get_mut(name) {
                node.take_rules(other);
                node.has_rules = node.asks();
            }
        }
        let additional = match (&mut self.additional, &mut other.additional) {
            (Some(Additional::Of(node)), Some(Additional::Of(other))) => Some((node, other)),
            _ => None,
        };
        for (node, other) in additional
            .into_iter()
            .chain(self.items.as_mut().zip(other.items.as_mut()))
        {
            node.take_rules(other);
            node.has_rules = node.asks();
        }
    }

    fn asks(&self) -> bool {
        let additional = match &self.additional {
            Some(Additional::Of(node)) => Some(&**node),
            _ => None,
        };
        let mut below = self
            .properties
            .values()
            .chain(additional)
            .chain(self.items.as_deref());
        !self.rules.is_empty() || below.any(|node| node.has_rules)
    }
}

impl Sort {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }

    /// Returns the type of a value; null has none.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        })
    }
}

impl ListType {
    fn read(schema: &Value) -> Self {
        match text(schema, "x-kubernetes-list-type") {
            Some("set") => Self::Set,
            Some("map") => Self::Map(texts(schema, "x-kubernetes-list-map-keys")),
            _ => Self::Atomic,
        }
    }
}

impl Checks {
    /// Parses the checks of a schema; `None` if it has none.
    fn read(schema: &Value, depth: usize) -> Option<Box<Self>> {
        let keywords = schema.as_object()?;
        if !keywords.keys().any(|key| KEYWORDS.contains(&key.as_str())) {
            return None;
        }
        let number = |key: &str| schema.get(key).and_then(Value::as_f64);
        let bound = |key: &str, exclusive: &str| {
            Some(Bound {
                value: number(key)?,
                exclusive: flag(schema, exclusive),
            })
        };
        let range = |min: &str, max: &str| Range {
            min: count(schema, min),
            max: count(schema, max),
        };
        let nodes = |key: &str| {
            let several = schema
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            several
                .map(|schema| SchemaNode::at(schema, depth + 1))
                .collect()
        };
        Some(Box::new(Self {
            format: text(schema, "format").and_then(Format::named),
            pattern: text(schema, "pattern")
                .filter(|text| !text.is_empty())
                .map(Pattern::unchecked),
            values: schema
                .get("enum")
                .and_then(Value::as_array)
                .map(|values| values.clone().into()),
            minimum: bound("minimum", "exclusiveMinimum"),
            maximum: bound("maximum", "exclusiveMaximum"),
            multiple_of: number("multipleOf"),
            length: range("minLength", "maxLength"),
            items: range("minItems", "maxItems"),
            properties: range("minProperties", "maxProperties"),
            unique: flag(schema, "uniqueItems"),
            required: texts(schema, "required"),
            all_of: nodes("allOf"),
            any_of: nodes("anyOf"),
            one_of: nodes("oneOf"),
            not: schema
                .get("not")
                .filter(|not| not.is_object())
                .map(|not| Box::new(SchemaNode::at(not, depth + 1))),
        }))
    }
}

/// Deepest nesting of schemas that is parsed.
pub(super) const DEPTH_MAX: usize = 64;
/// The keywords that become [`Checks`].
const KEYWORDS: [&str; 18] = [
    "format",
    "pattern",
    "enum",
    "minimum",
    "maximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "required",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];
