//! `replacements`: a value of one object copied into fields of others.
//!
//! Input: the objects and the entries as [`Item`]s and [`Replacement`]s. Output: the objects with the fields set, each
//! said to stand where the entry's path stands. An object that gets another name this way is not said to have had the
//! old one: kustomize does not remember it either.

mod config;
mod names;
pub(crate) mod path;
mod structured;
pub(crate) mod walk;

use lode_object::Id;
use lode_yaml::{Content, DEPTH_MAX, Node, Place, TEXT_MAX};

pub(crate) use self::config::{Item, Replacement};
use self::config::{Options, Origin, Source, Target};
use self::names::{Matcher, Names};
use self::path::{Fault, Path};
use self::walk::{Make, Shape, is_untyped, untyped};
use crate::parts::Parts;
use crate::resource::Resource;
use crate::selector::Invalid;

/// A replacement that cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub(crate) struct Error {
    /// Where it stands.
    pub(crate) place: Place,
    /// Why.
    pub(crate) cause: Cause,
}

/// Why a replacement cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cause {
    /// A selector is wrong in itself.
    #[error("target: {0}")]
    Selector(#[from] Invalid),
    /// No object is the source.
    #[error("no object is the source ({0})")]
    NothingSelected(String),
    /// More than one object is the source.
    #[error("more than one object is the source ({0})")]
    SeveralSelected(String),
    /// The source has no such field.
    #[error("{id} has no field \"{path}\", which is the source{}", reason(.fault.as_ref()))]
    NoSourceField {
        /// The object.
        id: Box<Id>,
        /// The path.
        path: Box<str>,
        /// What is wrong on the way.
        fault: Option<Fault>,
    },
    /// A target has no such field.
    #[error("{id} has no field \"{path}\"{}", reason(.fault.as_ref()))]
    NoTargetField {
        /// The object.
        id: Box<Id>,
        /// The path.
        path: Box<str>,
        /// What is wrong on the way.
        fault: Option<Fault>,
    },
    /// A delimiter splits texts alone.
    #[error("{id}: field \"{path}\" is no text that a delimiter could split")]
    NotSplittable {
        /// The object.
        id: Box<Id>,
        /// The path.
        path: Box<str>,
    },
    /// The source's text has fewer parts.
    #[error("{id}: field \"{path}\" has {len} parts, there is none at index {index}")]
    NoPart {
        /// The object.
        id: Box<Id>,
        /// The path.
        path: Box<str>,
        /// The index asked for.
        index: i64,
        /// How many parts there are.
        len: usize,
    },
    /// Values grew beyond all reason.
    #[error("the replacements copy more than {COPIED_MAX} bytes, or something nested deeper than {DEPTH_MAX}")]
    TooMuch,
}

/// Most bytes that one list of replacements may copy: each may double what the one before made.
const COPIED_MAX: usize = TEXT_MAX;

/// Does replacements, one after the other.
pub(crate) fn apply(resources: &mut [Resource], replacements: &[Replacement]) -> Result<(), Error> {
    if replacements.is_empty() {
        return Ok(());
    }
    let names = Names::new(resources);
    let mut run = Run { resources, names, copied: 0 };
    replacements.iter().try_for_each(|replacement| {
        let mut value = Value::of(replacement, run.resources, &run.names)?;
        replacement.targets.iter().try_for_each(|target| run.target(target, &mut value))
    })
}

/// A list of replacements being done.
struct Run<'r> {
    resources: &'r mut [Resource],
    names: Names,
    /// Bytes, about.
    copied: usize,
}

impl Run<'_> {
    fn target(&mut self, target: &Target, value: &mut Value<'_>) -> Result<(), Error> {
        let matcher = Matcher::new(target).map_err(|invalid| target.error(Cause::Selector(invalid)))?;
        for at in self.names.candidates(&matcher) {
            if !self.names.fits(&matcher, at, &self.resources[at]) {
                continue;
            }
            for (path, place) in &target.fields {
                let field = Field { path, place: *place, options: &target.options };
                self.field(&field, at, value)?;
            }
            if target.fields.iter().any(|(path, _)| path.may_name()) {
                self.names.update(at, &self.resources[at]);
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field<'_>, at: usize, value: &mut Value<'_>) -> Result<(), Error> {
        let resource = &mut self.resources[at];
        if field.options.create && value.is_of(at) {
            // What is made inside the value is there before the value is copied.
            field.make(resource, &value.node);
            value.refresh(at, resource);
        }
        let (bytes, depth) = measure(&value.node);
        self.copied += bytes;
        if self.copied > COPIED_MAX || depth > DEPTH_MAX {
            return Err(Error { place: field.place, cause: Cause::TooMuch });
        }
        field.set(resource, &value.node)?;
        resource.parts.take_in(&value.parts);
        value.refresh(at, resource);
        Ok(())
    }
}

/// A value on its way, and where it is from as far as that may still change: what is copied is what stands there when
/// it is copied.
struct Value<'r> {
    node: Node,
    from: Option<(usize, &'r Path)>,
    /// The files that have a part in it.
    parts: Parts,
}

impl<'r> Value<'r> {
    fn of(replacement: &'r Replacement, resources: &[Resource], names: &Names) -> Result<Self, Error> {
        let place = replacement.place;
        let mut parts = Parts::default();
        parts.add(place.source);
        let source = match &replacement.from {
            Origin::Text(text) => {
                return Ok(Self { node: Node::plain(text.as_str()).placed(untyped(place)), from: None, parts });
            }
            Origin::Field(source) => source,
        };
        let at = match names.sources(source).as_slice() {
            [at] => *at,
            [] => return Err(Error { place, cause: Cause::NothingSelected(source.shown()) }),
            _ => return Err(Error { place, cause: Cause::SeveralSelected(source.shown()) }),
        };
        let found = found(source, &resources[at]).map_err(|cause| Error { place, cause })?;
        parts.take_in(&resources[at].parts);
        parts.gather(found);
        if source.options.delimiter.is_empty() {
            return Ok(Self { node: found.clone(), from: Some((at, &source.field)), parts });
        }
        let node = part(source, &resources[at], found).map_err(|cause| Error { place, cause })?;
        Ok(Self { node, from: None, parts })
    }

    fn is_of(&self, at: usize) -> bool {
        self.from.is_some_and(|(from, _)| from == at)
    }

    /// Looks again, if the object that was changed is the source.
    fn refresh(&mut self, changed: usize, resource: &Resource) {
        if let Some((at, path)) = self.from
            && at == changed
            && let Ok(Some(node)) = path.find(&resource.node)
        {
            self.node = node.clone();
        }
    }
}

fn found<'r>(source: &Source, resource: &'r Resource) -> Result<&'r Node, Cause> {
    let missing = |fault| Cause::NoSourceField { id: Box::new(resource.id()), path: source.field.text().into(), fault };
    let found = source.field.find(&resource.node).map_err(|fault| missing(Some(fault)))?;
    found.filter(|node| !node.is_nothing()).ok_or_else(|| missing(None))
}

/// Returns the part of a source's text that is asked for, of the type that the whole has.
fn part(source: &Source, resource: &Resource, node: &Node) -> Result<Node, Cause> {
    let (id, path) = (Box::new(resource.id()), source.field.text().into());
    let Options { delimiter, index, .. } = &source.options;
    let Some(text) = node.text() else { return Err(Cause::NotSplittable { id, path }) };
    let parts: Vec<&str> = text.split(delimiter.as_str()).collect();
    let part = usize::try_from(*index).ok().and_then(|index| parts.get(index));
    let Some(part) = part else { return Err(Cause::NoPart { id, path, index: *index, len: parts.len() }) };
    let mut node = node.clone();
    set_text(&mut node, part);
    Ok(node)
}

/// A field that gets a value.
struct Field<'t> {
    path: &'t Path,
    place: Place,
    options: &'t Options,
}

impl Field<'_> {
    /// Makes what is missing on the way; what cannot be made is found out when the value is set.
    fn make(&self, resource: &mut Resource, value: &Node) {
        let make = Make { leaf: Some(shape(value)), place: self.place };
        let _ = self.path.visit(&mut resource.node, make, &mut |_| Ok::<(), Fault>(()));
    }

    fn set(&self, resource: &mut Resource, value: &Node) -> Result<(), Error> {
        let make = Make { leaf: self.options.create.then(|| shape(value)), place: self.place };
        let inside = self.path.visit_inside_text(&mut resource.node, make, &mut |found| put(found, value, found.place));
        if let Some((text, written)) = inside {
            set_text(text, &written);
            text.place = self.place;
            return Ok(());
        }
        let mut node = std::mem::replace(&mut resource.node, Node::null());
        let found = self.path.visit(&mut node, make, &mut |found| self.put(found, value));
        resource.node = node;
        let id = || Box::new(resource.id());
        let path = || self.path.text().into();
        let cause = match found {
            Ok(0) => Cause::NoTargetField { id: id(), path: path(), fault: None },
            Ok(_) => return Ok(()),
            Err(Stop::Fault(fault)) => Cause::NoTargetField { id: id(), path: path(), fault: Some(fault) },
            Err(Stop::NotSplittable) => Cause::NotSplittable { id: id(), path: path() },
        };
        Err(Error { place: self.place, cause })
    }

    fn put(&self, found: &mut Node, value: &Node) -> Result<(), Stop> {
        if self.options.delimiter.is_empty() {
            put(found, value, self.place);
            return Ok(());
        }
        let text = found.text().ok_or(Stop::NotSplittable)?;
        let joined = self.options.join(text, if value.is_null() { "" } else { value.text().unwrap_or_default() });
        set_text(found, &joined);
        found.place = placed_as(found, self.place);
        Ok(())
    }
}

/// Why a field is not set.
enum Stop {
    Fault(Fault),
    NotSplittable,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Options {
    /// Puts a part into a text: in the place of one, before the first, or behind the last.
    fn join(&self, text: &str, part: &str) -> String {
        let mut parts: Vec<&str> = text.split(self.delimiter.as_str()).collect();
        match usize::try_from(self.index) {
            Err(_) => parts.insert(0, part),
            Ok(index) => match parts.get_mut(index) {
                Some(old) => *old = part,
                None => parts.push(part),
            },
        }
        parts.join(&self.delimiter)
    }
}

impl Source {
    /// Returns what it selects, for messages.
    fn shown(&self) -> String {
        let parts = [
            ("group", &self.group),
            ("version", &self.version),
            ("kind", &self.kind),
            ("name", &self.name),
            ("namespace", &self.namespace),
        ];
        let said = parts.iter().filter(|(_, value)| !value.is_empty());
        let said: Vec<String> = said.map(|(name, value)| format!("{name} {value}")).collect();
        if said.is_empty() { "it says nothing".to_owned() } else { said.join(", ") }
    }
}

impl Target {
    fn error(&self, cause: Cause) -> Error {
        Error { place: self.place, cause }
    }
}

/// A scalar gets the text alone and keeps its type; anything else becomes the value.
fn put(found: &mut Node, value: &Node, place: Place) {
    if found.text().is_some() {
        set_text(found, value.text().unwrap_or_default());
        found.place = placed_as(found, place);
    } else {
        let place = if is_untyped(value) { untyped(place) } else { place };
        *found = value.clone().placed(place);
    }
}

fn set_text(node: &mut Node, text: &str) {
    if is_untyped(node) {
        node.content = Content::Scalar(text.into());
    } else {
        node.set_text_only(text);
    }
}

fn placed_as(node: &Node, place: Place) -> Place {
    if is_untyped(node) { untyped(place) } else { place }
}

fn shape(node: &Node) -> Shape {
    match &node.content {
        Content::Scalar(_) => Shape::Scalar,
        Content::Sequence(_) => Shape::Sequence,
        Content::Mapping(_) => Shape::Mapping,
    }
}

/// Returns about how many bytes a value has, and how deep it is nested.
fn measure(node: &Node) -> (usize, usize) {
    let add = |(bytes, depth): (usize, usize), (more, deep): (usize, usize)| (bytes + more, depth.max(deep + 1));
    match &node.content {
        Content::Scalar(text) => (text.len(), 0),
        Content::Sequence(items) => items.iter().map(measure).fold((size_of::<Node>(), 1), add),
        Content::Mapping(entries) => {
            let parts = entries.iter().flat_map(|entry| [&entry.key, &entry.value]);
            parts.map(measure).fold((size_of::<Node>(), 1), add)
        }
    }
}

fn reason(fault: Option<&Fault>) -> String {
    fault.map(|fault| format!(": {fault}")).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
