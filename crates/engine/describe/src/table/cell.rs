//! [`Cell`]: the source of a cell's text, and ways to read an object.

use jiff::Timestamp;
use lode_object::json::{at, int, list, text};
use serde_json::Value;

use crate::age;
use crate::jsonpath::JsonPath;

/// The source of a cell. Paths are JSON pointers.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Name,
    Created,
    Text(Vec<Box<str>>, Box<str>),
    Int(Box<str>),
    Bool(Box<str>, bool),
    /// The number of entries at some places.
    Count(Vec<Box<str>>),
    Ratio(Box<str>, Box<str>),
    /// The items of a list, or a field of each.
    Join(Box<str>, Option<Box<str>>, Box<str>),
    Labels(Box<str>),
    Selector(Box<str>),
    Since(Box<str>, Box<str>),
    Special(Special),
    /// For a custom resource: a path and the type of the column. A malformed path shows nothing.
    Custom(Option<JsonPath>, Box<str>),
}

/// Computes the cell of an object.
pub(super) type Special = fn(&Value, Timestamp) -> Value;

/// Special cells by their name in the data file.
pub(super) type Cells = &'static [(&'static str, Special)];

impl Cell {
    /// Parses the description of a cell. Paths are dotted names (`spec.replicas`); `find` returns
    /// special cells by name.
    pub(super) fn read(words: &str, find: impl Fn(&str) -> Option<Special>) -> Option<Self> {
        let (words, or) = words.split_once(" or ").unwrap_or((words, ""));
        let words: Vec<&str> = words.split(' ').collect();
        let all = |paths: &[&str]| paths.iter().map(|path| pointer(path)).collect();

        Some(match &*words {
            ["name"] => Self::Name,
            ["age"] => Self::Since(CREATED.into(), "<unknown>".into()),
            ["created"] => Self::Created,
            ["text", paths @ ..] => Self::Text(all(paths), or.into()),
            ["int", path] => Self::Int(pointer(path)),
            ["bool", path] => Self::Bool(pointer(path), or == "true"),
            ["count", paths @ ..] => Self::Count(all(paths)),
            ["ratio", part, whole] => Self::Ratio(pointer(part), pointer(whole)),
            ["join", path] => Self::Join(pointer(path), None, or.into()),
            ["join", path, field] => Self::Join(pointer(path), Some(pointer(field)), or.into()),
            ["labels", path] => Self::Labels(pointer(path)),
            ["selector", path] => Self::Selector(pointer(path)),
            ["since", path] => Self::Since(pointer(path), or.into()),
            ["call", name] => Self::Special(find(name)?),
            _ => return None,
        })
    }

    pub(super) fn of(&self, object: &Value, now: Timestamp) -> Value {
        match self {
            Self::Name => text(object, "/metadata/name").into(),
            Self::Created => text(object, CREATED).into(),
            Self::Text(paths, or) => first(object, paths)
                .unwrap_or_else(|| or.to_string())
                .into(),
            Self::Int(path) => number(object, path).into(),
            Self::Bool(path, or) => at(object, path).as_bool().unwrap_or(*or).into(),
            Self::Count(paths) => paths
                .iter()
                .map(|path| len(at(object, path)))
                .sum::<usize>()
                .into(),
            Self::Ratio(part, all) => {
                format!("{}/{}", number(object, part), number(object, all)).into()
            }
            Self::Join(path, field, or) => joined(at(object, path), field.as_deref(), or).into(),
            Self::Labels(path) => labels(at(object, path)).into(),
            Self::Selector(path) => or_none(selector(at(object, path))).into(),
            Self::Since(path, or) => match at(object, path).as_str() {
                None => Value::from(&**or),
                time => age::since(time, now).into(),
            },
            Self::Special(special) => special(object, now),
            Self::Custom(path, kind) => path
                .as_ref()
                .map_or(Value::Null, |path| path.cell(object, kind, now)),
        }
    }
}

/// Returns a dotted path as a JSON pointer.
fn pointer(path: &str) -> Box<str> {
    format!("/{}", path.replace('.', "/")).into()
}

/// Returns the integer at a pointer, or zero.
pub(super) fn number(object: &Value, pointer: &str) -> i64 {
    int(object, pointer).unwrap_or_default()
}

/// Returns a scalar as text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Returns a text, or `<none>` if it is empty.
pub(super) fn or_none(text: String) -> String {
    if text.is_empty() {
        NONE.to_owned()
    } else {
        text
    }
}

/// Returns labels as in a query.
pub(super) fn labels(map: &Value) -> String {
    let pairs = map.as_object().into_iter().flatten();
    let pairs = pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    or_none(pairs.collect::<Vec<_>>().join(","))
}

/// Returns a label selector as in a query; empty for an empty one.
pub(super) fn selector(selector: &Value) -> String {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let equal = equal.map(|(key, value)| {
        (
            &**key,
            format!("{key}={}", value.as_str().unwrap_or_default()),
        )
    });
    let expressions = list(selector, "/matchExpressions")
        .iter()
        .map(|expression| {
            let key = text(expression, "/key");
            let mut values: Vec<&str> = list(expression, "/values")
                .iter()
                .filter_map(Value::as_str)
                .collect();
            values.sort_unstable();
            let values = values.join(",");
            let shown = match text(expression, "/operator") {
                "In" => format!("{key} in ({values})"),
                "NotIn" => format!("{key} notin ({values})"),
                "DoesNotExist" => format!("!{key}"),
                _ => key.to_owned(),
            };
            (key, shown)
        });
    let mut all: Vec<(&str, String)> = equal.chain(expressions).collect();

    all.sort_by_key(|(key, _)| *key);
    all.into_iter()
        .map(|(_, shown)| shown)
        .collect::<Vec<_>>()
        .join(",")
}

fn first(object: &Value, paths: &[Box<str>]) -> Option<String> {
    paths.iter().find_map(|path| scalar(at(object, path)))
}

fn joined(items: &Value, field: Option<&str>, or: &str) -> String {
    let items = items.as_array().into_iter().flatten();
    let items = items.map(|item| {
        field
            .map_or(item, |field| at(item, field))
            .as_str()
            .unwrap_or_default()
    });
    let all = items.collect::<Vec<_>>().join(",");
    if all.is_empty() { or.to_owned() } else { all }
}

fn len(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    }
}

/// Shown for an absent value.
pub(super) const NONE: &str = "<none>";
const CREATED: &str = "/metadata/creationTimestamp";
