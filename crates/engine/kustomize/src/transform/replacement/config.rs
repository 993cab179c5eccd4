//! The content of an entry of `replacements`.
//!
//! Input: a node of the kustomization, of a file named by an entry, or of a transformer file.
//! Output: checked [`Replacement`]s.

use lode_object::Selector;
use lode_yaml::{Node, Place};

use super::path::Path;
use crate::error::{Fault, FileCause};
use crate::input::decode::{At, Mapping, Mode};
use crate::input::settings;

/// One entry of `replacements`.
#[derive(Debug, Clone)]
pub(crate) enum ReplacementEntry {
    /// A replacement.
    Inline(Replacement),
    /// A file of replacements.
    File {
        /// The file, as written.
        path: String,
        /// The place of the entry.
        place: Place,
    },
}

/// A value and the fields it is copied to.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    pub(super) from: Origin,
    pub(super) targets: Vec<ReplacementTarget>,
    pub(super) place: Place,
}

/// Where a value comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The kustomization.
    Text(String),
    /// A field of an object.
    Field(ReplacementSource),
}

/// The object and field of the source; empty fields match anything, the others must match exactly.
#[derive(Debug, Clone)]
pub(super) struct ReplacementSource {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) field: Path,
    pub(super) options: Options,
}

/// The fields of objects that a value is copied to.
#[derive(Debug, Clone)]
pub(super) struct ReplacementTarget {
    pub(super) select: Selector,
    pub(super) reject: Vec<Selector>,
    pub(super) fields: Vec<(Path, Place)>,
    pub(super) options: Options,
    pub(super) place: Place,
}

/// How a field is read or set.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    /// The delimiter at which its text is split; empty for none.
    pub(super) delimiter: String,
    /// Which part.
    pub(super) index: i64,
    /// Whether a missing target is created.
    pub(super) create: bool,
}

/// The default field.
const NAME_FIELD: &str = "metadata.name";
const NO_TARGETS: &str = "it needs targets";

impl ReplacementEntry {
    /// Reads an entry of `replacements`.
    pub(crate) fn read(node: &Node, mode: Mode) -> Result<Self, Fault> {
        let mut fields = Mapping::new(node, "replacements", mode)?;
        let path = fields.text("path")?;
        let has_targets = said(node, "targets")
            .and_then(Node::items)
            .is_some_and(|targets| !targets.is_empty());
        if path.is_empty() {
            if !has_targets {
                return Err(fault(node.place, NO_TARGETS));
            }
            return Replacement::from_fields(node, fields).map(Self::Inline);
        }
        if has_targets || said(node, "source").is_some() {
            return Err(fault(node.place, "it has a path and more"));
        }
        Ok(Self::File {
            path,
            place: node.place,
        })
    }
}

impl Replacement {
    /// Reads a file named by an entry: one replacement or a list of them.
    pub(crate) fn read_file(node: &Node) -> Result<Vec<Self>, Fault> {
        let read =
            |node| Self::from_fields(node, Mapping::new(node, "replacements", Mode::Rewritten)?);
        match node.items() {
            Some(items) => items.iter().map(read).collect(),
            None => read(node).map(|one| vec![one]),
        }
    }

    fn from_fields(node: &Node, mut fields: Mapping<'_>) -> Result<Self, Fault> {
        let place = node.place;
        let source = fields.read("source", ReplacementSource::read)?;
        let text = said(node, "sourceValue")
            .map(|_| fields.text("sourceValue"))
            .transpose()?;
        let targets = said(node, "targets")
            .map(|_| fields.entries("targets", ReplacementTarget::read))
            .transpose()?;
        fields.finish()?;
        let from = match (source, text) {
            (Some(_), Some(_)) => return Err(fault(place, "it has both source and sourceValue")),
            (Some(source), None) => Origin::Field(source),
            (None, Some(text)) => Origin::Text(text),
            (None, None) => return Err(fault(place, "it needs source or sourceValue")),
        };
        let targets = targets.ok_or_else(|| fault(place, NO_TARGETS))?;
        Ok(Self {
            from,
            targets: targets.into_iter().map(|target| target.value).collect(),
            place,
        })
    }
}

impl ReplacementSource {
    fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        let field = fields.text_at("fieldPath")?;
        let field = if field.is_empty() {
            At::new(NAME_FIELD.to_owned(), field.place)
        } else {
            field
        };
        Ok(Self {
            group: fields.text("group")?,
            version: fields.text("version")?,
            kind: fields.text("kind")?,
            name: fields.text("name")?,
            namespace: fields.text("namespace")?,
            field: path(&field)?,
            options: fields.read("options", Options::read)?.unwrap_or_default(),
        })
    }
}

impl ReplacementTarget {
    fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        let place = fields.place();
        let select = fields
            .read("select", settings::target)?
            .ok_or_else(|| fault(place, "a target needs select"))?;
        let reject = fields
            .entries("reject", settings::target)?
            .into_iter()
            .map(|reject| reject.value)
            .collect();
        let mut texts = fields.texts("fieldPaths")?;
        if texts.is_empty() {
            texts.push(At::new(NAME_FIELD.to_owned(), place));
        }
        let paths: Result<_, Fault> = texts
            .iter()
            .map(|text| Ok((path(text)?, text.place)))
            .collect();
        let options = fields.read("options", Options::read)?.unwrap_or_default();
        Ok(Self {
            select,
            reject,
            fields: paths?,
            options,
            place,
        })
    }
}

impl Options {
    fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        // It is a known field without effect, as in kustomize.
        fields.text("encoding")?;
        let index = fields
            .whole("index")?
            .map(|index| index.value)
            .unwrap_or_default();
        Ok(Self {
            delimiter: fields.text("delimiter")?,
            index,
            create: fields.flag("create")?,
        })
    }
}

fn path(text: &At<String>) -> Result<Path, Fault> {
    Path::parse(text)
        .map_err(|error| fault(text.place, &format!("path \"{}\": {error}", text.value)))
}

/// Returns a field that is present and not null; it may be empty.
fn said<'n>(node: &'n Node, field: &str) -> Option<&'n Node> {
    let mut entries = node.entries()?.iter();
    let entry = entries.find(|entry| {
        entry
            .key
            .text()
            .is_some_and(|key| key.eq_ignore_ascii_case(field))
    })?;
    Some(&entry.value).filter(|value| !value.is_null())
}

fn fault(place: Place, what: &str) -> Fault {
    Fault::At(place, FileCause::Replacement(what.to_owned()))
}
