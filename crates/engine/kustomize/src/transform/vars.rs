//! `vars`: values of objects' fields substituted for `$(NAME)` in other fields.
//!
//! Input: the entries, the objects of the kustomization that has them ([`bind`]), and at the end of
//! the build all objects with their final names ([`resolve`]). Output: the objects with references
//! replaced, and the names of unused variables. References to undefined variables stay.

mod expand;
mod value;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use lode_object::Id;
use lode_stdx::budget::{Budget, Exceeded, Meter};
use lode_yaml::{Content, Cost, Node, Place, Tag};

use self::expand::{Expanded, expand};
use self::value::Value;
use crate::config::fieldspec::{FieldSpec, Make, Misfit};
use crate::config::gvk::Gvk;
use crate::error::{Fault, FileCause};
use crate::input::decode::{Mapping, Mode};
use crate::object::parts::Parts;
use crate::object::resource::Resource;
use crate::transform::replacement::path::Path;
use crate::transform::replacement::walk::is_untyped;

/// One entry of `vars`.
#[derive(Debug, Clone)]
pub(crate) struct Var {
    name: Box<str>,
    object: ObjectRef,
    field: Path,
    place: Place,
}

/// The object that a variable takes its value from, by a current or former name; an empty namespace
/// means any.
#[derive(Debug, Clone, Default)]
struct ObjectRef {
    group: String,
    version: String,
    kind: String,
    name: String,
    namespace: String,
}

/// A variable that cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub(crate) struct Error {
    /// The place of the variable; for a field that cannot be walked, the place of the object.
    pub(crate) place: Place,
    /// The cause.
    pub(crate) cause: VarCause,
}

impl Error {
    /// Returns the fault of a build.
    pub(crate) fn into_fault(self) -> Fault {
        match self.cause {
            VarCause::Exceeded(exceeded) => {
                Fault::from(exceeded).during("replace variables", self.place)
            }
            cause => Fault::At(self.place, FileCause::Var(cause.to_string())),
        }
    }
}

/// Why a variable cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VarCause {
    /// The name is defined twice.
    #[error("variable {0} is there twice")]
    Twice(Box<str>),
    /// More than one object matches.
    #[error("variable {name}: {found} objects could be meant")]
    Ambiguous {
        /// The variable.
        name: Box<str>,
        /// The number of matching objects.
        found: usize,
    },
    /// No object matches.
    #[error("variable {0}: there is no such object")]
    NoObject(Box<str>),
    /// The object has no such field, or the field has no readable value.
    #[error("variable {name}: {id} has no value at \"{path}\"")]
    NoValue {
        /// The variable.
        name: Box<str>,
        /// The object.
        id: Box<Id>,
        /// The path.
        path: Box<str>,
    },
    /// The budget is exceeded.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// A field for variables contains something other than text.
    #[error("{id}: field \"{path}\": {misfit}")]
    Misfit {
        /// The object.
        id: Box<Id>,
        /// The path.
        path: Box<str>,
        /// What is there instead.
        misfit: &'static str,
    },
}

/// The default field.
const NAME_FIELD: &str = "metadata.name";
const DEFAULT_NAMESPACE: &str = "default";

/// Returns the fields in which variables are replaced by default.
pub(crate) fn default_fields() -> &'static [FieldSpec] {
    static FIELDS: LazyLock<Vec<FieldSpec>> = LazyLock::new(|| {
        let rows = include_str!("../config/tables/var-references.txt")
            .lines()
            .filter(|line| !line.starts_with('#'));
        let field = |line: &str| {
            let (kind, path) = line.split_once(" | ")?;
            let gvk = Gvk {
                kind: (kind != "-").then(|| kind.into()),
                ..Gvk::default()
            };
            Some(FieldSpec::new(gvk, path, false))
        };
        rows.filter_map(field).collect()
    });
    &FIELDS
}

/// Adds the variables of one kustomization to those of others; names must be unique.
pub(crate) fn merge(into: &mut Vec<Var>, more: Vec<Var>) -> Result<(), Error> {
    let mut known: BTreeSet<Box<str>> = into.iter().map(|var| var.name.clone()).collect();
    for var in more {
        if !known.insert(var.name.clone()) {
            return Err(var.error(VarCause::Twice(var.name.clone())));
        }
        into.push(var);
    }
    Ok(())
}

/// Records on a kustomization's objects which of its variables take values from them.
pub(crate) fn bind(resources: &mut [Resource], vars: &[Var], budget: &Budget) -> Result<(), Error> {
    let Some(first) = vars.first() else {
        return Ok(());
    };
    let names: usize = resources
        .iter()
        .map(|resource| 1 + resource.past.len())
        .sum();
    let charged = budget.steps(NAME_STEPS * names as u64).and_then(|()| {
        budget.bytes(
            resources
                .iter()
                .map(|resource| resource.name_bytes() * (1 + resource.past.len() as u64))
                .sum(),
        )
    });
    charged.map_err(|exceeded| first.error(exceeded.into()))?;

    let mut by_name: HashMap<Box<str>, Vec<usize>> = HashMap::new();
    for (at, resource) in resources.iter().enumerate() {
        let names: BTreeSet<&str> = resource
            .past
            .iter()
            .map(|past| &*past.name)
            .chain([resource.name()])
            .collect();
        for name in names {
            by_name.entry(name.into()).or_default().push(at);
        }
    }
    for var in vars {
        let places = by_name
            .get(var.object.name.as_str())
            .map(Vec::as_slice)
            .unwrap_or_default();
        budget
            .steps(NAME_STEPS * (1 + places.len() as u64))
            .map_err(|exceeded| var.error(exceeded.into()))?;
        let places: Vec<usize> = places
            .iter()
            .copied()
            .filter(|at| var.object.means(&resources[*at]))
            .collect();
        match places.as_slice() {
            [] => {}
            [at] => resources[*at].vars.push(var.name.clone()),
            more => {
                return Err(var.error(VarCause::Ambiguous {
                    name: var.name.clone(),
                    found: more.len(),
                }));
            }
        }
    }
    Ok(())
}

/// Replaces references to variables in the default fields and in the given ones. Returns the names
/// of unused variables.
pub(crate) fn resolve(
    resources: &mut [Resource],
    vars: &[Var],
    more: &[FieldSpec],
    budget: &Budget,
) -> Result<Vec<Box<str>>, Error> {
    if vars.is_empty() {
        return Ok(Vec::new());
    }
    let meter = Meter::new(budget);
    let bound = bound(resources);
    let parts = parts(vars, &bound, &meter)?;
    let mut setter = Setter {
        values: values(vars, &bound, &meter)?,
        used: BTreeSet::new(),
        meter: &meter,
    };
    let secret: BTreeSet<Box<str>> = vars
        .iter()
        .filter(|var| var.is_secret(&bound))
        .map(|var| var.name.clone())
        .collect();
    let mut used = BTreeSet::new();
    let mut by_kind: HashMap<Option<&str>, Vec<&FieldSpec>> = HashMap::new();
    for field in default_fields().iter().chain(more) {
        by_kind
            .entry(field.gvk.kind.as_deref())
            .or_default()
            .push(field);
    }
    for resource in resources {
        let gvk = resource.gvk();
        let error = |cause| Error {
            place: resource.place,
            cause,
        };
        meter
            .steps(FieldSpec::steps(default_fields()) + FieldSpec::steps(more))
            .map_err(|exceeded| error(exceeded.into()))?;
        let said = if secret.is_empty() {
            None
        } else {
            Some(resource.said(budget))
        };
        let said = said
            .transpose()
            .map_err(|exceeded| error(exceeded.into()))?;
        let fields = [None, Some(&*gvk.kind)]
            .into_iter()
            .filter_map(|kind| by_kind.get(&kind))
            .flatten();
        for field in fields.filter(|field| field.gvk.fits(&gvk)) {
            let done = field.visit(&mut resource.node, (Make::Nothing, &meter), &mut |found| {
                setter.set(found)
            });
            done.map_err(|misfit| {
                let cause = match misfit {
                    Misfit::Exceeded(exceeded) => exceeded.into(),
                    Misfit::Shape(misfit) => VarCause::Misfit {
                        id: Box::new(resource.id()),
                        path: field.path.clone(),
                        misfit,
                    },
                };
                Error {
                    place: resource.place,
                    cause,
                }
            })?;
        }
        if !secret.is_disjoint(&setter.used) {
            resource.words = resource.words.take().or(said.map(Box::new));
        }
        for name in std::mem::take(&mut setter.used) {
            if let Some(parts) = parts.get(&name) {
                let files = parts.len();
                let charged = meter
                    .steps(files)
                    .and_then(|()| meter.bytes(size_of::<u32>() as u64 * files));
                charged.map_err(|exceeded| Error {
                    place: resource.place,
                    cause: exceeded.into(),
                })?;
                resource.parts.take_in(parts);
            }
            used.insert(name);
        }
    }
    let mut values = setter.values;
    values.retain(|name, _| !used.contains(name));
    Ok(values.into_keys().collect())
}

/// Returns the objects that variables take their values from.
fn bound(resources: &[Resource]) -> HashMap<&str, &Resource> {
    let mut bound = HashMap::new();
    for resource in resources {
        for name in &resource.vars {
            bound.entry(&**name).or_insert(resource);
        }
    }
    bound
}

/// Returns the files that affect the values of variables, and so affect references to them.
fn parts(
    vars: &[Var],
    bound: &HashMap<&str, &Resource>,
    meter: &Meter<'_>,
) -> Result<HashMap<Box<str>, Parts>, Error> {
    let mut all = HashMap::new();
    for var in vars {
        let Some(object) = bound.get(&*var.name) else {
            continue;
        };
        let Ok(Some(value)) = var.field.find(&object.node) else {
            continue;
        };
        let files = object.parts.len() + object.namers.len() + value.cost().nodes;
        let charged = meter
            .steps(files)
            .and_then(|()| meter.bytes(size_of::<u32>() as u64 * files));
        charged.map_err(|exceeded| var.error(exceeded.into()))?;

        let mut parts = object.parts.clone();
        parts.take_in(&object.namers);
        parts.gather(value);
        all.insert(var.name.clone(), parts);
    }
    Ok(all)
}

fn values(
    vars: &[Var],
    bound: &HashMap<&str, &Resource>,
    meter: &Meter<'_>,
) -> Result<BTreeMap<Box<str>, (Value, Place)>, Error> {
    let value = |var: &Var| {
        let object = bound
            .get(&*var.name)
            .ok_or_else(|| var.error(VarCause::NoObject(var.name.clone())))?;
        let value = var
            .field
            .find(&object.node)
            .ok()
            .flatten()
            .and_then(Value::of)
            .ok_or_else(|| {
                let (name, path) = (var.name.clone(), var.field.text().into());
                var.error(VarCause::NoValue {
                    name,
                    id: Box::new(object.id()),
                    path,
                })
            })?;
        let text = if let Value::Text(text) = &value {
            text.as_str()
        } else {
            ""
        };
        let charged = Cost::of_text(text).under(&var.name).charge_meter(meter);
        charged.map_err(|exceeded| var.error(exceeded.into()))?;
        Ok((var.name.clone(), (value, var.place)))
    };
    vars.iter().map(value).collect()
}

impl Var {
    /// Reads an entry of `vars`.
    pub(crate) fn read(node: &Node) -> Result<Self, Fault> {
        let mut fields = Mapping::new(node, "vars", Mode::Strict)?;
        let name: Box<str> = fields.text("name")?.into();
        let path = fields
            .read("fieldref", |field| field.text("fieldPath"))?
            .unwrap_or_default();
        let path = if path.is_empty() { NAME_FIELD } else { &path };
        let field = Path::parse_indexed(path).map_err(|fault| {
            Fault::At(
                node.place,
                FileCause::Var(format!("{name}: path \"{path}\": {fault}")),
            )
        })?;
        let object = fields.read("objref", ObjectRef::read)?.unwrap_or_default();
        fields.finish()?;
        Ok(Self {
            name,
            object,
            field,
            place: node.place,
        })
    }

    /// Returns whether its value must not be shown.
    fn is_secret(&self, bound: &HashMap<&str, &Resource>) -> bool {
        bound
            .get(&*self.name)
            .is_some_and(|object| object.keeps_secret(&self.field))
    }

    fn error(&self, cause: VarCause) -> Error {
        Error {
            place: self.place,
            cause,
        }
    }
}

impl ObjectRef {
    fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        let (mut group, mut version) = (fields.text("group")?, fields.text("version")?);
        let api_version = fields.text("apiVersion")?;
        match api_version.split('/').collect::<Vec<_>>().as_slice() {
            [""] => {}
            [only] => (*only).clone_into(&mut version),
            [first, second] => (group, version) = ((*first).to_owned(), (*second).to_owned()),
            _ => {}
        }
        let (kind, name, namespace) = (
            fields.text("kind")?,
            fields.text("name")?,
            fields.text("namespace")?,
        );
        Ok(Self {
            group,
            version,
            kind,
            name,
            namespace,
        })
    }

    /// Returns whether an object has or had this identity. Former identities use the current group
    /// and version.
    fn means(&self, resource: &Resource) -> bool {
        let gvk = resource.gvk();
        let is_kind = |kind: &str| {
            *self.group == *gvk.group && *self.version == *gvk.version && self.kind == kind
        };
        let or_default = |namespace: &'_ str| {
            if namespace.is_empty() {
                DEFAULT_NAMESPACE
            } else {
                namespace
            }
            .to_owned()
        };
        let is_in =
            |namespace: &str| self.namespace.is_empty() || self.namespace == or_default(namespace);
        (self.name == resource.name()
            && is_kind(&gvk.kind)
            && is_in(resource.effective_namespace()))
            || resource.past.iter().any(|past| {
                self.name == *past.name && is_kind(&past.gvk.kind) && is_in(&past.namespace)
            })
    }
}

/// Replaces references in fields.
struct Setter<'b> {
    values: BTreeMap<Box<str>, (Value, Place)>,
    used: BTreeSet<Box<str>>,
    meter: &'b Meter<'b>,
}

impl Setter<'_> {
    fn set(&mut self, found: &mut Node) -> Result<(), Misfit> {
        match &mut found.content {
            Content::Mapping(entries) => entries.iter_mut().try_for_each(|entry| {
                if !is_text(&entry.key) {
                    return Err("a key is no text".into());
                }
                self.set_text(&mut entry.value)
            }),
            Content::Sequence(items) => items.iter_mut().try_for_each(|item| {
                if !is_text(item) {
                    return Err("an item is no text".into());
                }
                self.set_text(item)
            }),
            Content::Scalar(_) => self.set_text(found),
        }
    }

    fn set_text(&mut self, node: &mut Node) -> Result<(), Misfit> {
        let Some(text) = node.text().filter(|_| is_text(node)) else {
            return Ok(());
        };
        let expanded = expand(text, &self.values, &mut self.used, self.meter)?;
        let (tag, text, place) = match expanded {
            // Every visited value becomes a text.
            Expanded::Unchanged => {
                node.tag = Tag::Str;
                return Ok(());
            }
            Expanded::Text(text, place) => (Tag::Str, text, place.unwrap_or(node.place)),
            Expanded::Whole(Value::Int(number), place) => (Tag::Int, number.to_string(), place),
            Expanded::Whole(Value::Bool(flag), place) => (Tag::Bool, flag.to_string(), place),
            Expanded::Whole(Value::Float(number), place) => (Tag::Float, number.to_string(), place),
            Expanded::Whole(Value::Text(text), place) => {
                self.meter.bytes(text.len() as u64)?;
                (Tag::Str, text.clone(), place)
            }
            Expanded::Whole(Value::Collection, _) => return Ok(()),
        };
        *node = Node {
            tag,
            extra: node.extra.take(),
            ..Node::plain(text)
        }
        .placed(place);
        Ok(())
    }
}

/// Steps for determining an object's identity and looking it up.
const NAME_STEPS: u64 = 8;

fn is_text(node: &Node) -> bool {
    node.is_string() || is_untyped(node)
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Limits;
    use lode_yaml::{Dialect, Nodes, Origins};

    use super::*;

    fn resources(text: &str) -> Vec<Resource> {
        let nodes =
            Nodes::new(text.as_bytes(), Dialect::V3, Origins::default()).map(Result::unwrap);
        nodes
            .map(|node| {
                Resource::new(
                    node,
                    Place {
                        line: 1,
                        ..Place::default()
                    },
                )
            })
            .collect()
    }

    fn vars(text: &str) -> Vec<Var> {
        let node = Nodes::new(
            text.as_bytes(),
            Dialect::V2,
            Origins {
                source: 5,
                lines_above: 0,
            },
        )
        .next();
        node.unwrap()
            .unwrap()
            .items()
            .unwrap()
            .iter()
            .map(|entry| Var::read(entry).unwrap())
            .collect()
    }

    const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {port: 80}\n";
    const POD: &str =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{args: [$(PORT)]}]}\n";
    const PORT: &str = "- name: PORT\n  objref: {apiVersion: v1, kind: Service, name: s}\n  fieldref: {fieldPath: spec.port}\n";

    #[test]
    fn every_row_is_read() {
        assert_eq!(default_fields().len(), 72);
        assert!(
            default_fields()
                .iter()
                .filter(|field| field.gvk.kind.is_none())
                .count()
                == 2
        );
    }

    #[test]
    fn a_value_stands_where_its_variable_stands() {
        let mut all = resources(&format!("{SERVICE}---\n{POD}"));
        let vars = vars(&format!(
            "- name: OTHER\n  objref: {{apiVersion: v1, kind: Pod, name: p}}\n{PORT}"
        ));
        let budget = Budget::unlimited();
        bind(&mut all, &vars, &budget).unwrap();
        assert_eq!(
            resolve(&mut all, &vars, &[], &budget).unwrap(),
            ["OTHER".into()],
            "nothing refers to it"
        );
        let arg = &all[1]
            .node
            .at(&["spec", "containers"])
            .unwrap()
            .items()
            .unwrap()[0]
            .get("args")
            .unwrap()
            .items()
            .unwrap()[0];
        assert_eq!(
            (arg.text(), arg.tag, arg.place.source, arg.place.line),
            (Some("80"), Tag::Int, 5, 3)
        );
    }

    #[test]
    fn an_object_is_bound_by_a_name_it_had_and_keeps_the_variable() {
        let mut all = resources(SERVICE);
        all[0].remember();
        all[0].set_metadata("name", Node::string("renamed"));
        let vars = vars(&PORT.replace("spec.port", ""));
        bind(&mut all, &vars, &Budget::unlimited()).unwrap();
        all.extend(resources(&format!(
            "{SERVICE}---\n{}",
            POD.replace("PORT", "PORT) $(PORT")
        )));
        resolve(&mut all, &vars, &[], &Budget::unlimited()).unwrap();
        let shown = lode_yaml::to_string(&all[2].node.to_value(Dialect::V3).unwrap());
        assert!(shown.contains("- renamed renamed\n"), "{shown}");
    }

    #[test]
    fn the_files_behind_each_variable_are_charged() {
        let mut all = resources(SERVICE);
        (1..=1_000).for_each(|source| all[0].parts.add(source));
        let names: Vec<Var> = (0..1_000)
            .flat_map(|at| vars(&PORT.replace("PORT", &format!("V{at}"))))
            .collect();
        bind(&mut all, &names, &Budget::unlimited()).unwrap();
        let budget = Budget::new(Limits {
            bytes: 1 << 20,
            ..Limits::UNLIMITED
        });
        let error = resolve(&mut all, &names, &[], &budget).unwrap_err();
        assert!(matches!(error.cause, VarCause::Exceeded(_)), "{error}");
    }

    #[test]
    fn failures_name_the_variable() {
        let check = |objects: &str, vars: &[Var], want: &str| {
            let mut all = resources(objects);
            let budget = Budget::unlimited();
            let error = bind(&mut all, vars, &budget)
                .and_then(|()| resolve(&mut all, vars, &[], &budget))
                .unwrap_err();
            assert_eq!(error.to_string(), want);
        };
        check(POD, &vars(PORT), "variable PORT: there is no such object");
        check(
            SERVICE,
            &vars(&PORT.replace(".port", ".x")),
            "variable PORT: Service/s has no value at \"spec.x\"",
        );
        let two = format!(
            "{SERVICE}---\n{}",
            SERVICE.replace("name: s", "name: s, namespace: other")
        );
        check(&two, &vars(PORT), "variable PORT: 2 objects could be meant");
        let odd = format!("{SERVICE}---\n{}", POD.replace("$(PORT)", "7"));
        check(
            &odd,
            &vars(PORT),
            "Pod/p: field \"spec/containers/args\": an item is no text",
        );
        let mut once = vars(PORT);
        let error = merge(&mut once, vars(PORT)).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.place.source),
            ("variable PORT is there twice", 5)
        );
    }
}
