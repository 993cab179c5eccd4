//! Patches: their type, their targets, and which parts of an object they must not change.

use lode_object::Selector;
use lode_stdx::budget::{Budget, Meter};
use lode_tree::RepoPath;
use lode_yaml::{Content, Dialect, Node, Nodes, Origins, Place};

use crate::config::selector::{Invalid, TargetMatcher, is_plain};
use crate::error::{Fault, FileCause};
use crate::input::decode::At;
use crate::input::manifests;
use crate::input::settings;
use crate::input::source::BuildSource;
use crate::object::resource::{Identity, Resource};
use crate::object::resources::Resources;
use crate::object::schema::Schema;
use crate::patching::json_patch;
use crate::patching::strategic;

/// A patch that is read and ready to apply.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    what: What,
    target: Option<Selector>,
    allow_name_change: bool,
    allow_kind_change: bool,
    /// The entry of the kustomization.
    entry: Place,
    /// An entry of `patchesJson6902`, which does not record the old name.
    forgets_names: bool,
}

#[derive(Debug, Clone)]
enum What {
    Objects(Vec<Node>),
    /// A list.
    Operations(Node),
}

/// A patch's text and its position.
struct PatchText {
    bytes: Vec<u8>,
    origins: Origins,
    /// The position of the whole text, if it is part of another file.
    inside: Option<Place>,
}

/// Reads an entry of `patches`.
pub(crate) fn load(
    source: &mut BuildSource<'_>,
    folder: &RepoPath,
    entry: &At<settings::Patch>,
) -> Result<Loaded, Fault> {
    let budget = source.budget;
    let mut text = text(source, folder, entry)?;
    if entry.path.is_empty() {
        // Kustomize trims an inline patch: a block text at its end loses its last line break.
        text.bytes.truncate(text.bytes.trim_ascii_end().len());
    }
    let loaded = |what| Loaded {
        what,
        target: entry.target.clone(),
        allow_name_change: entry.allow_name_change,
        allow_kind_change: entry.allow_kind_change,
        entry: entry.place,
        forgets_names: false,
    };
    match text.objects(budget) {
        Ok(objects) => Ok(loaded(What::Objects(objects))),
        Err(fault) if fault.is_exceeded() => Err(fault),
        Err(fault) => match text.operations(budget)? {
            Some(operations) => Ok(loaded(What::Operations(operations))),
            None => Err(text.no_patch(fault)),
        },
    }
}

/// Reads an entry of `patchesJson6902`.
pub(crate) fn load_json(
    source: &mut BuildSource<'_>,
    folder: &RepoPath,
    entry: &At<settings::Patch>,
) -> Result<Loaded, Fault> {
    let fault = |cause: &str| Fault::At(entry.place, FileCause::Patch(cause.to_owned()));
    let target = entry
        .target
        .clone()
        .filter(|target| !target.name.is_empty());
    let target =
        target.ok_or_else(|| fault("an entry of patchesJson6902 needs a target with a name"))?;
    let text = text(source, folder, entry)?;
    let operations = text
        .operations(source.budget)?
        .ok_or_else(|| fault("no JSON 6902 patch"))?;
    if operations.is_nothing() {
        return Err(fault("it is empty"));
    }
    Ok(Loaded {
        what: What::Operations(operations),
        target: Some(target),
        allow_name_change: false,
        allow_kind_change: false,
        entry: entry.place,
        forgets_names: true,
    })
}

/// Reads the entries of `patchesStrategicMerge`: patches, or files of patches.
pub(crate) fn load_strategic(
    source: &mut BuildSource<'_>,
    folder: &RepoPath,
    entries: &[At<String>],
) -> Result<Vec<Node>, Fault> {
    let mut patches = Vec::new();
    for entry in entries {
        let inline = PatchText::inline(entry);
        match inline.objects(source.budget) {
            Ok(objects) => {
                patches.extend(objects);
                continue;
            }
            Err(fault) if fault.is_exceeded() => return Err(fault),
            Err(_) => {}
        }
        let (_, blob, number) = source.named(folder, entry, entry.place)?;
        patches.extend(manifests::read(
            &blob.bytes,
            Origins {
                source: number,
                lines_above: 0,
            },
            source.budget,
        )?);
    }
    match (patches.is_empty(), entries.first()) {
        (true, Some(first)) => Err(Fault::At(
            first.place,
            FileCause::Patch("it is empty".to_owned()),
        )),
        _ => Ok(patches),
    }
}

impl Loaded {
    /// Applies the patch to its targets.
    pub(crate) fn apply(
        &self,
        resources: &mut Resources,
        schema: &Schema,
        budget: &Budget,
    ) -> Result<(), Fault> {
        self.apply_within(resources, schema, budget)
            .map_err(|fault| fault.during(DOING, self.entry))
    }

    fn apply_within(
        &self,
        resources: &mut Resources,
        schema: &Schema,
        budget: &Budget,
    ) -> Result<(), Fault> {
        let fault = |cause: &str| Err(Fault::At(self.entry, FileCause::Patch(cause.to_owned())));
        match (&self.what, &self.target) {
            (What::Objects(objects), None) => objects
                .iter()
                .try_for_each(|patch| self.apply_named(resources, patch, (schema, budget))),
            (What::Objects(objects), Some(target)) => match objects.as_slice() {
                [] => Ok(()),
                [patch] => {
                    let places = selected(resources, target, self.entry, budget)?;
                    apply_chosen(resources, &places, patch, (self, schema, budget))
                }
                _ => fault("a patch with a target must be one document"),
            },
            (What::Operations(operations), Some(target)) => {
                let places = selected(resources, target, self.entry, budget)?;
                places
                    .into_iter()
                    .try_for_each(|at| self.apply_operations(resources, at, operations, budget))
            }
            (What::Operations(_), None) => fault("a JSON 6902 patch needs a target"),
        }
    }

    fn apply_named(
        &self,
        resources: &mut Resources,
        patch: &Node,
        (schema, budget): (&Schema, &Budget),
    ) -> Result<(), Fault> {
        let at = sole(resources, patch, budget)?;
        patch.cost().charge(budget)?;
        let Some(resource) = resources.content_mut(at) else {
            return Ok(());
        };
        // Kustomize records what a patch may change in the object's annotations, which turns them
        // into texts.
        if self.allow_name_change || self.allow_kind_change {
            merge(
                resource,
                &with_text_metadata(patch, &["annotations"]),
                self,
                (schema, budget),
            )?;
        } else {
            merge(resource, patch, self, (schema, budget))?;
        }
        resources.renamed(at);
        Ok(())
    }

    fn apply_operations(
        &self,
        resources: &mut Resources,
        at: usize,
        operations: &Node,
        budget: &Budget,
    ) -> Result<(), Fault> {
        let Some(resource) = resources.content_mut(at) else {
            return Ok(());
        };
        budget.steps(1 + resource.past.len() as u64)?;
        budget.bytes(resource.name_bytes())?;
        if !self.forgets_names {
            resource.remember();
        }
        let (id, place) = (Box::new(resource.id()), resource.place);
        // The patch is applied to the JSON of the object as kustomize writes it, including
        // annotations.
        lode_yaml::rewrite_folds(&mut resource.node, &Meter::new(budget))?;
        // Kustomize's bookkeeping is stored in annotations, so there are some if it has any.
        let outcome = if resource.has_bookkeeping() {
            json_patch::apply_to_object(&mut resource.node, operations, Dialect::V2, budget)
        } else {
            json_patch::apply(&mut resource.node, operations, Dialect::V2, budget)
        };
        resource.parts.add(operations.place.source);
        outcome.map_err(|error| {
            let by = if error.place.line == 0 {
                self.entry
            } else {
                error.place
            };
            if let Some(exceeded) = error.exceeded() {
                return Fault::from(exceeded).during(DOING, by);
            }
            resource.discreet(Fault::Patch {
                id,
                at: place,
                by,
                cause: error.to_string(),
            })
        })?;
        resource.hear(operations, budget)?;
        resource.follow_version();
        resources.renamed(at);
        Ok(())
    }
}

/// Applies patches that each name their object.
pub(crate) fn apply_strategic(
    resources: &mut Resources,
    patches: &[Node],
    schema: &Schema,
    budget: &Budget,
) -> Result<(), Fault> {
    let rule = Loaded {
        what: What::Objects(Vec::new()),
        target: None,
        allow_name_change: false,
        allow_kind_change: false,
        entry: Place::default(),
        forgets_names: false,
    };
    for patch in patches {
        let applied = sole(resources, patch, budget)
            .and_then(|at| apply_chosen(resources, &[at], patch, (&rule, schema, budget)));
        applied.map_err(|fault| fault.during(DOING, patch.place))?;
    }
    Ok(())
}

const DOING: &str = "apply a patch";

/// Returns the positions of the objects that a target selects.
pub(crate) fn selected(
    resources: &mut Resources,
    target: &Selector,
    by: Place,
    budget: &Budget,
) -> Result<Vec<usize>, Fault> {
    let meter = Meter::new(budget);
    let selector = TargetMatcher::new(target, budget).map_err(|invalid| match invalid {
        Invalid::Pattern { field, pattern } => Fault::At(by, FileCause::Pattern { field, pattern }),
        Invalid::Exceeded(exceeded) => exceeded.into(),
    })?;
    let places = if !target.name.is_empty() && is_plain(&target.name) {
        resources.named(&target.name, budget)?
    } else {
        (0..resources.all().len()).collect()
    };
    let all = resources.all();
    let mut chosen = Vec::new();
    for at in places {
        if let Some(resource) = all.get(at)
            && selector.fits(resource, &meter)?
        {
            chosen.push(at);
        }
    }
    Ok(chosen)
}

/// Returns the position of the one object that a patch names.
fn sole(resources: &mut Resources, patch: &Node, budget: &Budget) -> Result<usize, Fault> {
    let scopes = resources
        .all()
        .first()
        .map(|resource| resource.scopes.clone())
        .unwrap_or_default();
    let name = Identity::of(patch, &scopes);
    let found = resources.called(&name, budget)?;
    if let [at] = found.as_slice() {
        return Ok(*at);
    }
    let what = format!(
        "{} \"{}\" in namespace \"{}\"",
        name.gvk, name.name, name.namespace
    );
    let count = found.len();
    let cause = if count == 0 {
        format!("no {what} to patch")
    } else {
        format!("{count} objects are {what}")
    };
    Err(Fault::At(patch.place, FileCause::PatchTarget(cause)))
}

/// Applies one patch to objects selected for it; the patch's own identity does not count.
fn apply_chosen(
    resources: &mut Resources,
    places: &[usize],
    patch: &Node,
    (rule, schema, budget): (&Loaded, &Schema, &Budget),
) -> Result<(), Fault> {
    let cost = patch.cost();
    cost.charge(budget)?;
    let mut patch = with_text_metadata(patch, &["labels", "annotations"]);
    if let Some(metadata) = patch.get_mut("metadata")
        && metadata.get("namespace").is_some_and(Node::is_nothing)
    {
        metadata.remove("namespace");
    }
    for &at in places {
        let Some(resource) = resources.content_mut(at) else {
            continue;
        };
        cost.charge(budget)?;
        let mut patch = patch.clone();
        if let Some(api_version) = resource.node.get("apiVersion") {
            patch.insert("apiVersion", api_version.clone());
        }
        merge(resource, &patch, rule, (schema, budget))?;
        resources.renamed(at);
    }
    if rule.allow_name_change || rule.allow_kind_change {
        resources.all_mut();
        resources.refuse_twins(budget)?;
    }
    Ok(())
}

/// Returns a patch as kustomize copies it for a target's objects: labels and annotations become
/// texts, even nulls, and empty ones are removed.
fn with_text_metadata(patch: &Node, fields: &[&str]) -> Node {
    let mut patch = patch.clone();
    let Some(metadata) = patch.get_mut("metadata") else {
        return patch;
    };
    for field in fields {
        let Some(old) = metadata.remove(field) else {
            continue;
        };
        let mut map = Node::mapping().placed(old.place);
        for entry in old.entries().unwrap_or_default() {
            if let (Some(key), Some(text)) = (entry.key.text(), entry.value.text()) {
                map.insert(
                    key,
                    Node {
                        style: entry.value.style,
                        ..Node::string(text)
                    }
                    .placed(entry.value.place),
                );
            }
        }
        if !map.is_nothing() {
            metadata.insert(field, map);
        }
    }
    patch
}

fn merge(
    resource: &mut Resource,
    patch: &Node,
    rule: &Loaded,
    (schema, budget): (&Schema, &Budget),
) -> Result<(), Fault> {
    budget.steps(1 + resource.past.len() as u64)?;
    budget.bytes(resource.name_bytes())?;
    let kept = |keys: &[&str]| {
        resource
            .node
            .at(keys)
            .filter(|node| !node.is_null())
            .cloned()
    };
    let (kind, name, namespace) = (
        kept(&["kind"]),
        kept(&["metadata", "name"]),
        kept(&["metadata", "namespace"]),
    );
    let (id, place) = (Box::new(resource.id()), resource.place);
    if rule.allow_name_change || rule.allow_kind_change {
        resource.remember();
    }
    let object = std::mem::replace(&mut resource.node, Node::null());
    let merged = strategic::merge(
        object,
        patch,
        schema,
        (strategic::Options::default(), budget),
    );
    let merged = merged.map_err(|error| {
        let by = if rule.entry.source != 0 && patch.place.line == 0 {
            rule.entry
        } else {
            patch.place
        };
        if let strategic::StrategicCause::Exceeded(exceeded) = error.cause {
            return Fault::from(exceeded).during(DOING, by);
        }
        resource.discreet(Fault::Patch {
            id,
            at: place,
            by,
            cause: error.to_string(),
        })
    })?;
    resource.hear(patch, budget)?;
    let Some(merged) = merged.filter(|merged| !merged.is_nothing()) else {
        return Ok(());
    };
    resource.node = merged;
    resource.parts.add(patch.place.source);
    if let (false, Some(kind)) = (rule.allow_kind_change, kind) {
        resource.node.insert("kind", kind);
    }
    if let (false, Some(name)) = (rule.allow_name_change, name) {
        resource.set_metadata("name", name);
    }
    match namespace.filter(|namespace| namespace.text().is_some_and(|text| !text.is_empty())) {
        Some(namespace) => resource.set_metadata("namespace", namespace),
        None => {
            resource
                .node
                .get_mut("metadata")
                .and_then(|metadata| metadata.remove("namespace"));
        }
    }
    Ok(())
}

fn text(
    source: &mut BuildSource<'_>,
    folder: &RepoPath,
    entry: &At<settings::Patch>,
) -> Result<PatchText, Fault> {
    let fault = |cause: &str| Fault::At(entry.place, FileCause::Patch(cause.to_owned()));
    match (entry.patch.trim().is_empty(), entry.path.is_empty()) {
        (true, true) => Err(fault("has neither patch nor path")),
        (false, false) => Err(fault("has both patch and path")),
        (false, true) => {
            source.budget.bytes(entry.patch.len() as u64)?;
            Ok(PatchText {
                inside: Some(entry.place),
                ..PatchText::inline(&entry.patch)
            })
        }
        (true, false) => {
            let (_, blob, number) = source.named(folder, &entry.path, entry.place)?;
            source.budget.bytes(blob.bytes.len() as u64)?;
            let origins = Origins {
                source: number,
                lines_above: 0,
            };
            Ok(PatchText {
                bytes: blob.bytes.to_vec(),
                origins,
                inside: None,
            })
        }
    }
}

impl PatchText {
    fn inline(text: &At<String>) -> Self {
        // A multi-line text starts on the line below its key.
        let starts_below = text.trim_end().contains('\n');
        let lines_above = if starts_below {
            text.place.line
        } else {
            text.place.line.saturating_sub(1)
        };
        let origins = Origins {
            source: text.place.source,
            lines_above,
        };
        Self {
            bytes: text.value.as_bytes().to_vec(),
            origins,
            inside: Some(text.place),
        }
    }

    fn objects(&self, budget: &Budget) -> Result<Vec<Node>, Fault> {
        let mut objects = manifests::read(&self.bytes, self.origins, budget)?;
        if self.is_laid_over() {
            let place = self.inside.unwrap_or_default();
            for object in &mut objects {
                place_all(object, place);
            }
        }
        Ok(objects)
    }

    /// Returns the operations of a JSON 6902 patch, parsed as go-yaml v2 does, since it is
    /// converted to JSON.
    fn operations(&self, budget: &Budget) -> Result<Option<Node>, Fault> {
        let mut nodes = Nodes::new(&self.bytes, Dialect::V2, self.origins).with_budget(budget);
        let mut node = match nodes.next() {
            Some(Ok(node)) => node,
            Some(Err(lode_yaml::Error {
                cause: lode_yaml::Cause::Exceeded(exceeded),
                ..
            })) => {
                return Err(exceeded.into());
            }
            Some(Err(_)) | None => return Ok(None),
        };
        if self.is_laid_over() {
            place_all(&mut node, self.inside.unwrap_or_default());
        }
        let are_mappings = |items: &[Node]| items.iter().all(|item| item.entries().is_some());
        Ok(if node.items().is_some_and(are_mappings) {
            Some(node)
        } else {
            None
        })
    }

    /// Returns whether the patch comes from outside the build's files.
    fn is_laid_over(&self) -> bool {
        self.inside.is_some_and(|place| place.line == 0)
    }

    fn no_patch(&self, fault: Fault) -> Fault {
        let cause = |cause: String| {
            FileCause::Patch(format!(
                "neither a strategic merge nor a JSON 6902 patch{cause}"
            ))
        };
        match (fault, self.inside) {
            (Fault::Yaml { error, .. }, Some(place)) => {
                Fault::At(place, cause(format!(": line {error}")))
            }
            (Fault::Yaml { source, error }, None) => {
                let place = Place {
                    source,
                    line: error.line,
                    ..Place::default()
                };
                Fault::At(place, cause(format!(": {}", error.cause)))
            }
            (Fault::At(_, FileCause::NotAnObject(lode_object::Error::NotAMap)), Some(place)) => {
                Fault::At(place, cause(String::new()))
            }
            (fault, _) => fault,
        }
    }
}

/// Sets the place of a node and everything in it.
pub(crate) fn place_all(node: &mut Node, place: Place) {
    node.place = place;
    match &mut node.content {
        Content::Scalar(_) => {}
        Content::Sequence(items) => items.iter_mut().for_each(|item| place_all(item, place)),
        Content::Mapping(entries) => entries.iter_mut().for_each(|entry| {
            entry.key.place = place;
            place_all(&mut entry.value, place);
        }),
    }
}
