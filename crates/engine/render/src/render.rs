//! [`render`]: turns a tree and a plan into final objects.
//!
//! The text of each object is written once, hashed and dropped: the whole text is never in memory.

use std::collections::HashMap;
use std::fmt;

use lode_kustomize::{Built, Charts, Files, Origin, Sources};
use lode_object::{Id, Object, Secrecy};
use lode_stdx::budget::{Budget, Exceeded};
use lode_tree::{Loader, ReadSet, RepoPath};
use lode_yaml::{Cost, Dialect, Node};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ObjectCause};
use crate::fields::{self, Dropped};
use crate::flux;
use crate::plan::Plan;
use crate::substitute::{self, Variables};
use crate::{secret, source};

/// A final object and its origin. Shown without its content, which may be secret.
#[derive(Clone, PartialEq)]
pub struct Prepared {
    /// The object.
    pub object: Object,
    /// The place it was read.
    pub origin: Origin,
    /// Every file that affects it, if the plan requests that.
    pub sources: Option<Sources>,
    /// Fields that Flux drops because the object's type does not have them.
    pub dropped: Vec<Dropped>,
    /// What messages may show of it.
    pub secrecy: Secrecy,
}

/// The result of rendering.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The objects in the order of the build.
    pub objects: Vec<Prepared>,
    /// SHA-256 of the rendered text (documents joined by `---`), in hexadecimal.
    pub text_digest: String,
    /// The parts of the tree that were read.
    pub reads: ReadSet,
}

/// Builds a folder, applies the plan's overrides and replaces variables.
///
/// # Errors
/// The folder or a file it names is missing or invalid, a field is not supported yet, a variable
/// has no value, or the budget is exceeded.
pub fn render(loader: &dyn Loader, plan: &Plan, budget: &Budget) -> Result<Rendered, Error> {
    render_with_charts(loader, plan, (None, budget))
}

/// As [`render()`], with a renderer of charts if there is one.
///
/// # Errors
/// As [`render()`], or a chart cannot be rendered.
pub fn render_with_charts(
    loader: &dyn Loader,
    plan: &Plan,
    (charts, budget): (Option<&dyn Charts>, &Budget),
) -> Result<Rendered, Error> {
    if let Some(substitution) = &plan.substitute {
        substitute::check_names(substitution)?;
    }
    let built = flux::build(loader, plan, (charts, budget))?;
    let wish = plan
        .substitute
        .as_ref()
        .filter(|wish| wish.always || !wish.vars.is_empty());
    let variables = wish.map(|wish| Variables::new(wish, budget)).transpose();
    let variables = variables.map_err(|source| {
        let origin = Origin {
            path: RepoPath::parse_rooted(&plan.path).unwrap_or_default(),
            line: 0,
        };
        lode_kustomize::Error::Exceeded {
            origin,
            doing: "read variables",
            source,
        }
    })?;
    let mut printer = Printer::new(&built.files, variables, budget);
    let mut objects = Vec::with_capacity(built.objects.len());
    for object in built.objects {
        let sources = plan.sources.then(|| object.sources(&built.files));
        let before = secret::before(&object, plan.substitute.as_ref(), budget)?;
        let is_copied = object.words.is_some();
        let printed = printer.print(object, plan.by_type).map_err(|error| {
            if before.is_some() {
                secret::discreet(error, is_copied)
            } else {
                error
            }
        });
        let mut prepared = Prepared {
            sources,
            ..printed?
        };
        prepared.secrecy = secret::secrecy(before, &prepared.object);
        if !is_configuration(&prepared.object) {
            objects.push(with_common_metadata(prepared, plan, budget)?);
        }
    }
    refuse_twins(&objects)?;
    Ok(Rendered {
        objects,
        text_digest: printer.digest(),
        reads: built.reads,
    })
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({})",
            self.secrecy.id(&self.object.id()),
            self.origin
        )
    }
}

/// Writes objects one after the other into the digest, with variables replaced.
struct Printer<'p> {
    files: &'p Files,
    variables: Option<Variables<'p>>,
    budget: &'p Budget,
    text: String,
    hasher: Sha256,
    is_first: bool,
}

impl<'p> Printer<'p> {
    fn new(files: &'p Files, variables: Option<Variables<'p>>, budget: &'p Budget) -> Self {
        Self {
            files,
            variables,
            budget,
            text: String::new(),
            hasher: Sha256::new(),
            is_first: true,
        }
    }

    /// Writes an object; returns the part of it that Flux keeps, if requested.
    fn print(&mut self, built: Built, by_type: bool) -> Result<Prepared, Error> {
        let mut object = self.substituted(&built)?;
        let mut dropped = Vec::new();
        let exceeded = |source| {
            built_fault(
                &built,
                ObjectCause::Exceeded {
                    doing: "read the object by its type",
                    source,
                },
            )
        };
        built
            .node
            .cost()
            .charge_value(self.budget)
            .map_err(exceeded)?;
        if let Some((kept, fields)) = fields::kept(&object, &built, self.files) {
            let names: usize = fields
                .iter()
                .map(|dropped| size_of::<Dropped>() + dropped.field.len())
                .sum();
            self.budget.bytes(names as u64).map_err(exceeded)?;
            dropped = fields;
            if by_type {
                object = Object::parse(kept).map_err(|error| built_fault(&built, error.into()))?;
            }
        }
        if !std::mem::take(&mut self.is_first) {
            self.hasher.update(b"---\n");
        }
        self.hasher.update(self.text.as_bytes());
        let secrecy = Secrecy::default();
        Ok(Prepared {
            object,
            origin: built.origin,
            sources: None,
            dropped,
            secrecy,
        })
    }

    /// Leaves the object's text in `self.text` and returns the object parsed from that text.
    fn substituted(&mut self, built: &Built) -> Result<Object, Error> {
        self.text.clear();
        built.write_within(&mut self.text, self.budget)?;
        let Some(variables) = &self.variables else {
            return Ok(built.to_object_within(self.budget)?);
        };
        if !self.text.contains('$') || substitute::is_disabled(&built.node) {
            return Ok(built.to_object_within(self.budget)?);
        }

        let is_secret = built.node.get("kind").and_then(Node::text) == Some("Secret");
        let replaced = substitute::replace(&self.text, (variables, is_secret), self.budget)
            .map_err(|problem| self.fault(built, problem.at, problem.cause))?;
        let value = lode_yaml::parse_within(replaced.as_bytes(), Dialect::V2, self.budget)
            .map_err(|error| {
                let line = error.line;
                let cause = match error.cause {
                    lode_yaml::Cause::Exceeded(source) => ObjectCause::Exceeded {
                        doing: "read the object again",
                        source,
                    },
                    cause => ObjectCause::Substituted(cause),
                };
                // No value has a line break, so both texts have the same lines.
                self.fault(built, end_of_line(&self.text, line), cause)
            })?;
        let object = Object::parse(value).map_err(|error| self.fault(built, 0, error.into()))?;

        self.text.clear();
        lode_yaml::write_within(&mut self.text, object.value(), self.budget).map_err(|source| {
            let cause = ObjectCause::Exceeded {
                doing: "write the object",
                source,
            };
            self.fault(built, 0, cause)
        })?;
        Ok(object)
    }

    /// Returns the error for the expression at or before a position of the rendered text, or for
    /// the object.
    fn fault(&self, built: &Built, at: usize, cause: ObjectCause) -> Error {
        let origin = source::of_expression(&built.node, &self.text, at)
            .map(|place| self.files.origin(place));
        Error::Object {
            id: Box::new(built.id()),
            origin: origin.unwrap_or_else(|| built.origin.clone()),
            cause,
        }
    }

    fn digest(self) -> String {
        self.hasher
            .finalize()
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

fn built_fault(built: &Built, cause: ObjectCause) -> Error {
    Error::Object {
        id: Box::new(built.id()),
        origin: built.origin.clone(),
        cause,
    }
}

/// Returns the position of a line's last byte; lines count from 1.
fn end_of_line(text: &str, line: u32) -> usize {
    let lines = text.split_inclusive('\n').take(line as usize);
    lines.map(str::len).sum::<usize>().saturating_sub(1)
}

/// Kustomize's own kinds are instructions, not objects of a cluster.
fn is_configuration(object: &Object) -> bool {
    object.api_version().starts_with("kustomize.config.k8s.io/")
        && matches!(object.kind(), "Kustomization" | "Component")
}

fn with_common_metadata(
    mut prepared: Prepared,
    plan: &Plan,
    budget: &Budget,
) -> Result<Prepared, Error> {
    let pairs = plan.common_labels.iter().chain(&plan.common_annotations);
    for (key, value) in pairs {
        Cost::of_text(value)
            .under(key)
            .charge_value(budget)
            .map_err(|source| exceeded(&prepared, source))?;
    }
    for (key, value) in &plan.common_labels {
        prepared.object.set_label(key, value);
    }
    for (key, value) in &plan.common_annotations {
        prepared.object.set_annotation(key, value);
    }
    Ok(prepared)
}

fn exceeded(prepared: &Prepared, source: Exceeded) -> Error {
    let cause = ObjectCause::Exceeded {
        doing: "add common metadata",
        source,
    };
    let id = Box::new(prepared.secrecy.masked(&prepared.object.id()));
    Error::Object {
        id,
        origin: prepared.origin.clone(),
        cause,
    }
}

/// The API has one object per group, kind, namespace and name, whatever the version: two would
/// overwrite each other.
fn refuse_twins(objects: &[Prepared]) -> Result<(), Error> {
    let mut seen: HashMap<Id, &Origin> = HashMap::with_capacity(objects.len());
    for Prepared {
        object,
        origin,
        secrecy,
        ..
    } in objects
    {
        let id = object.id();
        if let Some(first) = seen.get(&id) {
            let id = Box::new(secrecy.masked(&id));
            return Err(Error::Build(lode_kustomize::Error::Duplicate {
                id,
                first: (*first).clone(),
                second: origin.clone(),
            }));
        }
        seen.insert(id, origin);
    }
    Ok(())
}
