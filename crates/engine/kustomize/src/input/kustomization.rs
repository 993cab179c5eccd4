//! [`Kustomization`]: the content of a kustomization file, as types.
//!
//! Values keep their position in the file. Deprecated fields are converted to their successors,
//! with a warning for each; what the settings mean is decided elsewhere.

use lode_stdx::budget::Budget;
use lode_tree::RepoPath;
use lode_yaml::{Node, Place};

use crate::error::{Fault, FileCause};
use crate::generator::charts::{ChartEntry, ChartGlobals};
use crate::generator::generate::{Arguments, GeneratorKind, Options};
use crate::input::decode::{At, Mapping, Mode, Pairs, wrong};
use crate::input::settings::{Image, LabelRule, Patch, Replicas};
use crate::input::settings_file::first_document;
use crate::input::source::BuildSource;
use crate::object::order::SortOptions;

/// The content of a kustomization.
#[derive(Debug, Clone, Default)]
pub struct Kustomization {
    /// The folder its paths are relative to.
    pub folder: RepoPath,
    /// The file, or the folder if there is none.
    pub file: RepoPath,
    /// The file's number in positions.
    pub(crate) source: u32,
    /// Whether it is a component, which changes the resources of others.
    pub is_component: bool,
    /// Files and folders of objects, in order.
    pub resources: Vec<At<String>>,
    /// Folders of components.
    pub components: Vec<At<String>>,
    /// The namespace of every namespaced object.
    pub namespace: At<String>,
    /// Prefix of every name.
    pub name_prefix: At<String>,
    /// Suffix of every name.
    pub name_suffix: At<String>,
    /// Patches with or without a target.
    pub patches: Vec<At<Patch>>,
    /// Changes to images.
    pub images: Vec<At<Image>>,
    /// What the build records on objects.
    pub build_metadata: Vec<At<String>>,
    pub(crate) crds: Vec<At<String>>,
    pub(crate) configurations: Vec<At<String>>,
    pub(crate) generators: Vec<At<String>>,
    pub(crate) transformers: Vec<At<String>>,
    pub(crate) validators: Vec<At<String>>,
    pub(crate) openapi: Option<At<Pairs>>,
    pub(crate) config_maps: Vec<At<Arguments>>,
    pub(crate) secrets: Vec<At<Arguments>>,
    pub(crate) charts: Vec<At<ChartEntry>>,
    pub(crate) chart_globals: ChartGlobals,
    pub(crate) strategic_patches: Vec<At<String>>,
    pub(crate) json_patches: Vec<At<Patch>>,
    pub(crate) labels: Vec<At<LabelRule>>,
    pub(crate) common_labels: Pairs,
    pub(crate) common_annotations: Pairs,
    pub(crate) replicas: Vec<At<Replicas>>,
    pub(crate) replacements: Option<Node>,
    pub(crate) vars: Option<Node>,
    pub(crate) sort_options: Option<At<SortOptions>>,
}

/// What happens to a field that kustomize does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It is dropped, as Flux does in the file it rewrites.
    Ignore,
    /// The build fails.
    Refuse,
}

const KUSTOMIZATION_VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";

/// Deprecated fields with their successors.
const DEPRECATED: [(&str, &str); 6] = [
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
    ("vars", "replacements"),
];

impl Kustomization {
    /// Reads a folder's kustomization file; warnings name deprecated fields.
    pub(crate) fn read(
        source: &mut BuildSource<'_>,
        file: &RepoPath,
        unknown: Unknown,
        warnings: &mut Vec<At<String>>,
    ) -> Result<Self, Fault> {
        let mode = if unknown == Unknown::Refuse {
            Mode::Strict
        } else {
            Mode::Rewritten
        };
        let (blob, number) = source.read(file)?;
        let document = first_document(&blob.bytes, number, mode.dialect(), source.budget)?;
        let node = document.unwrap_or_else(Node::null);
        let folder = file.parent().unwrap_or_default();
        let mut all = Self {
            folder,
            file: file.clone(),
            source: number,
            ..Self::default()
        };
        if node.text().is_some() && node.is_null() {
            return match unknown {
                Unknown::Ignore => Ok(all),
                Unknown::Refuse => Err(Fault::At(all.place(1), FileCause::Empty)),
            };
        }
        for (old, new) in DEPRECATED {
            if let Some(field) = node.get(old).filter(|field| !field.is_null()) {
                let text = format!("\"{old}\" is deprecated, use \"{new}\" instead");
                warnings.push(At::new(text, field.place));
            }
        }
        let is_empty = !says_anything(&node);
        let mut fields = Mapping::new(&node, "", mode)?;
        // Its settings are a copy of its content.
        node.cost().charge(source.budget)?;
        all.take(&mut fields, source.budget)?;
        fields.finish()?;
        if is_empty && unknown == Unknown::Refuse {
            return Err(Fault::At(all.place(1), FileCause::Empty));
        }
        Ok(all)
    }

    /// Returns a position in the file; line 0 means a setting on top of it.
    #[must_use]
    pub fn place(&self, line: u32) -> Place {
        Place {
            source: self.source,
            line,
            ..Place::default()
        }
    }

    /// Returns whether a note is requested.
    pub(crate) fn notes(&self, what: &str) -> bool {
        self.build_metadata.iter().any(|entry| entry.value == what)
    }

    fn take(&mut self, fields: &mut Mapping<'_>, budget: &Budget) -> Result<(), Fault> {
        self.kind(fields)?;
        fields.read("metadata", |metadata| {
            metadata.text("name")?;
            metadata.text("namespace")?;
            metadata.pairs("labels")?;
            metadata.pairs("annotations").map(|_| ())
        })?;
        self.resources = fields.texts("resources")?;
        self.resources.extend(fields.texts("bases")?);
        self.components = fields.texts("components")?;
        self.crds = fields.texts("crds")?;
        self.configurations = fields.texts("configurations")?;
        self.generators = fields.texts("generators")?;
        self.transformers = fields.texts("transformers")?;
        self.validators = fields.texts("validators")?;
        self.build_metadata = fields.texts("buildMetadata")?;
        let place = fields.place();
        self.openapi = Some(fields.pairs("openapi")?)
            .filter(|pairs| !pairs.is_empty())
            .map(|pairs| At::new(pairs, place));
        self.take_generators(fields, budget)?;
        self.take_changes(fields)?;
        self.sort_options = match fields.node("sortOptions") {
            None => None,
            Some(node) => {
                let mut options = Mapping::new(node, "sortOptions", fields.mode())?;
                let read = SortOptions::read(&mut options)?;
                options.finish()?;
                Some(At::new(read, node.place))
            }
        };
        Ok(())
    }

    fn kind(&mut self, fields: &mut Mapping<'_>) -> Result<(), Fault> {
        let (kind, api_version) = (fields.text_at("kind")?, fields.text_at("apiVersion")?);
        let want = match kind.value.as_str() {
            "" | "Kustomization" => KUSTOMIZATION_VERSION,
            "Component" => {
                self.is_component = true;
                COMPONENT_VERSION
            }
            _ => return Err(Fault::At(kind.place, FileCause::WrongKind(kind.value))),
        };
        match api_version.value.as_str() {
            "" => Ok(()),
            version if version == want => Ok(()),
            _ => Err(wrong(api_version.place, "apiVersion", want)),
        }
    }

    fn take_generators(&mut self, fields: &mut Mapping<'_>, budget: &Budget) -> Result<(), Fault> {
        let options = fields
            .read("generatorOptions", Options::read)?
            .unwrap_or_default();
        for (field, kind, entries) in [
            (
                "configMapGenerator",
                GeneratorKind::ConfigMap,
                &mut self.config_maps,
            ),
            ("secretGenerator", GeneratorKind::Secret, &mut self.secrets),
        ] {
            *entries = fields.entries(field, |entry| Arguments::read(entry, kind))?;
            for entry in entries.iter_mut() {
                let inherited = entry.value.options.inherit(&options, budget);
                let during =
                    |exceeded| Fault::from(exceeded).during("read generatorOptions", entry.place);
                inherited.map_err(during)?;
            }
        }
        self.take_charts(fields)
    }

    fn take_charts(&mut self, fields: &mut Mapping<'_>) -> Result<(), Fault> {
        let globals = fields.read("helmGlobals", ChartGlobals::read)?;
        self.charts = fields.entries("helmCharts", ChartEntry::read)?;
        let mut old_globals = ChartGlobals::default();
        for entry in fields.entries("helmChartInflationGenerator", ChartEntry::read_old)? {
            let (chart, globals) = entry.value;
            old_globals.follow(globals);
            self.charts.push(At::new(chart, entry.place));
        }
        self.chart_globals = globals.unwrap_or(old_globals);
        Ok(())
    }

    fn take_changes(&mut self, fields: &mut Mapping<'_>) -> Result<(), Fault> {
        self.namespace = fields.text_at("namespace")?;
        self.name_prefix = fields.text_at("namePrefix")?;
        self.name_suffix = fields.text_at("nameSuffix")?;
        self.strategic_patches = fields.texts("patchesStrategicMerge")?;
        self.patches = fields.entries("patches", Patch::read)?;
        self.json_patches = fields.entries("patchesJson6902", Patch::read)?;
        self.labels = fields.entries("labels", LabelRule::read)?;
        self.common_labels = fields.pairs("commonLabels")?;
        self.common_annotations = fields.pairs("commonAnnotations")?;
        self.replicas = fields.entries("replicas", Replicas::read)?;
        self.images = fields.entries("images", Image::read)?;
        self.images
            .extend(fields.entries("imageTags", Image::read)?);
        self.replacements = fields.node("replacements").cloned();
        self.vars = fields.node("vars").cloned();
        Ok(())
    }
}

/// Returns whether any field except kind and version is set.
fn says_anything(node: &Node) -> bool {
    node.entries().into_iter().flatten().any(|entry| {
        let name = entry.key.text().unwrap_or_default();
        let is_type = name.eq_ignore_ascii_case("kind") || name.eq_ignore_ascii_case("apiVersion");
        // An empty list counts as set, an empty text does not.
        let is_unset = match entry.value.text() {
            Some(text) => text.is_empty() || entry.value.is_null(),
            None => false,
        };
        !is_type && !is_unset
    })
}
