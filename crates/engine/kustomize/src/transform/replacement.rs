//! `replacements`: a value of one object copied into fields of others.
//!
//! Input: the objects and the entries as [`ReplacementEntry`]s and [`Replacement`]s. Output: the objects with
//! the fields set, each with the place of the entry's path. Renaming an object this way does not
//! record its old name, as in kustomize.

mod config;
mod names;
mod part;
pub(crate) mod path;
mod structured;
pub(crate) mod walk;

use lode_object::Id;
use lode_stdx::budget::{Budget, Exceeded, Meter};
use lode_yaml::{Content, DEPTH_MAX, Node, Place};

use self::config::{Options, Origin, ReplacementSource, ReplacementTarget};
pub(crate) use self::config::{Replacement, ReplacementEntry};
use self::names::{Matcher, Names};
use self::part::PathFault;
use self::path::Path;
use self::walk::{Make, ValueShape, is_untyped, untyped};
use crate::config::selector::Invalid;
use crate::error::{self, FileCause};
use crate::object::parts::Parts;
use crate::object::resource::Resource;

/// A replacement that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub(crate) struct Error {
    /// The place of the error.
    pub(crate) place: Place,
    /// The cause.
    pub(crate) cause: ReplacementCause,
    /// Its position in the list, and the source of its value.
    pub(crate) which: Option<String>,
}

/// Why a replacement failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReplacementCause {
    /// A selector is invalid.
    #[error("target: {0}")]
    Selector(#[from] Invalid),
    /// The source selects no object.
    #[error("no object is the source ({0})")]
    NothingSelected(String),
    /// The source selects more than one object.
    #[error("more than one object is the source ({0})")]
    SeveralSelected(String),
    /// The source has no such field.
    #[error("{id} has no field \"{path}\", which is the source{}", reason(.fault.as_ref()))]
    NoSourceField {
        /// The object.
        id: Box<Id>,
        /// The path.
        path: Box<str>,
        /// The error on the way.
        fault: Option<PathFault>,
    },
    /// A target has no such field.
    #[error("{id} has no field \"{path}\"{}", reason(.fault.as_ref()))]
    NoTargetField {
        /// The object.
        id: Box<Id>,
        /// The path.
        path: Box<str>,
        /// The error on the way.
        fault: Option<PathFault>,
    },
    /// A delimiter is set, but the value is not a text.
    #[error("{id}: field \"{path}\" is not a text that a delimiter could split")]
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
        /// The requested index.
        index: i64,
        /// The number of parts.
        len: usize,
    },
    /// The budget does not allow it: each replacement may double the result of the one before.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The copied value is nested too deeply.
    #[error("something nested deeper than {DEPTH_MAX} levels is copied")]
    TooDeep,
}

impl Error {
    /// Returns the fault of a build.
    pub(crate) fn into_fault(self) -> error::Fault {
        match self.cause {
            ReplacementCause::Exceeded(exceeded)
            | ReplacementCause::Selector(Invalid::Exceeded(exceeded))
            | ReplacementCause::NoSourceField {
                fault: Some(PathFault::Exceeded(exceeded)),
                ..
            }
            | ReplacementCause::NoTargetField {
                fault: Some(PathFault::Exceeded(exceeded)),
                ..
            } => error::Fault::from(exceeded).during("make a replacement", self.place),
            cause => {
                let which = self
                    .which
                    .map(|which| format!("{which}: "))
                    .unwrap_or_default();
                error::Fault::At(
                    self.place,
                    FileCause::Replacement(format!("{which}{cause}")),
                )
            }
        }
    }

    fn new(place: Place, cause: impl Into<ReplacementCause>) -> Self {
        Self {
            place,
            cause: cause.into(),
            which: None,
        }
    }

    /// Adds which replacement of a list, from 1, failed.
    fn of(self, number: usize, replacement: &Replacement) -> Self {
        Self {
            which: Some(format!("number {number}, {}", replacement.from)),
            ..self
        }
    }
}

/// Applies replacements one after the other.
pub(crate) fn apply(
    resources: &mut [Resource],
    replacements: &[Replacement],
    budget: &Budget,
) -> Result<(), Error> {
    let Some(first) = replacements.first() else {
        return Ok(());
    };
    let meter = Meter::new(budget);
    let names = Names::new(resources, &meter);
    let names = names.map_err(|exceeded| Error::new(first.place, exceeded))?;
    let mut run = ReplacementRun {
        resources,
        names,
        meter: &meter,
    };
    replacements
        .iter()
        .enumerate()
        .try_for_each(|(at, replacement)| {
            let value = Value::of(replacement, run.resources, &run.names, &meter);
            let done = value.and_then(|mut value| {
                replacement
                    .targets
                    .iter()
                    .try_for_each(|target| run.target(target, &mut value))
            });
            done.map_err(|error| error.of(at + 1, replacement))
        })
}

/// A list of replacements during application.
struct ReplacementRun<'r> {
    resources: &'r mut [Resource],
    names: Names,
    meter: &'r Meter<'r>,
}

impl ReplacementRun<'_> {
    fn target(&mut self, target: &ReplacementTarget, value: &mut Value<'_>) -> Result<(), Error> {
        let exceeded = |exceeded: Exceeded| target.error(exceeded.into());
        let matcher = Matcher::new(target, self.meter.budget())
            .map_err(|invalid| target.error(ReplacementCause::Selector(invalid)))?;
        for at in self.names.candidates(&matcher) {
            self.meter.steps(1).map_err(exceeded)?;
            if !self
                .names
                .fits(&matcher, (at, &self.resources[at]), self.meter)
                .map_err(exceeded)?
            {
                continue;
            }
            for (path, place) in &target.fields {
                let field = TargetField {
                    path,
                    place: *place,
                    options: &target.options,
                    meter: self.meter,
                };
                self.field(&field, at, value)?;
            }
            if target.fields.iter().any(|(path, _)| path.may_name()) {
                self.names
                    .update(at, &self.resources[at], self.meter)
                    .map_err(exceeded)?;
            }
        }
        Ok(())
    }

    fn field(
        &mut self,
        field: &TargetField<'_>,
        at: usize,
        value: &mut Value<'_>,
    ) -> Result<(), Error> {
        let resource = &mut self.resources[at];
        if value.is_secret {
            resource
                .veil(self.meter.budget())
                .map_err(|exceeded| field.error(exceeded.into()))?;
        }
        if field.options.create && value.is_of(at) {
            // What is created inside the value exists before the value is copied.
            field.make(resource, &value.node);
            value
                .refresh(at, resource, self.meter)
                .map_err(|exceeded| field.error(exceeded.into()))?;
        }
        if value.node.depth() > DEPTH_MAX {
            return Err(field.error(ReplacementCause::TooDeep));
        }
        let parts = value.parts.len();
        let charged = self
            .meter
            .steps(parts)
            .and_then(|()| self.meter.bytes(size_of::<u32>() as u64 * parts));
        charged.map_err(|exceeded| field.error(exceeded.into()))?;
        field.set(resource, &value.node)?;
        resource.parts.take_in(&value.parts);
        value
            .refresh(at, resource, self.meter)
            .map_err(|exceeded| field.error(exceeded.into()))
    }
}

/// A value to be copied, and its source if that may still change: the copy takes the value at the
/// time of copying.
struct Value<'r> {
    node: Node,
    from: Option<(usize, &'r Path)>,
    /// The files that affect it.
    parts: Parts,
    /// It comes from a Secret, or from an object that a Secret's value was copied into.
    is_secret: bool,
}

impl<'r> Value<'r> {
    fn of(
        replacement: &'r Replacement,
        resources: &[Resource],
        names: &Names,
        meter: &Meter<'_>,
    ) -> Result<Self, Error> {
        let place = replacement.place;
        let exceeded = |exceeded: Exceeded| Error::new(place, exceeded);
        let mut parts = Parts::default();
        parts.add(place.source);
        let source = match &replacement.from {
            Origin::Text(text) => {
                let node = Node::plain(text.as_str()).placed(untyped(place));
                return Ok(Self {
                    node,
                    from: None,
                    parts,
                    is_secret: false,
                });
            }
            Origin::Field(source) => source,
        };
        let at = match names.sources(source, meter).map_err(exceeded)?.as_slice() {
            [at] => *at,
            [] => {
                return Err(Error::new(
                    place,
                    ReplacementCause::NothingSelected(source.shown()),
                ));
            }
            _ => {
                return Err(Error::new(
                    place,
                    ReplacementCause::SeveralSelected(source.shown()),
                ));
            }
        };
        let found = found(source, &resources[at]).map_err(|cause| Error::new(place, cause))?;
        found.cost().charge_meter(meter).map_err(exceeded)?;
        meter.steps(resources[at].parts.len()).map_err(exceeded)?;
        parts.take_in(&resources[at].parts);
        parts.gather(found);
        let is_secret = resources[at].keeps_secret(&source.field);
        if source.options.delimiter.is_empty() {
            return Ok(Self {
                node: found.clone(),
                from: Some((at, &source.field)),
                parts,
                is_secret,
            });
        }
        let node = part(source, &resources[at], found).map_err(|cause| Error::new(place, cause))?;
        Ok(Self {
            node,
            from: None,
            parts,
            is_secret,
        })
    }

    fn is_of(&self, at: usize) -> bool {
        self.from.is_some_and(|(from, _)| from == at)
    }

    /// Reads the value again if the changed object is the source.
    fn refresh(
        &mut self,
        changed: usize,
        resource: &Resource,
        meter: &Meter<'_>,
    ) -> Result<(), Exceeded> {
        if let Some((at, path)) = self.from
            && at == changed
            && let Ok(Some(node)) = path.find(&resource.node)
        {
            node.cost().charge_meter(meter)?;
            self.node = node.clone();
        }
        Ok(())
    }
}

fn found<'r>(
    source: &ReplacementSource,
    resource: &'r Resource,
) -> Result<&'r Node, ReplacementCause> {
    let missing = |fault| ReplacementCause::NoSourceField {
        id: Box::new(resource.id()),
        path: source.field.text().into(),
        fault,
    };
    let found = source
        .field
        .find(&resource.node)
        .map_err(|fault| missing(Some(fault)))?;
    found
        .filter(|node| !node.is_nothing())
        .ok_or_else(|| missing(None))
}

/// Returns the requested part of a source's text, with the type of the whole.
fn part(
    source: &ReplacementSource,
    resource: &Resource,
    node: &Node,
) -> Result<Node, ReplacementCause> {
    let (id, path) = (Box::new(resource.id()), source.field.text().into());
    let Options {
        delimiter, index, ..
    } = &source.options;
    let Some(text) = node.text() else {
        return Err(ReplacementCause::NotSplittable { id, path });
    };
    let parts: Vec<&str> = text.split(delimiter.as_str()).collect();
    let part = usize::try_from(*index)
        .ok()
        .and_then(|index| parts.get(index));
    let Some(part) = part else {
        return Err(ReplacementCause::NoPart {
            id,
            path,
            index: *index,
            len: parts.len(),
        });
    };
    let mut node = node.clone();
    set_text(&mut node, part);
    Ok(node)
}

/// A field that receives a value.
struct TargetField<'t> {
    path: &'t Path,
    place: Place,
    options: &'t Options,
    meter: &'t Meter<'t>,
}

impl TargetField<'_> {
    /// Creates what is missing on the path; what cannot be created is reported when the value is
    /// set.
    fn make(&self, resource: &mut Resource, value: &Node) {
        let make = Make {
            leaf: Some(shape(value)),
            place: self.place,
        };
        let _ = self
            .path
            .visit(&mut resource.node, (make, self.meter), &mut |_| {
                Ok::<(), PathFault>(())
            });
    }

    fn set(&self, resource: &mut Resource, value: &Node) -> Result<(), Error> {
        let make = Make {
            leaf: self.options.create.then(|| shape(value)),
            place: self.place,
        };
        let inside =
            self.path
                .visit_inside_text(&mut resource.node, (make, self.meter), &mut |found| {
                    value.cost().charge_meter(self.meter)?;
                    put(found, value, found.place);
                    Ok(())
                });
        if let Some((text, written)) = inside.map_err(|exceeded| self.error(exceeded.into()))? {
            set_text(text, &written);
            text.place = self.place;
            return Ok(());
        }
        let mut node = std::mem::replace(&mut resource.node, Node::null());
        let found = self
            .path
            .visit(&mut node, (make, self.meter), &mut |found| {
                self.put(found, value)
            });
        resource.node = node;
        let id = || Box::new(resource.id());
        let path = || self.path.text().into();
        let cause = match found {
            Ok(0) => ReplacementCause::NoTargetField {
                id: id(),
                path: path(),
                fault: None,
            },
            Ok(_) => return Ok(()),
            Err(NotSet::Fault(fault)) => ReplacementCause::NoTargetField {
                id: id(),
                path: path(),
                fault: Some(fault),
            },
            Err(NotSet::NotSplittable) => ReplacementCause::NotSplittable {
                id: id(),
                path: path(),
            },
        };
        Err(self.error(cause))
    }

    fn error(&self, cause: ReplacementCause) -> Error {
        Error::new(self.place, cause)
    }

    fn put(&self, found: &mut Node, value: &Node) -> Result<(), NotSet> {
        value
            .cost()
            .charge_meter(self.meter)
            .map_err(PathFault::Exceeded)?;
        if self.options.delimiter.is_empty() {
            put(found, value, self.place);
            return Ok(());
        }
        let text = found.text().ok_or(NotSet::NotSplittable)?;
        // Its parts are split and joined again.
        let text_len = text.len() as u64;
        let charged = self
            .meter
            .steps(text_len)
            .and_then(|()| self.meter.bytes(PARTS_BYTES * text_len));
        charged.map_err(PathFault::Exceeded)?;
        let joined = self.options.join(
            text,
            if value.is_null() {
                ""
            } else {
                value.text().unwrap_or_default()
            },
        );
        set_text(found, &joined);
        found.place = placed_as(found, self.place);
        Ok(())
    }
}

/// Bytes that the parts of a text may use for each byte of it.
const PARTS_BYTES: u64 = 4;

/// Why a field is not set.
enum NotSet {
    Fault(PathFault),
    NotSplittable,
}

impl From<PathFault> for NotSet {
    fn from(fault: PathFault) -> Self {
        Self::Fault(fault)
    }
}

impl Options {
    /// Inserts a part into a text: in place of an existing one, before the first, or after the
    /// last.
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

impl ReplacementSource {
    /// Returns a description of what it selects, for messages.
    fn shown(&self) -> String {
        let parts = [
            ("group", &self.group),
            ("version", &self.version),
            ("kind", &self.kind),
            ("name", &self.name),
            ("namespace", &self.namespace),
        ];
        let said = parts.iter().filter(|(_, value)| !value.is_empty());
        let said: Vec<String> = said
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        if said.is_empty() {
            "it says nothing".to_owned()
        } else {
            said.join(", ")
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("from sourceValue"),
            Self::Field(source) => write!(
                f,
                "from field \"{}\" of {}",
                source.field.text(),
                source.shown()
            ),
        }
    }
}

impl ReplacementTarget {
    fn error(&self, cause: ReplacementCause) -> Error {
        Error::new(self.place, cause)
    }
}

/// A scalar receives only the text and keeps its type; anything else is replaced by the value.
fn put(found: &mut Node, value: &Node, place: Place) {
    if found.text().is_some() {
        set_text(found, value.text().unwrap_or_default());
        found.place = placed_as(found, place);
    } else {
        let place = if is_untyped(value) {
            untyped(place)
        } else {
            place
        };
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
    if is_untyped(node) {
        untyped(place)
    } else {
        place
    }
}

fn shape(node: &Node) -> ValueShape {
    match &node.content {
        Content::Scalar(_) => ValueShape::Scalar,
        Content::Sequence(_) => ValueShape::Sequence,
        Content::Mapping(_) => ValueShape::Mapping,
    }
}

fn reason(fault: Option<&PathFault>) -> String {
    fault.map(|fault| format!(": {fault}")).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
