//! Reads metadata from YAML as Go's libraries do.
//!
//! A number or boolean where a text belongs becomes a text, keys match in any case, `null` leaves a
//! field as it is, and unknown fields are ignored.

use std::collections::BTreeMap;

use lode_yaml::number_text;
use serde_json::Value;

use super::{Dependency, Lock, Maintainer, Metadata};
use crate::moment;

/// A field that does not have the type it must have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field \"{field}\": {want} expected")]
pub struct FieldError {
    /// The field.
    pub field: String,
    /// The type that it must have.
    pub want: &'static str,
}

/// Reads fields of Chart.yaml or requirements.yaml over those that are already there.
///
/// A null entry in a list is reported by [`super::validate`], as in Helm, and therefore counted.
pub(crate) fn metadata(value: &Value, into: &mut Metadata) -> Result<Nulls, FieldError> {
    let mut nulls = Nulls::default();
    for (key, value) in fields(value, "")? {
        match key.as_str() {
            "name" => into.name = text(&key, value)?,
            "home" => into.home = text(&key, value)?,
            "sources" => into.sources = texts(&key, value)?,
            "version" => into.version = text(&key, value)?,
            "description" => into.description = text(&key, value)?,
            "keywords" => into.keywords = texts(&key, value)?,
            "maintainers" => {
                into.maintainers = list(&key, value, maintainer, &mut nulls.maintainers)?;
            }
            "icon" => into.icon = text(&key, value)?,
            "apiversion" => into.api_version = text(&key, value)?,
            "condition" => into.condition = text(&key, value)?,
            "tags" => into.tags = text(&key, value)?,
            "appversion" => into.app_version = text(&key, value)?,
            "deprecated" => into.deprecated = boolean(&key, value)?,
            "annotations" => into.annotations = table_of_texts(&key, value)?,
            "kubeversion" => into.kube_version = text(&key, value)?,
            "dependencies" => {
                into.dependencies = Some(list(&key, value, dependency, &mut nulls.dependencies)?);
            }
            "type" => into.kind = text(&key, value)?,
            _ => {}
        }
    }
    Ok(nulls)
}

/// Which lists had null entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Nulls {
    pub(crate) maintainers: bool,
    pub(crate) dependencies: bool,
}

impl Nulls {
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            maintainers: self.maintainers || other.maintainers,
            dependencies: self.dependencies || other.dependencies,
        }
    }
}

/// Reads Chart.lock or requirements.lock.
pub(crate) fn lock(value: &Value) -> Result<Option<Lock>, FieldError> {
    if value.is_null() {
        return Ok(None);
    }

    let mut lock = Lock::default();
    for (key, value) in fields(value, "")? {
        match key.as_str() {
            "generated" => {
                let want = "a time";
                let unfit = |_| FieldError {
                    field: key.clone(),
                    want,
                };
                lock.generated = moment::parse(&text(&key, value)?).map_err(unfit)?;
            }
            "digest" => lock.digest = text(&key, value)?,
            "dependencies" => {
                lock.dependencies = Some(list(&key, value, dependency, &mut false)?);
            }
            _ => {}
        }
    }
    Ok(Some(lock))
}

fn maintainer(field: &str, value: &Value) -> Result<Maintainer, FieldError> {
    let mut read = Maintainer::default();
    for (key, value) in fields(value, field)? {
        match key.as_str() {
            "name" => read.name = text(&key, value)?,
            "email" => read.email = text(&key, value)?,
            "url" => read.url = text(&key, value)?,
            _ => {}
        }
    }
    Ok(read)
}

fn dependency(field: &str, value: &Value) -> Result<Dependency, FieldError> {
    let mut read = Dependency::default();
    for (key, value) in fields(value, field)? {
        match key.as_str() {
            "name" => read.name = text(&key, value)?,
            "version" => read.version = text(&key, value)?,
            "repository" => read.repository = text(&key, value)?,
            "condition" => read.condition = text(&key, value)?,
            "tags" => read.tags = texts(&key, value)?,
            "enabled" => read.enabled = boolean(&key, value)?,
            "import-values" => read.import_values.clone_from(items(&key, value)?),
            "alias" => read.alias = text(&key, value)?,
            _ => {}
        }
    }
    Ok(read)
}

/// Returns the fields that are not null, with their names in lower case.
fn fields<'v>(
    value: &'v Value,
    field: &str,
) -> Result<impl Iterator<Item = (String, &'v Value)>, FieldError> {
    if !matches!(value, Value::Object(_) | Value::Null) {
        return Err(unfit(field, "a table"));
    }
    let fields = value.as_object().into_iter().flatten();
    Ok(fields
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.to_ascii_lowercase(), value)))
}

fn text(field: &str, value: &Value) -> Result<String, FieldError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number_text(number)),
        Value::Bool(value) => Ok(value.to_string()),
        _ => Err(unfit(field, "a text")),
    }
}

fn texts(field: &str, value: &Value) -> Result<Vec<String>, FieldError> {
    let read = |item: &Value| match item {
        Value::Null => Ok(String::new()),
        item => text(field, item),
    };
    items(field, value)?.iter().map(read).collect()
}

fn table_of_texts(field: &str, value: &Value) -> Result<BTreeMap<String, String>, FieldError> {
    let Value::Object(map) = value else {
        return Err(unfit(field, "a table of texts"));
    };
    let mut read = BTreeMap::new();
    for (key, value) in map {
        let value = if value.is_null() {
            String::new()
        } else {
            text(field, value)?
        };
        read.insert(key.clone(), value);
    }
    Ok(read)
}

fn boolean(field: &str, value: &Value) -> Result<bool, FieldError> {
    value.as_bool().ok_or_else(|| unfit(field, "true or false"))
}

/// Reads a list of tables; null entries are skipped and noted.
fn list<T>(
    field: &str,
    value: &Value,
    read: impl Fn(&str, &Value) -> Result<T, FieldError>,
    has_null: &mut bool,
) -> Result<Vec<T>, FieldError> {
    let items = items(field, value)?;
    *has_null = items.iter().any(Value::is_null);
    let items = items.iter().filter(|item| !item.is_null());
    items.map(|item| read(field, item)).collect()
}

fn items<'v>(field: &str, value: &'v Value) -> Result<&'v Vec<Value>, FieldError> {
    value.as_array().ok_or_else(|| unfit(field, "a list"))
}

fn unfit(field: &str, want: &'static str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        want,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Metadata {
        let mut metadata = Metadata::default();
        super::metadata(value, &mut metadata).unwrap();
        metadata
    }

    #[test]
    fn numbers_and_booleans_become_texts() {
        let read = read(&json!({
            "name": "a", "appVersion": 1.1, "version": 2, "description": true,
            "annotations": {"a": 1, "b": false, "c": null}, "keywords": [1, "x", null],
        }));
        assert_eq!(
            (&*read.app_version, &*read.version, &*read.description),
            ("1.1", "2", "true")
        );
        assert_eq!(read.annotations["a"], "1");
        assert_eq!(read.annotations["c"], "");
        assert_eq!(read.keywords, ["1", "x", ""]);
    }

    #[test]
    fn keys_match_in_any_case_and_null_changes_nothing() {
        let read = read(&json!({"NAME": "a", "apiversion": "v2", "home": null, "unknown": {}}));
        assert_eq!(
            (&*read.name, &*read.api_version, &*read.home),
            ("a", "v2", "")
        );
    }

    #[test]
    fn absent_and_empty_dependencies_differ() {
        assert_eq!(read(&json!({})).dependencies, None);
        assert_eq!(
            read(&json!({"dependencies": []})).dependencies,
            Some(vec![])
        );
    }

    #[test]
    fn a_wrong_type_names_the_field() {
        let mut metadata = Metadata::default();
        let error = super::metadata(&json!({"name": ["a"]}), &mut metadata).unwrap_err();
        assert_eq!(error.to_string(), "field \"name\": a text expected");
    }

    #[test]
    fn large_numbers_have_an_exponent() {
        for (number, want) in [
            (1e21, "1e+21"),
            (1_234_567.5, "1.2345675e+06"),
            (0.000_01, "1e-05"),
            (123_456.5, "123456.5"),
        ] {
            assert_eq!(
                number_text(&serde_json::Number::from_f64(number).unwrap()),
                want
            );
        }
    }
}
