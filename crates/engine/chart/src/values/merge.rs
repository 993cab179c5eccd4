//! Merges tables of values.

use serde_json::{Map, Value};

/// Merges `above` over `below`: tables are merged, everything else is replaced. `null` replaces
/// too, so that later steps see it.
pub fn merge(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Adds what `below` has to `into`, which wins, `null` included.
pub(crate) fn merge_tables(into: &mut Map<String, Value>, below: &Map<String, Value>) {
    for (key, value) in below {
        match (into.get_mut(key), value) {
            (None, value) => {
                into.insert(key.clone(), value.clone());
            }
            (Some(Value::Object(into)), Value::Object(below)) => merge_tables(into, below),
            _ => {}
        }
    }
}

/// Returns a table nested under the parts of a path; `.` means the table itself.
pub(crate) fn nest(path: &str, table: Map<String, Value>) -> Map<String, Value> {
    if path == "." {
        return table;
    }
    path.rsplit('.').fold(table, |table, part| {
        let mut outer = Map::new();
        outer.insert(part.to_owned(), Value::Object(table));
        outer
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn what_is_above_wins() {
        let mut below = map(&json!({"a": {"b": 1, "c": 2}, "d": {"e": 1}, "f": 1}));
        merge(
            &mut below,
            map(&json!({"a": {"b": null}, "d": 2, "f": {"g": 1}})),
        );
        assert_eq!(
            below,
            map(&json!({"a": {"b": null, "c": 2}, "d": 2, "f": {"g": 1}}))
        );
    }

    #[test]
    fn what_is_below_only_fills_gaps() {
        let mut into = map(&json!({"a": {"b": null}, "d": 2}));
        merge_tables(
            &mut into,
            &map(&json!({"a": {"b": 1, "c": null}, "d": {"e": 1}, "f": 1})),
        );
        assert_eq!(
            into,
            map(&json!({"a": {"b": null, "c": null}, "d": 2, "f": 1}))
        );
    }

    #[test]
    fn paths_nest() {
        let table = map(&json!({"x": 1}));
        assert_eq!(nest(".", table.clone()), table);
        assert_eq!(nest("a.b", table), map(&json!({"a": {"b": {"x": 1}}})));
    }
}
