//! [`render`]: tree and plan in, final objects out.
//!
//! The text of each object is written once, hashed, and forgotten: at no time is the whole text in memory.

use std::collections::HashMap;
use std::fmt;

use lode_kustomize::{Built, Files, Origin, Sources};
use lode_object::{Id, Object};
use lode_tree::{Loader, ReadSet};
use lode_yaml::Dialect;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ObjectCause};
use crate::fields::{self, Dropped};
use crate::flux;
use crate::plan::{Plan, Substitution};
use crate::substitute;

/// A final object and where it comes from. Shown without its content, which may be secret.
#[derive(Clone, PartialEq)]
pub struct Prepared {
    /// The object.
    pub object: Object,
    /// Where it was read.
    pub origin: Origin,
    /// Every file that has a part in it, where the plan wants that.
    pub sources: Option<Sources>,
    /// Fields that Flux drops because the type of the object does not have them.
    pub dropped: Vec<Dropped>,
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
pub fn render(loader: &dyn Loader, plan: &Plan) -> Result<Rendered, Error> {
    if let Some(substitution) = &plan.substitute {
        substitute::check_names(substitution)?;
    }
    let built = flux::build(loader, plan)?;
    let mut printer = Printer::new(plan.substitute.as_ref());
    let mut objects = Vec::with_capacity(built.objects.len());
    for object in built.objects {
        let sources = plan.sources.then(|| object.sources(&built.files));
        let prepared = Prepared { sources, ..printer.print(object, &built.files, plan.by_type)? };
        if !is_configuration(&prepared.object) {
            objects.push(with_common_metadata(prepared, plan));
        }
    }
    refuse_twins(&objects)?;
    Ok(Rendered { objects, text_digest: printer.digest(), reads: built.reads })
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.object.id(), self.origin)
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

    /// Writes an object; what is returned is what Flux keeps of it, if that is wanted.
    fn print(&mut self, built: Built, files: &Files, by_type: bool) -> Result<Prepared, Error> {
        let mut object = self.substituted(&built)?;
        let mut dropped = Vec::new();
        if let Some((kept, fields)) = fields::kept(&object, &built, files) {
            dropped = fields;
            if by_type {
                object = Object::parse(kept).map_err(|error| built_fault(&built, error.into()))?;
            }
        }
        if !std::mem::take(&mut self.is_first) {
            self.hasher.update(b"---\n");
        }
        self.hasher.update(self.text.as_bytes());
        Ok(Prepared { object, origin: built.origin, sources: None, dropped })
    }

    /// Leaves the object's text in `self.text` and returns the object as that text says.
    fn substituted(&mut self, built: &Built) -> Result<Object, Error> {
        self.text.clear();
        built.write(&mut self.text)?;
        let Some(substitution) = self.substitution else { return Ok(built.to_object()?) };
        if !self.text.contains('$') || substitute::is_disabled(&built.node) {
            return Ok(built.to_object()?);
        }
        let replaced = substitute::replace(&self.text, substitution);
        let value =
            replaced.and_then(|text| lode_yaml::parse(text.as_bytes(), Dialect::V2).map_err(ObjectCause::Substituted));
        let object = value.and_then(|value| Ok(Object::parse(value)?));
        let object = object.map_err(|cause| built_fault(built, cause))?;
        self.text.clear();
        lode_yaml::write(&mut self.text, object.value());
        Ok(object)
    }

    fn digest(self) -> String {
        self.hasher.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

fn built_fault(built: &Built, cause: ObjectCause) -> Error {
    Error::Object { id: Box::new(built.id()), origin: built.origin.clone(), cause }
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
    for Prepared { object, origin, .. } in objects {
        let id = object.id();
        if let Some(first) = seen.get(&id) {
            return Err(Error::Duplicate { id: Box::new(id), first: (*first).clone(), second: origin.clone() });
        }
        seen.insert(id, origin);
    }
    Ok(())
}
