//! Loads charts: sorts the files of a folder or archive by what they are, and checks them.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use lode_stdx::budget::{Budget, Exceeded};
use lode_tree::{Loader, RepoPath};
use lode_yaml::Dialect;
use serde_json::Value;

use crate::chart::Chart;
use crate::dependencies::KeptOutcomes;
use crate::file::{ChartFile, extension};
use crate::manifest::known_files;
use crate::metadata::decode::{self, Nulls};
use crate::metadata::{FieldError, Invalid, Metadata, validate};
use crate::render::CompiledSets;
use crate::warning::Warnings;
use crate::{archive, folder, values};

/// Deepest nesting of subcharts.
pub const DEPTH_MAX: usize = 32;

/// Why a chart cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The archive is refused.
    #[error("{0}")]
    Archive(#[from] archive::ArchiveError),
    /// The folder cannot be read.
    #[error("{0}")]
    Folder(#[from] folder::FolderError),
    /// There is no Chart.yaml.
    #[error("Chart.yaml file is missing")]
    NoChartYaml,
    /// A file is not YAML.
    #[error("cannot load {file}: {source}")]
    Yaml {
        /// The file.
        file: &'static str,
        /// Position and reason.
        source: lode_yaml::Error,
    },
    /// A field of a file has the wrong type.
    #[error("cannot load {file}: {source}")]
    Field {
        /// The file.
        file: &'static str,
        /// The field.
        source: FieldError,
    },
    /// values.yaml is malformed.
    #[error("cannot load values.yaml: {0}")]
    Values(#[from] values::ValuesReadError),
    /// Chart.yaml is invalid.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// A chart of a later form.
    #[error("apiVersion \"{0}\" of the chart is not supported: v1 and v2 are")]
    ApiVersion(String),
    /// An archive among the subcharts that is a folder.
    #[error("error unpacking subchart tar in {chart}: expected {name}, got {found}")]
    SubchartTar {
        /// The chart.
        chart: String,
        /// The name of an archive.
        name: String,
        /// The file in it.
        found: String,
    },
    /// A subchart cannot be loaded.
    #[error("error unpacking subchart {name} in {chart}: {source}")]
    Subchart {
        /// The file or folder in `charts/`.
        name: String,
        /// The chart.
        chart: String,
        /// The reason.
        source: Box<LoadError>,
    },
    /// Subcharts nested too deeply.
    #[error("subcharts are nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// The budget is exceeded.
    #[error("loading the chart {0}")]
    Exceeded(#[from] Exceeded),
}

impl Chart {
    /// Loads a packed chart.
    ///
    /// # Errors
    /// The archive or the chart is refused, or the budget is exceeded.
    pub fn from_archive(bytes: &[u8], budget: &Budget) -> Result<Self, LoadError> {
        let files = archive::unpack(bytes, budget)?;
        installable(load(files, 0, budget)?)
    }

    /// Loads a chart from a folder.
    ///
    /// # Errors
    /// The folder cannot be read, the chart is refused, or the budget is exceeded.
    pub fn from_folder(
        loader: &dyn Loader,
        folder: &RepoPath,
        budget: &Budget,
    ) -> Result<Self, LoadError> {
        Self::from_files(folder::read(loader, folder, budget)?, budget)
    }

    /// Loads a chart from its files, in their order.
    ///
    /// # Errors
    /// The chart is refused, or the budget is exceeded.
    pub fn from_files(files: Vec<ChartFile>, budget: &Budget) -> Result<Self, LoadError> {
        installable(load(files, 0, budget)?)
    }
}

impl Metadata {
    /// Reads what a packed chart is called, without loading it.
    ///
    /// # Errors
    /// The archive or Chart.yaml is refused, or the budget is exceeded.
    pub fn from_archive(bytes: &[u8], budget: &Budget) -> Result<Self, LoadError> {
        let is_head = |path: &str| matches!(path, CHART_YAML | REQUIREMENTS_YAML);
        head(archive::unpack_some(bytes, &is_head, budget)?, budget)
    }

    /// Reads what the chart in a folder is called, without loading it.
    ///
    /// # Errors
    /// There is no such folder, Chart.yaml is refused, or the budget is exceeded.
    pub fn from_folder(
        loader: &dyn Loader,
        folder: &RepoPath,
        budget: &Budget,
    ) -> Result<Self, LoadError> {
        let mut files = Vec::new();
        for name in [CHART_YAML, REQUIREMENTS_YAML] {
            files.extend(folder::read_one(loader, folder, name, budget)?);
        }
        head(files, budget)
    }
}

/// Reads what the files say that have nothing else.
fn head(files: Vec<ChartFile>, budget: &Budget) -> Result<Metadata, LoadError> {
    let mut loading = Loading::start(&files, budget)?;
    for file in files {
        loading.file(file)?;
    }
    Ok(loading.finish(0)?.metadata)
}

/// Refuses a chart of a form that Helm does not install either. Subcharts are not checked.
fn installable(chart: Chart) -> Result<Chart, LoadError> {
    match &*chart.metadata.api_version {
        "v1" | "v2" => Ok(chart),
        other => Err(LoadError::ApiVersion(other.to_owned())),
    }
}

fn load(files: Vec<ChartFile>, depth: usize, budget: &Budget) -> Result<Chart, LoadError> {
    let mut loading = Loading::start(&files, budget)?;
    for file in files {
        loading.file(file)?;
    }
    loading.finish(depth)
}

/// A chart whose files are being sorted.
struct Loading<'b> {
    chart: Chart,
    has_metadata: bool,
    nulls: Nulls,
    /// Files below `charts/`, by the first part of their path there.
    subcharts: BTreeMap<String, Vec<ChartFile>>,
    budget: &'b Budget,
}

impl<'b> Loading<'b> {
    /// Reads Chart.yaml, which others depend on.
    fn start(files: &[ChartFile], budget: &'b Budget) -> Result<Self, LoadError> {
        let mut loading = Self {
            chart: empty(),
            has_metadata: false,
            nulls: Nulls::default(),
            subcharts: BTreeMap::new(),
            budget,
        };
        for file in files.iter().filter(|file| &*file.name == CHART_YAML) {
            loading.metadata(CHART_YAML, file)?;
            if loading.chart.metadata.api_version.is_empty() {
                V1.clone_into(&mut loading.chart.metadata.api_version);
            }
            loading.chart.modified = file.modified;
        }
        Ok(loading)
    }

    fn file(&mut self, file: ChartFile) -> Result<(), LoadError> {
        match &*file.name {
            CHART_YAML => {}
            CHART_LOCK => self.lock(CHART_LOCK, &file)?,
            "values.yaml" => {
                self.chart.values = Some(values::read(&file.data, self.budget)?);
                self.chart.values_text = Some(Arc::clone(&file.data));
            }
            "values.schema.json" => {
                self.chart.schema = Some(Arc::clone(&file.data));
                self.chart.schema_modified = file.modified;
            }
            REQUIREMENTS_YAML => {
                self.warn_unless_v1("Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend migrating dependencies to Chart.yaml.");
                self.metadata(REQUIREMENTS_YAML, &file)?;
                self.keep_if_v1(file);
            }
            REQUIREMENTS_LOCK => {
                self.lock(REQUIREMENTS_LOCK, &file)?;
                self.warn_unless_v1("Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend migrating to Chart.lock.");
                self.keep_if_v1(file);
            }
            name if name.starts_with("templates/") => self.chart.templates.push(file),
            name => match name.strip_prefix("charts/") {
                Some(inside) if extension(name) != ".prov" => {
                    let inside: Arc<str> = inside.into();
                    self.subchart_file(ChartFile {
                        name: inside,
                        ..file
                    });
                }
                _ => self.chart.files.push(file),
            },
        }
        Ok(())
    }

    fn metadata(&mut self, name: &'static str, file: &ChartFile) -> Result<(), LoadError> {
        let value = self.yaml(name, file)?;
        let field = |source| LoadError::Field { file: name, source };
        let nulls = decode::metadata(&value, &mut self.chart.metadata).map_err(field)?;
        self.nulls = self.nulls.or(nulls);
        self.has_metadata = true;
        Ok(())
    }

    fn lock(&mut self, name: &'static str, file: &ChartFile) -> Result<(), LoadError> {
        let value = self.yaml(name, file)?;
        let field = |source| LoadError::Field { file: name, source };
        self.chart.lock = decode::lock(&value).map_err(field)?;
        // A chart that has nothing else is refused for its metadata, as in Helm.
        self.has_metadata |= name == REQUIREMENTS_LOCK;
        Ok(())
    }

    fn yaml(&self, name: &'static str, file: &ChartFile) -> Result<Value, LoadError> {
        let value = lode_yaml::parse_within(&file.data, Dialect::V2, self.budget);
        value.map_err(|source| LoadError::Yaml { file: name, source })
    }

    fn is_v1(&self) -> bool {
        self.chart.metadata.api_version == V1
    }

    fn warn_unless_v1(&mut self, text: &str) {
        if !self.is_v1() {
            self.chart.warnings.add(|| text.to_owned());
        }
    }

    fn keep_if_v1(&mut self, file: ChartFile) {
        if self.is_v1() {
            self.chart.files.push(file);
        }
    }

    fn subchart_file(&mut self, file: ChartFile) {
        let name = file.name.split('/').next().unwrap_or_default().to_owned();
        self.subcharts.entry(name).or_default().push(file);
    }

    fn finish(mut self, depth: usize) -> Result<Chart, LoadError> {
        if !self.has_metadata {
            return Err(LoadError::NoChartYaml);
        }
        validate::validate(&mut self.chart.metadata, self.nulls)?;
        if depth > DEPTH_MAX {
            return Err(LoadError::TooDeep);
        }

        for (name, files) in std::mem::take(&mut self.subcharts) {
            if name.starts_with(['_', '.']) {
                continue;
            }
            let subchart = self.subchart(&name, files, depth + 1)?;
            self.chart.warnings.extend(&subchart.warnings);
            self.chart.dependencies.push(subchart);
        }
        Ok(self.chart)
    }

    fn subchart(
        &self,
        name: &str,
        files: Vec<ChartFile>,
        depth: usize,
    ) -> Result<Chart, LoadError> {
        self.budget.nodes(1)?;
        let chart = self.chart.metadata.name.clone();
        let loaded = if extension(name) == ".tgz" {
            let file = files.first();
            let Some(file) = file.filter(|file| *file.name == *name) else {
                let found = file.map(|file| file.name.to_string());
                return Err(LoadError::SubchartTar {
                    chart,
                    name: name.to_owned(),
                    found: found.unwrap_or_default(),
                });
            };
            packed(&file.data, depth, self.budget)
        } else {
            let names = files.iter().map(|file| file.name.len() as u64);
            self.budget.bytes(names.sum())?;
            let files = files.into_iter().filter_map(below_first_part).collect();
            load(files, depth, self.budget)
        };

        loaded.map_err(|source| LoadError::Subchart {
            name: name.to_owned(),
            chart,
            source: Box::new(source),
        })
    }
}

const CHART_YAML: &str = "Chart.yaml";
const CHART_LOCK: &str = "Chart.lock";
const REQUIREMENTS_YAML: &str = "requirements.yaml";
const REQUIREMENTS_LOCK: &str = "requirements.lock";
const V1: &str = "v1";

fn empty() -> Chart {
    Chart {
        metadata: Metadata::default(),
        lock: None,
        templates: Vec::new(),
        values: None,
        values_text: None,
        schema: None,
        compiled: OnceLock::new(),
        templates_cache: CompiledSets::default(),
        known_files: known_files(),
        kept_cache: KeptOutcomes::default(),
        relevant_keys: OnceLock::new(),
        schema_modified: None,
        files: Vec::new(),
        modified: None,
        dependencies: Vec::new(),
        warnings: Warnings::default(),
    }
}

fn packed(bytes: &[u8], depth: usize, budget: &Budget) -> Result<Chart, LoadError> {
    if depth > DEPTH_MAX {
        return Err(LoadError::TooDeep);
    }
    let files = archive::unpack(bytes, budget)?;
    load(files, depth, budget)
}

/// Removes the first part of a file's path; a file without a folder does not belong to a chart.
fn below_first_part(file: ChartFile) -> Option<ChartFile> {
    let name: Arc<str> = file.name.split_once('/')?.1.into();
    Some(ChartFile { name, ..file })
}
