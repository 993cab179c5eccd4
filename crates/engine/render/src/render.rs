//! [`render`]: tree and plan in, final objects out.
//!
//! The text of each object is written once, hashed, and forgotten: at no time is the whole text in memory.

use std::collections::HashMap;
use std::fmt;

use lode_object::{Id, Object, Value};
use lode_tree::{ReadSet, RepoPath, Tree};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ObjectCause};
use crate::flux;
use crate::load::Source;
use crate::plan::{Plan, Substitution};
use crate::resource::Resource;
use crate::substitute;

/// Where an object was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file; for a generated object, the kustomization.
    pub path: RepoPath,
    /// Its first line in it, from 1; 0 for what the plan brings, where `path` is the folder's kustomization.
    pub line: u32,
}

/// A final object and where it comes from. Shown without its content, which may be secret.
#[derive(Clone, PartialEq)]
pub struct Prepared {
    /// The object.
    pub object: Object,
    /// Where it was read.
    pub origin: Origin,
}

/// What a plan makes of a tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The objects in the order of the build.
    pub objects: Vec<Prepared>,
    /// SHA-256 of the rendered text (documents joined by `---`), in hexadecimal.
    pub text_digest: String,
    /// What was read of the tree.
    pub reads: ReadSet,
}

/// Builds a folder, lays the plan's overrides over it and replaces variables.
///
/// # Errors
/// The folder or a file it names is missing or wrong, a field is not supported yet, or a variable has no value.
pub fn render(tree: &Tree, plan: &Plan) -> Result<Rendered, Error> {
    if let Some(substitution) = &plan.substitute {
        substitute::check_names(substitution)?;
    }
    let mut source = Source { tree, reads: ReadSet::default() };
    let resources = flux::build(&mut source, plan)?;
    let mut printer = Printer::new(plan.substitute.as_ref());
    let mut objects = Vec::with_capacity(resources.len());
    for resource in resources {
        let prepared = printer.print(resource)?;
        if !is_configuration(&prepared.object) {
            objects.push(with_common_metadata(prepared, plan));
        }
    }
    refuse_twins(&objects)?;
    Ok(Rendered { objects, text_digest: printer.digest(), reads: source.reads })
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.object.id(), self.origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}, with the Kustomization's spec", self.path),
            line => write!(f, "{}:{line}", self.path),
        }
    }
}

/// Writes objects one after the other into the digest, with variables replaced.
struct Printer<'p> {
    substitution: Option<&'p Substitution>,
    text: String,
    hasher: Sha256,
    is_first: bool,
}

impl<'p> Printer<'p> {
    fn new(substitution: Option<&'p Substitution>) -> Self {
        let substitution = substitution.filter(|substitution| substitution.always || !substitution.vars.is_empty());
        Self { substitution, text: String::new(), hasher: Sha256::new(), is_first: true }
    }

    fn print(&mut self, resource: Resource) -> Result<Prepared, Error> {
        let Resource { value, origin, .. } = self.substituted(resource)?;
        if !std::mem::take(&mut self.is_first) {
            self.hasher.update(b"---\n");
        }
        self.hasher.update(self.text.as_bytes());
        match Object::parse(value) {
            Ok(object) => Ok(Prepared { object, origin }),
            Err(cause) => Err(Error::file(&origin, cause)),
        }
    }

    /// Leaves the object's text in `self.text` and returns the object as that text says.
    fn substituted(&mut self, mut resource: Resource) -> Result<Resource, Error> {
        self.text.clear();
        lode_yaml::write(&mut self.text, &resource.value);
        let Some(substitution) = self.substitution else { return Ok(resource) };
        if !self.text.contains('$') || substitute::is_disabled(&resource.value) {
            return Ok(resource);
        }
        let replaced = substitute::replace(&self.text, substitution);
        let value = replaced.and_then(|text| {
            lode_yaml::parse(text.as_bytes(), lode_yaml::Dialect::V2).map_err(ObjectCause::Substituted)
        });
        match value {
            Ok(value) => resource.value = value,
            Err(cause) => {
                return Err(Error::Object { id: Box::new(resource.id()), origin: resource.origin, cause });
            }
        }
        self.text.clear();
        lode_yaml::write(&mut self.text, &resource.value);
        Ok(resource)
    }

    fn digest(self) -> String {
        self.hasher.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

/// Kustomize's own kinds are instructions, not objects of a cluster.
fn is_configuration(object: &Object) -> bool {
    object.api_version().starts_with("kustomize.config.k8s.io/")
        && matches!(object.kind(), "Kustomization" | "Component")
}

fn with_common_metadata(mut prepared: Prepared, plan: &Plan) -> Prepared {
    for (key, value) in &plan.common_labels {
        prepared.object.set_label(key, value);
    }
    for (key, value) in &plan.common_annotations {
        prepared.object.set_annotation(key, value);
    }
    prepared
}

/// The API knows one object per group, kind, namespace and name, whatever its version: two would fight.
fn refuse_twins(objects: &[Prepared]) -> Result<(), Error> {
    let mut seen: HashMap<Id, &Origin> = HashMap::with_capacity(objects.len());
    for Prepared { object, origin } in objects {
        let id = object.id();
        if let Some(first) = seen.get(&id) {
            return Err(Error::Duplicate { id: Box::new(id), first: (*first).clone(), second: origin.clone() });
        }
        seen.insert(id, origin);
    }
    Ok(())
}

/// Tells whether a value is an empty mapping or nothing.
pub(crate) fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(lode_object::Map::is_empty)
}
