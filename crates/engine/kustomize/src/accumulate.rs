//! Builds one kustomization: its resources, generators and components, then its changes, in
//! kustomize's order.
//!
//! A folder among the resources is built separately first and then added; a component works on what
//! is already there. What needs all objects (hashes in names, references to names, variables) is
//! done once, at the root.

use std::sync::Arc;

use lode_stdx::budget::Budget;
use lode_stdx::budget::Meter;
use lode_tree::{Child, RepoPath};
use lode_yaml::{Node, Origins};

use crate::config::builtin;
use crate::config::configuration::{self, Configuration};
use crate::error::{Fault, FileCause, ObjectCause};
use crate::generator::charts::{self, ChartAt, ChartEntry, ChartGlobals, Inflated};
use crate::generator::generate;
use crate::input::decode::At;
use crate::input::kustomization::{Kustomization, Unknown};
use crate::input::manifests;
use crate::input::remote::{is_remote, looks_remote};
use crate::input::settings_file::settings_file;
use crate::input::source::{BuildSource, unread};
use crate::object::behavior::Behavior;
use crate::object::note::{self, Note};
use crate::object::noting;
use crate::object::order;
use crate::object::resource::Resource;
use crate::object::resources::Resources;
use crate::object::scopes::Scopes;
use crate::options::Options;
use crate::patching::merging::Merging;
use crate::patching::patch;
use crate::transform::change::{self, ChangeStep};
use crate::transform::references;
use crate::transform::vars::{self, Var};
use crate::{generator::hash, generator::secret, input::crds};

/// Deepest nesting of bases and components.
const BASES_DEPTH_MAX: usize = 40;
/// Most kustomizations in one build: a diamond of bases doubles with each level.
const BASES_MAX: usize = 4_000;

/// Bytes of recording one file for one object.
const PART_BYTES: u64 = 8;

/// A build in progress.
pub(crate) struct Run<'s, 'l> {
    source: &'s mut BuildSource<'l>,
    warnings: &'s mut Vec<At<String>>,
    /// The folders being built, outermost first.
    open: Vec<RepoPath>,
    built: usize,
    merging: Merging,
    scopes: Scopes,
    /// Whether objects get notes.
    is_noted: bool,
}

/// The result of a kustomization for the one above it.
#[derive(Default)]
struct Accumulated {
    resources: Resources,
    configuration: Arc<Configuration>,
    vars: Vec<Var>,
}

/// A kustomization being built, and its folder relative to the outermost one.
struct Level<'c> {
    config: &'c Kustomization,
    path: String,
    /// The namespace of the nearest kustomization that sets one, for charts.
    namespace: &'c str,
}

impl<'c> Level<'c> {
    fn root(config: &'c Kustomization) -> Self {
        Self {
            config,
            path: String::new(),
            namespace: &config.namespace,
        }
    }

    fn below<'b>(&'b self, config: &'b Kustomization, entry: &str) -> Level<'b> {
        let own = config.namespace.as_str();
        let namespace = if own.is_empty() { self.namespace } else { own };
        Level {
            config,
            path: note::joined(&self.path, entry),
            namespace,
        }
    }

    /// Returns the kustomization file as notes name it.
    fn file(&self) -> String {
        note::joined(&self.path, self.config.file.file_name())
    }
}

impl<'s, 'l> Run<'s, 'l> {
    pub(crate) fn new(
        source: &'s mut BuildSource<'l>,
        warnings: &'s mut Vec<At<String>>,
        options: Options,
    ) -> Self {
        let merging = Merging::new(options.custom_lists);
        Self {
            source,
            warnings,
            open: Vec::new(),
            built: 0,
            merging,
            scopes: Scopes::default(),
            is_noted: false,
        }
    }

    /// Builds the outermost kustomization and finishes the resources.
    pub(crate) fn root(
        mut self,
        config: &Kustomization,
        options: Options,
    ) -> Result<Vec<Resource>, Fault> {
        self.is_noted = !config.build_metadata.is_empty();
        self.take_schema(config)?;
        let mut all = Accumulated::default();
        self.apply(&Level::root(config), &mut all)?;
        let Accumulated {
            mut resources,
            configuration,
            vars,
        } = all;
        let budget = self.source.budget;
        secret::rename(&mut resources, |resources| {
            hash::add(resources.all_mut(), budget)
        })?;
        references::fix(resources.all_mut(), &configuration, budget)?;
        let unused = vars::resolve(
            resources.all_mut(),
            &vars,
            &configuration.var_reference,
            budget,
        );
        let unused = unused.map_err(vars::Error::into_fault)?;
        for name in unused {
            self.warnings.push(At::new(
                format!("variable \"{name}\" is never used"),
                config.place(1),
            ));
        }
        let mut resources = resources.into_all();
        let meter = Meter::new(budget);
        resources
            .iter_mut()
            .try_for_each(|resource| resource.rewrite_folds(&meter))?;
        resources
            .iter_mut()
            .try_for_each(|resource| resource.stay_veiled(budget))?;
        finish(&mut resources)?;
        order::sort(&mut resources, config.sort_options.as_ref(), options.order)?;
        if options.managed_by || config.notes("managedByLabel") {
            resources.iter_mut().for_each(set_managed_by);
        }
        for resource in &mut resources {
            noting::finish(
                resource,
                config.notes("originAnnotations"),
                config.notes("transformerAnnotations"),
                budget,
            )?;
        }
        Ok(resources)
    }

    fn apply(&mut self, level: &Level<'_>, all: &mut Accumulated) -> Result<(), Fault> {
        self.apply_level(level, all)
            .map_err(|fault| fault.during("build the kustomization", level.config.place(1)))
    }

    fn apply_level(&mut self, level: &Level<'_>, all: &mut Accumulated) -> Result<(), Fault> {
        let (config, budget) = (level.config, self.source.budget);
        self.open.push(config.folder.clone());
        let knew_scopes = self.scopes.have_learned();
        for entry in &config.resources {
            self.resource(level, entry, all)?;
        }
        if self.scopes.have_learned() != knew_scopes {
            // New information may have changed the names of objects.
            all.resources.forget_names();
        }
        let settings = self.configure(config, all)?;
        self.generate(level, &mut all.resources)?;
        for entry in &config.components {
            self.component(level, entry, all)?;
        }
        let noted = self.is_noted.then(|| level.file());
        let mut steps = change::steps(self.source, config, &all.configuration, noted.as_deref())?;
        steps.extend(self.transformers(level, &config.transformers)?);
        let schema = self.merging.before(&steps, all.resources.all(), budget)?;
        for step in steps {
            step.apply(&mut all.resources, &schema, budget)?;
        }
        self.validate(level, &mut all.resources)?;
        if let Some(node) = &config.vars {
            let items = node
                .items()
                .ok_or_else(|| crate::input::decode::wrong(node.place, "vars", "a list"))?;
            let read = items.iter().map(Var::read).collect::<Result<Vec<_>, _>>()?;
            vars::bind(all.resources.contents_mut(), &read, budget)
                .map_err(vars::Error::into_fault)?;
            vars::merge(&mut all.vars, read).map_err(vars::Error::into_fault)?;
        }
        let parts = (1 + settings.len() as u64) * all.resources.all().len() as u64;
        budget.steps(parts)?;
        budget.bytes(PART_BYTES * parts)?;
        for resource in all.resources.contents_mut() {
            resource.parts.add(config.source);
            for source in &settings {
                resource.parts.add(*source);
            }
        }
        self.open.pop();
        Ok(())
    }

    /// Adds the objects that were read from a file, noted with its path if that is wanted.
    fn take(
        &mut self,
        nodes: Vec<Node>,
        path: impl FnOnce() -> String,
        all: &mut Accumulated,
    ) -> Result<(), Fault> {
        self.merging.meet(&nodes);
        let noted = || Note {
            path: path(),
            by: None,
        };
        let note = self.is_noted.then(noted).map(Arc::new);
        for node in nodes {
            all.resources.append(Resource {
                note: note.clone(),
                scopes: self.scopes.clone(),
                ..read(node)
            })?;
        }
        Ok(())
    }

    fn resource(
        &mut self,
        level: &Level<'_>,
        entry: &At<String>,
        all: &mut Accumulated,
    ) -> Result<(), Fault> {
        match self.find(level, entry)? {
            (path, Child::File) => {
                let content = self.source.read(&path);
                let (blob, number) =
                    content.map_err(|error| Fault::At(entry.place, unread(entry, error)))?;
                let origins = Origins {
                    source: number,
                    lines_above: 0,
                };
                let nodes = manifests::read_with(
                    &blob.bytes,
                    origins,
                    self.source.comments,
                    self.source.budget,
                )?;
                self.take(nodes, || note::joined(&level.path, entry), all)
            }
            (path, Child::Folder) => {
                let base = self.nested(entry, &path)?;
                if base.is_component {
                    let cause = FileCause::WrongKind("Component".to_owned());
                    return Err(Fault::At(base.place(1), cause));
                }
                let mut below = Accumulated::default();
                self.apply(&level.below(&base, entry), &mut below)?;
                let budget = self.source.budget;
                all.resources.append_all(below.resources, budget)?;
                let more = &below.configuration;
                all.configuration =
                    configuration::merge(&all.configuration, more, (entry.place, budget))?;
                budget.steps((all.vars.len() + below.vars.len()) as u64)?;
                vars::merge(&mut all.vars, below.vars).map_err(vars::Error::into_fault)
            }
        }
    }

    fn component(
        &mut self,
        level: &Level<'_>,
        entry: &At<String>,
        all: &mut Accumulated,
    ) -> Result<(), Fault> {
        let (path, child) = self.find(level, entry)?;
        if child == Child::File {
            return Err(Fault::At(
                entry.place,
                FileCause::WrongKind("a file among components".to_owned()),
            ));
        }
        let component = self.nested(entry, &path)?;
        if !component.is_component {
            return Err(Fault::At(
                component.place(1),
                FileCause::WrongKind("Kustomization".to_owned()),
            ));
        }
        self.apply(&level.below(&component, entry), all)?;
        all.resources.refuse_twins(self.source.budget)
    }

    /// Adds the field settings of the defaults and the kustomization; returns the numbers of the
    /// files that contain them.
    fn configure(
        &mut self,
        config: &Kustomization,
        all: &mut Accumulated,
    ) -> Result<Vec<u32>, Fault> {
        let budget = self.source.budget;
        let mut files = Vec::new();
        let mut own = configuration::defaults();
        for entry in &config.configurations {
            let node = settings_file(self.source, &config.folder, entry, entry.place)?;
            own = configuration::merge(
                &own,
                &Arc::new(Configuration::read(&node)?),
                (entry.place, budget),
            )?;
            files.push(node.place.source);
        }
        all.configuration =
            configuration::merge(&all.configuration, &own, (config.place(1), budget))?;
        for entry in &config.crds {
            let node = settings_file(self.source, &config.folder, entry, entry.place)?;
            let more = crds::read(&node, budget)
                .map_err(|fault| fault.during("read crds", entry.place))?;
            all.configuration =
                configuration::merge(&all.configuration, &Arc::new(more), (entry.place, budget))?;
            files.push(node.place.source);
        }
        Ok(files)
    }

    fn generate(&mut self, level: &Level<'_>, resources: &mut Resources) -> Result<(), Fault> {
        let config = level.config;
        for (kind, entries) in [
            ("ConfigMapGenerator", &config.config_maps),
            ("SecretGenerator", &config.secrets),
        ] {
            for entry in entries {
                let mut made = generate::make(self.source, &config.folder, entry)?;
                if self.is_noted {
                    made.note = Some(Note::builtin(&level.file(), kind));
                }
                resources.absorb(made, entry.behavior, self.source.budget)?;
            }
        }
        let note = self
            .is_noted
            .then(|| Note::builtin(&level.file(), builtin::CHARTS));
        for chart in &config.charts {
            let chart = (chart, &config.chart_globals, level.namespace);
            self.chart(level, chart, note.as_ref(), resources)?;
        }
        for object in self.configurators(level, &config.generators)? {
            if let Some((chart, globals)) = builtin::chart(&object)? {
                let note = builtin::origin(&object);
                let chart = (&At::new(chart, object.place), &globals, "");
                self.chart(level, chart, note.as_ref(), resources)?;
                continue;
            }
            let made = builtin::generator(self.source, &config.folder, &object);
            let (mut made, behavior) = made.map_err(|fault| object.discreet_settings(fault))?;
            made.words = object.words;
            resources.absorb(made, behavior, self.source.budget)?;
        }
        Ok(())
    }

    /// Adds the objects of a chart, with the namespace that it gets if it states none.
    fn chart(
        &mut self,
        level: &Level<'_>,
        (entry, globals, namespace): (&At<ChartEntry>, &ChartGlobals, &str),
        note: Option<&Arc<Note>>,
        resources: &mut Resources,
    ) -> Result<(), Fault> {
        let schema = self.merging.schema();
        let at = ChartAt {
            folder: &level.config.folder,
            globals,
            namespace,
            schema: &schema,
        };
        let Inflated { text, parts } = charts::inflate(self.source, entry, at)?;
        let nodes = manifests::read(&text, Origins::default(), self.source.budget);
        for mut node in nodes.map_err(|fault| charts::located(fault, entry.place))? {
            patch::place_all(&mut node, entry.place);
            let mut made = Resource {
                note: note.cloned(),
                is_from_chart: true,
                scopes: self.scopes.clone(),
                ..read(node)
            };
            self.source.budget.bytes(PART_BYTES * parts.len() as u64)?;
            for part in &parts {
                made.parts.add(*part);
            }
            resources.absorb(made, Behavior::Create, self.source.budget)?;
        }
        Ok(())
    }

    fn transformers(
        &mut self,
        level: &Level<'_>,
        entries: &[At<String>],
    ) -> Result<Vec<ChangeStep>, Fault> {
        let mut steps = Vec::new();
        for object in self.configurators(level, entries)? {
            let more = builtin::transformer(self.source, &level.config.folder, &object);
            steps.extend(more.map_err(|fault| object.discreet_settings(fault))?);
        }
        Ok(steps)
    }

    /// Returns the objects that configure generators or transformers: inline, or built from files
    /// and folders.
    fn configurators(
        &mut self,
        level: &Level<'_>,
        entries: &[At<String>],
    ) -> Result<Vec<Resource>, Fault> {
        let mut all = Accumulated::default();
        let mut paths = Vec::new();
        for entry in entries {
            let nodes = match manifests::read(
                entry.as_bytes(),
                builtin::inline_origins(entry),
                self.source.budget,
            ) {
                Ok(nodes) => nodes,
                Err(fault) if fault.is_exceeded() => return Err(fault),
                Err(_) => {
                    paths.push(entry);
                    continue;
                }
            };
            self.take(nodes, || level.file(), &mut all)?;
        }
        for entry in paths {
            self.resource(level, entry, &mut all)?;
        }
        let mut configurators = all.resources.into_all();
        let meter = Meter::new(self.source.budget);
        configurators
            .iter_mut()
            .try_for_each(|resource| resource.rewrite_folds(&meter))?;
        Ok(configurators)
    }

    /// Runs validators, which may change nothing except their own label.
    fn validate(&mut self, level: &Level<'_>, resources: &mut Resources) -> Result<(), Fault> {
        let (entries, budget) = (&level.config.validators, self.source.budget);
        for step in self.transformers(level, entries)? {
            // They are copied twice: before, and without the label.
            let place = entries
                .first()
                .map_or(level.config.place(1), |entry| entry.place);
            for resource in resources.all().iter().chain(resources.all()) {
                let charged = resource.node.cost().charge(budget);
                charged.map_err(|exceeded| Fault::from(exceeded).during("validate", place))?;
            }
            let before: Vec<Node> = resources
                .all()
                .iter()
                .map(|resource| resource.node.clone())
                .collect();
            step.change
                .apply(resources, &self.merging.schema(), budget)?;
            let same = |(now, old): (&Resource, &Node)| {
                without_validated_by(&now.node).is_some_and(|now| now == *old)
            };
            if resources.all().len() != before.len()
                || !resources.all().iter().zip(&before).all(same)
            {
                return Err(Fault::At(place, FileCause::Validator));
            }
        }
        Ok(())
    }

    /// Returns the target of an entry, with links resolved.
    fn find(&mut self, level: &Level<'_>, entry: &At<String>) -> Result<(RepoPath, Child), Fault> {
        let text = entry.value.as_str();
        let folder = &level.config.folder;
        if is_remote(text) {
            return self.fetch(entry);
        }
        let path = self.source.path_in(folder, text, entry.place)?;
        match self.source.reads.canonical(self.source.loader, &path) {
            Ok((real, Child::File)) => {
                self.source.allow(folder, &real, text, entry.place)?;
                Ok((path, Child::File))
            }
            Ok((real, Child::Folder)) => Ok((real, Child::Folder)),
            Err(lode_tree::Error::NotFound(_)) if looks_remote(text) => self.fetch(entry),
            Err(error) => Err(Fault::At(entry.place, unread(text, error))),
        }
    }

    fn fetch(&mut self, entry: &At<String>) -> Result<(RepoPath, Child), Fault> {
        let path = self
            .source
            .loader
            .fetch(&entry.value)
            .map_err(|error| match error {
                lode_tree::Error::Remote(_) => {
                    Fault::At(entry.place, FileCause::Remote(entry.value.clone()))
                }
                error => Fault::At(entry.place, FileCause::Tree(error)),
            })?;
        let found = self.source.reads.canonical(self.source.loader, &path);
        found.map_err(|error| Fault::At(entry.place, FileCause::Tree(error)))
    }

    fn nested(&mut self, entry: &At<String>, folder: &RepoPath) -> Result<Kustomization, Fault> {
        let fail = |cause| Fault::At(entry.place, cause);
        // A folder above one that is being built would include it again.
        if self.open.iter().any(|open| open.is_in(folder)) {
            return Err(fail(FileCause::Cycle(entry.value.clone())));
        }
        self.built += 1;
        if self.open.len() >= BASES_DEPTH_MAX || self.built > BASES_MAX {
            return Err(fail(FileCause::TooDeep(BASES_DEPTH_MAX)));
        }
        let Some(file) = self.source.kustomization(folder)? else {
            return Err(fail(FileCause::NoKustomization(folder.clone())));
        };
        let config = Kustomization::read(self.source, &file, Unknown::Refuse, self.warnings)?;
        self.take_schema(&config)?;
        Ok(config)
    }

    /// Adopts a kustomization's schema (how lists merge, which kinds are namespaced), unless one
    /// was adopted before.
    fn take_schema(&mut self, config: &Kustomization) -> Result<(), Fault> {
        if self.merging.take(self.source, config)? {
            self.scopes.learn(&self.merging.schema());
        }
        Ok(())
    }
}

const NEEDS_HASH: &str = "internal.config.kubernetes.io/needsHashSuffix";
const FROM_CHART: &str = "internal.config.kubernetes.io/helm-generated";
const VALIDATED_BY: &str = "validated-by";
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kustomize-v5.8.1");

/// Reads the objects of a stream that no kustomization names.
pub(crate) fn read_all(
    text: &[u8],
    origins: Origins,
    budget: &Budget,
) -> Result<Vec<Resource>, Fault> {
    let mut resources = Resources::default();
    for node in manifests::read(text, origins, budget)? {
        resources.append(read(node))?;
    }
    Ok(resources.into_all())
}

/// Creates a resource from an object that was read.
pub(crate) fn read(node: Node) -> Resource {
    let place = node.place;
    let mut resource = Resource::new(node, place);
    if resource.node.at(&["metadata", "annotations"]).is_none() {
        return resource;
    }
    // kustomize's bookkeeping annotation can request a hash in a name that no generator made.
    resource.needs_hash = resource.annotation(NEEDS_HASH) == Some("enabled");
    resource.is_from_chart = resource.annotation(FROM_CHART) == Some("true");
    resource.recall();
    resource
}

/// Refuses what is not an object any more and drops what is for local use only.
fn finish(resources: &mut Vec<Resource>) -> Result<(), Fault> {
    for resource in resources.iter() {
        let is_list = resource.kind().ends_with("List");
        for (field, text) in [
            ("kind", resource.kind()),
            ("metadata.name", resource.name()),
        ] {
            if text.is_empty() && !(is_list && field == "metadata.name") {
                let cause = ObjectCause::NotAnObject(lode_object::Error::Missing(field));
                return Err(Fault::Object {
                    id: Box::new(resource.id()),
                    at: resource.place,
                    cause,
                });
            }
        }
    }
    resources.retain(|resource| {
        resource
            .annotation("config.kubernetes.io/local-config")
            .is_none_or(|local| local == "false")
    });
    Ok(())
}

fn set_managed_by(resource: &mut Resource) {
    let (key, value) = MANAGED_BY;
    let metadata = resource.node.get_or_insert_with("metadata", Node::mapping);
    if let Some(labels) =
        metadata.and_then(|metadata| metadata.get_or_insert_with("labels", Node::mapping))
    {
        if labels.is_null() {
            *labels = Node::mapping();
        }
        labels.insert(key, Node::string(value));
    }
}

/// Returns an object without the label that validators leave; nothing if the label is among others,
/// because kustomize then recreates the nodes and sees a change.
fn without_validated_by(node: &Node) -> Option<Node> {
    let mut node = node.clone();
    let Some(metadata) = node.get_mut("metadata") else {
        return Some(node);
    };
    let removed = metadata
        .get_mut("labels")
        .and_then(|labels| labels.remove(VALIDATED_BY));
    if removed.is_some()
        && metadata
            .remove("labels")
            .is_none_or(|labels| !labels.is_nothing())
    {
        return None;
    }
    Some(node)
}
