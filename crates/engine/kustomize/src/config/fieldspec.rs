//! [`FieldSpec`]: a field of objects of a kind, as in kustomize's tables and `configurations`.
//!
//! A path such as `spec/template/metadata/labels` leads through mappings by name and implicitly
//! through lists; `[]` after a part marks a list, `\/` is a slash inside a part.

use std::sync::Arc;

use lode_object::GroupVersionKind;
use lode_stdx::budget::{Budget, Exceeded, Meter};
use lode_yaml::{Content, Node, Place, Style, Tag};

use crate::config::gvk::Gvk;
use crate::error::{Fault, FileCause};
use crate::input::decode::Mapping;

/// A field of objects of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    pub(crate) gvk: Gvk,
    /// As written.
    pub(crate) path: Box<str>,
    /// The parts of `path`.
    parts: Box<[PathPart]>,
    /// Whether absent parts of the path are created.
    pub(crate) create: bool,
}

/// Fields that a setting applies to, shared by all users.
pub(crate) type Fields = Arc<Vec<FieldSpec>>;

/// What to create at the end of a missing path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Nothing,
    Mapping,
    /// A scalar, to be set.
    Scalar,
}

/// Why a field cannot be reached or set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The value has another shape.
    Shape(&'static str),
    /// The budget is exceeded.
    Exceeded(Exceeded),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PathPart {
    name: Box<str>,
    is_list: bool,
}

impl FieldSpec {
    pub(crate) fn new(gvk: Gvk, path: &str, create: bool) -> Self {
        Self {
            gvk,
            path: path.into(),
            parts: split(path),
            create,
        }
    }

    /// Reads one in the form of `configurations` and `labels`.
    pub(crate) fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        let gvk = Gvk::read(fields)?;
        let (path, create) = (fields.text("path")?, fields.flag("create")?);
        Ok(Self::new(gvk, &path, create))
    }

    /// Visits every value the field has in an object.
    pub(crate) fn visit(
        &self,
        node: &mut Node,
        (make, meter): (Make, &Meter<'_>),
        set: &mut impl FnMut(&mut Node) -> Result<(), Misfit>,
    ) -> Result<(), Misfit> {
        let make = if self.create { make } else { Make::Nothing };
        if self.parts.len() > PARTS_MAX {
            return Err("the path has too many parts".into());
        }
        walk(&self.parts, node, (make, meter), set)
    }

    /// Returns the cost of comparing an object's kind with some fields.
    pub(crate) fn steps(fields: &[Self]) -> u64 {
        1 + fields.len() as u64 / 4
    }

    /// Returns its approximate size in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        (size_of::<Self>() + 2 * self.path.len() + self.parts.len() * size_of::<PathPart>()) as u64
    }

    /// Returns whether it applies to objects of this kind.
    pub(crate) fn fits(&self, gvk: &GroupVersionKind) -> bool {
        self.gvk.fits(gvk)
    }
}

/// Most parts of a path: each is a level of recursion, and of created values.
const PARTS_MAX: usize = 100;

/// Why configurations cannot be combined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Both have this path and disagree about creating it.
    Create(String),
    /// The budget is exceeded.
    Exceeded(Exceeded),
}

impl Conflict {
    /// Returns the fault, with the position of what caused the merge.
    pub(crate) fn at(self, place: Place) -> Fault {
        match self {
            Self::Create(path) => Fault::At(place, FileCause::ConflictingFields(path)),
            Self::Exceeded(exceeded) => {
                Fault::from(exceeded).during("put tables of fields together", place)
            }
        }
    }
}

/// Adds missing fields; existing ones must agree about creating them.
pub(crate) fn merge(
    into: &mut Vec<FieldSpec>,
    more: &[FieldSpec],
    budget: &Budget,
) -> Result<(), Conflict> {
    charge_search(into.len(), more.len(), budget)?;
    for field in more {
        if !is_known(into, field)? {
            budget.bytes(field.bytes())?;
            into.push(field.clone());
        }
    }
    Ok(())
}

/// Charges the search for each new field among the existing and the new ones.
fn charge_search(there: usize, more: usize, budget: &Budget) -> Result<(), Exceeded> {
    budget.steps((there + more) as u64 * more as u64 / FIELDS_PER_STEP)
}

/// Fields that are compared in one step.
const FIELDS_PER_STEP: u64 = 4;

/// As [`merge`], for shared fields: they are copied only if some are missing. Returns whether some
/// were.
pub(crate) fn merge_shared(
    into: &mut Fields,
    more: &Fields,
    budget: &Budget,
) -> Result<bool, Conflict> {
    charge_search(into.len(), more.len(), budget)?;
    if into.is_empty() && is_taken_whole(more) {
        into.clone_from(more);
        return Ok(!more.is_empty());
    }
    let before = into.len();
    for field in more.iter() {
        if is_known(into, field)? {
            continue;
        }
        if into.len() == before {
            budget.bytes(into.iter().map(FieldSpec::bytes).sum())?;
        }
        budget.bytes(field.bytes())?;
        Arc::make_mut(into).push(field.clone());
    }
    Ok(into.len() > before)
}

/// Returns whether every field would be added if they were added one by one.
fn is_taken_whole(fields: &[FieldSpec]) -> bool {
    fields
        .iter()
        .enumerate()
        .all(|(at, field)| is_known(&fields[..at], field) == Ok(false))
}

/// Returns whether a field already exists, possibly for a narrower kind.
fn is_known(fields: &[FieldSpec], field: &FieldSpec) -> Result<bool, Conflict> {
    match fields
        .iter()
        .find(|known| known.path == field.path && field.gvk.covers(&known.gvk))
    {
        Some(known) if known.create != field.create => {
            Err(Conflict::Create(field.path.to_string()))
        }
        known => Ok(known.is_some()),
    }
}

/// Replaces a scalar; its style is kept.
pub(crate) fn set(old: &mut Node, new: Node) -> Result<(), Misfit> {
    if old.text().is_none() {
        return Err("a scalar was expected".into());
    }
    *old = styled(new, old.style);
    Ok(())
}

/// Sets the value of a key; the style of the old one is kept.
pub(crate) fn set_entry(map: &mut Node, key: &str, new: Node) -> Result<(), Misfit> {
    if map.text().is_some() {
        return if map.is_null() {
            Ok(())
        } else {
            Err("a mapping was expected".into())
        };
    }
    if map.entries().is_none() {
        return Err("a mapping was expected".into());
    }
    let style = map
        .get(key)
        .filter(|old| old.text().is_some())
        .map_or(new.style, |old| old.style);
    map.insert(key, styled(new, style));
    Ok(())
}

/// Returns a scalar in a style; in quotes it is a text, whatever its tag was.
fn styled(new: Node, style: Style) -> Node {
    let tag = if style == Style::Plain || new.tag == Tag::Str {
        new.tag
    } else {
        Tag::Implied
    };
    Node { style, tag, ..new }
}

/// Returns the number of steps to find a key in a node.
pub(crate) fn width(node: &Node) -> u64 {
    node.entries().map_or(0, <[_]>::len) as u64 / KEYS_PER_STEP
}

/// Keys that are compared in one step.
const KEYS_PER_STEP: u64 = 8;

impl From<Exceeded> for Conflict {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

impl From<&'static str> for Misfit {
    fn from(shape: &'static str) -> Self {
        Self::Shape(shape)
    }
}

impl From<Exceeded> for Misfit {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

fn split(path: &str) -> Box<[PathPart]> {
    let mut names: Vec<String> = Vec::new();
    let whole = path.strip_prefix('/').unwrap_or(path);
    // A path that is too long is refused when it is used; its parts need not be known.
    for piece in whole.splitn(2 * PARTS_MAX, '/') {
        match names.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('/');
                last.push_str(piece);
            }
            _ => names.push(piece.to_owned()),
        }
    }
    let part = |name: String| match name.strip_suffix("[]") {
        Some(short) => PathPart {
            name: short.into(),
            is_list: true,
        },
        None => PathPart {
            name: name.into(),
            is_list: false,
        },
    };
    names.into_iter().map(part).collect()
}

fn walk(
    parts: &[PathPart],
    node: &mut Node,
    (make, meter): (Make, &Meter<'_>),
    set: &mut impl FnMut(&mut Node) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    meter.steps(1 + width(node))?;
    let Some((part, rest)) = parts.split_first() else {
        return set(node);
    };
    if node.is_null() {
        return Ok(());
    }
    match &mut node.content {
        Content::Sequence(items) => items
            .iter_mut()
            .try_for_each(|item| walk(parts, item, (make, meter), set)),
        Content::Mapping(_) => match field(node, part, rest.is_empty(), make)? {
            Some(next) => walk(rest, next, (make, meter), set),
            None => Ok(()),
        },
        Content::Scalar(_) => Err("a mapping or list was expected on the way".into()),
    }
}

/// Returns a field's value, created if it is absent and may be created; null is replaced.
fn field<'n>(
    map: &'n mut Node,
    part: &PathPart,
    last: bool,
    make: Make,
) -> Result<Option<&'n mut Node>, Misfit> {
    if part.name.is_empty() {
        return Err("a part of the path is empty".into());
    }
    if make == Make::Nothing || part.is_list {
        let found = map.get_mut(&part.name);
        return Ok(found.map(|found| {
            if part.is_list && found.is_null() {
                *found = Node::sequence(Vec::new()).placed(found.place);
            }
            found
        }));
    }
    let wants_scalar = last && make == Make::Scalar;
    let fresh = || {
        if wants_scalar {
            Node {
                tag: Tag::Implied,
                ..Node::plain("")
            }
        } else {
            Node::mapping()
        }
    };
    let Some(next) = map.get_or_insert_with(&part.name, fresh) else {
        return Ok(None);
    };
    if next.is_null() {
        let place = next.place;
        // A scalar that is about to be set is not null any more, or the walk would end here.
        *next = if wants_scalar {
            Node::string("").placed(place)
        } else {
            Node::mapping().placed(place)
        };
        next.style = Style::Plain;
    }
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Budget;
    use serde_json::{Value, json};

    use super::*;

    fn set_at(path: &str, value: &Value, create: bool, make: Make) -> Result<Value, Misfit> {
        let (mut node, budget) = (Node::from_value(value), Budget::unlimited());
        FieldSpec::new(Gvk::default(), path, create).visit(
            &mut node,
            (make, &Meter::new(&budget)),
            &mut |found| {
                *found = Node::string("x");
                Ok(())
            },
        )?;
        Ok(node.to_value(lode_yaml::Dialect::V3).unwrap())
    }

    #[test]
    fn lists_are_walked_through() {
        let value = json!({"a": [{"b": 1}, {"c": 1}, {"b": null}]});
        let want = json!({"a": [{"b": "x"}, {"c": 1}, {"b": "x"}]});
        assert_eq!(set_at("a/b", &value, false, Make::Scalar), Ok(want.clone()));
        assert_eq!(set_at("a[]/b", &value, false, Make::Scalar), Ok(want));
        assert_eq!(
            set_at("a[]/b", &json!({"a": null}), false, Make::Scalar),
            Ok(json!({"a": []}))
        );
    }

    #[test]
    fn what_is_absent_is_made_only_where_asked() {
        assert_eq!(
            set_at("a/b", &json!({}), false, Make::Scalar),
            Ok(json!({}))
        );
        assert_eq!(
            set_at("/a/b", &json!({"a": null}), true, Make::Scalar),
            Ok(json!({"a": {"b": "x"}}))
        );
        assert_eq!(
            set_at("a[]/b", &json!({}), true, Make::Scalar),
            Ok(json!({}))
        );
    }

    #[test]
    fn a_scalar_on_the_way_is_refused() {
        assert!(set_at("a/b", &json!({"a": "text"}), false, Make::Scalar).is_err());
        assert_eq!(
            set_at("a/b", &json!({"a": null}), false, Make::Scalar),
            Ok(json!({"a": null}))
        );
    }

    #[test]
    fn a_slash_can_be_part_of_a_name() {
        assert_eq!(
            set_at(
                r"a/x.io\/y",
                &json!({"a": {"x.io/y": 1}}),
                false,
                Make::Nothing
            ),
            Ok(json!({"a": {"x.io/y": "x"}}))
        );
    }

    #[test]
    fn a_wider_field_that_disagrees_is_refused() {
        let narrow = FieldSpec::new(Gvk::parse("apps/-/Deployment"), "a", true);
        let wide = |create| FieldSpec::new(Gvk::parse("-/-/Deployment"), "a", create);
        let mut fields = vec![narrow];
        let budget = Budget::unlimited();
        assert_eq!(merge(&mut fields, &[wide(true)], &budget), Ok(()));
        assert_eq!(fields.len(), 1);
        assert_eq!(
            merge(&mut fields, &[wide(false)], &budget),
            Err(Conflict::Create("a".to_owned()))
        );
    }
}
