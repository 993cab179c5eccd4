//! Finds values by a path with points.

use serde_json::{Map, Value};

/// A part of a path that is not a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a table")]
pub(crate) struct NoTable(pub(crate) String);

/// Returns the table at a path.
pub(crate) fn table<'v>(
    values: &'v Map<String, Value>,
    path: &str,
) -> Result<&'v Map<String, Value>, NoTable> {
    path.split('.').try_fold(values, |table, part| {
        let found = table.get(part).and_then(Value::as_object);
        found.ok_or_else(|| NoTable(part.to_owned()))
    })
}

/// Returns the value at a path, if there is one that is not a table.
pub(crate) fn path_value<'v>(values: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    let found = match path.rsplit_once('.') {
        Some((tables, key)) => table(values, tables).ok()?.get(key),
        None => values.get(path),
    };
    found.filter(|value| !value.is_object())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_through_tables() {
        let values = json!({"a": {"b": {"c": true, "d": null}}, "e": 1, "": {"f": 2}});
        let values = values.as_object().unwrap();
        assert_eq!(path_value(values, "a.b.c"), Some(&Value::Bool(true)));
        assert_eq!(path_value(values, "a.b.d"), Some(&Value::Null));
        assert_eq!(path_value(values, "e"), Some(&1.into()));
        assert_eq!(path_value(values, ".f"), Some(&2.into()));
        for absent in ["a.b", "a.x.c", "e.f", ""] {
            assert_eq!(path_value(values, absent), None, "{absent}");
        }
        assert_eq!(table(values, "a.b").unwrap().len(), 2);
        assert_eq!(
            table(values, "a.b.c").unwrap_err().to_string(),
            "\"c\" is not a table"
        );
    }
}
