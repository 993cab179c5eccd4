//! [`At`]: a value and its position in an object, turned into a text only for an error.

use std::fmt;

use serde_json::Value;

use crate::{
    field_error::{FieldError, Reason},
    strategy::equal,
};

/// A value and its position in an object.
#[derive(Clone, Copy)]
pub(super) struct At<'p, 'v> {
    pub(super) value: &'v Value,
    parent: Option<&'p Self>,
    step: FieldStep<'p>,
}

#[derive(Clone, Copy)]
enum FieldStep<'p> {
    Root,
    Field(&'p str),
    Index(usize),
    Key(&'p str),
}

/// The errors found.
pub(super) type Errors = Vec<FieldError>;

impl<'p, 'v> At<'p, 'v> {
    pub(super) fn root(value: &'v Value) -> Self {
        Self {
            value,
            parent: None,
            step: FieldStep::Root,
        }
    }

    /// Returns a field; null if it is absent.
    pub(super) fn child(&'p self, name: &'p str) -> Self {
        self.step(FieldStep::Field(name), self.value.get(name))
    }

    /// Returns the value of a map's key, shown in brackets.
    pub(super) fn key(&'p self, key: &'p str) -> Self {
        self.step(FieldStep::Key(key), self.value.get(key))
    }

    fn step(&'p self, step: FieldStep<'p>, value: Option<&'v Value>) -> Self {
        Self {
            value: value.unwrap_or(&Value::Null),
            parent: Some(self),
            step,
        }
    }

    /// Returns the items of a list.
    pub(super) fn items(&'p self) -> impl Iterator<Item = Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(move |(at, item)| self.step(FieldStep::Index(at), Some(item)))
    }

    /// Returns the keys of a map with their values.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'v str, &'v Value)> + use<'v> {
        self.value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.as_str(), value))
    }

    pub(super) fn text(&self) -> &'v str {
        self.value.as_str().unwrap_or_default()
    }

    pub(super) fn number(&self) -> Option<i64> {
        self.value.as_i64()
    }

    pub(super) fn is_true(&self) -> bool {
        *self.value == Value::Bool(true)
    }

    pub(super) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// Returns whether it is empty, as Go's `len` sees it.
    pub(super) fn is_empty(&self) -> bool {
        match self.value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        }
    }

    pub(super) fn required(&self, detail: &str) -> FieldError {
        FieldError::required(self.to_string(), detail)
    }

    pub(super) fn invalid(&self, detail: &str) -> FieldError {
        self.invalid_as(self.value, detail)
    }

    /// Returns an error that shows another value at this position.
    pub(super) fn invalid_as(&self, value: &Value, detail: &str) -> FieldError {
        FieldError::invalid(self.to_string(), value, detail)
    }

    /// Returns an error that shows the value as a Go struct.
    pub(super) fn invalid_struct(&self, fields: &[(&str, &Value)], detail: &str) -> FieldError {
        FieldError::new(
            self.to_string(),
            Reason::Invalid,
            format!("Invalid value: {}: {detail}", go_struct(fields)),
        )
    }

    /// Returns a duplicate error that shows the value as a Go struct.
    pub(super) fn duplicate_struct(&self, fields: &[(&str, &Value)]) -> FieldError {
        FieldError::new(
            self.to_string(),
            Reason::Duplicate,
            format!("Duplicate value: {}", go_struct(fields)),
        )
    }

    pub(super) fn forbidden(&self, detail: &str) -> FieldError {
        FieldError::forbidden(self.to_string(), detail)
    }

    pub(super) fn duplicate(&self) -> FieldError {
        FieldError::duplicate(self.to_string(), self.value)
    }

    pub(super) fn too_long(&self, bytes_max: usize) -> FieldError {
        FieldError::too_long(self.to_string(), bytes_max)
    }

    pub(super) fn not_found(&self) -> FieldError {
        FieldError::new(
            self.to_string(),
            Reason::NotFound,
            format!("Not found: {:?}", self.text()),
        )
    }

    /// Requires a text.
    pub(super) fn need(&self, errors: &mut Errors) {
        if self.is_empty() {
            errors.push(self.required(""));
        }
    }

    /// Checks the spelling of a text.
    pub(super) fn spelt(&self, rule: impl Fn(&str) -> Vec<String>, errors: &mut Errors) {
        errors.extend(
            rule(self.text())
                .iter()
                .map(|message| self.invalid(message)),
        );
    }

    /// Requires a text and checks its spelling.
    pub(super) fn need_spelt(&self, rule: impl Fn(&str) -> Vec<String>, errors: &mut Errors) {
        if self.is_empty() {
            errors.push(self.required(""));
        } else {
            self.spelt(rule, errors);
        }
    }

    /// Checks that a text is one of the allowed ones.
    pub(super) fn one_of(&self, values: &[&str], errors: &mut Errors) {
        if !values.contains(&self.text()) {
            errors.push(self.unsupported(values));
        }
    }

    /// Requires a text that is one of the allowed ones.
    pub(super) fn need_one_of(&self, values: &[&str], errors: &mut Errors) {
        if self.is_empty() {
            errors.push(self.required(""));
        } else {
            self.one_of(values, errors);
        }
    }

    /// An absent text reads as an empty one.
    pub(super) fn unsupported(&self, values: &[&str]) -> FieldError {
        let shown = if self.is_null() {
            Value::from("")
        } else {
            self.value.clone()
        };
        FieldError::not_supported(self.to_string(), &shown, values)
    }

    /// Checks that a number is at least a bound.
    pub(super) fn at_least(&self, least: i64, errors: &mut Errors) {
        if self.number().is_some_and(|number| number < least) {
            errors.push(self.invalid(&format!("must be greater than or equal to {least}")));
        }
    }

    /// Checks that a value has not changed.
    pub(super) fn immutable(&self, live: &At<'_, '_>, errors: &mut Errors) {
        if !equal(Some(live.value), Some(self.value)) {
            errors.push(self.invalid("field is immutable"));
        }
    }
}

/// Writes a struct with its fields in order, which a map would not keep.
pub(super) fn go_struct(fields: &[(&str, &Value)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name:?}:{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

impl fmt::Display for At<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else {
            return Ok(());
        };
        parent.fmt(f)?;
        match self.step {
            FieldStep::Root => Ok(()),
            FieldStep::Field(name) if parent.parent.is_none() => f.write_str(name),
            FieldStep::Field(name) => write!(f, ".{name}"),
            FieldStep::Index(at) => write!(f, "[{at}]"),
            FieldStep::Key(key) => write!(f, "[{key}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_reads_as_kubernetes_writes_it() {
        let object = json!({"spec": {"ports": [{"name": "a"}], "limits": {"cpu": "1"}}});
        let root = At::root(&object);
        let spec = root.child("spec");
        let ports = spec.child("ports");
        let names: Vec<String> = ports
            .items()
            .map(|port| port.child("name").to_string())
            .collect();
        assert_eq!(names, ["spec.ports[0].name"]);
        assert_eq!(
            spec.child("limits").key("cpu").to_string(),
            "spec.limits[cpu]"
        );
        assert!(spec.child("x").child("y").is_null());
        assert_eq!(root.to_string(), "");
    }

    #[test]
    fn what_is_missing_is_told_from_what_is_wrong() {
        let object = json!({"a": "", "b": "x", "c": -1});
        let root = At::root(&object);
        let mut errors = Vec::new();
        root.child("a").need_one_of(&["y"], &mut errors);
        root.child("b").need_one_of(&["y"], &mut errors);
        root.child("c").at_least(0, &mut errors);
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "a: Required value",
                "b: Unsupported value: \"x\": supported values: \"y\"",
                "c: Invalid value: -1: must be greater than or equal to 0"
            ]
        );
    }
}
