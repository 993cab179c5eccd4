//! Updates references between objects: after renames, references get the new name.
//!
//! The kinds and fields come from the configuration; candidates are found through an index of
//! former names, so the cost is one walk through each object's reference fields.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use lode_object::GroupVersionKind;
use lode_stdx::budget::{Budget, Exceeded, Meter};
use lode_yaml::{Content, Cost, Node, Place};

use crate::config::configuration::Configuration;
use crate::config::fieldspec::{self, FieldSpec, Make, Misfit};
use crate::config::gvk::Gvk;
use crate::error::{Fault, ObjectCause};
use crate::object::parts::Parts;
use crate::object::resource::{Identity, NO_NAMESPACE, Resource};

/// Updates every reference to the object it originally named.
pub(crate) fn fix(
    resources: &mut [Resource],
    configuration: &Configuration,
    budget: &Budget,
) -> Result<(), Fault> {
    let meter = Meter::new(budget);
    let targets = Targets::new(resources, &meter)
        .map_err(|exceeded| Fault::from(exceeded).during(DOING, Place::default()))?;
    let mut fields: HashMap<GroupVersionKind, Vec<ReferenceField<'_>>> = HashMap::new();
    for resource in resources.iter_mut() {
        let referrer = Referrer::new(resource)?;
        if targets.by_name.is_empty() {
            continue;
        }

        let during = |exceeded: Exceeded| Fault::from(exceeded).during(DOING, resource.place);
        let gvk = resource.original().gvk;
        let fields = match fields.entry(gvk) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let found =
                    ReferenceField::of(free.key(), configuration, &meter).map_err(during)?;
                free.insert(found)
            }
        };
        meter.steps(fields.len() as u64).map_err(during)?;
        for field in fields {
            fix_field(resource, field, (&referrer, &targets, &meter))
                .map_err(|fault| fault.during(DOING, resource.place))?;
        }
    }
    Ok(())
}

const DOING: &str = "set names that refer to objects";

/// A field that names objects of a kind.
struct ReferenceField<'c> {
    spec: &'c FieldSpec,
    referred: &'c Gvk,
}

impl<'c> ReferenceField<'c> {
    fn of(
        gvk: &GroupVersionKind,
        configuration: &'c Configuration,
        meter: &Meter<'_>,
    ) -> Result<Vec<Self>, Exceeded> {
        let all: u64 = configuration
            .references
            .iter()
            .map(|referred| FieldSpec::steps(&referred.fields))
            .sum();
        meter.steps(all)?;
        let all = configuration.references.iter();
        let all = all.flat_map(|referred| {
            referred.fields.iter().map(|spec| Self {
                spec,
                referred: &referred.gvk,
            })
        });
        let fitting: Vec<Self> = all.filter(|field| field.spec.fits(gvk)).collect();
        meter.bytes((fitting.len() * size_of::<Self>()) as u64)?;
        Ok(fitting)
    }
}

fn fix_field(
    resource: &mut Resource,
    field: &ReferenceField<'_>,
    (referrer, targets, meter): (&Referrer, &Targets, &Meter<'_>),
) -> Result<(), Fault> {
    let role = field
        .spec
        .path
        .ends_with("roleRef/name")
        .then(|| role(&resource.node))
        .flatten();
    let look = Look {
        referrer,
        targets,
        referred: field.referred,
        role,
        meter,
    };
    let mut ambiguous = None;
    let said = targets
        .any_hidden
        .then(|| resource.said(meter.budget()))
        .transpose()?
        .map(Box::new);
    let mut veiled = false;
    let parts = &mut resource.parts;
    let outcome = field
        .spec
        .visit(&mut resource.node, (Make::Nothing, meter), &mut |found| {
            let items = match &mut found.content {
                Content::Sequence(items) => items.as_mut_slice(),
                _ => std::slice::from_mut(found),
            };
            meter.steps(items.len() as u64)?;
            items.iter_mut().try_for_each(|item| match look.fix(item) {
                Err(Problem::Ambiguous(name)) => {
                    ambiguous = Some(name);
                    Err("it may mean several objects".into())
                }
                Err(Problem::Misfit(misfit)) => Err(misfit),
                Ok(None) => Ok(()),
                Ok(Some(target)) => {
                    meter.steps(target.namers.len())?;
                    meter.bytes(size_of::<u32>() as u64 * target.namers.len())?;
                    parts.take_in(&target.namers);
                    veiled |= target.is_hidden;
                    Ok(())
                }
            })
        });
    let words = resource.words.take().or(veiled.then_some(said).flatten());
    resource.words = words;
    outcome.map_err(|misfit| match ambiguous {
        Some(name) => {
            let cause = ObjectCause::AmbiguousReference {
                field: field.spec.path.to_string(),
                name,
            };
            resource.discreet(Fault::Object {
                id: Box::new(resource.id()),
                at: resource.place,
                cause,
            })
        }
        None => resource.misfit(&field.spec.path, misfit),
    })
}

/// Returns the kind named by a role binding's `roleRef`.
fn role(object: &Node) -> Option<Gvk> {
    let text = |name: &str| object.at(&["roleRef", name])?.text();
    let (group, kind) = (text("apiGroup")?, text("kind")?);
    let some = |text: &str| (!text.is_empty()).then(|| text.into());
    Some(Gvk {
        group: some(group),
        version: None,
        kind: some(kind),
    })
}

enum Problem {
    /// The name matches several objects.
    Ambiguous(String),
    Misfit(Misfit),
}

/// One field of one object, and its candidates.
struct Look<'l> {
    referrer: &'l Referrer,
    targets: &'l Targets,
    referred: &'l Gvk,
    role: Option<Gvk>,
    meter: &'l Meter<'l>,
}

impl<'l> Look<'l> {
    /// Updates one reference: a name, or a mapping with a name and possibly a namespace. Returns
    /// its target.
    fn fix(&self, item: &mut Node) -> Result<Option<&'l RenamedObject>, Problem> {
        match &item.content {
            Content::Scalar(_) if item.is_null() => Ok(None),
            Content::Scalar(name) => match self.find(name, None, false)? {
                Some(target) if *target.name != **name => {
                    self.set(item, target).map(|()| Some(target))
                }
                _ => Ok(None),
            },
            Content::Mapping(_) => self.fix_mapping(item),
            Content::Sequence(_) => Err(Problem::Misfit("a name or a mapping was expected".into())),
        }
    }

    fn fix_mapping(&self, item: &mut Node) -> Result<Option<&'l RenamedObject>, Problem> {
        let text = |field: &str| {
            item.get(field)
                .map(|node| node.text().unwrap_or_default().to_owned())
        };
        let name = text("name").ok_or_else(|| Problem::Misfit("it has no name".into()))?;
        let namespace = text("namespace");
        let Some(target) = self.find(&name, namespace.as_deref(), true)? else {
            return Ok(None);
        };
        if target.name == name && target.namespace.is_empty() {
            return Ok(None);
        }
        for (field, text) in [("name", &target.name), ("namespace", &target.namespace)] {
            if !text.is_empty() {
                Cost::of_text(text).charge_meter(self.meter)?;
                let new = Node::plain(text.as_str()).placed(target.place);
                fieldspec::set_entry(item, field, new).map_err(Problem::Misfit)?;
            }
        }
        Ok(Some(target))
    }

    /// Finds the target of a name; the namespace is the one written next to it.
    fn find(
        &self,
        name: &str,
        namespace: Option<&str>,
        with_namespace: bool,
    ) -> Result<Option<&'l RenamedObject>, Problem> {
        let Some(places) = self.targets.by_name.get(name) else {
            return Ok(None);
        };
        let origins = if self.referrer.is_cluster_scoped {
            self.targets.origins.len()
        } else {
            1
        };
        let nearby = origins + self.referrer.account_namespaces.len();
        let asked = places.iter().filter_map(|at| self.targets.all.get(*at));
        let asked: u64 = asked
            .map(|target| FIND_STEPS + target.past.len() as u64)
            .sum();
        self.meter.steps(
            asked
                + if namespace.is_some() {
                    nearby as u64
                } else {
                    0
                },
        )?;
        let by_original =
            namespace.is_some_and(|namespace| self.targets.come_from(namespace, self.referrer));
        let in_namespace = |target: &RenamedObject| match namespace {
            None => true,
            Some(namespace) if by_original => *target.original_namespace == *namespace,
            Some(namespace) => *target.effective_namespace == *namespace,
        };
        let mut found: Vec<&'l RenamedObject> = places
            .iter()
            .filter_map(|&at| self.targets.all.get(at))
            .filter(|target| self.may_mean(target) && in_namespace(target))
            .collect();
        if found.len() != 1 {
            found.retain(|target| same_layers(self.referrer, target, false));
        }
        if found.len() > 1 {
            found.retain(|target| same_layers(self.referrer, target, true));
        }
        match found.as_slice() {
            [] => Ok(None),
            [first, rest @ ..]
                if rest
                    .iter()
                    .all(|target| target.is_called_as(first, with_namespace)) =>
            {
                Ok(Some(first))
            }
            _ => Err(Problem::Ambiguous(name.to_owned())),
        }
    }

    fn set(&self, item: &mut Node, target: &RenamedObject) -> Result<(), Problem> {
        Cost::of_text(&target.name).charge_meter(self.meter)?;
        fieldspec::set(item, Node::plain(target.name.as_str()).placed(target.place))
            .map_err(Problem::Misfit)
    }

    fn may_mean(&self, target: &RenamedObject) -> bool {
        let was = |pattern: &Gvk| target.past.iter().any(|past| pattern.fits(&past.gvk));
        was(self.referred) && self.role.as_ref().is_none_or(was) && self.referrer.sees(target)
    }
}

/// The referring object, as far as it affects the choice of target.
struct Referrer {
    is_cluster_scoped: bool,
    namespace: Box<str>,
    /// The namespaces of the accounts that a role binding names.
    account_namespaces: HashSet<String>,
    prefixes: Vec<Box<str>>,
    suffixes: Vec<Box<str>>,
}

impl Referrer {
    fn new(resource: &Resource) -> Result<Self, Fault> {
        Ok(Self {
            is_cluster_scoped: resource.is_cluster_scoped(),
            namespace: resource.effective_namespace().into(),
            account_namespaces: account_namespaces(resource)?,
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
        })
    }

    fn sees(&self, target: &RenamedObject) -> bool {
        self.is_cluster_scoped
            || target.is_cluster_scoped
            || target.effective_namespace == self.namespace
            || (target.is_account && self.account_namespaces.contains(&target.namespace))
    }
}

fn account_namespaces(resource: &Resource) -> Result<HashSet<String>, Fault> {
    let mut namespaces = HashSet::new();
    if resource.kind() != "RoleBinding" || resource.is_cluster_scoped() {
        return Ok(namespaces);
    }
    for subject in resource
        .node
        .get("subjects")
        .and_then(Node::items)
        .unwrap_or_default()
    {
        let is_account = subject.get("kind").and_then(Node::text) == Some("ServiceAccount");
        let Some(namespace) = subject.get("namespace").filter(|_| is_account) else {
            continue;
        };
        if !namespace.is_string() {
            let cause = ObjectCause::BlankNamespace;
            return Err(Fault::Object {
                id: Box::new(resource.id()),
                at: resource.place,
                cause,
            });
        }
        namespaces.insert(namespace.text().unwrap_or_default().to_owned());
    }
    Ok(namespaces)
}

/// An object that was renamed.
struct RenamedObject {
    name: String,
    namespace: String,
    effective_namespace: Box<str>,
    original_namespace: Box<str>,
    is_cluster_scoped: bool,
    is_account: bool,
    past: Vec<Identity>,
    prefixes: Vec<Box<str>>,
    suffixes: Vec<Box<str>>,
    place: lode_yaml::Place,
    namers: Parts,
    /// Whether its name or namespace contains a value of a Secret.
    is_hidden: bool,
}

impl RenamedObject {
    /// Returns the approximate number of bytes a renamed object uses here.
    fn bytes(resource: &Resource) -> u64 {
        let past: usize = resource
            .past
            .iter()
            .map(|past| 2 * past.name.len() + past.namespace.len() + PAST_BYTES)
            .sum();
        let layers = resource.prefixes.iter().chain(&resource.suffixes);
        let layers: usize = layers
            .map(|layer| size_of::<Box<str>>() + layer.len())
            .sum();
        size_of::<Self>() as u64 + resource.name_bytes() + (past + layers) as u64
    }

    fn new(resource: &Resource) -> Self {
        Self {
            name: resource.name().to_owned(),
            namespace: resource.namespace().to_owned(),
            effective_namespace: resource.effective_namespace().into(),
            original_namespace: resource.original().namespace,
            is_cluster_scoped: resource.is_cluster_scoped(),
            is_account: resource.kind() == "ServiceAccount",
            past: resource.past.clone(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
            place: resource
                .node
                .at(&["metadata", "name"])
                .map_or(resource.place, |name| name.place),
            namers: resource.namers.clone(),
            is_hidden: !resource.is_named_openly(),
        }
    }

    fn is_called_as(&self, other: &Self, with_namespace: bool) -> bool {
        self.name == other.name && (!with_namespace || self.namespace == other.namespace)
    }
}

/// Bytes of a former name apart from its texts: the name itself and its place in the index.
const PAST_BYTES: usize = 256;

struct Targets {
    all: Vec<RenamedObject>,
    /// Positions in `all` by every former name.
    by_name: HashMap<Box<str>, Vec<usize>>,
    /// The original namespaces of objects, by their current one.
    origins: HashMap<Box<str>, HashSet<Box<str>>>,
    /// Whether any of them is hidden.
    any_hidden: bool,
}

impl Targets {
    fn new(resources: &[Resource], meter: &Meter<'_>) -> Result<Self, Exceeded> {
        let mut targets = Self {
            all: Vec::new(),
            by_name: HashMap::new(),
            origins: HashMap::new(),
            any_hidden: false,
        };
        for resource in resources {
            let layers = resource.past.len() + resource.prefixes.len() + resource.suffixes.len();
            meter.steps(FIND_STEPS + layers as u64)?;
            let now: Box<str> = resource.effective_namespace().into();
            targets
                .origins
                .entry(now)
                .or_default()
                .insert(resource.original().namespace);
            if resource.past.is_empty() {
                continue;
            }
            meter.bytes(RenamedObject::bytes(resource))?;
            let at = targets.all.len();
            for past in &resource.past {
                let places = targets.by_name.entry(past.name.clone()).or_default();
                if places.last() != Some(&at) {
                    places.push(at);
                }
            }
            let target = RenamedObject::new(resource);
            targets.any_hidden |= target.is_hidden;
            targets.all.push(target);
        }
        Ok(targets)
    }

    /// Returns whether any object that a referrer may name comes from a namespace.
    fn come_from(&self, namespace: &str, referrer: &Referrer) -> bool {
        if namespace == NO_NAMESPACE {
            return false;
        }
        if referrer.is_cluster_scoped {
            return self
                .origins
                .values()
                .any(|origins| origins.contains(namespace));
        }
        let nearby = [&*referrer.namespace, NO_NAMESPACE].into_iter();
        let mut nearby = nearby.chain(referrer.account_namespaces.iter().map(String::as_str));
        nearby.any(|now| {
            self.origins
                .get(now)
                .is_some_and(|origins| origins.contains(namespace))
        })
    }
}

/// Returns whether two objects went through the same renaming layers, as far as both have any.
fn same_layers(referrer: &Referrer, target: &RenamedObject, strict: bool) -> bool {
    let same = |a: &[Box<str>], b: &[Box<str>]| {
        if a.is_empty() || b.is_empty() {
            return !strict || a.len() == b.len();
        }
        a.iter().rev().zip(b.iter().rev()).all(|(a, b)| a == b)
    };
    same(&referrer.prefixes, &target.prefixes) && same(&referrer.suffixes, &target.suffixes)
}

/// Steps for checking one candidate.
const FIND_STEPS: u64 = 8;

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        Self::Misfit(exceeded.into())
    }
}
