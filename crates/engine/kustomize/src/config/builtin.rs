//! Built-in generators and transformers configured by objects: the entries of `generators`,
//! `transformers` and `validators`.
//!
//! Input: an object whose API version is `builtin`. Output: the generated object, or the changes it
//! describes. Programs and containers are refused: a build runs nothing.

use std::sync::Arc;

use lode_tree::RepoPath;
use lode_yaml::{Node, Place, Tag};

use crate::config::fieldspec::{FieldSpec, Fields};
use crate::error::{Fault, FileCause};
use crate::generator::charts::{ChartEntry, ChartGlobals};
use crate::generator::generate::{self, Arguments, GeneratorKind};
use crate::input::decode::{At, Mapping, Mode, Pairs};
use crate::input::settings::{self, Image, Replicas};
use crate::input::source::BuildSource;
use crate::object::behavior::Behavior;
use crate::object::note::{Configured, Note};
use crate::object::resource::Resource;
use crate::patching::patch;
use crate::transform::change::{self, ChangeStep, ObjectChange};
use crate::transform::namespace::{Namespace, Subjects};
use crate::transform::rename::Side;
use crate::transform::value_add::ValueAdd;

/// Returns the changes that a transformer's object describes.
pub(crate) fn transformer(
    source: &mut BuildSource<'_>,
    folder: &RepoPath,
    object: &Resource,
) -> Result<Vec<ChangeStep>, Fault> {
    let mut fields = configured(object)?;
    let changes = changes(source, folder, object, &mut fields)?;
    let note = origin(object);
    let is_secret = object.words.is_some();
    Ok(changes
        .into_iter()
        .map(|change| ChangeStep {
            change,
            note: note.clone(),
            is_secret,
        })
        .collect())
}

/// Returns the object that a generator's object describes, and what happens to an existing one.
pub(crate) fn generator(
    source: &mut BuildSource<'_>,
    folder: &RepoPath,
    object: &Resource,
) -> Result<(Resource, Behavior), Fault> {
    let mut fields = configured(object)?;
    let kind = match object.kind() {
        "ConfigMapGenerator" => GeneratorKind::ConfigMap,
        "SecretGenerator" => GeneratorKind::Secret,
        "IAMPolicyGenerator" => return Ok((account(&mut fields)?, Behavior::Create)),
        _ => return Err(unsupported(object, "it is not a built-in generator")),
    };
    // Name and namespace may also come from the metadata of the configuring object.
    let metadata = fields.mapping("metadata")?;
    let mut arguments = Arguments::read(&mut fields, kind)?;
    if let Some(mut metadata) = metadata {
        arguments.default_names(metadata.text_at("name")?, metadata.text_at("namespace")?);
    }
    let behavior = arguments.behavior;
    let mut made = generate::make(source, folder, &At::new(arguments, object.place))?;
    made.note = origin(object);
    Ok((made, behavior))
}

/// The kind of a generator that renders a chart.
pub(crate) const CHARTS: &str = "HelmChartInflationGenerator";

/// Returns the chart that a generator's object describes, if it describes one.
pub(crate) fn chart(object: &Resource) -> Result<Option<(ChartEntry, ChartGlobals)>, Fault> {
    if object.kind() != CHARTS {
        return Ok(None);
    }
    let mut fields = configured(object)?;
    let globals = ChartGlobals::read(&mut fields)?;
    Ok(Some((ChartEntry::read(&mut fields)?, globals)))
}

fn configured(object: &Resource) -> Result<Mapping<'_>, Fault> {
    if object.api_version() != "builtin" {
        return Err(unsupported(
            object,
            "only built-in generators and transformers run, no programs or containers",
        ));
    }
    Mapping::new(&object.node, "", Mode::Builtin)
}

fn unsupported(object: &Resource, why: &'static str) -> Fault {
    Fault::At(
        object.place,
        FileCause::Unsupported {
            what: object.kind().to_owned(),
            why,
        },
    )
}

/// Returns what the notes of an object say that a configuration made.
pub(crate) fn origin(object: &Resource) -> Option<Arc<Note>> {
    let note = object.note.as_ref()?;
    let by = Configured {
        api_version: object.api_version().to_owned(),
        kind: object.kind().to_owned(),
        name: object.name().to_owned(),
        namespace: object.namespace().to_owned(),
    };
    Some(Arc::new(Note {
        path: note.path.clone(),
        by: Some(by),
    }))
}

fn changes(
    source: &mut BuildSource<'_>,
    folder: &RepoPath,
    object: &Resource,
    fields: &mut Mapping<'_>,
) -> Result<Vec<ObjectChange>, Fault> {
    let one = |change: ObjectChange| Ok(vec![change]);
    match object.kind() {
        "NamespaceTransformer" => one(ObjectChange::Namespace(namespace(fields)?)),
        "PrefixTransformer" => one(rename(fields, Side::Front)?),
        "SuffixTransformer" => one(rename(fields, Side::Back)?),
        "PrefixSuffixTransformer" => {
            let specs = needed_specs(fields)?;
            let (prefix, suffix) = (fields.text_at("prefix")?, fields.text_at("suffix")?);
            Ok(vec![
                ObjectChange::Rename(Side::Front, prefix, specs.clone()),
                ObjectChange::Rename(Side::Back, suffix, specs),
            ])
        }
        "LabelTransformer" => one(pairs(fields, "labels")?),
        "AnnotationsTransformer" => one(pairs(fields, "annotations")?),
        "ImageTagTransformer" => {
            let image = fields.read("imageTag", Image::read)?.unwrap_or_default();
            one(ObjectChange::Images(
                vec![At::new(image, object.place)],
                specs(fields)?,
            ))
        }
        "ReplicaCountTransformer" => {
            let replicas = fields.read("replica", Replicas::read)?.unwrap_or_default();
            one(ObjectChange::Replicas(replicas, specs(fields)?))
        }
        "HashTransformer" => one(ObjectChange::Hash),
        "ValueAddTransformer" => one(ObjectChange::ValueAdd(ValueAdd::read(
            source, folder, fields,
        )?)),
        "ReplacementTransformer" => {
            let Some(node) = fields.node("replacements") else {
                return one(ObjectChange::Replacements(Vec::new()));
            };
            one(ObjectChange::Replacements(change::replacements(
                source,
                folder,
                node,
                Mode::Builtin,
            )?))
        }
        _ => patches(source, folder, object, fields),
    }
}

fn patches(
    source: &mut BuildSource<'_>,
    folder: &RepoPath,
    object: &Resource,
    fields: &mut Mapping<'_>,
) -> Result<Vec<ObjectChange>, Fault> {
    let loaded = match object.kind() {
        "PatchTransformer" => {
            let entry = At::new(settings::Patch::read(fields)?, object.place);
            ObjectChange::Patch(Box::new(patch::load(source, folder, &entry)?))
        }
        "PatchJson6902Transformer" => {
            let (path, patch) = (fields.text("path")?, fields.text_at("jsonOp")?);
            let target = fields.read("target", settings::target)?;
            let entry = At::new(
                settings::Patch {
                    path,
                    patch,
                    target,
                    ..settings::Patch::default()
                },
                object.place,
            );
            ObjectChange::Patch(Box::new(patch::load_json(source, folder, &entry)?))
        }
        "PatchStrategicMergeTransformer" => {
            let mut entries = fields.texts("paths")?;
            entries.extend(Some(fields.text_at("patches")?).filter(|text| !text.is_empty()));
            if entries.is_empty() {
                return Err(crate::input::decode::wrong(
                    object.place,
                    "paths",
                    "a patch or a file of patches",
                ));
            }
            ObjectChange::Strategic(patch::load_strategic(source, folder, &entries)?)
        }
        _ => return Err(unsupported(object, "it is not a built-in transformer")),
    };
    Ok(vec![loaded])
}

fn specs(fields: &mut Mapping<'_>) -> Result<Fields, Fault> {
    let read = fields.entries("fieldSpecs", FieldSpec::read)?;
    Ok(Arc::new(
        read.into_iter().map(|field| field.value).collect(),
    ))
}

fn rename(fields: &mut Mapping<'_>, side: Side) -> Result<ObjectChange, Fault> {
    let text = fields.text_at(if side == Side::Front {
        "prefix"
    } else {
        "suffix"
    })?;
    Ok(ObjectChange::Rename(side, text, needed_specs(fields)?))
}

/// Returns the fields in which names are changed, which are required.
fn needed_specs(fields: &mut Mapping<'_>) -> Result<Fields, Fault> {
    if !fields.has("fieldSpecs") {
        return Err(crate::input::decode::wrong(
            fields.place(),
            "fieldSpecs",
            "a list of fields",
        ));
    }
    specs(fields)
}

fn pairs(fields: &mut Mapping<'_>, field: &str) -> Result<ObjectChange, Fault> {
    let pairs: Pairs = fields.pairs(field)?;
    Ok(ObjectChange::Pairs(pairs, specs(fields)?))
}

fn namespace(fields: &mut Mapping<'_>) -> Result<Namespace, Fault> {
    let name = fields
        .read("metadata", |metadata| metadata.text_at("namespace"))?
        .unwrap_or_default();
    let mode = fields.text_at("setRoleBindingSubjects")?;
    let subjects = match mode.value.as_str() {
        "" | "defaultOnly" => Subjects::DefaultOnly,
        "allServiceAccounts" => Subjects::AllServiceAccounts,
        "none" => Subjects::None,
        _ => {
            let want = "defaultOnly, allServiceAccounts or none";
            return Err(crate::input::decode::wrong(
                mode.place,
                "setRoleBindingSubjects",
                want,
            ));
        }
    };
    Ok(Namespace {
        name,
        fields: specs(fields)?,
        unset_only: fields.flag("unsetOnly")?,
        subjects,
    })
}

/// Creates the service account of a Google cloud that a policy generator describes.
fn account(fields: &mut Mapping<'_>) -> Result<Resource, Fault> {
    let place = fields.place();
    let cloud = fields.text_at("cloud")?;
    if cloud.value != "gke" {
        return Err(crate::input::decode::wrong(cloud.place, "cloud", "\"gke\""));
    }
    let service = fields.read("kubernetesService", |service| {
        Ok((service.text("name")?, service.text("namespace")?))
    })?;
    let account = fields.read("serviceAccount", |account| {
        Ok((account.text("name")?, account.text("projectId")?))
    })?;
    let ((name, namespace), (account, project)) =
        (service.unwrap_or_default(), account.unwrap_or_default());
    let text = |text: &str| {
        Node {
            tag: Tag::Str,
            ..Node::string(text)
        }
        .placed(place)
    };
    let mut resource = Resource::new(Node::mapping().placed(place), place);
    resource.node.insert("apiVersion", text("v1"));
    resource.node.insert("kind", text("ServiceAccount"));
    let mut annotations = Node::mapping().placed(place);
    let email = format!("{account}@{project}.iam.gserviceaccount.com");
    annotations.insert("iam.gke.io/gcp-service-account", text(&email));
    resource.set_metadata("annotations", annotations);
    resource.set_metadata("name", text(&name));
    if !namespace.is_empty() {
        resource.set_metadata("namespace", text(&namespace));
    }
    Ok(resource)
}

/// Returns the position of an inline object of a list.
pub(crate) fn inline_origins(text: &At<String>) -> lode_yaml::Origins {
    let starts_below = text.trim_end().contains('\n');
    let Place { source, line, .. } = text.place;
    lode_yaml::Origins {
        source,
        lines_above: if starts_below {
            line
        } else {
            line.saturating_sub(1)
        },
    }
}
