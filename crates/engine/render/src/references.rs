//! Names inside objects follow the objects they name: after renames, references are set to the new name.
//!
//! The kinds and fields are a table; candidates are found through an index of former names, so the cost is that of
//! walking each object's reference fields once.

use std::collections::HashMap;

use lode_object::{GroupVersionKind, Value};

use crate::error::{Error, ObjectCause};
use crate::field::Absent;
use crate::resource::Resource;
use crate::tables::{self, Gvk, Reference};

/// Sets every reference to what it named when it was written.
pub(crate) fn fix(resources: &mut [Resource]) -> Result<(), Error> {
    let targets = Targets::new(resources);
    if targets.by_name.is_empty() {
        return Ok(());
    }
    resources.iter_mut().try_for_each(|resource| {
        let gvk = resource.gvk();
        let fields = tables::references(&gvk.kind).iter().filter(|field| field.referring.fits(&gvk));
        fields.into_iter().try_for_each(|field| fix_field(resource, field, &targets))
    })
}

fn fix_field(resource: &mut Resource, field: &Reference, targets: &Targets) -> Result<(), Error> {
    let referrer = Referrer::new(resource, field);
    let mut value = std::mem::take(&mut resource.value);
    let outcome = field.path.visit(&mut value, Absent::Leave, &mut |found| match found {
        Value::String(name) => {
            if let Some(target) = targets.find(name, &referrer, Form::Text)? {
                target.name.clone_into(name);
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| fix_item(item, &referrer, targets)),
        Value::Object(_) => fix_item(found, &referrer, targets),
        _ => Ok(()),
    });
    resource.value = value;
    outcome.map_err(|name: Ambiguous| {
        let cause = ObjectCause::AmbiguousReference { field: field.shown.clone(), name: name.0 };
        Error::Object { id: Box::new(resource.id()), origin: resource.origin.clone(), cause }
    })
}

fn fix_item(item: &mut Value, referrer: &Referrer<'_>, targets: &Targets) -> Result<(), Ambiguous> {
    match item {
        Value::String(name) => {
            if let Some(target) = targets.find(name, referrer, Form::Text)? {
                target.name.clone_into(name);
            }
        }
        Value::Object(map) => {
            let text = |field: &str| map.get(field).and_then(Value::as_str);
            let Some(name) = text("name") else { return Ok(()) };
            if let Some(target) = targets.find(name, referrer, Form::Mapping(text("namespace")))? {
                let (name, namespace) = (target.name.clone(), target.namespace.clone());
                if text("name") != Some(&name) || !namespace.is_empty() {
                    map.insert("name".to_owned(), name.into());
                    if !namespace.is_empty() {
                        map.insert("namespace".to_owned(), namespace.into());
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// How a reference is written.
#[derive(Clone, Copy)]
enum Form<'v> {
    /// A name alone.
    Text,
    /// A mapping with a name, and a namespace if it says one.
    Mapping(Option<&'v str>),
}

/// A name that fits several objects.
struct Ambiguous(String);

/// Who refers, as far as it decides what is meant.
struct Referrer<'f> {
    referred: &'f Gvk,
    /// The kind a `roleRef` names.
    role: Option<Gvk>,
    is_cluster_scoped: bool,
    namespace: String,
    prefixes: Vec<Box<str>>,
    suffixes: Vec<Box<str>>,
}

impl<'f> Referrer<'f> {
    fn new(resource: &Resource, field: &'f Reference) -> Self {
        let role = field.shown.ends_with("roleRef/name").then(|| {
            let text = |name: &str| resource.value.get("roleRef")?.get(name)?.as_str().map(Into::into);
            Gvk { group: text("apiGroup"), version: None, kind: text("kind") }
        });
        Self {
            referred: &field.referred,
            role,
            is_cluster_scoped: resource.is_cluster_scoped(),
            namespace: resource.effective_namespace().to_owned(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
        }
    }

    fn may_mean(&self, target: &Target) -> bool {
        let was = |pattern: &Gvk| target.past.iter().any(|(gvk, _)| pattern.fits(gvk));
        was(self.referred)
            && self.role.as_ref().is_none_or(was)
            && (self.is_cluster_scoped
                || target.is_cluster_scoped
                || target.is_account
                || target.effective_namespace == self.namespace)
    }
}

/// An object that was renamed.
struct Target {
    name: String,
    namespace: String,
    effective_namespace: String,
    is_cluster_scoped: bool,
    is_account: bool,
    /// What it was, and in which namespace.
    past: Vec<(GroupVersionKind, Box<str>)>,
    prefixes: Vec<Box<str>>,
    suffixes: Vec<Box<str>>,
}

impl Target {
    fn is_called_as(&self, other: &Self, with_namespace: bool) -> bool {
        self.name == other.name && (!with_namespace || self.namespace == other.namespace)
    }
}

struct Targets {
    all: Vec<Target>,
    /// Places in `all` by every former name.
    by_name: HashMap<Box<str>, Vec<usize>>,
}

impl Targets {
    fn new(resources: &[Resource]) -> Self {
        let mut targets = Self { all: Vec::new(), by_name: HashMap::new() };
        for resource in resources.iter().filter(|resource| !resource.past.is_empty()) {
            let at = targets.all.len();
            for past in &resource.past {
                let places = targets.by_name.entry(past.name.clone()).or_default();
                if places.last() != Some(&at) {
                    places.push(at);
                }
            }
            targets.all.push(Target {
                name: resource.name().to_owned(),
                namespace: resource.namespace().to_owned(),
                effective_namespace: resource.effective_namespace().to_owned(),
                is_cluster_scoped: resource.is_cluster_scoped(),
                is_account: resource.kind() == "ServiceAccount",
                past: resource.past.iter().map(|past| (past.gvk.clone(), past.namespace.clone())).collect(),
                prefixes: resource.prefixes.clone(),
                suffixes: resource.suffixes.clone(),
            });
        }
        targets
    }

    /// Finds what a name means.
    fn find(&self, name: &str, referrer: &Referrer<'_>, form: Form<'_>) -> Result<Option<&Target>, Ambiguous> {
        let (namespace, with_namespace) = match form {
            Form::Text => (None, false),
            Form::Mapping(namespace) => (namespace, true),
        };
        let Some(places) = self.by_name.get(name) else { return Ok(None) };
        let in_namespace = |target: &Target| {
            namespace.is_none_or(|namespace| target.past.iter().any(|(_, past)| **past == *namespace))
        };
        let mut found: Vec<&Target> = places
            .iter()
            .map(|&at| &self.all[at])
            .filter(|target| in_namespace(target) && referrer.may_mean(target))
            .collect();
        for strict in [false, true] {
            if found.len() > 1 {
                found.retain(|target| same_layers(referrer, target, strict));
            }
        }
        match found.as_slice() {
            [] => Ok(None),
            [first, rest @ ..] if rest.iter().all(|target| target.is_called_as(first, with_namespace)) => {
                Ok(Some(first))
            }
            _ => Err(Ambiguous(name.to_owned())),
        }
    }
}

/// Tells whether two objects went through the same renaming layers, as far as both went.
fn same_layers(referrer: &Referrer<'_>, target: &Target, strict: bool) -> bool {
    let same = |a: &[Box<str>], b: &[Box<str>]| {
        if a.is_empty() || b.is_empty() {
            return !strict || a.len() == b.len();
        }
        a.iter().rev().zip(b.iter().rev()).all(|(a, b)| a == b)
    };
    same(&referrer.prefixes, &target.prefixes) && same(&referrer.suffixes, &target.suffixes)
}
