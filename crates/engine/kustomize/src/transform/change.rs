//! [`ObjectChange`]: one change a kustomization makes to its objects, read and ready to apply.
//!
//! A kustomization's own settings become changes in kustomize's fixed order; a transformer file
//! becomes one or two.

use std::sync::Arc;

use lode_stdx::budget::Budget;
use lode_tree::RepoPath;
use lode_yaml::{Node, Place};

use crate::config::configuration::Configuration;
use crate::config::fieldspec::Fields;
use crate::error::Fault;
use crate::input::decode::Mode;
use crate::input::decode::{At, Pairs};
use crate::input::kustomization::Kustomization;
use crate::input::settings::{Image, Replicas};
use crate::input::settings_file::settings_file;
use crate::input::source::BuildSource;
use crate::object::note::Note;
use crate::object::resources::Resources;
use crate::object::schema::Schema;
use crate::patching::patch::Loaded;
use crate::transform::namespace::{self, Namespace};
use crate::transform::rename::Side;
use crate::transform::replacement::{self, Replacement, ReplacementEntry};
use crate::transform::value_add::ValueAdd;
use crate::{
    generator::hash, generator::secret, patching::patch, transform::images, transform::labels,
    transform::rename, transform::replicas,
};

/// One change to objects.
#[derive(Debug, Clone)]
pub(crate) enum ObjectChange {
    Strategic(Vec<Node>),
    Patch(Box<Loaded>),
    Namespace(Namespace),
    Rename(Side, At<String>, Fields),
    /// Labels or annotations.
    Pairs(Pairs, Fields),
    Replicas(Replicas, Fields),
    /// Image entries, applied one after the other.
    Images(Vec<At<Image>>, Fields),
    Replacements(Vec<Replacement>),
    Hash,
    ValueAdd(ValueAdd),
}

/// A change, and the note recorded on objects about it if requested.
pub(crate) struct ChangeStep {
    pub(crate) change: ObjectChange,
    pub(crate) note: Option<Arc<Note>>,
    /// Whether the change contains a value of a Secret.
    pub(crate) is_secret: bool,
}

impl ObjectChange {
    /// Applies the change to all objects.
    pub(crate) fn apply(
        &self,
        resources: &mut Resources,
        schema: &Schema,
        budget: &Budget,
    ) -> Result<(), Fault> {
        match self {
            Self::Strategic(patches) => patch::apply_strategic(resources, patches, schema, budget),
            Self::Patch(patch) => patch.apply(resources, schema, budget),
            Self::Namespace(namespace) => namespace::apply(resources.all_mut(), namespace, budget),
            Self::Rename(side, text, fields) => {
                rename::apply(resources.all_mut(), *side, text, (fields, budget))
            }
            Self::Pairs(pairs, fields) => {
                labels::apply(resources.contents_mut(), pairs, fields, budget)
            }
            Self::Replicas(entry, fields) => replicas::apply(resources, entry, fields, budget),
            Self::Images(images, fields) => {
                images::apply(resources.contents_mut(), images, fields, budget)
            }
            Self::Replacements(all) => replacement::apply(resources.all_mut(), all, budget)
                .map_err(replacement::Error::into_fault),
            Self::Hash => hash::add(resources.all_mut(), budget),
            Self::ValueAdd(value) => value.apply(resources, budget),
        }
    }

    /// Returns the operation's name for messages, and its place if known.
    fn doing(&self) -> (&'static str, Place) {
        match self {
            Self::Strategic(_) | Self::Patch(_) => ("apply a patch", Place::default()),
            Self::Namespace(namespace) => ("set the namespace", namespace.name.place),
            Self::Rename(_, text, _) => ("change names", text.place),
            Self::Pairs(pairs, _) => {
                let place = pairs
                    .first()
                    .map_or(Place::default(), |(_, value)| value.place);
                ("add labels or annotations", place)
            }
            Self::Replicas(entry, _) => ("set replicas", entry.place),
            Self::Images(images, _) => (
                "change an image",
                images.first().map_or(Place::default(), |image| image.place),
            ),
            Self::Replacements(_) => ("make a replacement", Place::default()),
            Self::Hash => ("add digests to names", Place::default()),
            Self::ValueAdd(_) => ("add a value", Place::default()),
        }
    }
}

impl ChangeStep {
    /// Applies the change and records it on every object.
    pub(crate) fn apply(
        &self,
        resources: &mut Resources,
        schema: &Schema,
        budget: &Budget,
    ) -> Result<(), Fault> {
        let (doing, place) = self.change.doing();
        let during = |fault: Fault| fault.during(doing, place);
        let len = resources.all().len() as u64;
        budget
            .steps(1 + len)
            .map_err(|exceeded| during(exceeded.into()))?;
        let apply = |resources: &mut Resources| self.change.apply(resources, schema, budget);
        let done = match &self.change {
            _ if self.is_secret => secret::hidden(resources, budget, apply),
            ObjectChange::Namespace(_) | ObjectChange::Rename(..) | ObjectChange::Hash => {
                secret::rename(resources, apply)
            }
            _ => apply(resources),
        };
        done.map_err(during)?;
        if let Some(note) = &self.note {
            budget
                .bytes(NOTE_BYTES * len)
                .map_err(|exceeded| during(exceeded.into()))?;
            for resource in resources.contents_mut() {
                match &resource.note {
                    None => resource.note = Some(note.clone()),
                    Some(_) => resource.changes.push(note.clone()),
                }
            }
        }
        resources.drop_empty();
        Ok(())
    }
}

/// Bytes for recording one note on one object.
const NOTE_BYTES: u64 = 2 * size_of::<Arc<Note>>() as u64;

/// Returns the changes that a kustomization's settings request, in the order of application.
pub(crate) fn steps(
    source: &mut BuildSource<'_>,
    config: &Kustomization,
    configuration: &Configuration,
    noted: Option<&str>,
) -> Result<Vec<ChangeStep>, Fault> {
    let mut steps = Vec::new();
    let mut push = |kind: &str, change: ObjectChange| {
        steps.push(ChangeStep {
            change,
            note: noted.map(|path| Note::builtin(path, kind)),
            is_secret: false,
        });
    };
    if !config.strategic_patches.is_empty() {
        let patches = patch::load_strategic(source, &config.folder, &config.strategic_patches)?;
        push(
            "PatchStrategicMergeTransformer",
            ObjectChange::Strategic(patches),
        );
    }
    for entry in &config.patches {
        let loaded = patch::load(source, &config.folder, entry)?;
        push("PatchTransformer", ObjectChange::Patch(Box::new(loaded)));
    }
    settings(config, configuration, source.budget, &mut push)?;
    for entry in &config.json_patches {
        let loaded = patch::load_json(source, &config.folder, entry)?;
        push(
            "PatchJson6902Transformer",
            ObjectChange::Patch(Box::new(loaded)),
        );
    }
    for entry in &config.replicas {
        push(
            "ReplicaCountTransformer",
            ObjectChange::Replicas(entry.value.clone(), configuration.replicas.clone()),
        );
    }
    // Together they pass through each object once; if each leaves a note, each is a separate
    // change.
    let at_once = if noted.is_some() {
        1
    } else {
        config.images.len().max(1)
    };
    for entries in config.images.chunks(at_once) {
        push(
            "ImageTagTransformer",
            ObjectChange::Images(entries.to_vec(), configuration.images.clone()),
        );
    }
    if let Some(node) = &config.replacements {
        let all = replacements(source, &config.folder, node, Mode::Strict)?;
        if !all.is_empty() {
            push("ReplacementTransformer", ObjectChange::Replacements(all));
        }
    }
    Ok(steps)
}

/// Adds namespace, prefix, suffix, labels and annotations.
fn settings(
    config: &Kustomization,
    configuration: &Configuration,
    budget: &Budget,
    push: &mut impl FnMut(&str, ObjectChange),
) -> Result<(), Fault> {
    if !config.namespace.is_empty() {
        let fields = configuration.namespace.clone();
        let namespace = Namespace {
            name: config.namespace.clone(),
            fields,
            ..Namespace::default()
        };
        push("NamespaceTransformer", ObjectChange::Namespace(namespace));
    }
    for (kind, side, text, fields) in [
        (
            "PrefixTransformer",
            Side::Front,
            &config.name_prefix,
            &configuration.name_prefix,
        ),
        (
            "SuffixTransformer",
            Side::Back,
            &config.name_suffix,
            &configuration.name_suffix,
        ),
    ] {
        if !text.is_empty() {
            push(
                kind,
                ObjectChange::Rename(side, text.clone(), fields.clone()),
            );
        }
    }
    for rule in &config.labels {
        let fields = labels::fields(rule, configuration, budget)
            .map_err(|conflict| conflict.at(rule.place))?;
        push(
            "LabelTransformer",
            ObjectChange::Pairs(rule.pairs.clone(), Arc::new(fields)),
        );
    }
    if !config.labels.is_empty() || !config.common_labels.is_empty() {
        push(
            "LabelTransformer",
            ObjectChange::Pairs(
                config.common_labels.clone(),
                configuration.common_labels.clone(),
            ),
        );
    }
    if !config.common_annotations.is_empty() {
        let fields = configuration.common_annotations.clone();
        push(
            "AnnotationsTransformer",
            ObjectChange::Pairs(config.common_annotations.clone(), fields),
        );
    }
    Ok(())
}

/// Reads entries of `replacements` and the files they name.
pub(crate) fn replacements(
    source: &mut BuildSource<'_>,
    folder: &RepoPath,
    node: &Node,
    mode: Mode,
) -> Result<Vec<Replacement>, Fault> {
    let items = node
        .items()
        .ok_or_else(|| crate::input::decode::wrong(node.place, "replacements", "a list"))?;
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        match ReplacementEntry::read(item, mode)? {
            ReplacementEntry::Inline(replacement) => all.push(replacement),
            ReplacementEntry::File { path, place } => {
                let node = settings_file(source, folder, &path, place)?;
                all.extend(Replacement::read_file(&node)?);
            }
        }
    }
    Ok(all)
}
