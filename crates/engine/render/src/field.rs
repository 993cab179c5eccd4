//! Walking an object by a path such as `spec/template/metadata/labels`.
//!
//! Lists on the way are walked through, `[]` behind a part says so too, and `\/` is a slash inside a part.

use lode_object::{Map, Value};

/// A path split into its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<Box<str>>);

/// What is put where the path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// Nothing: the object has no such field.
    Leave,
    /// An empty mapping.
    Mapping,
    /// A null, to be replaced.
    Null,
}

impl Path {
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts: Vec<Box<str>> = Vec::new();
        let mut part = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' if chars.peek() == Some(&'/') => part.extend(chars.next()),
                '/' => parts.push(std::mem::take(&mut part).into()),
                c => part.push(c),
            }
        }
        parts.push(part.into());
        Self(parts)
    }

    /// Visits every value the path leads to.
    pub(crate) fn visit<E>(
        &self,
        value: &mut Value,
        absent: Absent,
        visit: &mut impl FnMut(&mut Value) -> Result<(), E>,
    ) -> Result<(), E> {
        walk(&self.0, value, absent, visit)
    }
}

fn walk<E>(
    parts: &[Box<str>],
    value: &mut Value,
    absent: Absent,
    visit: &mut impl FnMut(&mut Value) -> Result<(), E>,
) -> Result<(), E> {
    let Some((part, rest)) = parts.split_first() else { return visit(value) };
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| walk(parts, item, absent, visit)),
        Value::Object(map) => match field(map, part, rest.is_empty(), absent) {
            Some(next) => walk(rest, next, absent, visit),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn field<'m>(map: &'m mut Map<String, Value>, part: &str, last: bool, absent: Absent) -> Option<&'m mut Value> {
    let (name, is_list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
    if absent == Absent::Leave || is_list {
        return map.get_mut(name).filter(|value| last || !value.is_null());
    }
    let next = map.entry(name).or_insert(Value::Null);
    if next.is_null() && !(last && absent == Absent::Null) {
        *next = Value::Object(Map::new());
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(path: &str, mut value: Value, absent: Absent) -> Value {
        Path::parse(path)
            .visit(&mut value, absent, &mut |found| {
                *found = json!("x");
                Ok::<(), ()>(())
            })
            .unwrap();
        value
    }

    #[test]
    fn lists_are_walked_through() {
        let value = json!({"a": [{"b": 1}, {"c": 1}, {"b": null}]});
        assert_eq!(set("a/b", value.clone(), Absent::Leave), json!({"a": [{"b": "x"}, {"c": 1}, {"b": "x"}]}));
        assert_eq!(set("a[]/b", value, Absent::Leave), json!({"a": [{"b": "x"}, {"c": 1}, {"b": "x"}]}));
    }

    #[test]
    fn what_is_absent_is_made_only_where_asked() {
        assert_eq!(set("a/b", json!({}), Absent::Leave), json!({}));
        assert_eq!(set("a/b", json!({"a": null}), Absent::Null), json!({"a": {"b": "x"}}));
        assert_eq!(set("a[]/b", json!({}), Absent::Null), json!({}));
    }

    #[test]
    fn a_slash_can_be_part_of_a_name() {
        assert_eq!(set(r"a/x.io\/y", json!({"a": {"x.io/y": 1}}), Absent::Leave), json!({"a": {"x.io/y": "x"}}));
    }
}
