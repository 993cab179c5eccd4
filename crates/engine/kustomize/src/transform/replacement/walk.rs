//! Walking a target's path to every value it leads to.
//!
//! Input: the parts of a path, an object, and what to create if something is missing. Output: each
//! value visited, and their number.

use lode_stdx::budget::Meter;
use lode_yaml::{Content, Cost, Entry, Node, Place};

use super::part::{ItemMatch, PathFault, PathPart};
use super::structured;
use crate::config::fieldspec::width;

/// The shape of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueShape {
    Scalar,
    Sequence,
    Mapping,
}

/// What to create if a target's path leads nowhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Make {
    /// The shape of the last value; without it nothing is created.
    pub(crate) leaf: Option<ValueShape>,
    /// The place of created nodes.
    pub(crate) place: Place,
}

/// Returns whether a scalar was created on the way and so has no type yet: it follows from each
/// text it receives. Such a node has a line and no bytes.
pub(crate) fn is_untyped(node: &Node) -> bool {
    node.is_implied_plain() && node.place.line != 0 && node.place.start == 0 && node.place.end == 0
}

/// Returns the place of a node created because of the node at `place`.
pub(crate) fn untyped(place: Place) -> Place {
    Place {
        start: 0,
        end: 0,
        ..place
    }
}

/// A walk along a target's path.
pub(super) struct Walk<'v, E> {
    make: Make,
    meter: &'v Meter<'v>,
    visit: &'v mut dyn FnMut(&mut Node) -> Result<(), E>,
}

impl<'v, E: From<PathFault>> Walk<'v, E> {
    pub(super) fn new(
        (make, meter): (Make, &'v Meter<'v>),
        visit: &'v mut dyn FnMut(&mut Node) -> Result<(), E>,
    ) -> Self {
        Self { make, meter, visit }
    }

    /// Continues from a node. The number of parts bounds the recursion.
    pub(super) fn go(&mut self, parts: &[PathPart], node: &mut Node) -> Result<usize, E> {
        self.meter
            .steps(1 + width(node))
            .map_err(PathFault::Exceeded)?;
        let Some((part, rest)) = parts.split_first() else {
            (self.visit)(node)?;
            return Ok(1);
        };
        if node.is_null() {
            return self.beyond_null(part, parts);
        }
        match part {
            PathPart::Field(name) => self.field(name, rest, node),
            PathPart::Index(at) => self.index(*at, rest, node),
            PathPart::Every => {
                let items = items_mut(node, || "*".to_owned())?;
                items
                    .iter_mut()
                    .try_fold(0, |found, item| Ok(found + self.go(rest, item)?))
            }
            PathPart::Item(item) => self.matching(item, rest, node),
            PathPart::Brackets(text) => Err(PathFault::NoMatch(text.clone()).into()),
        }
    }

    /// What is created below a null is visited and then lost.
    fn beyond_null(&mut self, part: &PathPart, parts: &[PathPart]) -> Result<usize, E> {
        match (part, self.make.leaf) {
            (PathPart::Brackets(text), _) => Err(PathFault::NoMatch(text.clone()).into()),
            (PathPart::Index(at), None) => Err(PathFault::NoItem { at: *at, len: 0 }.into()),
            (_, None) | (PathPart::Every, _) => Ok(0),
            (PathPart::Field(_), Some(_)) => self.go(parts, &mut Node::mapping()),
            (PathPart::Index(_) | PathPart::Item(_), Some(_)) => {
                self.go(parts, &mut Node::sequence(Vec::new()))
            }
        }
    }

    fn field(&mut self, name: &str, rest: &[PathPart], node: &mut Node) -> Result<usize, E> {
        if name.is_empty() || node.entries().is_none() {
            return Err(PathFault::WrongKind {
                part: name.into(),
                want: "a mapping",
            }
            .into());
        }
        let value = match self.make.leaf {
            Some(leaf) => {
                Cost::of_text(name)
                    .under(name)
                    .charge_meter(self.meter)
                    .map_err(PathFault::Exceeded)?;
                node.get_or_insert_with(name, || self.made(next_shape(rest, leaf)))
            }
            None => node.get_mut(name),
        };
        let Some(value) = value else { return Ok(0) };
        match (value.text(), rest.first()) {
            (Some(text), Some(next)) => {
                // Found inside a text that an exact lookup does not reach: a value set there is
                // lost.
                let data =
                    structured::read(text, self.meter.budget()).map_err(PathFault::Exceeded)?;
                let mut data = data.ok_or_else(|| PathFault::NoData(next.to_string().into()))?;
                self.go(rest, &mut data)
            }
            _ => self.go(rest, value),
        }
    }

    fn index(&mut self, at: usize, rest: &[PathPart], node: &mut Node) -> Result<usize, E> {
        let made = self.make.leaf.map(|leaf| self.made(next_shape(rest, leaf)));
        let items = items_mut(node, || at.to_string())?;
        if items.len() == at {
            items.extend(made);
        }
        let len = items.len();
        let item = items.get_mut(at).ok_or(PathFault::NoItem { at, len })?;
        self.go(rest, item)
    }

    fn matching(
        &mut self,
        item: &ItemMatch,
        rest: &[PathPart],
        node: &mut Node,
    ) -> Result<usize, E> {
        let items = items_mut(node, || item.to_string())?;
        let found = self.search(item, rest, items)?;
        if found > 0 || self.make.leaf.is_none() {
            return Ok(found);
        }
        let made = Cost::of_text(&item.value).under(&item.field);
        made.charge_meter(self.meter).map_err(PathFault::Exceeded)?;
        items.push(item.make(untyped(self.make.place)));
        match self.search(item, rest, items)? {
            0 => Err(PathFault::NeverFits(item.to_string().into()).into()),
            found => Ok(found),
        }
    }

    fn search(
        &mut self,
        item: &ItemMatch,
        rest: &[PathPart],
        items: &mut [Node],
    ) -> Result<usize, E> {
        let mut found = 0;
        for node in items {
            let charged = self.meter.steps(1 + width(node));
            charged.map_err(PathFault::Exceeded)?;
            if item.field.is_empty() {
                // A scalar has no further parts; kustomize ignores one.
                if item.fits(node, self.meter)? {
                    found += self.go(&[], node)?;
                }
            } else if let Some(value) = node.get(&item.field)
                && item.fits(value, self.meter)?
            {
                found += self.go(rest, node)?;
            }
        }
        Ok(found)
    }

    fn made(&self, shape: ValueShape) -> Node {
        let node = match shape {
            ValueShape::Scalar => Node::plain(""),
            ValueShape::Sequence => Node::sequence(Vec::new()),
            ValueShape::Mapping => Node::mapping(),
        };
        node.placed(untyped(self.make.place))
    }
}

impl PathPart {
    /// Returns the shape of the value that this part needs.
    fn container(&self, leaf: ValueShape) -> ValueShape {
        match self {
            Self::Index(_) | Self::Item(_) | Self::Brackets(_) => ValueShape::Sequence,
            Self::Field(name) if name.is_empty() => leaf,
            Self::Field(_) | Self::Every => ValueShape::Mapping,
        }
    }
}

impl ItemMatch {
    fn make(&self, place: Place) -> Node {
        let value = Node::plain(&*self.value).placed(place);
        if self.field.is_empty() {
            return value;
        }
        let mut item = Node::mapping().placed(place);
        let key = Node::plain(&*self.field).placed(place);
        item.content = Content::Mapping(vec![Entry { key, value }]);
        item
    }
}

fn next_shape(rest: &[PathPart], leaf: ValueShape) -> ValueShape {
    rest.first().map_or(leaf, |next| next.container(leaf))
}

fn items_mut(node: &mut Node, part: impl Fn() -> String) -> Result<&mut Vec<Node>, PathFault> {
    node.items_mut().ok_or_else(|| PathFault::WrongKind {
        part: part().into(),
        want: "a list",
    })
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Budget;
    use lode_yaml::Dialect;
    use serde_json::{Value, json};

    use super::super::path::Path;
    use super::*;

    fn set(
        path: &str,
        value: &Value,
        leaf: Option<ValueShape>,
    ) -> Result<(usize, Value), PathFault> {
        let mut node = Node::from_value(value);
        let make = Make {
            leaf,
            place: Place {
                line: 7,
                start: 1,
                end: 2,
                ..Place::default()
            },
        };
        let found = Path::parse(path)?.visit(
            &mut node,
            (make, &Meter::new(&Budget::unlimited())),
            &mut |found| {
                *found = Node::string("!");
                Ok::<(), PathFault>(())
            },
        )?;
        Ok((found, node.to_value(Dialect::V3).unwrap()))
    }

    #[test]
    fn targets_are_all_that_fits() {
        let value = json!({"l": [{"k": "web", "v": 1}, {"k": "we", "v": 2}, {"k": "x"}]});
        let with = |path: &str, values: [Value; 3]| {
            let [a, b, c] = values;
            let item = |k: &str, v: Value| {
                if v.is_null() {
                    json!({"k": k})
                } else {
                    json!({"k": k, "v": v})
                }
            };
            let found = [&a, &b, &c]
                .into_iter()
                .filter(|value| **value == "!")
                .count();
            let want = json!({"l": [item("web", a), item("we", b), item("x", c)]});
            assert_eq!(set(path, &value, None), Ok((found, want)), "{path}");
        };
        with("l.*.v", [json!("!"), json!("!"), Value::Null]);
        with("l.[k=we].v", [json!("!"), json!("!"), Value::Null]);
        with("l.[k=^we$].v", [json!(1), json!("!"), Value::Null]);
        with("l.1.v", [json!(1), json!("!"), Value::Null]);
        with("l.[k=nothing].v", [json!(1), json!(2), Value::Null]);
        assert_eq!(
            set("l.-.v", &value, None),
            Err(PathFault::WrongKind {
                part: "-".into(),
                want: "a mapping"
            })
        );
        assert_eq!(
            set("l.3.v", &value, None),
            Err(PathFault::NoItem { at: 3, len: 3 })
        );
        assert_eq!(
            set("l.[k=(].v", &value, None),
            Err(PathFault::Pattern("(".into()))
        );
    }

    #[test]
    fn what_is_missing_is_made_as_the_next_part_wants_it() {
        let made =
            |path: &str| set(path, &json!({}), Some(ValueShape::Scalar)).map(|(_, value)| value);
        assert_eq!(made("a.b"), Ok(json!({"a": {"b": "!"}})));
        assert_eq!(made("a.0.b"), Ok(json!({"a": [{"b": "!"}]})));
        assert_eq!(made("a.[k=v].b"), Ok(json!({"a": [{"k": "v", "b": "!"}]})));
        assert_eq!(made("a.[=v]"), Ok(json!({"a": ["!"]})));
        assert_eq!(made("a.1"), Err(PathFault::NoItem { at: 1, len: 0 }));
        assert_eq!(
            made("a.*.b"),
            Err(PathFault::WrongKind {
                part: "*".into(),
                want: "a list"
            })
        );
        assert_eq!(
            made("a.[k=v+w].b"),
            Err(PathFault::NeverFits("[k=v+w]".into()))
        );
    }

    #[test]
    fn below_a_null_and_inside_a_text_values_are_found_and_lost() {
        let value = json!({"l": [null], "t": "{\"a\": 1}"});
        for path in ["l.0.a", "l.0.0", "l.0.[k=v].a"] {
            assert_eq!(
                set(path, &value, Some(ValueShape::Scalar)),
                Ok((1, value.clone())),
                "{path}"
            );
        }
        assert_eq!(set("t.a", &value, None), Ok((1, value.clone())));
        assert_eq!(set("t.b", &value, None), Ok((0, value.clone())));
        assert_eq!(set("l.0.a", &value, None), Ok((0, value.clone())));
        assert_eq!(
            set("t.0", &value, None),
            Err(PathFault::WrongKind {
                part: "0".into(),
                want: "a list"
            })
        );
    }

    #[test]
    fn a_made_scalar_has_a_line_and_no_type() {
        let mut node = Node::mapping();
        let place = Place {
            source: 3,
            line: 7,
            start: 40,
            end: 50,
        };
        let make = Make {
            leaf: Some(ValueShape::Scalar),
            place,
        };
        let mut types = Vec::new();
        for _ in 0..2 {
            let mut look = |found: &mut Node| {
                types.push((is_untyped(found), found.place.line));
                Ok::<(), PathFault>(())
            };
            let budget = Budget::unlimited();
            Path::parse("a")
                .unwrap()
                .visit(&mut node, (make, &Meter::new(&budget)), &mut look)
                .unwrap();
        }
        assert_eq!(types, [(true, 7), (true, 7)]);
    }
}
