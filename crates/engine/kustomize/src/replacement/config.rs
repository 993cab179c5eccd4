//! What an entry of `replacements` says.
//!
//! Input: a node of the kustomization, of a file that an entry names, or of a transformer's own file. Output: checked
//! [`Replacement`]s. Unknown fields are refused in a kustomization alone, as kustomize does.

use lode_yaml::{Node, Place};

use super::path::Path;
use super::{Cause, Error};
use crate::Target as Selector;
use crate::entry::{Fields, Unknown, Wrong};

/// One entry of `replacements`.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// A replacement.
    Inline(Replacement),
    /// A file of replacements.
    File {
        /// The file, as written.
        path: String,
        /// Where the entry stands.
        place: Place,
    },
}

/// A value, and the fields it goes to.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    pub(super) from: Origin,
    pub(super) targets: Vec<Target>,
    pub(super) place: Place,
}

/// Where a value comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The kustomization.
    Text(String),
    /// A field of an object.
    Field(Source),
}

/// The object and field a value comes from; empty fields say nothing, the others are exact.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) field: Path,
    pub(super) options: Options,
}

/// Fields of objects that a value goes to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) select: Selector,
    pub(super) reject: Vec<Selector>,
    pub(super) fields: Vec<(Path, Place)>,
    pub(super) options: Options,
    pub(super) place: Place,
}

/// How a field is taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    /// What its text is split at; empty: it is not.
    pub(super) delimiter: String,
    /// Which part.
    pub(super) index: i64,
    /// A target that is missing is made.
    pub(super) create: bool,
}

/// The field that is meant where none is named.
const NAME_FIELD: &str = "metadata.name";
const SELECTOR_FIELDS: [&str; 7] =
    ["group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector"];

impl Item {
    /// Reads an entry of a kustomization.
    pub(crate) fn read(node: &Node, unknown: Unknown) -> Result<Self, Error> {
        let fields = Fields::read(node, "replacements", &["source", "sourceValue", "targets", "path"], unknown)?;
        let path = fields.text("path")?;
        let has_targets = fields.list("targets")?.is_some_and(|targets| !targets.is_empty());
        if path.is_empty() {
            if !has_targets {
                return Err(Error { place: node.place, cause: Cause::NoTargets });
            }
            return Replacement::from_fields(&fields, unknown).map(Self::Inline);
        }
        if has_targets || fields.get("source").is_some() {
            return Err(Error { place: node.place, cause: Cause::PathAndInline });
        }
        Ok(Self::File { path, place: node.place })
    }
}

impl Replacement {
    /// Reads a file that an entry names: one replacement or a list of them.
    pub(crate) fn read_file(node: &Node) -> Result<Vec<Self>, Error> {
        let read = |node: &Node| {
            let known = ["source", "sourceValue", "targets"];
            Self::from_fields(&Fields::read(node, "replacements", &known, Unknown::Ignore)?, Unknown::Ignore)
        };
        match node.items() {
            Some(items) => items.iter().map(read).collect(),
            None if node.entries().is_some() => read(node).map(|one| vec![one]),
            None => Err(Error { place: node.place, cause: Cause::NoReplacements }),
        }
    }

    fn from_fields(fields: &Fields<'_>, unknown: Unknown) -> Result<Self, Error> {
        let place = fields.place();
        let fault = |cause| Error { place, cause };
        let source = fields.get("source").map(|node| Source::read(node, unknown)).transpose()?;
        let text = fields.get("sourceValue").map(|_| fields.text("sourceValue")).transpose()?;
        let targets = fields.list("targets")?.map(|targets| targets.iter().map(|node| Target::read(node, unknown)));
        let targets = targets.map(Iterator::collect::<Result<_, _>>).transpose()?;
        let from = match (source, text) {
            (Some(_), Some(_)) => return Err(fault(Cause::TwoSources)),
            (Some(source), None) => Origin::Field(source),
            (None, Some(text)) => Origin::Text(text),
            (None, None) => return Err(fault(Cause::NoSource)),
        };
        Ok(Self { from, targets: targets.ok_or_else(|| fault(Cause::NoTargets))?, place })
    }
}

impl Source {
    fn read(node: &Node, unknown: Unknown) -> Result<Self, Error> {
        let known = ["group", "version", "kind", "name", "namespace", "fieldPath", "options"];
        let fields = Fields::read(node, "replacements.source", &known, unknown)?;
        let field = fields.text("fieldPath")?;
        let field = if field.is_empty() { NAME_FIELD } else { &field };
        Ok(Self {
            group: fields.text("group")?,
            version: fields.text("version")?,
            kind: fields.text("kind")?,
            name: fields.text("name")?,
            namespace: fields.text("namespace")?,
            field: Path::parse(field).map_err(|fault| bad_path(field, fault, node.place))?,
            options: Options::read(&fields, unknown)?,
        })
    }
}

impl Target {
    fn read(node: &Node, unknown: Unknown) -> Result<Self, Error> {
        let known = ["select", "reject", "fieldPaths", "options"];
        let fields = Fields::read(node, "replacements.targets", &known, unknown)?;
        let select = fields.get("select").ok_or(Error { place: node.place, cause: Cause::NoSelect })?;
        let mut texts = fields.texts("fieldPaths")?;
        if texts.is_empty() {
            texts.push((NAME_FIELD.to_owned(), node.place));
        }
        let path = |(text, place): (String, Place)| match Path::parse(&text) {
            Ok(path) => Ok((path, place)),
            Err(fault) => Err(bad_path(&text, fault, place)),
        };
        let reject = fields.list("reject")?.unwrap_or_default();
        Ok(Self {
            select: selector(select, "replacements.targets.select", unknown)?,
            reject: reject
                .iter()
                .map(|node| selector(node, "replacements.targets.reject", unknown))
                .collect::<Result<_, _>>()?,
            fields: texts.into_iter().map(path).collect::<Result<_, _>>()?,
            options: Options::read(&fields, unknown)?,
            place: node.place,
        })
    }
}

impl Options {
    fn read(of: &Fields<'_>, unknown: Unknown) -> Result<Self, Error> {
        let Some(node) = of.get("options") else { return Ok(Self::default()) };
        // `encoding` is known and does nothing, there as here.
        let known = ["delimiter", "index", "create", "encoding"];
        let fields = Fields::read(node, "replacements.options", &known, unknown)?;
        fields.text("encoding")?;
        Ok(Self { delimiter: fields.text("delimiter")?, index: fields.int("index")?, create: fields.flag("create")? })
    }
}

fn selector(node: &Node, of: &'static str, unknown: Unknown) -> Result<Selector, Error> {
    let fields = Fields::read(node, of, &SELECTOR_FIELDS, unknown)?;
    Ok(Selector {
        group: fields.text("group")?,
        version: fields.text("version")?,
        kind: fields.text("kind")?,
        name: fields.text("name")?,
        namespace: fields.text("namespace")?,
        label_selector: fields.text("labelSelector")?,
        annotation_selector: fields.text("annotationSelector")?,
    })
}

fn bad_path(path: &str, fault: super::path::Fault, place: Place) -> Error {
    Error { place, cause: Cause::Path { path: path.into(), fault } }
}

impl From<(Place, Wrong)> for Error {
    fn from((place, wrong): (Place, Wrong)) -> Self {
        Self { place, cause: Cause::Entry(wrong) }
    }
}
