//! What the writer needs to know about a value, so that JSON values and [`Node`]s share one writer.
//!
//! Input: a value. Output: its [`Shape`]: scalars as the text to be written, mappings as their
//! entries in the order of keys. A node has the shape that its JSON value would have.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::convert::Infallible;

use serde_json::Value;

use crate::compose::resolve::{self, Meaning};
use crate::error::{Cause, Error};
use crate::node::{Content, Entry, Node, Style, Tag};
use crate::write::key_order::key_order;
use crate::write::number::number_text;
use crate::{Dialect, scalar};

/// A value as the writer sees it.
pub enum Shape<'t, T> {
    /// A number, boolean or null, in its canonical form.
    Word(Cow<'t, str>),
    /// A text.
    Text(Cow<'t, str>),
    /// Items in order.
    Sequence(&'t [T]),
    /// Entries by [`key_order`], each key once.
    Mapping(Vec<Pair<'t, T>>),
}

/// A key and its value.
pub(crate) type Pair<'t, T> = (Cow<'t, str>, &'t T);

impl<'t, T> Shape<'t, T> {
    /// Returns the shape of a mapping, from entries in any order; of equal keys the last one
    /// counts.
    #[must_use]
    pub fn mapping(mut entries: Vec<(Cow<'t, str>, &'t T)>) -> Self {
        if sort(&mut entries) {
            keep_last(&mut entries);
        }
        Self::Mapping(entries)
    }
}

/// A value that can be written.
pub trait Tree: Sized {
    /// Why it may have no shape.
    type Fault;

    /// Returns its shape.
    ///
    /// # Errors
    /// It has none.
    fn shape(&self) -> Result<Shape<'_, Self>, Self::Fault>;
}

impl Tree for Value {
    type Fault = Infallible;

    fn shape(&self) -> Result<Shape<'_, Self>, Infallible> {
        Ok(match self {
            Self::Null => Shape::Word("null".into()),
            Self::Bool(flag) => Shape::Word(if *flag { "true" } else { "false" }.into()),
            Self::Number(value) => Shape::Word(number_text(value).into()),
            Self::String(text) => Shape::Text(text.into()),
            Self::Array(items) => Shape::Sequence(items),
            Self::Object(map) => {
                let mut entries = map
                    .iter()
                    .map(|(key, value)| (Cow::from(key), value))
                    .collect();
                sort(&mut entries);
                Shape::Mapping(entries)
            }
        })
    }
}

impl Tree for Node {
    type Fault = Error;

    fn shape(&self) -> Result<Shape<'_, Self>, Error> {
        Ok(match &self.content {
            Content::Scalar(text) => scalar_shape(self, text).map_err(|cause| self.fault(cause))?,
            Content::Sequence(items) => Shape::Sequence(items),
            Content::Mapping(entries) => {
                let mut pairs = Vec::with_capacity(entries.len());
                for Entry { key, value } in entries {
                    pairs.push((key_text(key).map_err(|cause| key.fault(cause))?, value));
                }
                if sort(&mut pairs) {
                    keep_last(&mut pairs);
                }
                Shape::Mapping(pairs)
            }
        })
    }
}

/// Visits every scalar of a node, including keys, in the order in which
/// [`write_node`](crate::write_node) writes them, until the callback returns false. Entries whose
/// key is not a text are left out: they cannot be written.
pub fn each_written_scalar<'n>(node: &'n Node, visit: &mut impl FnMut(&'n Node) -> bool) -> bool {
    match &node.content {
        Content::Scalar(_) => visit(node),
        Content::Sequence(items) => items.iter().all(|item| each_written_scalar(item, visit)),
        Content::Mapping(entries) => {
            let text = |entry: &'n Entry| key_text(&entry.key).ok().map(|text| (text, entry));
            let mut pairs: Vec<Pair<'n, Entry>> = entries.iter().filter_map(text).collect();
            if sort(&mut pairs) {
                keep_last(&mut pairs);
            }
            pairs
                .iter()
                .all(|(_, entry)| visit(&entry.key) && each_written_scalar(&entry.value, visit))
        }
    }
}

fn key_text(key: &Node) -> Result<Cow<'_, str>, Cause> {
    match scalar_shape::<Node>(key, key.text().ok_or(Cause::KeyNotText)?)? {
        Shape::Text(text) => Ok(text),
        _ => Err(Cause::KeyNotText),
    }
}

/// Fast path for nearly every scalar: a text, or a number in canonical form.
fn scalar_shape<'t, T>(node: &Node, text: &'t str) -> Result<Shape<'t, T>, Cause> {
    let plain = match node.tag {
        Tag::Str | Tag::Seq | Tag::Map | Tag::Other => false,
        Tag::Implied => node.style == Style::Plain,
        _ => return converted(node, text),
    };
    if !plain {
        return Ok(Shape::Text(text.into()));
    }
    if is_whole_number(text) {
        return Ok(Shape::Word(text.into()));
    }
    match resolve::plain(text, Dialect::V3) {
        Meaning::Text => Ok(Shape::Text(text.into())),
        Meaning::Time(time) => Ok(Shape::Text(time.into())),
        Meaning::Null => Ok(Shape::Word("null".into())),
        Meaning::Bool(flag) => Ok(Shape::Word(if flag { "true" } else { "false" }.into())),
        Meaning::Int(_) | Meaning::Uint(_) | Meaning::Float(_) => converted(node, text),
    }
}

fn converted<'t, T>(node: &Node, text: &str) -> Result<Shape<'t, T>, Cause> {
    Ok(match scalar::value(text, node, Dialect::V3)? {
        Value::String(text) => Shape::Text(text.into()),
        Value::Number(value) => Shape::Word(number_text(&value).into()),
        other => Shape::Word(other.to_string().into()),
    })
}

/// Returns whether a text is a number that is written exactly as it is.
fn is_whole_number(text: &str) -> bool {
    let digits = text.as_bytes();
    (1..=DIGITS_SURE_TO_FIT).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && (digits[0] != b'0' || digits.len() == 1)
}

const DIGITS_SURE_TO_FIT: usize = 18;

/// Sorts by key; returns whether anything was moved or is duplicated.
fn sort<T>(entries: &mut Vec<Pair<'_, T>>) -> bool {
    if entries.is_sorted_by(|a, b| key_order(&a.0, &b.0) == Ordering::Less) {
        return false;
    }
    *entries = merged(std::mem::take(entries));
    true
}

/// Merge sort: the order of keys has cycles (`2b` < `9` < `21` < `2b`), which the library's sort
/// may reject.
fn merged<T>(mut entries: Vec<Pair<'_, T>>) -> Vec<Pair<'_, T>> {
    if entries.len() < 2 {
        return entries;
    }
    let mut right = merged(entries.split_off(entries.len() / 2))
        .into_iter()
        .peekable();
    let mut sorted = Vec::with_capacity(entries.len() + right.len());
    for left in merged(entries) {
        while let Some(smaller) =
            right.next_if(|right| key_order(&right.0, &left.0) == Ordering::Less)
        {
            sorted.push(smaller);
        }
        sorted.push(left);
    }
    sorted.extend(right);
    sorted
}

/// Of equal keys, the last one in the order of the text counts.
fn keep_last<T>(entries: &mut Vec<Pair<'_, T>>) {
    entries.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 = later.1;
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::each_written_scalar;
    use crate::node::{Content, Entry, Node};
    use crate::{to_string, write_node};

    #[test]
    fn scalars_are_visited_as_they_are_written_until_it_is_enough() {
        let value = serde_json::json!({"b": ["x", {"d": 1}], "a": {"z": "y"}});
        let (node, mut seen) = (Node::from_value(&value), Vec::new());
        let all = each_written_scalar(&node, &mut |scalar| {
            seen.push(scalar.text().unwrap_or_default().to_owned());
            seen.len() < 6
        });
        assert_eq!((seen.join(" "), all), ("a z y b x d".to_owned(), false));
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        let entry = |key: &str, value: &str| Entry {
            key: Node::string(key),
            value: Node::plain(value),
        };
        let mut node = Node::mapping();
        node.content = Content::Mapping(vec![
            entry("b", "1"),
            entry("a", "2"),
            entry("b", "3"),
            entry("a", "4"),
        ]);
        let mut written = String::new();
        assert_eq!(write_node(&mut written, &node), Ok(()));
        assert_eq!(written, "a: 4\nb: 3\n");
    }

    #[test]
    fn keys_whose_order_has_a_circle_are_written_all_the_same() {
        let keys: Vec<String> = (0..40)
            .flat_map(|n| [format!("{n}b"), format!("{}", n * 7), format!("{n}x1")])
            .collect();
        let value = keys
            .iter()
            .map(|key| (key.clone(), 1.into()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(
            to_string(&value).lines().count(),
            value.as_object().map_or(0, serde_json::Map::len)
        );
    }
}
