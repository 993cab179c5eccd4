//! One entry of an index: a value in, its fields as they are written and what is kept of it out.

use jiff::Timestamp;
use lode_stdx::semver::Version;
use lode_yaml::number_text;
use serde_json::{Map, Value};

use super::charts::ChartVersion;
use super::error::Misfit;
use super::shape::{ENTRY, IndexField, IndexShape};

/// Time of an entry without one: the beginning of Go's time.
const NO_TIME: &str = "0001-01-01T00:00:00Z";
/// Form of an entry that names none.
const API_VERSION: &str = "v1";

/// Returns an entry in the shape that is written; nothing if Helm leaves it out because it is no valid chart.
pub(super) fn shaped(value: &Value) -> Result<Option<Map<String, Value>>, Misfit> {
    let Some(Value::Object(mut entry)) = fit("", value, &ENTRY)? else {
        return Ok(None);
    };
    if text(&entry, "apiVersion").is_empty() {
        entry.insert("apiVersion".to_owned(), API_VERSION.into());
    }
    Ok(is_valid(&entry).then_some(entry))
}

/// Returns what is kept of an entry that is listed under a name.
pub(super) fn kept(entry: &Map<String, Value>, listed: &str) -> ChartVersion {
    let name = text(entry, "name");
    let created: Option<Timestamp> = text(entry, "created").parse().ok();
    let urls = entry.get("urls").and_then(Value::as_array);
    let urls = urls.into_iter().flatten().filter_map(Value::as_str);
    let digest = text(entry, "digest");
    ChartVersion {
        other_name: (name != listed).then(|| name.into()),
        version: text(entry, "version").into(),
        created,
        urls: urls.map(Into::into).collect(),
        digest: (!digest.is_empty()).then(|| digest.into()),
    }
}

/// Returns the fields of a table in the shapes of a list; missing ones that are always written have their zero.
pub(super) fn fields(
    value: &Map<String, Value>,
    fields: &[IndexField],
) -> Result<Map<String, Value>, Misfit> {
    let mut shaped = Map::new();
    for field in fields {
        let mut given = value.iter();
        let given = given.find(|(name, _)| name.eq_ignore_ascii_case(field.name));
        let fitted = match given {
            Some((_, given)) => fit(field.name, given, &field.shape)?,
            None => None,
        };
        let fitted = fitted.filter(|value| field.is_always || !is_empty(value));
        match fitted {
            Some(value) => shaped.insert(field.name.to_owned(), value),
            None if field.is_always => shaped.insert(field.name.to_owned(), zero(&field.shape)),
            None => None,
        };
    }
    Ok(shaped)
}

/// Returns a value in its shape; nothing for null.
fn fit(name: &str, value: &Value, shape: &IndexShape) -> Result<Option<Value>, Misfit> {
    let misfit = |want| Misfit {
        chart: String::new(),
        field: name.to_owned(),
        want,
    };
    let fitted = match (shape, value) {
        (_, Value::Null) => return Ok(None),
        (IndexShape::Any, value) => value.clone(),
        (IndexShape::Text, Value::String(text)) => text.clone().into(),
        (IndexShape::Text, Value::Number(number)) => number_text(number).into(),
        (IndexShape::Text, Value::Bool(flag)) => flag.to_string().into(),
        (IndexShape::Text, _) => return Err(misfit("a text")),
        (IndexShape::Flag, Value::Bool(flag)) => (*flag).into(),
        (IndexShape::Flag, _) => return Err(misfit("true or false")),
        (IndexShape::Time, Value::String(text)) if is_time(text) => text.clone().into(),
        (IndexShape::Time, _) => return Err(misfit("a time")),
        (IndexShape::List(item), Value::Array(items)) => {
            let items = items.iter().map(|value| {
                let fitted = fit(name, value, item)?;
                Ok(fitted.unwrap_or_else(|| zero(item)))
            });
            items.collect::<Result<Vec<_>, Misfit>>()?.into()
        }
        (IndexShape::List(_), _) => return Err(misfit("a list")),
        (IndexShape::Texts, Value::Object(map)) => {
            let texts = map.iter().map(|(key, value)| {
                let fitted = fit(key, value, &IndexShape::Text)?;
                Ok((key.clone(), fitted.unwrap_or_else(|| "".into())))
            });
            Value::Object(texts.collect::<Result<_, Misfit>>()?)
        }
        (IndexShape::Table(shapes), Value::Object(map)) => Value::Object(fields(map, shapes)?),
        (IndexShape::Texts | IndexShape::Table(_), _) => return Err(misfit("a table")),
    };
    Ok(Some(fitted))
}

/// Returns what Go writes for a value that was not given.
fn zero(shape: &IndexShape) -> Value {
    match shape {
        IndexShape::Text => "".into(),
        IndexShape::Time => NO_TIME.into(),
        IndexShape::Flag => false.into(),
        IndexShape::List(_) | IndexShape::Texts | IndexShape::Table(_) | IndexShape::Any => {
            Value::Null
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

fn is_time(text: &str) -> bool {
    text == NO_TIME || text.parse::<Timestamp>().is_ok()
}

/// Returns whether an entry is a chart by Helm's rules.
fn is_valid(entry: &Map<String, Value>) -> bool {
    let name = text(entry, "name");
    let is_name = !matches!(name, "" | "." | "..") && !name.contains('/');
    let is_kind = matches!(text(entry, "type"), "" | "application" | "library");
    is_name && is_kind && Version::parse(text(entry, "version")).is_ok()
}

fn text<'e>(entry: &'e Map<String, Value>, field: &str) -> &'e str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: &Value) -> Value {
        shaped(value)
            .unwrap()
            .map(Value::Object)
            .unwrap_or_default()
    }

    #[test]
    fn fields_have_their_shape_and_unknown_ones_are_left_out() {
        let entry = json!({
            "name": "app", "version": 1, "appVersion": 1.5, "deprecated": false, "urls": ["a"], "future": 1,
            "keywords": [], "annotations": {"a": true, "b": null}, "maintainers": [{"name": "x", "pager": 1}],
            "created": "2026-01-02T03:04:05.6+02:00", "home": null,
        });
        let expected = json!({
            "name": "app", "version": "1", "maintainers": [{"name": "x"}], "apiVersion": "v1", "appVersion": "1.5",
            "annotations": {"a": "true", "b": ""}, "urls": ["a"], "created": "2026-01-02T03:04:05.6+02:00",
        });
        assert_eq!(written(&entry), expected);
    }

    #[test]
    fn what_an_entry_does_not_say_has_gos_zero() {
        let entry = json!({"name": "app", "version": "1.0.0", "dependencies": [{"name": "x"}]});
        let expected = json!({
            "name": "app", "version": "1.0.0", "apiVersion": "v1", "dependencies": [{"name": "x", "repository": ""}],
            "urls": null, "created": NO_TIME,
        });
        assert_eq!(written(&entry), expected);
    }

    #[test]
    fn what_is_no_chart_is_left_out_and_what_has_another_type_is_an_error() {
        for entry in [
            json!(null),
            json!({}),
            json!({"name": "a"}),
            json!({"name": "a", "version": "one"}),
            json!({"name": "a/b", "version": "1.0.0"}),
            json!({"name": "..", "version": "1.0.0"}),
            json!({"name": "a", "version": "1.0.0", "type": "plugin"}),
        ] {
            assert_eq!(shaped(&entry), Ok(None), "{entry}");
        }
        for (entry, told) in [
            (json!([]), ": a table expected"),
            (json!({"name": []}), "name: a text expected"),
            (json!({"urls": "a"}), "urls: a list expected"),
            (json!({"urls": [{}]}), "urls: a text expected"),
            (json!({"created": "today"}), "created: a time expected"),
            (
                json!({"deprecated": "yes"}),
                "deprecated: true or false expected",
            ),
        ] {
            let misfit = shaped(&entry).unwrap_err();
            assert_eq!(misfit.to_string(), told, "{entry}");
        }
    }

    #[test]
    fn little_of_an_entry_is_kept() {
        let entry = json!({
            "name": "app", "version": "1.0.0", "urls": ["a", "b"], "digest": "00", "created": "2026-01-02T03:04:05Z",
        });
        let entry = shaped(&entry).unwrap().unwrap();
        let own = kept(&entry, "app");
        assert_eq!((own.urls.len(), own.other_name.as_deref()), (2, None));
        assert_eq!(own.digest.as_deref(), Some("00"));
        assert!(own.created.is_some());
        assert_eq!(kept(&entry, "alias").other_name.as_deref(), Some("app"));
    }
}
