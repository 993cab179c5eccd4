//! [`build()`]: a loader and a folder in, objects with their origins out.

use std::collections::BTreeSet;
use std::fmt;

use lode_object::{Id, Object, Words};
use lode_stdx::budget::Budget;
use lode_tree::{Child, Loader, ReadSet, RepoPath};
use lode_yaml::{Dialect, Node, Origins, Place};

use crate::accumulate::{self, Run};
use crate::bounds::LIMITS;
use crate::commented;
use crate::error::{Error, Fault, FileCause, ObjectCause};
use crate::input::charts::Charts;
use crate::input::decode::At;
use crate::input::kustomization::{Kustomization, Unknown};
use crate::input::source::BuildSource;
use crate::object::origin::{Files, Origin};
use crate::object::resource::Resource;
use crate::options::Options;

/// The result of a build.
#[derive(Debug, Clone, PartialEq)]
pub struct Build {
    /// The objects, in order.
    pub objects: Vec<Built>,
    /// What was read.
    pub reads: ReadSet,
    /// The files that positions in objects refer to.
    pub files: Files,
    /// Deprecated or useless settings, each with its origin.
    pub warnings: Vec<(Origin, String)>,
}

/// An object. Its `Debug` omits the content, which may be secret.
#[derive(Clone, PartialEq)]
pub struct Built {
    /// The object; every value in it has its position.
    pub node: Node,
    /// Where it was read; for a generated one, the entry of the kustomization.
    pub origin: Origin,
    /// The files that affect it in addition to those its values come from, numbered as for
    /// [`Files::path`]: kustomizations it passed through, patches, files of generators, and the
    /// sources of names and values that it takes from other objects.
    pub parts: Vec<u32>,
    /// What may be shown of it, if `replacements` or `vars` copied a value of a Secret into it.
    pub words: Option<Words>,
}

/// A prepared build: kustomizations can be read and changed before they are built.
pub struct Builder<'l> {
    source: BuildSource<'l>,
    options: Options,
    warnings: Vec<At<String>>,
}

/// Builds a folder within [`LIMITS`].
///
/// # Errors
/// The folder has no kustomization, a file is missing or invalid, or the build exceeds the limits.
pub fn build(loader: &dyn Loader, folder: &RepoPath, options: &Options) -> Result<Build, Error> {
    build_within(loader, folder, options, &Budget::new(LIMITS))
}

/// Builds a folder within a budget.
///
/// # Errors
/// As [`build()`].
pub fn build_within(
    loader: &dyn Loader,
    folder: &RepoPath,
    options: &Options,
    budget: &Budget,
) -> Result<Build, Error> {
    build_with_charts(loader, folder, options, (None, budget))
}

/// Builds a folder within a budget, with a renderer of charts if there is one.
///
/// # Errors
/// As [`build()`], or a chart cannot be rendered.
pub fn build_with_charts(
    loader: &dyn Loader,
    folder: &RepoPath,
    options: &Options,
    (charts, budget): (Option<&dyn Charts>, &Budget),
) -> Result<Build, Error> {
    let mut builder = Builder::new(loader, options, budget).with_charts(charts);
    let Some(kustomization) = builder.kustomization(folder, Unknown::Refuse)? else {
        let origin = Origin {
            path: folder.clone(),
            line: 1,
        };
        return Err(Error::File {
            origin,
            cause: FileCause::NoKustomization(folder.clone()),
        });
    };
    builder.build(&kustomization)
}

/// Reads a stream of objects as a build reads a file of resources: lists are unpacked, and two
/// objects of one name are refused. `path` is what errors call the stream.
///
/// # Errors
/// A document is not an object, a name is taken, or the budget is exceeded.
pub fn read_stream(text: &[u8], path: &RepoPath, budget: &Budget) -> Result<Vec<Built>, Error> {
    let mut files = Files::default();
    let origins = Origins {
        source: files.number(path),
        lines_above: 0,
    };
    let outcome = accumulate::read_all(text, origins, budget);
    let resources = outcome.map_err(|fault| fault.located(&files))?;
    let objects = resources.into_iter();
    Ok(objects.map(|it| Built::new(it, &files)).collect())
}

/// Rebuilds after paths were changed, added or removed, unless none of them can affect the result;
/// then the previous result is returned and nothing is read. Also returns whether it was rebuilt.
/// Fetched content counts as unchanged.
///
/// # Errors
/// Returns the same as `again`, which must build the same folder with the same options.
pub fn rebuild<E>(
    previous: Build,
    changed: &BTreeSet<RepoPath>,
    again: impl FnOnce() -> Result<Build, E>,
) -> Result<(Build, bool), E> {
    if previous.reads.is_touched_by(changed) {
        Ok((again()?, true))
    } else {
        Ok((previous, false))
    }
}

impl<'l> Builder<'l> {
    /// Prepares a build within a budget.
    #[must_use]
    pub fn new(loader: &'l dyn Loader, options: &Options, budget: &'l Budget) -> Self {
        let source = BuildSource {
            comments: options.comments,
            ..BuildSource::new(loader, options.restrictions, budget)
        };
        Self {
            source,
            options: *options,
            warnings: Vec::new(),
        }
    }

    /// Sets the renderer of charts; without one they are refused.
    #[must_use]
    pub fn with_charts(mut self, charts: Option<&'l dyn Charts>) -> Self {
        self.source.charts = charts;
        self
    }

    /// Reads a folder's kustomization; nothing if it has none.
    ///
    /// # Errors
    /// The folder does not exist, or its kustomization is invalid.
    pub fn kustomization(
        &mut self,
        folder: &RepoPath,
        unknown: Unknown,
    ) -> Result<Option<Kustomization>, Error> {
        let outcome = self.read(folder, unknown);
        outcome.map_err(|fault| fault.located(&self.source.files))
    }

    /// Returns an empty kustomization for a folder without a file.
    pub fn generated(&mut self, folder: &RepoPath) -> Kustomization {
        let source = self.source.files.number(folder);
        Kustomization {
            folder: folder.clone(),
            file: folder.clone(),
            source,
            ..Kustomization::default()
        }
    }

    /// Lists a folder, and records the answer.
    ///
    /// # Errors
    /// As [`Loader::list`].
    pub fn list(&mut self, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, lode_tree::Error> {
        self.source.reads.list(self.source.loader, folder)
    }

    /// Resolves a path's links, and records the answer.
    ///
    /// # Errors
    /// As [`Loader::canonical`].
    pub fn canonical(&mut self, path: &RepoPath) -> Result<(RepoPath, Child), lode_tree::Error> {
        self.source.reads.canonical(self.source.loader, path)
    }

    /// Returns the path that a text means in a file of a folder.
    ///
    /// # Errors
    /// As [`Loader::resolve`].
    pub fn resolve(&self, folder: &RepoPath, text: &str) -> Result<RepoPath, lode_tree::PathError> {
        self.source.loader.resolve(folder, text)
    }

    /// Returns whether a folder has a kustomization file.
    ///
    /// # Errors
    /// The folder does not exist, or has several.
    pub fn has_kustomization(&mut self, folder: &RepoPath) -> Result<bool, Error> {
        let found = self.source.kustomization(folder);
        found
            .map(|file| file.is_some())
            .map_err(|fault| fault.located(&self.source.files))
    }

    /// Returns the origin of a position.
    #[must_use]
    pub fn origin(&self, place: Place) -> Origin {
        self.source.files.origin(place)
    }

    /// Builds a kustomization.
    ///
    /// # Errors
    /// A file is missing or invalid.
    pub fn build(mut self, kustomization: &Kustomization) -> Result<Build, Error> {
        let run = Run::new(&mut self.source, &mut self.warnings, self.options);
        let outcome = run.root(kustomization, self.options);
        let resources = outcome.map_err(|fault| fault.located(&self.source.files))?;
        let BuildSource { reads, files, .. } = self.source;
        let objects = resources.into_iter();
        let objects = objects.map(|it| Built::new(it, &files)).collect();
        let warnings = self
            .warnings
            .into_iter()
            .map(|text| (files.origin(text.place), text.value))
            .collect();

        Ok(Build {
            objects,
            reads,
            files,
            warnings,
        })
    }

    fn read(
        &mut self,
        folder: &RepoPath,
        unknown: Unknown,
    ) -> Result<Option<Kustomization>, Fault> {
        match self.source.kustomization(folder)? {
            Some(file) => {
                Kustomization::read(&mut self.source, &file, unknown, &mut self.warnings).map(Some)
            }
            None => Ok(None),
        }
    }
}

impl Build {
    /// Writes all objects as kustomize prints them.
    ///
    /// # Errors
    /// An object contains what JSON cannot express.
    pub fn text(&self) -> Result<String, Error> {
        let mut out = String::new();
        for (at, object) in self.objects.iter().enumerate() {
            if at > 0 {
                out.push_str("---\n");
            }
            object.write(&mut out)?;
        }
        Ok(out)
    }
}

impl Built {
    fn new(resource: Resource, files: &Files) -> Self {
        Self {
            origin: files.origin(resource.place),
            node: resource.node,
            parts: resource.parts.into_numbers(),
            words: resource.words.map(|words| *words),
        }
    }

    /// Appends the object's text.
    ///
    /// # Errors
    /// It contains what JSON cannot express.
    pub fn write(&self, out: &mut String) -> Result<(), Error> {
        lode_yaml::write_node(out, &self.node).map_err(|error| self.fault(error))
    }

    /// As [`Built::write`], charged to a budget.
    ///
    /// # Errors
    /// It contains what JSON cannot express, or its text exceeds the budget.
    pub fn write_within(&self, out: &mut String, budget: &Budget) -> Result<(), Error> {
        lode_yaml::write_node_within(out, &self.node, budget).map_err(|error| self.fault(error))
    }

    /// Appends the object's text with the comments, key order and quotes of its files, as far as
    /// the build kept them.
    ///
    /// # Errors
    /// It contains what JSON cannot express.
    pub fn write_commented(&self, out: &mut String) -> Result<(), Error> {
        self.write_commented_within(out, &Budget::unlimited())
    }

    /// As [`Built::write_commented`], charged to a budget.
    ///
    /// # Errors
    /// It contains what JSON cannot express, or its text exceeds the budget.
    pub fn write_commented_within(&self, out: &mut String, budget: &Budget) -> Result<(), Error> {
        out.push_str(&commented::text(&self.node, budget).map_err(|error| self.fault(error))?);
        Ok(())
    }

    /// Returns the object as a JSON value.
    ///
    /// # Errors
    /// It contains what JSON cannot express, or lacks a required field.
    pub fn to_object(&self) -> Result<Object, Error> {
        let value = self
            .node
            .to_value(Dialect::V3)
            .map_err(|error| self.fault(error))?;
        Object::parse(value).map_err(|error| Error::File {
            origin: self.origin.clone(),
            cause: error.into(),
        })
    }

    /// As [`Built::to_object`], charged to a budget.
    ///
    /// # Errors
    /// As [`Built::to_object`], or the value exceeds the budget.
    pub fn to_object_within(&self, budget: &Budget) -> Result<Object, Error> {
        self.node.cost().charge_value(budget).map_err(|source| {
            let origin = self.origin.clone();
            Error::Exceeded {
                origin,
                doing: "make the object",
                source,
            }
        })?;
        self.to_object()
    }

    /// Returns the object's identity, as far as it is known and may be shown.
    #[must_use]
    pub fn id(&self) -> Id {
        let text = |keys: &[&str]| self.node.at(keys).and_then(Node::text).unwrap_or_default();
        let group = text(&["apiVersion"])
            .split_once('/')
            .map_or("", |(group, _)| group);
        let id = Id {
            namespace: text(&["metadata", "namespace"]).into(),
            name: text(&["metadata", "name"]).into(),
            group: group.into(),
            kind: text(&["kind"]).into(),
        };
        match &self.words {
            Some(words) => words.masked(&id),
            None => id,
        }
    }

    fn fault(&self, error: lode_yaml::Error) -> Error {
        if let lode_yaml::Cause::Exceeded(source) = error.cause {
            return Error::Exceeded {
                origin: self.origin.clone(),
                doing: "write the object",
                source,
            };
        }
        let cause = if self.words.is_some() {
            ObjectCause::Secret
        } else {
            ObjectCause::Value(error.cause)
        };
        Error::Object {
            id: Box::new(self.id()),
            origin: self.origin.clone(),
            cause,
        }
    }
}

impl fmt::Debug for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.id(), self.origin)
    }
}
