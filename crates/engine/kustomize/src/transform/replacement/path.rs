//! Paths of replacements, such as `spec.containers.[name=web].image`.
//!
//! As in kustomize, a path is followed in two ways. A source is looked up exactly and is one value;
//! that is done here. A target can be many values: `[k=v]` is a pattern, `*` is every item, and
//! missing fields can be created on the way; that is done by [`walk`](super::walk).

use lode_stdx::budget::{Exceeded, Meter};
use lode_yaml::{Content, Node};

use super::part::{PARTS_MAX, PartStep, PathFault, PathPart};
use super::structured;
use super::walk::{Make, Walk};
use crate::config::fieldspec::width;

/// A path split into its parts.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    text: Box<str>,
    parts: Vec<PathPart>,
}

/// Most dots in a path, including those inside parts.
const DOTS_MAX: usize = 8 * PARTS_MAX;

impl Path {
    pub(crate) fn parse(text: &str) -> Result<Self, PathFault> {
        if text.matches('.').count() > DOTS_MAX {
            return Err(PathFault::TooLong);
        }
        let parts: Vec<PathPart> = split(text).into_iter().map(PathPart::parse).collect();
        if parts.len() > PARTS_MAX {
            return Err(PathFault::TooLong);
        }
        Ok(Self {
            text: text.into(),
            parts,
        })
    }

    /// Parses a variable's path, in which `ports[0]` is the first of the ports.
    pub(crate) fn parse_indexed(text: &str) -> Result<Self, PathFault> {
        if text.matches('.').count() > DOTS_MAX {
            return Err(PathFault::TooLong);
        }
        let indexed = |part: String| {
            let digits = part
                .strip_suffix(']')
                .and_then(|part| part.rsplit_once('['));
            match digits
                .filter(|(_, at)| !at.is_empty() && at.bytes().all(|byte| byte.is_ascii_digit()))
            {
                Some((field, at)) => vec![field.to_owned(), at.to_owned()],
                None => vec![part],
            }
        };
        let parts: Vec<PathPart> = split(text)
            .into_iter()
            .flat_map(indexed)
            .map(PathPart::parse)
            .collect();
        if parts.len() > PARTS_MAX {
            return Err(PathFault::TooLong);
        }
        Ok(Self {
            text: text.into(),
            parts,
        })
    }

    /// Returns the path as written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether it leads to an object's identity or contains it.
    pub(crate) fn may_name(&self) -> bool {
        match self.parts.first() {
            Some(PathPart::Field(field)) => matches!(&**field, "apiVersion" | "kind" | "metadata"),
            _ => true,
        }
    }

    /// Returns whether it leads to a text of an object's identity.
    pub(crate) fn names(&self) -> bool {
        let field = |part: &PathPart| {
            if let PathPart::Field(field) = part {
                Some(field.to_string())
            } else {
                None
            }
        };
        let fields: Option<Vec<String>> = self.parts.iter().map(field).collect();
        let fields = fields.unwrap_or_default().join("/");
        matches!(
            &*fields,
            "apiVersion" | "kind" | "metadata/name" | "metadata/namespace"
        )
    }

    /// Looks up one value.
    pub(crate) fn find<'n>(&self, root: &'n Node) -> Result<Option<&'n Node>, PathFault> {
        let mut node = root;
        for part in &self.parts {
            let next = match part.step(node)? {
                PartStep::Stay => Some(node),
                PartStep::Into(at) => child(node, at),
                PartStep::Nowhere => None,
            };
            let Some(next) = next else { return Ok(None) };
            node = next;
        }
        Ok(Some(node))
    }

    /// Visits every value the path leads to, except those inside texts that contain YAML or JSON.
    /// Returns their number.
    pub(crate) fn visit<E: From<PathFault>>(
        &self,
        root: &mut Node,
        (make, meter): (Make, &Meter<'_>),
        visit: &mut impl FnMut(&mut Node) -> Result<(), E>,
    ) -> Result<usize, E> {
        Walk::new((make, meter), visit).go(&self.parts, root)
    }

    /// Finds a text on the path that contains YAML or JSON, and visits the values that the rest of
    /// the path leads to in it. Returns that text's node and its new content; `None` if there is no
    /// such text or it cannot be parsed or written.
    pub(crate) fn visit_inside_text<'n>(
        &self,
        root: &'n mut Node,
        (make, meter): (Make, &Meter<'_>),
        visit: &mut impl FnMut(&mut Node) -> Result<(), Exceeded>,
    ) -> Result<Option<(&'n mut Node, String)>, Exceeded> {
        let Some((holder, rest)) = self.holder(root, meter)? else {
            return Ok(None);
        };
        let Some(text) = holder.text() else {
            return Ok(None);
        };
        let Some(mut data) = structured::read(text, meter.budget())? else {
            return Ok(None);
        };
        let mut visit = |node: &mut Node| visit(node).map_err(PathFault::Exceeded);
        let written = match Walk::new((make, meter), &mut visit).go(rest, &mut data) {
            Ok(found) if found > 0 => structured::write(&data, text, meter.budget())?,
            Err(PathFault::Exceeded(exceeded)) => return Err(exceeded),
            Ok(_) | Err(_) => None,
        };
        Ok(written.map(|written| (holder, written)))
    }

    /// Returns the first scalar on the path and the rest of the path.
    fn holder<'n>(
        &self,
        root: &'n mut Node,
        meter: &Meter<'_>,
    ) -> Result<Option<(&'n mut Node, &[PathPart])>, Exceeded> {
        let mut node = root;
        let mut parts = self.parts.as_slice();
        while let [part, rest @ ..] = parts
            && !rest.is_empty()
        {
            meter.steps(1 + width(node) + node.items().map_or(0, <[_]>::len) as u64)?;
            let next = match part.step(node) {
                Ok(PartStep::Stay) => Some(node),
                Ok(PartStep::Into(at)) => child_mut(node, at),
                Ok(PartStep::Nowhere) | Err(_) => None,
            };
            let Some(next) = next else { return Ok(None) };
            node = next;
            if node.text().is_some() {
                return Ok(Some((node, rest)));
            }
            parts = rest;
        }
        Ok(None)
    }
}

fn child(node: &Node, at: usize) -> Option<&Node> {
    match &node.content {
        Content::Sequence(items) => items.get(at),
        Content::Mapping(entries) => entries.get(at).map(|entry| &entry.value),
        Content::Scalar(_) => None,
    }
}

fn child_mut(node: &mut Node, at: usize) -> Option<&mut Node> {
    match &mut node.content {
        Content::Sequence(items) => items.get_mut(at),
        Content::Mapping(entries) => entries.get_mut(at).map(|entry| &mut entry.value),
        Content::Scalar(_) => None,
    }
}

/// Splits at dots; `\.` is a literal dot, and so is one between brackets, which are dropped if they
/// contain no `=`.
fn split(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut plain = split_at_dots(text).into_iter();
    while let Some(mut part) = plain.next() {
        if part.starts_with('[') && !part.ends_with(']') {
            for more in plain.by_ref() {
                part.push('.');
                part.push_str(&more);
                if more.ends_with(']') {
                    break;
                }
            }
            if !part.contains('=') {
                part = String::from(part.trim_matches(['[', ']']));
            }
        }
        parts.push(part);
    }
    parts
}

fn split_at_dots(text: &str) -> Vec<String> {
    let text = text.strip_prefix('.').unwrap_or(text);
    let mut parts: Vec<String> = Vec::new();
    for part in text.split('.') {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('.');
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn paths_are_split_at_dots_outside_brackets() {
        for (text, want) in [
            ("a.b", &["a", "b"][..]),
            (".a", &["a"]),
            ("a.", &["a", ""]),
            ("a..b", &["a", "", "b"]),
            (r"a\.b/c.d", &["a.b/c", "d"]),
            (r"a.b\.c\.d", &["a", "b.c.d"]),
            ("a.[b.c/d]", &["a", "b.c/d"]),
            ("a.[k=b.c].d", &["a", "[k=b.c]", "d"]),
            ("a.[b.c", &["a", "b.c"]),
            ("a.[b]", &["a", "[b]"]),
        ] {
            assert_eq!(split(text), want, "{text}");
        }
    }

    #[test]
    fn a_path_of_a_variable_has_indices_in_brackets() {
        let value = Node::from_value(&json!({"a": [{"b": 1}, {"b": 2}]}));
        let find = |path: &str| {
            Path::parse_indexed(path)
                .unwrap()
                .find(&value)
                .map(|found| found.is_some())
        };
        assert_eq!(find("a[1].b"), Ok(true));
        assert_eq!(find("a.[1].b"), Ok(true));
        assert_eq!(find("a[2].b"), Ok(false));
        assert!(find("a[x].b").is_ok_and(|found| !found));
    }

    #[test]
    fn a_source_is_looked_up_exactly() {
        let value = json!({"l": [{"k": "web", "v": 1}, {"k": "we", "v": 2}, "x"], "e": [], "n": null, "t": "text"});
        let node = Node::from_value(&value);
        let find = |path: &str| {
            let path = Path::parse(path).unwrap();
            path.find(&node)
                .map(|found| found.map(|found| found.to_value(lode_yaml::Dialect::V3).unwrap()))
        };
        let one = |value: Value| Ok(Some(value));
        assert_eq!(find("l.[k=we].v"), one(json!(2)));
        assert_eq!(find("l.[k=w.*].v"), Ok(None));
        assert_eq!(find("l.[=x]"), one(json!("x")));
        assert_eq!(find("l.-"), one(json!("x")));
        assert_eq!(find("l.9"), Ok(None));
        assert_eq!(find("e.-"), Ok(None));
        assert_eq!(find("n.a"), Ok(None));
        assert_eq!(find("l..0. v"), one(json!(1)));
        assert_eq!(find("l.*"), Err(PathFault::Wildcard));
        assert_eq!(find("l.-1"), Err(PathFault::Negative(-1)));
        assert_eq!(find("l.[k]"), Err(PathFault::NoMatch("[k]".into())));
        assert_eq!(
            find("t.a"),
            Err(PathFault::WrongKind {
                part: "a".into(),
                want: "a mapping"
            })
        );
        assert_eq!(
            find("t.0"),
            Err(PathFault::WrongKind {
                part: "0".into(),
                want: "a list"
            })
        );
    }

    #[test]
    fn a_path_has_an_end() {
        assert_eq!(
            Path::parse(&"a.".repeat(PARTS_MAX)).unwrap_err(),
            PathFault::TooLong
        );
    }
}
