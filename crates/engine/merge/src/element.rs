//! [`Element`]: one step of a path in a field set.
//!
//! Written `f:<name>` (a field), `k:{"a":1}` (a list item by its keys), `v:<json>` (an item of a
//! set) or `i:<n>` (an item by its position), and ordered that way. Names and values are borrowed
//! from the text or the object they come from.

use std::{borrow::Cow, cmp::Ordering, fmt, sync::Arc};

use serde_json::{Map, Value};

use crate::order;

/// One step of a path in a field set.
#[derive(Debug, Clone)]
pub enum Element<'a> {
    /// A field of a map.
    Field(&'a str),
    /// A list item whose fields have these values; sorted by name.
    Key(Arc<[Key<'a>]>),
    /// An item of a list of scalars.
    Item(Cow<'a, Value>),
    /// An item by its position.
    Index(i64),
}

/// A field that identifies a list item, and its value.
pub type Key<'a> = (Cow<'a, str>, Cow<'a, Value>);

/// Why a text or JSON value is not a field set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A node is neither an object nor null.
    #[error("a node of a field set is not an object")]
    NotAnObject,
    /// A key is not an element.
    #[error("\"{0}\" is not a path element")]
    Element(String),
}

impl<'a> Element<'a> {
    /// Reads an element; returns `None` for an unknown type of element (`r:`).
    ///
    /// # Errors
    /// It has no type, or the rest does not match the type.
    pub fn parse(key: &'a str) -> Result<Option<Self>, Error> {
        let bad = || Error::Element(key.chars().take(SHOWN_CHARS).collect());
        let mut chars = key.chars();
        let (Some(sort), Some(':')) = (chars.next(), chars.next()) else {
            return Err(bad());
        };
        let rest = chars.as_str();
        Ok(Some(match sort {
            'f' => Self::Field(rest),
            'k' => Self::keys(rest).ok_or_else(bad)?,
            'v' => Self::Item(Cow::Owned(serde_json::from_str(rest).map_err(|_| bad())?)),
            'i' => Self::Index(rest.parse().map_err(|_| bad())?),
            _ => return Ok(None),
        }))
    }

    fn keys(text: &'a str) -> Option<Self> {
        if let Some((name, value)) = one_text(text) {
            return Some(Self::Key(Arc::new([(
                Cow::Borrowed(name),
                Cow::Owned(value.into()),
            )])));
        }
        let keys: Map<String, Value> = serde_json::from_str(text).ok()?;
        Some(Self::key(
            keys.into_iter()
                .map(|(name, value)| (Cow::Owned(name), Cow::Owned(value)))
                .collect(),
        ))
    }

    /// Returns the element of a list item with these keys.
    #[must_use]
    pub fn key(mut keys: Vec<Key<'a>>) -> Self {
        keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self::Key(keys.into())
    }

    /// Appends the element as written in a set.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Field(name) => {
                out.push_str("f:");
                out.push_str(name);
            }
            Self::Key(keys) => {
                out.push_str("k:{");
                for (at, (name, value)) in keys.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    order::write_json(&Value::from(&**name), out);
                    out.push(':');
                    order::write_json(value, out);
                }
                out.push('}');
            }
            Self::Item(value) => {
                out.push_str("v:");
                order::write_json(value, out);
            }
            Self::Index(index) => {
                out.push_str("i:");
                out.push_str(&index.to_string());
            }
        }
    }

    /// Returns the live value in `value` that this element names.
    #[must_use]
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Field(name) => value.as_object()?.get(*name),
            Self::Key(_) | Self::Item(_) => value.as_array()?.iter().find(|item| self.is(item)),
            Self::Index(index) => value.as_array()?.get(usize::try_from(*index).ok()?),
        }
    }

    /// Returns whether this element names a list item.
    #[must_use]
    pub fn is(&self, item: &Value) -> bool {
        match self {
            Self::Key(keys) => keys.iter().all(|(key, value)| {
                item.get(&**key)
                    .is_some_and(|found| order::equal(found, value))
            }),
            Self::Item(value) => order::equal(value, item),
            Self::Field(_) | Self::Index(_) => false,
        }
    }

    /// Returns the value by which this element names an item, if it does so by the field `name`.
    pub(crate) fn value_of(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Key(keys) => keys
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| &**value),
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Item(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl Ord for Element<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.cmp(b),
            (Self::Key(a), Self::Key(b)) => {
                let pairs = a.iter().zip(b.iter());
                let mut orders =
                    pairs.map(|((a, x), (b, y))| a.cmp(b).then_with(|| order::compare(x, y)));
                let different = orders.find(|order| order.is_ne());
                different.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (Self::Item(a), Self::Item(b)) => order::compare(a, b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Element<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Element<'_> {}

/// As the API server shows it in messages.
impl fmt::Display for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(keys) => {
                f.write_str("[")?;
                for (at, (name, value)) in keys.iter().enumerate() {
                    write!(
                        f,
                        "{}{name}={}",
                        if at == 0 { "" } else { "," },
                        order::Shown(value)
                    )?;
                }
                f.write_str("]")
            }
            Self::Item(value) => write!(f, "[={}]", order::Shown(value)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// Splits `{"name":"text"}`, if it contains no escapes.
fn one_text(keys: &str) -> Option<(&str, &str)> {
    let (name, text) = keys
        .strip_prefix("{\"")?
        .strip_suffix("\"}")?
        .split_once("\":\"")?;
    let plain = |part: &str| !part.contains(|c: char| matches!(c, '"' | '\\') || c.is_control());
    (plain(name) && plain(text)).then_some((name, text))
}

/// Characters of an invalid element that an error shows.
const SHOWN_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(key: &str) -> Element<'_> {
        Element::parse(key).unwrap().unwrap()
    }

    #[test]
    fn elements_find_their_live_value() {
        let live =
            json!({"env": [{"name": "A", "n": 1}, {"name": "B", "n": 2.0}], "args": ["x", 3]});
        let at = |list: &str, key: &str| parse(key).find(&live[list]).cloned();
        assert_eq!(parse("f:args").find(&live), Some(&live["args"]));
        assert_eq!(
            at("env", r#"k:{"n":2,"name":"B"}"#),
            Some(json!({"name": "B", "n": 2.0}))
        );
        assert_eq!(at("env", r#"k:{"name":"C"}"#), None);
        assert_eq!(at("args", "v:3.0"), Some(json!(3)));
        assert_eq!(at("args", "i:0"), Some(json!("x")));
        assert_eq!(at("args", "i:-1"), None);
    }

    #[test]
    fn what_is_no_element_is_refused_and_unknown_sorts_are_dropped() {
        for bad in [
            "",
            "f",
            "field",
            "k:1",
            "k:{",
            "v:",
            "v:{",
            "i:x",
            "i:",
            "k:{\"}",
            "k:{\"a\":\"\n\"}",
        ] {
            assert!(Element::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Element::parse("r:x"), Ok(None));
        assert_eq!(Element::parse("f:"), Ok(Some(Element::Field(""))));
    }

    #[test]
    fn elements_have_one_order_and_one_spelling() {
        let sorted = [
            "f:a",
            "f:b",
            r#"k:{"a":1}"#,
            r#"k:{"a":1,"b":0}"#,
            r#"k:{"a":2}"#,
            r#"k:{"b":1}"#,
            "v:1",
            "v:1.5",
            r#"v:"a""#,
            "v:false",
            "v:true",
            "v:[1]",
            "v:{}",
            "v:null",
            "i:0",
            "i:10",
        ];
        for pair in sorted.windows(2) {
            assert!(parse(pair[0]) < parse(pair[1]), "{pair:?}");
        }
        for key in sorted {
            let mut written = String::new();
            parse(key).write(&mut written);
            assert_eq!(written, key);
        }
        assert_eq!(
            parse(r#"k:{"b":"x","a":1}"#),
            parse(r#"k: {"a":1.0,"b":"\u0078"}"#)
        );
    }

    #[test]
    fn messages_show_elements_as_paths() {
        let shown: String = [
            "f:spec",
            "f:ports",
            r#"k:{"port":53,"protocol":"TCP"}"#,
            "v:true",
            "i:2",
        ]
        .map(|key| parse(key).to_string())
        .concat();
        assert_eq!(shown, r#".spec.ports[port=53,protocol="TCP"][=true][2]"#);
    }
}
