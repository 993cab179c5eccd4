//! [`Config`]: what a kustomization file says, checked.
//!
//! Input: the file's YAML. Output: the fields that are built. A known field that is not built yet fails, by name and
//! line; an unknown one fails too, except in the file Flux rewrites (the one in the Kustomization's own path), where
//! Flux drops it silently.

use std::collections::BTreeMap;

use lode_object::{Map, Value};
use lode_tree::RepoPath;
use lode_yaml::{Dialect, Lines, Reader};

use crate::error::{Error, FileCause};
use crate::generate::Generator;
use crate::labels::Rule;
use crate::load::Source;
use crate::plan::{Image, Target};
use crate::render::Origin;
use crate::tables::{Gvk, LabelField};

/// A value with the line it stands on.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) line: u32,
}

/// What a kustomization says.
#[derive(Clone, Default)]
pub(crate) struct Config {
    /// The folder its paths are relative to.
    pub(crate) folder: RepoPath,
    /// The file, for messages.
    pub(crate) file: RepoPath,
    pub(crate) is_component: bool,
    pub(crate) api_version: String,
    pub(crate) resources: Vec<At<String>>,
    pub(crate) components: Vec<At<String>>,
    pub(crate) map_generators: Vec<At<Generator>>,
    pub(crate) secret_generators: Vec<At<Generator>>,
    pub(crate) patches: Vec<At<PatchRule>>,
    pub(crate) late_patches: Vec<At<PatchRule>>,
    pub(crate) namespace: String,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) labels: Vec<At<Rule>>,
    pub(crate) common_labels: BTreeMap<String, String>,
    pub(crate) common_annotations: BTreeMap<String, String>,
    pub(crate) replicas: Vec<At<Replicas>>,
    pub(crate) images: Vec<At<Image>>,
    pub(crate) build_metadata: Vec<At<String>>,
}

/// One entry of `patches`.
#[derive(Debug, Clone, Default)]
pub(crate) struct PatchRule {
    pub(crate) text: PatchText,
    pub(crate) target: Option<Target>,
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
}

/// Where a patch's text is.
#[derive(Debug, Clone)]
pub(crate) enum PatchText {
    /// In the kustomization.
    Inline(String),
    /// In a file.
    File(String),
    /// One or the other, as `patchesStrategicMerge` leaves open.
    Either(String),
}

/// One entry of `replicas`.
#[derive(Debug, Clone)]
pub(crate) struct Replicas {
    pub(crate) name: String,
    pub(crate) count: i64,
}

/// What is done about a field kustomize does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    Ignore,
    Refuse,
}

/// Fields kustomize knows and this build does not do yet.
const NOT_YET: [&str; 13] = [
    "replacements",
    "vars",
    "crds",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "openapi",
    "sortOptions",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "inventory",
];

const KUSTOMIZATION_VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";

impl Default for PatchText {
    fn default() -> Self {
        Self::Inline(String::new())
    }
}

impl Config {
    /// Reads a folder's kustomization file.
    pub(crate) fn read(source: &mut Source<'_>, file: &RepoPath, unknown: Unknown) -> Result<Self, Error> {
        let bytes = source.read(file)?;
        let document = Reader::new(bytes, Dialect::V2).with_lines().next().transpose();
        let document = document.map_err(|source| Error::Yaml { path: file.clone(), source })?;
        let folder = file.parent().unwrap_or_default();
        let mut config = Self { folder, file: file.clone(), ..Self::default() };
        let (value, lines) = document.map(|document| (document.value, document.lines)).unwrap_or_default();
        match value {
            Value::Object(map) => config.take(&map, &lines, unknown)?,
            Value::Null if unknown == Unknown::Ignore => {}
            Value::Null => return Err(Error::file(&config.origin(1), FileCause::Empty)),
            _ => return Err(Error::file(&config.origin(1), wrong("kustomization", "a mapping"))),
        }
        Ok(config)
    }

    /// Returns a place in the file.
    pub(crate) fn origin(&self, line: u32) -> Origin {
        Origin { path: self.file.clone(), line }
    }

    /// Tells whether objects get an annotation that names their file.
    pub(crate) fn notes_origins(&self) -> bool {
        self.build_metadata.iter().any(|entry| entry.value == "originAnnotations")
    }

    fn take(&mut self, map: &Map<String, Value>, lines: &Lines, unknown: Unknown) -> Result<(), Error> {
        let options = map.get("generatorOptions").cloned().unwrap_or_default();
        for (name, value) in map {
            let field = Field { name, value, lines };
            let known = self.take_field(&field, &options);
            let line = |error: FileCause| Error::file(&self.origin(field.line()), error);
            if known.map_err(line)? {
                continue;
            }
            if NOT_YET.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                if !is_empty(value) {
                    return Err(line(FileCause::Unsupported(name.clone())));
                }
            } else if unknown == Unknown::Refuse {
                return Err(line(FileCause::UnknownField(name.clone())));
            }
        }
        let want = if self.is_component { COMPONENT_VERSION } else { KUSTOMIZATION_VERSION };
        if self.api_version.is_empty() || self.api_version == want {
            return Ok(());
        }
        let line = lines.of("/apiVersion").unwrap_or(1);
        Err(Error::file(&self.origin(line), FileCause::WrongType { field: "apiVersion".to_owned(), want }))
    }

    /// Takes a field in; says `false` where it is none of ours. Go's JSON matches names in any letter case.
    fn take_field(&mut self, field: &Field<'_>, options: &Value) -> Result<bool, FileCause> {
        if field.value.is_null() {
            return Ok(!NOT_YET.contains(&field.name));
        }
        match field.name.to_ascii_lowercase().as_str() {
            "metadata" | "generatoroptions" => {}
            "apiversion" => field.text()?.clone_into(&mut self.api_version),
            "kind" => self.kind(field.text()?)?,
            "resources" => {
                self.resources.splice(0..0, field.texts()?);
            }
            "bases" => self.resources.extend(field.texts()?),
            "components" => self.components = field.texts()?,
            "namespace" => field.text()?.clone_into(&mut self.namespace),
            "nameprefix" => field.text()?.clone_into(&mut self.name_prefix),
            "namesuffix" => field.text()?.clone_into(&mut self.name_suffix),
            "labels" => self.labels = field.entries(label_rule)?,
            "commonlabels" => self.common_labels = texts_by_key(field.name, field.value)?,
            "commonannotations" => self.common_annotations = texts_by_key(field.name, field.value)?,
            "patches" => self.patches.extend(field.entries(patch_rule)?),
            "patchesstrategicmerge" => {
                let either = |text: At<String>| At {
                    value: PatchRule { text: PatchText::Either(text.value), ..PatchRule::default() },
                    line: text.line,
                };
                self.patches.splice(0..0, field.texts()?.into_iter().map(either));
            }
            "patchesjson6902" => self.late_patches = field.entries(patch_rule)?,
            "replicas" => self.replicas = field.entries(replicas)?,
            "images" | "imagetags" => self.images = field.entries(image)?,
            "configmapgenerator" => self.map_generators = generators(field, options, "ConfigMap")?,
            "secretgenerator" => self.secret_generators = generators(field, options, "Secret")?,
            "buildmetadata" => self.build_metadata = field.texts()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn kind(&mut self, kind: &str) -> Result<(), FileCause> {
        match kind {
            "" | "Kustomization" => {}
            "Component" => self.is_component = true,
            other => return Err(FileCause::WrongKind(other.to_owned())),
        }
        Ok(())
    }
}

/// A field being read.
struct Field<'v> {
    name: &'v str,
    value: &'v Value,
    lines: &'v Lines,
}

impl Field<'_> {
    fn line(&self) -> u32 {
        self.lines.of(&format!("/{}", self.name)).unwrap_or(1)
    }

    fn text(&self) -> Result<&str, FileCause> {
        self.value.as_str().ok_or_else(|| wrong(self.name, "text"))
    }

    fn texts(&self) -> Result<Vec<At<String>>, FileCause> {
        self.entries(|value| value.as_str().map(str::to_owned).ok_or_else(|| wrong(self.name, "a list of texts")))
    }

    fn entries<T>(&self, read: impl Fn(&Value) -> Result<T, FileCause>) -> Result<Vec<At<T>>, FileCause> {
        let items = self.value.as_array().ok_or_else(|| wrong(self.name, "a list"))?;
        let entry = |(at, item): (usize, &Value)| {
            let line = self.lines.of(&format!("/{}/{at}", self.name)).unwrap_or(1);
            Ok(At { value: read(item)?, line })
        };
        items.iter().enumerate().map(entry).collect()
    }
}

fn generators(field: &Field<'_>, options: &Value, kind: &'static str) -> Result<Vec<At<Generator>>, FileCause> {
    field.entries(|value| Generator::read(value, options, kind))
}

pub(crate) fn wrong(field: &str, want: &'static str) -> FileCause {
    FileCause::WrongType { field: field.to_owned(), want }
}

/// Reads a mapping of texts.
pub(crate) fn texts_by_key(field: &str, value: &Value) -> Result<BTreeMap<String, String>, FileCause> {
    let map = match value {
        Value::Null => return Ok(BTreeMap::new()),
        value => value.as_object().ok_or_else(|| wrong(field, "a mapping"))?,
    };
    let entry = |(key, value): (&String, &Value)| {
        let text = value.as_str().ok_or_else(|| wrong(&format!("{field}.{key}"), "text (put it in quotes)"))?;
        Ok((key.clone(), text.to_owned()))
    };
    map.iter().map(entry).collect()
}

fn label_rule(value: &Value) -> Result<Rule, FileCause> {
    let flag = |name: &str| value.get(name).and_then(Value::as_bool).unwrap_or_default();
    only("labels", value, &["pairs", "includeSelectors", "includeTemplates", "fields"])?;
    let fields = value.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(Rule {
        pairs: texts_by_key("labels.pairs", value.get("pairs").unwrap_or(&Value::Null))?,
        include_selectors: flag("includeSelectors"),
        include_templates: flag("includeTemplates"),
        fields: fields.iter().map(label_field).collect(),
    })
}

fn label_field(value: &Value) -> LabelField {
    let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    LabelField {
        gvk: Gvk {
            group: text("group").map(Into::into),
            version: text("version").map(Into::into),
            kind: text("kind").map(Into::into),
        },
        path: text("path").unwrap_or_default().to_owned(),
        create: value.get("create").and_then(Value::as_bool).unwrap_or_default(),
    }
}

fn patch_rule(value: &Value) -> Result<PatchRule, FileCause> {
    only("patches", value, &["path", "patch", "target", "options"])?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let option = |name: &str| value.get("options").and_then(|options| options.get(name)).and_then(Value::as_bool);
    let text = match (text("patch"), text("path")) {
        (Some(_), Some(_)) => return Err(FileCause::Patch("has both patch and path".to_owned())),
        (Some(inline), None) => PatchText::Inline(inline.to_owned()),
        (None, Some(path)) => PatchText::File(path.to_owned()),
        (None, None) => return Err(FileCause::Patch("has neither patch nor path".to_owned())),
    };
    Ok(PatchRule {
        text,
        target: value.get("target").filter(|target| !target.is_null()).map(Target::read),
        allow_name_change: option("allowNameChange").unwrap_or_default(),
        allow_kind_change: option("allowKindChange").unwrap_or_default(),
    })
}

fn replicas(value: &Value) -> Result<Replicas, FileCause> {
    let name = value.get("name").and_then(Value::as_str).ok_or_else(|| wrong("replicas.name", "text"))?;
    let count = value.get("count").and_then(Value::as_i64).ok_or_else(|| wrong("replicas.count", "a whole number"))?;
    Ok(Replicas { name: name.to_owned(), count })
}

fn image(value: &Value) -> Result<Image, FileCause> {
    only("images", value, &["name", "newName", "newTag", "tagSuffix", "digest"])?;
    let text = |name: &str| match value.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(wrong(&format!("images.{name}"), "text (put it in quotes)")),
    };
    Ok(Image {
        name: text("name")?,
        new_name: text("newName")?,
        new_tag: text("newTag")?,
        tag_suffix: text("tagSuffix")?,
        digest: text("digest")?,
    })
}

/// Refuses fields an entry does not have: a typing error must not be taken for a wish fulfilled.
pub(crate) fn only(of: &str, value: &Value, known: &[&str]) -> Result<(), FileCause> {
    let map = value.as_object().ok_or_else(|| wrong(of, "a mapping"))?;
    let unknown = map.keys().find(|key| !known.iter().any(|known| known.eq_ignore_ascii_case(key)));
    unknown.map_or(Ok(()), |key| Err(FileCause::UnknownField(format!("{of}.{key}"))))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
