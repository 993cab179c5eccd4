//! Strategic merge as kustomize does it: mappings merge, and lists merge by key if the kind's type
//! says so.
//!
//! Input: an object, a patch and the schema. Output: the object, or nothing if the patch deletes
//! it. Values set by the patch keep the patch's place. Directives other than `$patch` are left
//! unchanged, as in kustomize.
//!
//! The whole object is walked, including fields that the patch does not mention: keys without a
//! value are removed there, and merged lists lose duplicate entries. What a patch adds is merged
//! into itself, so that directives inside it apply.

mod comments;
mod error;
mod list;

use std::collections::HashMap;

use lode_object::GroupVersionKind;
use lode_stdx::budget::{Budget, Meter};
use lode_yaml::{Content, DEPTH_MAX, Dialect, Entry, Node, Style, Tag};

use crate::object::schema::{Schema, TypeRef};

pub(crate) use comments::may_be_in as may_hold_schemas;
pub(crate) use error::{Error, StrategicCause};

use comments::Commented;
use list::Against;

/// Where to put entries that only the patch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lists {
    /// At the front: what builds do.
    #[default]
    Prepend,
    /// At the end: kyaml's default, which its tests use too.
    Append,
}

/// How to merge if the schema does not say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) lists: Lists,
    /// Whether lists of unknown type whose entries all have a `name` merge by it.
    pub(crate) infer: bool,
}

/// Merges a patch into an object; returns `None` if the patch deletes it. The caller has charged
/// one copy of the patch.
pub(crate) fn merge(
    mut object: Node,
    patch: &Node,
    schema: &Schema,
    (options, budget): (Options, &Budget),
) -> Result<Option<Node>, Error> {
    let meter = Meter::new(budget);
    let commented = Commented::read(schema, &[&object, patch], &meter)
        .map_err(|exceeded| Error::at(patch, exceeded.into()))?;
    let merger = Merger {
        schema: &commented.schema,
        commented: &commented,
        options,
        meter: &meter,
    };
    let fate = merger.combine(&mut object, patch, PatchAt { of: None, depth: 0 })?;
    Ok((fate == Fate::Stays).then_some(object))
}

/// The outcome for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Goes,
}

/// What is known about a position in the object.
#[derive(Debug, Clone, Copy)]
struct PatchAt {
    of: Option<TypeRef>,
    depth: usize,
}

/// Whether an unknown directive is refused; it is not if a patch adds a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Refused,
    Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Delete,
    Replace,
    Merge,
}

struct Merger<'s> {
    schema: &'s Schema,
    commented: &'s Commented<'s>,
    options: Options,
    meter: &'s Meter<'s>,
}

impl Merger<'_> {
    /// Merges the patch's value into the existing one.
    fn combine(&self, dest: &mut Node, patch: &Node, at: PatchAt) -> Result<Fate, Error> {
        if patch.is_null() {
            return Ok(Fate::Goes);
        }
        if dest.is_null() {
            let style = dest.style;
            *dest = patch.clone();
            take_style(dest, style, Tag::Implied);
            return self.fresh(dest, at, Unknown::Left);
        }
        let at = self.entered(at, Some(dest), patch)?;
        match (&mut dest.content, &patch.content) {
            (Content::Mapping(_), Content::Mapping(entries)) => {
                match directive(patch, Unknown::Refused)? {
                    Directive::Delete => Ok(Fate::Goes),
                    Directive::Replace => {
                        *dest = patch.clone();
                        self.fresh(dest, at, Unknown::Refused)
                    }
                    Directive::Merge => self.fields(dest, entries, at),
                }
            }
            (Content::Sequence(_), Content::Sequence(_)) => self.combine_lists(dest, patch, at),
            (Content::Scalar(_), Content::Scalar(_)) => {
                let (style, tag) = (dest.style, dest.tag);
                // Values that a patch only repeats, such as the name that finds the object, do not
                // come from it.
                let place = if dest.content == patch.content {
                    dest.place
                } else {
                    patch.place
                };
                *dest = patch.clone().placed(place);
                take_style(dest, style, tag);
                Ok(Fate::Stays)
            }
            _ => Err(Error::at(
                patch,
                StrategicCause::Kind {
                    there: kind(dest),
                    patch: kind(patch),
                },
            )),
        }
    }

    fn combine_lists(&self, dest: &mut Node, patch: &Node, at: PatchAt) -> Result<Fate, Error> {
        let failed = |cause| Error::at(patch, cause);
        let (items, others) = (
            dest.items().unwrap_or_default(),
            patch.items().unwrap_or_default(),
        );
        let Some(keys) = self.keys(at, &[items, others]).map_err(failed)? else {
            *dest = Node {
                style: dest.style,
                ..patch.clone()
            };
            return Ok(Fate::Stays);
        };
        match list::directive(others).map_err(failed)? {
            Some(Directive::Delete) => Ok(Fate::Goes),
            Some(Directive::Replace) => {
                *dest = patch.clone();
                list::elide(dest, Directive::Replace);
                self.list(dest, Against::Itself, &keys, at)
            }
            Some(Directive::Merge) => {
                let mut patch = patch.clone();
                list::elide(&mut patch, Directive::Merge);
                self.list(
                    dest,
                    Against::Patch(patch.items().unwrap_or_default()),
                    &keys,
                    at,
                )
            }
            None => self.list(dest, Against::Patch(others), &keys, at),
        }
    }

    /// Processes values that the patch does not mention.
    fn settle(&self, node: &mut Node, at: PatchAt) -> Result<Fate, Error> {
        if node.is_null() {
            return Ok(if node.text() == Some("") {
                Fate::Goes
            } else {
                Fate::Stays
            });
        }
        let at = self.entered(at, None, node)?;
        match &mut node.content {
            Content::Mapping(_) => self.fields(node, &[], at),
            Content::Sequence(items) => {
                match self
                    .keys(at, &[items.as_slice()])
                    .map_err(|cause| Error::at(node, cause))?
                {
                    Some(keys) => self.list(node, Against::Nothing, &keys, at),
                    None => Ok(Fate::Stays),
                }
            }
            Content::Scalar(_) => Ok(Fate::Stays),
        }
    }

    /// Merges what a patch adds into itself.
    fn fresh(&self, node: &mut Node, at: PatchAt, unknown: Unknown) -> Result<Fate, Error> {
        if node.is_null() {
            return Ok(Fate::Goes);
        }
        let at = self.entered(at, None, node)?;
        match &mut node.content {
            Content::Mapping(_) => {
                let found = directive(node, unknown)?;
                if node
                    .get(DIRECTIVE)
                    .and_then(Node::text)
                    .and_then(named)
                    .is_some()
                {
                    node.remove(DIRECTIVE);
                }
                if found == Directive::Delete {
                    return Ok(Fate::Goes);
                }
                each_field(node, |node, key| {
                    quote(node);
                    self.fresh(node, self.inside(at, &[key]), Unknown::Refused)
                })?;
                Ok(Fate::Stays)
            }
            Content::Sequence(_) => self.fresh_list(node, at, unknown),
            Content::Scalar(_) => Ok(Fate::Stays),
        }
    }

    fn fresh_list(&self, node: &mut Node, at: PatchAt, unknown: Unknown) -> Result<Fate, Error> {
        let items = node.items().unwrap_or_default();
        let Some(keys) = self
            .keys(at, &[items])
            .map_err(|cause| Error::at(node, cause))?
        else {
            return Ok(Fate::Stays);
        };
        if unknown == Unknown::Refused {
            match list::directive(items).map_err(|cause| Error::at(node, cause))? {
                Some(Directive::Delete) => return Ok(Fate::Goes),
                Some(found) => list::elide(node, found),
                None => {}
            }
        }
        self.list(node, Against::Itself, &keys, at)
    }

    /// Merges a patch's fields into a mapping.
    fn fields(&self, dest: &mut Node, patch: &[Entry], at: PatchAt) -> Result<Fate, Error> {
        let patch = PatchFields::new(patch);
        let mut used = vec![false; patch.entries.len()];
        each_field(dest, |node, key| {
            if let Some(found) = patch.find(key.text().unwrap_or_default()) {
                used[found] = true;
                let Entry { key: from, value } = &patch.entries[found];
                return self.combine(node, value, self.inside(at, &[key, from]));
            }
            let fate = self.settle(node, self.inside(at, &[key]))?;
            quote(node);
            Ok(fate)
        })?;
        let new = patch
            .entries
            .iter()
            .zip(&used)
            .filter(|(entry, used)| !**used && !is_directive(entry));
        for (entry, _) in new {
            let name = entry.key.text().unwrap_or_default();
            let mut value = entry.value.clone();
            quote(&mut value);
            let fate = self.fresh(&mut value, self.inside(at, &[&entry.key]), Unknown::Left);
            if fate.map_err(|error| error.under(name))? == Fate::Stays
                && let Some(entries) = dest.entries_mut()
            {
                entries.push(Entry {
                    key: entry.key.clone(),
                    value,
                });
            }
        }
        Ok(Fate::Stays)
    }

    fn list(
        &self,
        node: &mut Node,
        against: Against<'_>,
        keys: &[Box<str>],
        at: PatchAt,
    ) -> Result<Fate, Error> {
        let place = node.place;
        let Some(items) = node.items_mut() else {
            return Ok(Fate::Stays);
        };
        let at = PatchAt {
            of: at.of.and_then(|of| self.schema.items(of)),
            ..at
        };
        let taken = std::mem::take(items);
        *items =
            list::merge(self, taken, against, keys, at).map_err(|error| error.placed(place))?;
        Ok(Fate::Stays)
    }

    /// Returns the keys by which lists merge, empty for a set of scalars; `None` if the patch's
    /// list replaces.
    fn keys(
        &self,
        at: PatchAt,
        lists: &[&[Node]],
    ) -> Result<Option<Vec<Box<str>>>, StrategicCause> {
        match at.of {
            Some(of) => Ok(self.schema.keys(of).map(<[_]>::to_vec)),
            None if self.options.infer => list::inferred(lists),
            None => Ok(None),
        }
    }

    /// Returns what is known about a field, from its keys in the object and in the patch.
    fn inside(&self, at: PatchAt, keys: &[&Node]) -> PatchAt {
        let said = keys.iter().find_map(|key| self.commented.of(key));
        let name = keys.first().and_then(|key| key.text()).unwrap_or_default();
        let of = said.or_else(|| at.of.and_then(|of| self.schema.field(of, name)));
        PatchAt {
            of,
            depth: at.depth + 1,
        }
    }

    /// Finds the type that values state themselves: in a comment, or as an object inside an object.
    fn entered(&self, at: PatchAt, dest: Option<&Node>, patch: &Node) -> Result<PatchAt, Error> {
        if at.depth > DEPTH_MAX {
            return Err(Error::at(patch, StrategicCause::TooDeep));
        }
        self.meter
            .steps(NODE_STEPS)
            .map_err(|exceeded| Error::at(patch, exceeded.into()))?;
        let said = dest
            .and_then(|dest| self.commented.of(dest))
            .or_else(|| self.commented.of(patch));
        let of = said
            .or(at.of)
            .or_else(|| dest.and_then(|dest| self.own_type(dest)))
            .or_else(|| self.own_type(patch));
        Ok(PatchAt { of, ..at })
    }

    fn own_type(&self, node: &Node) -> Option<TypeRef> {
        let text = |name: &str| {
            node.get(name)
                .filter(|node| !node.is_null())
                .and_then(Node::text)
        };
        self.schema
            .of_kind(&GroupVersionKind::new(text("apiVersion")?, text("kind")?))
    }
}

const DIRECTIVE: &str = "$patch";
/// Steps for merging one value: it is visited and possibly rewritten.
const NODE_STEPS: u64 = 2;

/// A patch's fields; large mappings are searched by hash.
struct PatchFields<'p> {
    entries: &'p [Entry],
    by_name: Option<HashMap<&'p str, usize>>,
}

/// Up to this size a scan is faster than hashing.
const FIELDS_SCANNED_MAX: usize = 16;

impl<'p> PatchFields<'p> {
    fn new(entries: &'p [Entry]) -> Self {
        let name = |(at, entry): (usize, &'p Entry)| Some((entry.key.text()?, at));
        let by_name = (entries.len() > FIELDS_SCANNED_MAX)
            .then(|| entries.iter().enumerate().filter_map(name).collect());
        Self { entries, by_name }
    }

    fn find(&self, name: &str) -> Option<usize> {
        let found = match &self.by_name {
            Some(by_name) => by_name.get(name).copied(),
            None => self
                .entries
                .iter()
                .position(|entry| entry.key.text() == Some(name)),
        };
        found.filter(|found| !is_directive(&self.entries[*found]))
    }
}

/// Visits the fields of a mapping and removes those that the visitor drops.
fn each_field(
    node: &mut Node,
    mut visit: impl FnMut(&mut Node, &Node) -> Result<Fate, Error>,
) -> Result<(), Error> {
    let Some(entries) = node.entries_mut() else {
        return Ok(());
    };
    let mut failed = None;
    entries.retain_mut(|entry| {
        if failed.is_some() {
            return true;
        }
        let fate = visit(&mut entry.value, &entry.key);
        let under = |error: Error| error.under(entry.key.text().unwrap_or_default());
        fate.map_err(|error| failed = Some(under(error))) != Ok(Fate::Goes)
    });
    failed.map_or(Ok(()), Err)
}

fn is_directive(entry: &Entry) -> bool {
    entry.key.text() == Some(DIRECTIVE)
}

fn directive(patch: &Node, unknown: Unknown) -> Result<Directive, Error> {
    let Some(node) = patch.get(DIRECTIVE) else {
        return Ok(Directive::Merge);
    };
    match node.text().and_then(named) {
        Some(found) => Ok(found),
        None if unknown == Unknown::Left => Ok(Directive::Merge),
        None => Err(Error::at(node, StrategicCause::Directive)),
    }
}

fn named(text: &str) -> Option<Directive> {
    match text {
        "delete" => Some(Directive::Delete),
        "replace" => Some(Directive::Replace),
        "merge" => Some(Directive::Merge),
        _ => None,
    }
}

/// Gives a value the style of the one it replaces. A number may get quotes this way, and is a text
/// from then on.
fn take_style(node: &mut Node, style: Style, tag: Tag) {
    if node.text().is_none() {
        return;
    }
    let own = node.resolved_tag(Dialect::V3);
    let plain = Node {
        tag: Tag::Implied,
        style: Style::Plain,
        ..node.clone()
    };
    let is_needed = tag != Tag::Implied || plain.resolved_tag(Dialect::V3) != own;
    node.style = style;
    node.tag = match own {
        Tag::Str if style == Style::Plain => Tag::Str,
        Tag::Str => Tag::Implied,
        Tag::Other => Tag::Other,
        _ if is_needed => own,
        _ => Tag::Implied,
    };
}

/// Quotes a text that older YAML would read as another type. A number that replaces it later
/// inherits the quotes.
fn quote(node: &mut Node) {
    let Some(text) = node
        .text()
        .filter(|_| node.style == Style::Plain && node.is_string())
    else {
        return;
    };
    let as_older = Node::plain(text).resolved_tag(Dialect::V2);
    if !matches!(as_older, Tag::Str | Tag::Timestamp) && !text.is_empty() {
        (node.style, node.tag) = (Style::DoubleQuoted, Tag::Implied);
    }
}

fn kind(node: &Node) -> &'static str {
    match node.content {
        Content::Scalar(_) => "plain value",
        Content::Sequence(_) => "list",
        Content::Mapping(_) => "mapping",
    }
}

#[cfg(test)]
mod tests;
