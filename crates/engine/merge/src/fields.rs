//! `metadata.managedFields`: who owns which fields.
//!
//! Reads the entries of a live object, finds the live value behind an element of a `fieldsV1` set, and unites two
//! sets. A set is a JSON object whose keys are elements: `f:` a field, `k:` a list item by its keys, `v:` an item of a
//! list of scalars, `i:` an item by its place; `.` says that the node itself is owned, as does having no children.
//! Left out: everything that needs a schema.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value};

/// How a manager came to own its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Any other write.
    Update,
}

/// One manager's entry.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'o> {
    /// The manager's name.
    pub manager: &'o str,
    /// How it wrote.
    pub operation: Operation,
    /// The API version its set is in.
    pub api_version: &'o str,
    /// When its set last changed (RFC 3339), or empty.
    pub time: &'o str,
    /// The subresource it wrote through, or empty.
    pub subresource: &'o str,
    /// Its set.
    pub fields: &'o Map<String, Value>,
}

/// One element of a path in a set.
#[derive(Debug, Clone, PartialEq)]
pub enum Element<'k> {
    /// A field of a map.
    Field(&'k str),
    /// A list item whose fields have these values.
    Key(Map<String, Value>),
    /// An item of a list of scalars.
    Item(Value),
    /// An item by its place.
    Index(usize),
}

/// Why text or JSON is no set of fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A node is neither an object nor null.
    #[error("a node of a field set is not an object")]
    NotAnObject,
    /// A key is no element.
    #[error("\"{0}\" is not a path element")]
    Element(String),
}

/// Returns the entries of a live object; an entry without manager or operation is passed over.
pub fn entries(live: &Value) -> impl Iterator<Item = Entry<'_>> {
    raw_entries(live).iter().filter_map(entry)
}

/// Reads an element; an element of an unknown sort (`r:`) is `None`.
///
/// # Errors
/// It has no sort, or what follows does not fit it.
pub fn element(key: &str) -> Result<Option<Element<'_>>, Error> {
    let bad = || Error::Element(key.chars().take(SHOWN_CHARS).collect());
    let mut chars = key.chars();
    let (Some(sort), Some(':')) = (chars.next(), chars.next()) else { return Err(bad()) };
    let rest = chars.as_str();
    Ok(Some(match sort {
        'f' => Element::Field(rest),
        'k' => Element::Key(serde_json::from_str(rest).map_err(|_| bad())?),
        'v' => Element::Item(serde_json::from_str(rest).map_err(|_| bad())?),
        'i' => Element::Index(rest.parse().map_err(|_| bad())?),
        _ => return Ok(None),
    }))
}

/// Returns the set that owns what either owns.
///
/// # Errors
/// One of them is no set.
pub fn union(a: &Value, b: &Value) -> Result<Value, Error> {
    let mut set = Set::parse(a)?;
    set.unite(Set::parse(b)?);
    Ok(set.into_value(true))
}

/// Tells whether a node of a set has no children, so that it owns the whole value below.
pub(crate) fn is_leaf(node: &Map<String, Value>) -> bool {
    node.keys().all(|key| key == ".")
}

/// Returns the live value an element's key names, as [`Element::find`]; the usual keys are not parsed for it.
pub(crate) fn find<'v>(key: &str, value: &'v Value) -> Option<&'v Value> {
    let Some((name, text)) = one_text(key) else { return element(key).ok().flatten()?.find(value) };
    value.as_array()?.iter().find(|item| item.get(name).and_then(Value::as_str) == Some(text))
}

/// Takes `k:{"name":"text"}` apart, if nothing in it is escaped.
fn one_text(key: &str) -> Option<(&str, &str)> {
    let (name, text) = key.strip_prefix("k:{\"")?.strip_suffix("\"}")?.split_once("\":\"")?;
    let plain = |part: &str| !part.contains(['"', '\\']);
    (plain(name) && plain(text)).then_some((name, text))
}

pub(crate) fn raw_entries(live: &Value) -> &[Value] {
    live.get("metadata").and_then(|metadata| metadata.get("managedFields")).and_then(Value::as_array).map_or(&[], |e| e)
}

pub(crate) fn entry(raw: &Value) -> Option<Entry<'_>> {
    let text = |key: &str| raw.get(key).and_then(Value::as_str);
    let operation = match text("operation")? {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    Some(Entry {
        manager: text("manager")?,
        operation,
        api_version: text("apiVersion").unwrap_or_default(),
        time: text("time").unwrap_or_default(),
        subresource: text("subresource").unwrap_or_default(),
        fields: raw.get("fieldsV1").and_then(Value::as_object).unwrap_or(&NO_FIELDS),
    })
}

impl Entry<'_> {
    /// Tells whether this is what `manager` owns by applying the object itself.
    #[must_use]
    pub fn is_apply_of(&self, manager: &str) -> bool {
        self.manager == manager && self.operation == Operation::Apply && self.subresource.is_empty()
    }
}

impl Element<'_> {
    /// Returns the live value this element names within `value`.
    #[must_use]
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Field(name) => value.as_object()?.get(*name),
            Self::Key(_) | Self::Item(_) => value.as_array()?.iter().find(|item| self.is(item)),
            Self::Index(index) => value.as_array()?.get(*index),
        }
    }

    /// Tells whether a list item is the one this element names.
    #[must_use]
    pub fn is(&self, item: &Value) -> bool {
        match self {
            Self::Key(keys) => keys.iter().all(|(key, value)| item.get(key).is_some_and(|found| same(found, value))),
            Self::Item(value) => same(value, item),
            Self::Field(_) | Self::Index(_) => false,
        }
    }
}

/// Tells whether two values are equal, where 1 equals 1.0.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

/// A set being built: elements are in one spelling.
#[derive(Default)]
struct Set {
    member: bool,
    children: BTreeMap<String, Set>,
}

impl Set {
    fn parse(node: &Value) -> Result<Self, Error> {
        let mut set = Self::default();
        let map = match node {
            Value::Null => return Ok(set),
            Value::Object(map) => map,
            _ => return Err(Error::NotAnObject),
        };
        for (key, child) in map {
            if key == "." {
                set.member = true;
            } else if let Some(key) = spelled(key)? {
                let mut child = Self::parse(child)?;
                child.member |= child.children.is_empty();
                set.children.entry(key).or_default().unite(child);
            }
        }
        Ok(set)
    }

    fn unite(&mut self, other: Self) {
        self.member |= other.member;
        for (key, child) in other.children {
            self.children.entry(key).or_default().unite(child);
        }
    }

    fn into_value(self, root: bool) -> Value {
        let mut map = Map::new();
        if self.member && !root && !self.children.is_empty() {
            map.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (key, child) in self.children {
            map.insert(key, child.into_value(false));
        }
        Value::Object(map)
    }
}

/// Returns an element's key in the spelling the API server uses.
fn spelled(key: &str) -> Result<Option<String>, Error> {
    Ok(element(key)?.map(|element| match element {
        Element::Field(_) => key.to_owned(),
        Element::Key(keys) => {
            let sorted: BTreeMap<_, _> = keys.into_iter().collect();
            let pairs: Vec<_> = sorted.iter().map(|(key, value)| format!("{}:{value}", Value::from(&**key))).collect();
            format!("k:{{{}}}", pairs.join(","))
        }
        Element::Item(value) => format!("v:{value}"),
        Element::Index(index) => format!("i:{index}"),
    }))
}

/// Characters of a bad element that an error shows.
const SHOWN_CHARS: usize = 64;
/// The set of an entry that has none.
static NO_FIELDS: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_find_their_live_value() {
        let live = json!({"env": [{"name": "A", "n": 1}, {"name": "B", "n": 2.0}], "args": ["x", 3]});
        let at = |list: &str, key: &str| element(key).unwrap().unwrap().find(&live[list]).cloned();
        assert_eq!(element("f:args").unwrap().unwrap().find(&live), Some(&live["args"]));
        assert_eq!(at("env", r#"k:{"n":2,"name":"B"}"#), Some(json!({"name": "B", "n": 2.0})));
        assert_eq!(at("env", r#"k:{"name":"C"}"#), None);
        assert_eq!(at("args", "v:3.0"), Some(json!(3)));
        assert_eq!(at("args", "i:0"), Some(json!("x")));
        for key in
            [r#"k:{"name":"A"}"#, r#"k:{"name":"C"}"#, r#"k:{"name":"A","n":1}"#, r#"k:{"n\u0061me":"B"}"#, "k:{\"}"]
        {
            let parsed = element(key).ok().flatten().and_then(|element| element.find(&live["env"]));
            assert_eq!(find(key, &live["env"]), parsed, "{key}");
        }
    }

    #[test]
    fn what_is_no_element_is_refused_and_unknown_sorts_are_dropped() {
        for bad in ["", "f", "field", "k:1", "k:{", "v:", "v:{", "i:x", "i:"] {
            assert!(element(bad).is_err(), "{bad}");
        }
        assert_eq!(element("r:x"), Ok(None));
        assert_eq!(element("f:"), Ok(Some(Element::Field(""))));
    }

    #[test]
    fn a_union_keeps_who_owns_the_node_itself() {
        let union = |a, b| super::union(&a, &b).unwrap();
        assert_eq!(union(json!({"f:a": {}}), json!({"f:a": {"f:b": {}}})), json!({"f:a": {".": {}, "f:b": {}}}));
        assert_eq!(
            union(json!({"f:a": {"f:c": {}}}), json!({"f:a": {"f:b": {}}})),
            json!({"f:a": {"f:b": {}, "f:c": {}}})
        );
        assert_eq!(union(Value::Null, json!({"f:a": {}, "r:b": {}})), json!({"f:a": {}}));
    }
}
