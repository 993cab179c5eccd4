//! Building one kustomization: its resources, generators and components, then its changes, in kustomize's order.
//!
//! A folder among the resources is built by itself first and then joins; a component works on what is there already.
//! What must see everything (digests in names, references to names) is done once, at the root.

use std::collections::HashMap;

use lode_tree::{Child, PathError, RepoPath};

use crate::config::{At, Config, Unknown};
use crate::error::{Error, FileCause};
use crate::load::Source;
use crate::render::{Origin, is_nothing};
use crate::resource::{Identity, Resource};
use crate::{generate, images, labels, origin, patch, references, transform};

/// Deepest nesting of bases and components.
const BASES_DEPTH_MAX: usize = 40;
/// Most kustomizations built for one: a diamond of bases doubles with each storey.
const BASES_MAX: usize = 4_000;
/// Most objects of one build.
const OBJECTS_MAX: usize = 100_000;

/// A build under way.
pub(crate) struct Build<'s, 't> {
    source: &'s mut Source<'t>,
    /// The folders being built, outermost first.
    open: Vec<RepoPath>,
    built: usize,
}

impl<'s, 't> Build<'s, 't> {
    pub(crate) fn new(source: &'s mut Source<'t>) -> Self {
        Self { source, open: Vec::new(), built: 0 }
    }

    /// Builds the outermost kustomization and finishes the resources.
    pub(crate) fn root(mut self, config: &Config) -> Result<Vec<Resource>, Error> {
        let mut resources = Resources::default();
        self.apply(config, &mut resources)?;
        let mut resources = resources.all;
        origin::check(config)?;
        generate::add_hashes(&mut resources);
        references::fix(&mut resources)?;
        resources.retain(|resource| {
            resource.annotation("config.kubernetes.io/local-config").is_none_or(|local| local == "false")
        });
        if config.notes_origins() {
            for resource in &mut resources {
                origin::note(resource, &config.folder);
            }
        }
        Ok(resources)
    }

    fn apply(&mut self, config: &Config, resources: &mut Resources) -> Result<(), Error> {
        self.open.push(config.folder.clone());
        for entry in &config.resources {
            self.resource(config, entry, resources)?;
        }
        for generator in config.map_generators.iter().chain(&config.secret_generators) {
            let made = generate::make(self.source, config, generator)?;
            resources.absorb(made, generator.value.behavior)?;
        }
        for entry in &config.components {
            self.component(config, entry, resources)?;
        }
        resources.changed();
        self.change(config, &mut resources.all)?;
        self.open.pop();
        Ok(())
    }

    fn resource(&mut self, config: &Config, entry: &At<String>, resources: &mut Resources) -> Result<(), Error> {
        match self.find(config, entry)? {
            (path, Child::File) => self.source.manifests(&path, &mut |resource| resources.append(resource)),
            (path, Child::Folder) => {
                let base = self.nested(config, entry, &path)?;
                if base.is_component {
                    let cause = FileCause::WrongKind("Component".to_owned());
                    return Err(Error::file(&base.origin(1), cause));
                }
                let mut below = Resources::default();
                self.apply(&base, &mut below)?;
                below.all.into_iter().try_for_each(|resource| resources.append(resource))
            }
        }
    }

    fn component(&mut self, config: &Config, entry: &At<String>, resources: &mut Resources) -> Result<(), Error> {
        let (path, child) = self.find(config, entry)?;
        if child == Child::File {
            let cause = FileCause::WrongKind("a file among components".to_owned());
            return Err(Error::file(&config.origin(entry.line), cause));
        }
        let component = self.nested(config, entry, &path)?;
        if !component.is_component {
            return Err(Error::file(&component.origin(1), FileCause::WrongKind("Kustomization".to_owned())));
        }
        self.apply(&component, resources)
    }

    /// Returns where an entry leads, links followed.
    fn find(&self, config: &Config, entry: &At<String>) -> Result<(RepoPath, Child), Error> {
        let text = entry.value.as_str();
        let fail = |cause| Error::file(&config.origin(entry.line), cause);
        if is_remote(text) {
            return Err(fail(FileCause::Remote(text.to_owned())));
        }
        let path = config
            .folder
            .join(text)
            .map_err(|source: PathError| fail(FileCause::Path { path: text.to_owned(), source }))?;
        match self.source.tree.canonical(&path) {
            Ok((_, Child::File)) => Ok((path, Child::File)),
            Ok((real, Child::Folder)) => Ok((real, Child::Folder)),
            Err(lode_tree::Error::NotFound(_)) if looks_remote(text) => Err(fail(FileCause::Remote(text.to_owned()))),
            Err(lode_tree::Error::NotFound(_)) => Err(fail(FileCause::Missing(text.to_owned()))),
            Err(error) => Err(error.into()),
        }
    }

    fn nested(&mut self, config: &Config, entry: &At<String>, folder: &RepoPath) -> Result<Config, Error> {
        let fail = |cause| Error::file(&config.origin(entry.line), cause);
        if self.open.contains(folder) {
            return Err(fail(FileCause::Cycle(entry.value.clone())));
        }
        self.built += 1;
        if self.open.len() >= BASES_DEPTH_MAX || self.built > BASES_MAX {
            return Err(fail(FileCause::TooDeep(BASES_DEPTH_MAX)));
        }
        match self.source.kustomization(folder)? {
            Some(file) => Config::read(self.source, &file, Unknown::Refuse),
            None => Err(fail(FileCause::NoKustomization(folder.clone()))),
        }
    }

    fn change(&mut self, config: &Config, resources: &mut Vec<Resource>) -> Result<(), Error> {
        for rule in &config.patches {
            patch::apply(self.source, config, rule, resources)?;
        }
        if !config.namespace.is_empty() {
            transform::namespace(resources, &config.namespace)?;
        }
        transform::rename(resources, &config.name_prefix, &config.name_suffix);
        let at = |line: u32| move |cause: FileCause| Error::file(&config.origin(line), cause);
        for rule in &config.labels {
            labels::apply_rule(resources, &rule.value).map_err(at(rule.line))?;
        }
        labels::apply_common_labels(resources, &config.common_labels);
        labels::apply_common_annotations(resources, &config.common_annotations);
        for rule in &config.late_patches {
            patch::apply(self.source, config, rule, resources)?;
        }
        for replicas in &config.replicas {
            transform::replicas(resources, &replicas.value, &config.origin(replicas.line))?;
        }
        for image in &config.images {
            images::apply(resources, &image.value).map_err(at(image.line))?;
        }
        resources.retain(|resource| !is_nothing(&resource.value));
        Ok(())
    }
}

/// Resources in order, with an index of what they are called.
#[derive(Default)]
struct Resources {
    all: Vec<Resource>,
    /// Empty while it may be wrong: changes are made without it.
    names: HashMap<Identity, usize>,
}

impl Resources {
    fn append(&mut self, resource: Resource) -> Result<(), Error> {
        if self.all.len() >= OBJECTS_MAX {
            return Err(Error::TooMany(OBJECTS_MAX));
        }
        if self.names.len() != self.all.len() {
            self.names = self.all.iter().enumerate().map(|(at, known)| (known.current(), at)).collect();
        }
        let name = resource.current();
        if let Some(&at) = self.names.get(&name) {
            let (first, second): (Origin, Origin) = (self.all[at].origin.clone(), resource.origin.clone());
            return Err(Error::Duplicate { id: Box::new(resource.id()), first, second });
        }
        self.names.insert(name, self.all.len());
        self.all.push(resource);
        Ok(())
    }

    /// Takes a generated resource in: as a new one, or into the one of its name.
    fn absorb(&mut self, made: Resource, behavior: generate::Behavior) -> Result<(), Error> {
        let name = made.current();
        let mut found = self.all.iter_mut().filter(|resource| resource.is_or_was(&name));
        match (found.next(), behavior) {
            (None, generate::Behavior::Create) => self.append(made),
            (Some(old), generate::Behavior::Merge | generate::Behavior::Replace) => {
                generate::combine(old, made, behavior);
                Ok(())
            }
            (Some(old), generate::Behavior::Create) => {
                Err(Error::Duplicate { id: Box::new(made.id()), first: old.origin.clone(), second: made.origin })
            }
            (None, _) => {
                let cause = "nothing of this name is there to merge into or replace".to_owned();
                let name = made.name().to_owned();
                Err(Error::file(&made.origin, FileCause::Generator { name, cause }))
            }
        }
    }

    fn changed(&mut self) {
        self.names.clear();
    }
}

fn is_remote(text: &str) -> bool {
    text.contains("://") || text.starts_with("git@")
}

/// `host/owner/repository` without a scheme, as kustomize accepts it.
fn looks_remote(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    (host.contains('.') && !host.starts_with('.') && text.split('/').count() > 2) || text.contains("?ref=")
}
