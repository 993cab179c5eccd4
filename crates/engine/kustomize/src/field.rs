//! Walking an object by a path such as `spec/template/metadata/labels`.
//!
//! Lists on the way are walked through, `[]` behind a part says so too, and `\/` is a slash inside a part.

use lode_yaml::{Content, Node};

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
        node: &mut Node,
        absent: Absent,
        visit: &mut impl FnMut(&mut Node) -> Result<(), E>,
    ) -> Result<(), E> {
        walk(&self.0, node, absent, visit)
    }
}

fn walk<E>(
    parts: &[Box<str>],
    node: &mut Node,
    absent: Absent,
    visit: &mut impl FnMut(&mut Node) -> Result<(), E>,
) -> Result<(), E> {
    let Some((part, rest)) = parts.split_first() else { return visit(node) };
    match &mut node.content {
        Content::Sequence(items) => items.iter_mut().try_for_each(|item| walk(parts, item, absent, visit)),
        Content::Mapping(_) => match field(node, part, rest.is_empty(), absent) {
            Some(next) => walk(rest, next, absent, visit),
            None => Ok(()),
        },
        Content::Scalar(_) => Ok(()),
    }
}

fn field<'m>(map: &'m mut Node, part: &str, last: bool, absent: Absent) -> Option<&'m mut Node> {
    let (name, is_list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
    if absent == Absent::Leave || is_list {
        return map.get_mut(name).filter(|node| last || !node.is_null());
    }
    let next = map.get_or_insert_with(name, Node::null)?;
    if next.is_null() && !(last && absent == Absent::Null) {
        *next = Node::mapping();
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn set(path: &str, value: Value, absent: Absent) -> Value {
        let mut node = Node::from_value(&value);
        Path::parse(path)
            .visit(&mut node, absent, &mut |found| {
                *found = Node::string("x");
                Ok::<(), ()>(())
            })
            .unwrap();
        node.to_value(lode_yaml::Dialect::V3).unwrap()
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
