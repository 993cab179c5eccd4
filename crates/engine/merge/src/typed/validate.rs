//! Whether a value matches its type.

use std::{collections::BTreeSet, fmt};

use lode_schema::{List, ListView, MapView, Scalar, Schema, Shape, TypeRef};
use serde_json::Value;

use super::items;
use crate::{order, set::Element};

/// Whether a list may have two items that cannot be distinguished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// As in an applied object.
    Refused,
    /// As in a live object.
    Allowed,
}

/// One position where a value does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The position, as the API server shows it.
    pub path: String,
    /// The reason, in the API server's words.
    pub message: String,
}

/// All positions where a value does not match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Errors(pub Vec<Invalid>);

impl std::error::Error for Errors {}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "{only}"),
            several => {
                f.write_str("errors:")?;
                several
                    .iter()
                    .try_for_each(|error| write!(f, "\n  {error}"))
            }
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}{separator}{}", self.path, self.message)
    }
}

pub(super) fn run(
    schema: &Schema,
    ty: TypeRef,
    value: &Value,
    duplicates: Duplicates,
) -> Result<(), Errors> {
    let mut walk = ValidateWalk {
        schema,
        duplicates,
        path: Vec::new(),
        errors: Vec::new(),
    };
    walk.value(ty, value);
    if walk.errors.is_empty() {
        Ok(())
    } else {
        Err(Errors(walk.errors))
    }
}

struct ValidateWalk<'a> {
    schema: &'a Schema,
    duplicates: Duplicates,
    path: Vec<Element<'a>>,
    errors: Vec<Invalid>,
}

impl<'a> ValidateWalk<'a> {
    fn value(&mut self, ty: TypeRef, value: &'a Value) {
        match self.schema.shape(ty, value) {
            _ if value.is_null() => {}
            Shape::Map(map) => self.map(map, value),
            Shape::List(list) => self.list(list, value),
            Shape::Scalar(scalar) => {
                if let Some(message) = misfit(scalar, value) {
                    self.error(message);
                }
            }
            Shape::Nothing => self.error("schema error: invalid atom: inlined".to_owned()),
        }
    }

    fn map(&mut self, map: MapView<'a>, value: &'a Value) {
        let Some(entries) = value.as_object() else {
            return self.error(format!("expected map, got {}", Go(value)));
        };
        for (key, value) in entries {
            let ty = map.map.field_type(key);
            self.path.push(Element::Field(key));
            match ty {
                Some(ty) => self.value(ty, value),
                None => self.error("field not declared in schema".to_owned()),
            }
            self.path.pop();
            if ty.is_none() {
                // One error per map is reported.
                return;
            }
        }
    }

    fn list(&mut self, view: ListView<'a>, value: &'a Value) {
        let Some(items) = value.as_array() else {
            return self.error(format!("expected list, got {}", Go(value)));
        };
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let Some(element) = self.item(view, index, item, &mut seen) else {
                return;
            };
            self.path.push(element);
            self.value(view.list.element, item);
            self.path.pop();
        }
    }

    /// Returns the element of an item; `None` if it has none, so that nothing below it can be
    /// reported.
    fn item(
        &mut self,
        view: ListView<'a>,
        index: usize,
        item: &'a Value,
        seen: &mut BTreeSet<Element<'a>>,
    ) -> Option<Element<'a>> {
        let list: &List = view.list;
        if view.atomic {
            return Some(Element::Index(index as i64));
        }
        match items::element(self.schema, list, item) {
            Ok(element) => {
                if !seen.insert(element.clone()) && self.duplicates == Duplicates::Refused {
                    self.error(format!("duplicate entries for key {element}"));
                }
                Some(element)
            }
            Err(message) => {
                self.error(format!("element {index}: {message}"));
                None
            }
        }
    }

    fn error(&mut self, message: String) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(Invalid {
                path: self.path.iter().map(Element::to_string).collect(),
                message,
            });
        }
    }
}

/// Describes how a scalar does not match its type.
fn misfit(scalar: Scalar, value: &Value) -> Option<String> {
    let fits = match scalar {
        Scalar::Numeric => value.is_number(),
        Scalar::String => value.is_string(),
        Scalar::Boolean => value.is_boolean(),
        Scalar::Untyped => !value.is_object() && !value.is_array(),
    };
    let message = || match scalar {
        Scalar::Numeric => format!("expected numeric (int or float), got {}", go_type(value)),
        Scalar::String => format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            GoSyntax(value)
        ),
        Scalar::Boolean => format!("expected boolean, got {}", Go(value)),
        Scalar::Untyped => format!("expected any scalar, got {}", Go(value)),
    };
    (!fits).then(message)
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as the API server's messages show it.
struct Go<'v>(&'v Value);

impl fmt::Display for Go<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "&{{{}}}", GoInner(self.0))
    }
}

struct GoInner<'v>(&'v Value);

impl fmt::Display for GoInner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("<nil>"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Number(number) => f.write_str(&order::number_text(number)),
            Value::String(text) => f.write_str(text),
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| GoInner(item).to_string()).collect();
                write!(f, "[{}]", items.join(" "))
            }
            Value::Object(map) => {
                let entries: Vec<_> = map
                    .iter()
                    .map(|(key, value)| format!("{key}:{}", GoInner(value)))
                    .collect();
                write!(f, "map[{}]", entries.join(" "))
            }
        }
    }
}

/// A value as the API server's messages show it with its type.
struct GoSyntax<'v>(&'v Value);

impl fmt::Display for GoSyntax<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Array(items) => {
                let items: Vec<_> = items
                    .iter()
                    .map(|item| GoSyntax(item).to_string())
                    .collect();
                write!(f, "[]interface {{}}{{{}}}", items.join(", "))
            }
            Value::Object(map) => {
                let entry =
                    |(key, value): (&String, &Value)| format!("{key:?}:{}", GoSyntax(value));
                let entries: Vec<_> = map.iter().map(entry).collect();
                write!(f, "map[string]interface {{}}{{{}}}", entries.join(", "))
            }
            Value::String(text) => write!(f, "{text:?}"),
            other => write!(f, "{}", GoInner(other)),
        }
    }
}

/// Most errors reported for one value.
const ERRORS_MAX: usize = 100;
