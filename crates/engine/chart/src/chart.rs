//! [`Chart`]: a chart in memory, as it was packed.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use lode_stdx::budget::{Budget, Exceeded};
use serde_json::{Map, Value};

use crate::dependencies::KeptOutcomes;
use crate::file::{ChartFile, extension};
use crate::manifest::KnownFiles;
use crate::metadata::{Lock, Metadata};
use crate::render::CompiledSets;
use crate::schema::{CompiledSchema, SchemaDocuments, compile};
use crate::warning::Warnings;

/// A chart with its subcharts. It never changes, so releases share it between threads.
pub struct Chart {
    pub(crate) metadata: Metadata,
    pub(crate) lock: Option<Lock>,
    pub(crate) templates: Vec<ChartFile>,
    pub(crate) values: Option<Map<String, Value>>,
    /// The text that they were read from.
    pub(crate) values_text: Option<Arc<[u8]>>,
    pub(crate) schema: Option<Arc<[u8]>>,
    /// The schema as it was first compiled.
    pub(crate) compiled: OnceLock<Arc<CompiledSchema>>,
    pub(crate) templates_cache: CompiledSets,
    pub(crate) known_files: KnownFiles,
    pub(crate) kept_cache: KeptOutcomes,
    /// The outermost keys of values that decide which subcharts are enabled.
    pub(crate) relevant_keys: OnceLock<BTreeSet<String>>,
    pub(crate) schema_modified: Option<Timestamp>,
    pub(crate) files: Vec<ChartFile>,
    pub(crate) modified: Option<Timestamp>,
    pub(crate) dependencies: Vec<Chart>,
    pub(crate) warnings: Warnings,
}

impl Chart {
    /// Returns the name in Chart.yaml.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Returns what Chart.yaml says.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns what Chart.lock says.
    #[must_use]
    pub fn lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    /// Returns the chart's own values; nothing without values.yaml.
    #[must_use]
    pub fn values(&self) -> Option<&Map<String, Value>> {
        self.values.as_ref()
    }

    /// Returns the files below `templates/`, in the order they were packed.
    #[must_use]
    pub fn templates(&self) -> &[ChartFile] {
        &self.templates
    }

    /// Returns all other files: those that templates can read, and `crds/`.
    #[must_use]
    pub fn files(&self) -> &[ChartFile] {
        &self.files
    }

    /// Returns all subcharts, whether they are enabled or not.
    #[must_use]
    pub fn dependencies(&self) -> &[Chart] {
        &self.dependencies
    }

    /// Returns about how many bytes the chart holds: its files, and what is kept of its renderings.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let files = self.templates.iter().chain(&self.files);
        let files: usize = files.map(|file| file.data.len()).sum();
        let compiled = self.templates_cache.lock();
        let compiled = compiled.iter().map(|set| set.held_bytes());
        let dependencies = self.dependencies.iter().map(Self::held_bytes);
        files
            + compiled.sum::<usize>()
            + usize::try_from(self.known_files.held()).unwrap_or(usize::MAX)
            + dependencies.sum::<usize>()
    }

    /// Returns what Helm would print while it loads the chart.
    #[must_use]
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Returns the schema in compiled form, if there is one. Compiling is charged when it is done:
    /// for the first release, and whenever documents are handed in.
    pub(crate) fn compiled_schema(
        &self,
        documents: &SchemaDocuments,
        budget: &Budget,
    ) -> Result<Option<Arc<CompiledSchema>>, Exceeded> {
        let Some(text) = &self.schema else {
            return Ok(None);
        };
        let compile = || compile(text, documents, budget).map(Arc::new);
        if !documents.is_empty() {
            return compile().map(Some);
        }
        if let Some(compiled) = self.compiled.get() {
            return Ok(Some(Arc::clone(compiled)));
        }
        let compiled = compile()?;
        Ok(Some(Arc::clone(self.compiled.get_or_init(|| compiled))))
    }

    /// Returns the chart's own custom resource definitions.
    pub(crate) fn own_crds(&self) -> impl Iterator<Item = &ChartFile> {
        self.files.iter().filter(|file| {
            let extension = extension(&file.name).to_ascii_lowercase();
            file.name.starts_with("crds/") && matches!(&*extension, ".yaml" | ".yml" | ".json")
        })
    }

    /// Checks that the chart can be installed: a library can only be part of another chart.
    ///
    /// # Errors
    /// It cannot.
    pub fn check_installable(&self) -> Result<(), NotInstallable> {
        match &*self.metadata.kind {
            "" | "application" => Ok(()),
            other => Err(NotInstallable(other.to_owned())),
        }
    }

    /// Checks that all declared dependencies are there, by name.
    ///
    /// # Errors
    /// Some are missing.
    pub fn check_dependencies(&self) -> Result<(), Missing> {
        let is_there = |name: &str| self.dependencies().iter().any(|found| found.name() == name);
        let declared = self.metadata().declared().iter();
        let missing: Vec<String> = declared
            .filter(|declared| !is_there(&declared.name))
            .map(|declared| declared.name.clone())
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Missing(missing))
        }
    }
}

/// A chart of a type that cannot be installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} charts are not installable")]
pub struct NotInstallable(pub String);

/// A declared dependency that is not in the chart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "dependencies are declared, but missing in charts/: {}: fetch them with `helm dependency build`",
    .0.join(", ")
)]
pub struct Missing(pub Vec<String>);

/// Without content, which may be secret.
impl fmt::Debug for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chart")
            .field("name", &self.metadata.name)
            .field("version", &self.metadata.version)
            .finish_non_exhaustive()
    }
}
