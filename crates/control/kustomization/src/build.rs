//! From a specification and a tree to the objects that are applied.
//!
//! Pure: what must be read from the API (variables) comes in as values. Rendering itself is `engine/render`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lode_api::kustomization::SubstituteStrategy;
use lode_api::{Kustomization, reasons};
use lode_apply::{Common, Desired, Set};
use lode_object::{NamespacedName, Selector};
use lode_render::{ChartRenderer, Charts, Dropped, Image, Patch, Plan, Prepared, Substitution};
use lode_runtime::Failure;
use lode_stdx::Digest;
use lode_stdx::budget::{Budget, Exceeded, Limits, Spent};
use lode_tree::{ReadSet, RepoPath, Tree};

use crate::gather::Variables;

/// What a build gave.
pub struct Built {
    /// The objects, ready to be applied.
    pub set: Set,
    /// Digest of the rendered text, in hexadecimal digits.
    pub text_digest: String,
    /// What of the source was read.
    pub reads: ReadSet,
    /// Fields that were dropped because the types of their objects do not have them, a line each.
    pub dropped: Vec<String>,
    /// Bytes that were allocated for content, in sum.
    pub bytes: u64,
}

/// Why there is nothing built.
#[derive(Debug)]
pub(crate) enum Unbuilt {
    /// It needs more bytes than it was given.
    Memory(Failure),
    /// It was rendered, and an object of it cannot be applied.
    Refused {
        failure: Failure,
        /// Digest of the rendered text, in hexadecimal digits.
        text_digest: String,
    },
    /// Whatever it is given, it fails.
    Other(Failure),
}

/// Renders the folder of a Kustomization and makes its objects ready to be applied; `vars` are the values of all
/// variables.
///
/// # Errors
/// The path is no folder of the source, or the build fails: file, line and cause.
pub fn build(
    object: &Kustomization,
    tree: &Tree,
    vars: Variables,
    options: &Options,
) -> Result<Built, Failure> {
    Ok(build_with(object, tree, vars, options, options.limits)?)
}

/// The same, with other limits than the options have: what there is memory for.
pub(crate) fn build_with(
    object: &Kustomization,
    tree: &Tree,
    vars: Variables,
    options: &Options,
    limits: Limits,
) -> Result<Built, Unbuilt> {
    let plan = Plan {
        by_type: true,
        ..plan(object, vars, options.strict)?
    };
    let budget = Budget::new(limits);
    let renderer = options.charts.then(ChartRenderer::of_source);
    let charts = renderer.as_ref().map(|renderer| renderer as &dyn Charts);
    let rendered = lode_render::render_with_charts(tree, &plan, (charts, &budget)).map_err(
        |error| match error.exceeded() {
            Some(Exceeded {
                what: Spent::Bytes,
                limit,
            }) if limit < options.limits.bytes => {
                Unbuilt::Memory(failed(&error, Some("--memory-budget allows more")))
            }
            _ => Unbuilt::Other(unrendered(&error)),
        },
    )?;
    let dropped = dropped(&rendered.objects);
    let text_digest = rendered.text_digest;
    let set = match desired(object, rendered.objects, options) {
        Ok(set) => set,
        Err(failure) => {
            return Err(Unbuilt::Refused {
                failure,
                text_digest,
            });
        }
    };
    Ok(Built {
        set,
        text_digest,
        reads: rendered.reads,
        dropped,
        bytes: budget.spent().bytes,
    })
}

impl From<Failure> for Unbuilt {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl From<Unbuilt> for Failure {
    fn from(unbuilt: Unbuilt) -> Self {
        match unbuilt {
            Unbuilt::Memory(failure)
            | Unbuilt::Refused { failure, .. }
            | Unbuilt::Other(failure) => failure,
        }
    }
}

/// Names the fields of rendered objects that their types do not have, a line each: object, field, file and line.
#[must_use]
pub fn dropped(rendered: &[Prepared]) -> Vec<String> {
    let lines = |prepared: &Prepared| {
        let id = prepared.secrecy.id(&prepared.object.id());
        let tell = |dropped: &Dropped| match prepared.secrecy.words() {
            None => format!("{id}: {dropped}"),
            // What is taken for a field may be a part of a value.
            Some(_) => format!(
                "{id}: a field that its type does not have ({})",
                prepared.origin
            ),
        };
        prepared.dropped.iter().map(tell).collect::<Vec<_>>()
    };
    rendered.iter().flat_map(lines).take(DROPPED_MAX).collect()
}

/// Most dropped fields of one build that are reported.
const DROPPED_MAX: usize = 100;

/// Makes rendered objects ready to be applied.
///
/// # Errors
/// An object cannot be applied, whatever the cluster says: an encrypted Secret, for one. With strict fields: an object
/// has a field that its type does not have.
pub fn desired(
    object: &Kustomization,
    rendered: Vec<Prepared>,
    options: &Options,
) -> Result<Set, Failure> {
    let dropped = if options.strict_fields {
        dropped(&rendered)
    } else {
        Vec::new()
    };
    if !dropped.is_empty() {
        let text = format!(
            "{}\nhint: correct or remove these fields",
            dropped.join("\n")
        );
        return Err(Failure::new(reasons::BUILD_FAILED, text));
    }
    let owner = NamespacedName::new(&object.metadata.namespace, &object.metadata.name);
    let mut objects = Vec::with_capacity(rendered.len());
    for prepared in rendered {
        let origin = prepared.origin.to_string();
        let desired = Desired::new(prepared.object, &origin, &owner, &Common::default())?;
        objects.push(desired.told_as(prepared.secrecy));
    }
    Ok(Set::new(objects, &options.custom_stage_kinds))
}

/// Returns the failure that a failed build is reported as.
#[must_use]
pub fn unrendered(error: &lode_render::Error) -> Failure {
    if let lode_render::Error::PathMissing(path) = error {
        let text = format!("kustomization path not found: \"{path}\" is no folder of the source");
        return Failure::new(reasons::ARTIFACT_FAILED, text);
    }
    failed(error, error.hint().filter(|_| error.exceeded().is_some()))
}

fn failed(error: &lode_render::Error, hint: Option<&str>) -> Failure {
    let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    Failure::new(
        reasons::BUILD_FAILED,
        format!("kustomize build failed: {error}{hint}"),
    )
}

/// Bytes of memory that every build may need.
const MEMORY_BASE: u64 = 8 << 20;
/// Bytes of memory that a byte of YAML becomes while it is built.
const MEMORY_FACTOR: u64 = 16;

/// Estimates the memory that a build needs, by the YAML in its folder.
pub(crate) fn memory(object: &Kustomization, tree: &Tree) -> u64 {
    let folder =
        RepoPath::parse_rooted(object.spec.path.as_deref().unwrap_or_default()).unwrap_or_default();
    let is_yaml = |path: &RepoPath| {
        [".yaml", ".yml", ".json"]
            .iter()
            .any(|end| path.file_name().ends_with(end))
    };
    let files = tree
        .entries()
        .filter(|(path, _)| path.is_in(&folder) && is_yaml(path));
    let text = files.fold(0_u64, |sum, (_, entry)| sum.saturating_add(entry.size()));
    text.saturating_mul(MEMORY_FACTOR)
        .saturating_add(MEMORY_BASE)
}

/// What a build needs to know besides the specification.
#[derive(Debug, Clone)]
pub struct Options {
    /// A variable without a value fails the build.
    pub strict: bool,
    /// What one build may cost.
    pub limits: Limits,
    /// Kinds with an apply stage of their own.
    pub custom_stage_kinds: Vec<String>,
    /// A field that the type of its object does not have fails the build; else it is dropped and told.
    pub strict_fields: bool,
    /// Charts that are in the source are rendered; else they fail the build.
    pub charts: bool,
}

/// Digest of everything but the source that a build is made from.
pub(crate) fn inputs(object: &Kustomization, vars: &Variables, options: &Options) -> String {
    let mut text = format!(
        "{FORM}\n{}\n{}\n{options:?}\n",
        object.metadata.uid, object.metadata.generation
    );
    for (name, value) in &vars.values {
        let secret = if vars.names.contains(name) {
            "secret "
        } else {
            ""
        };
        // The length keeps two values from running into each other. Writing to a String cannot fail.
        let _ = writeln!(text, "{secret}{name}={}:{value}", value.len());
    }
    Digest::of(text.as_bytes()).to_string()
}

/// Changes when the same inputs would be built into something else.
const FORM: u32 = 2;

/// Returns what a Kustomization says about building; `vars` are the values of all variables.
///
/// # Errors
/// A field of the specification means nothing.
pub fn plan(object: &Kustomization, vars: Variables, strict: bool) -> Result<Plan, Failure> {
    let spec = &object.spec;
    let text = |field: &Option<Box<str>>| field.as_deref().map(str::to_owned);
    let common = spec.common_metadata.as_deref();
    let map = |map: &BTreeMap<Box<str>, Box<str>>| {
        map.iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect::<BTreeMap<_, _>>()
    };
    Ok(Plan {
        path: text(&spec.path).unwrap_or_default(),
        target_namespace: text(&spec.target_namespace),
        name_prefix: text(&spec.name_prefix),
        name_suffix: text(&spec.name_suffix),
        patches: spec.patches.iter().map(patch).collect(),
        images: spec.images.iter().map(image).collect(),
        components: spec.components.iter().map(ToString::to_string).collect(),
        ignore_missing_components: spec.ignore_missing_components.unwrap_or_default(),
        common_labels: common.map(|common| map(&common.labels)).unwrap_or_default(),
        common_annotations: common
            .map(|common| map(&common.annotations))
            .unwrap_or_default(),
        build_metadata: spec
            .build_metadata
            .iter()
            .map(ToString::to_string)
            .collect(),
        substitute: substitution(object, vars, strict)?,
        sources: false,
        by_type: false,
    })
}

fn substitution(
    object: &Kustomization,
    vars: Variables,
    strict: bool,
) -> Result<Option<Substitution>, Failure> {
    let Some(post_build) = object.spec.post_build.as_deref() else {
        return Ok(None);
    };
    let strategy = post_build
        .substitute_strategy()
        .map_err(|error| Failure::terminal(reasons::BUILD_FAILED, error.to_string()))?;
    let Variables {
        values: vars,
        names: secrets,
        ..
    } = vars;
    Ok(Some(Substitution {
        vars,
        secrets,
        strict,
        always: strategy == SubstituteStrategy::Always,
    }))
}

fn patch(patch: &lode_api::shared::Patch) -> Patch {
    Patch {
        patch: patch.patch.to_string(),
        target: patch.target.as_deref().map(Selector::from),
        ..Patch::default()
    }
}

fn image(image: &lode_api::shared::Image) -> Image {
    let text = |field: &Option<Box<str>>| field.as_deref().unwrap_or_default().to_owned();
    Image {
        name: image.name.to_string(),
        new_name: text(&image.new_name),
        new_tag: text(&image.new_tag),
        digest: text(&image.digest),
        ..Image::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_about_building_is_taken_over() {
        let spec = json!({
            "path": "./apps", "targetNamespace": "shop", "namePrefix": "p-", "nameSuffix": "-s", "components": ["../c"],
            "ignoreMissingComponents": true, "buildMetadata": ["originAnnotations"],
            "commonMetadata": {"labels": {"a": "1"}, "annotations": {"b": "2"}},
            "patches": [{"patch": "x", "target": {"kind": "Deployment", "labelSelector": "app=web"}}],
            "images": [{"name": "web", "newTag": "2"}],
            "postBuild": {"substituteStrategy": "Always"},
        });
        let object = Kustomization::parse(
            &json!({"metadata": {"name": "apps", "namespace": "team"}, "spec": spec}),
        );
        let plan = plan(
            &object.unwrap(),
            Variables::plain([("v".to_owned(), "1".to_owned())]),
            true,
        )
        .unwrap();
        assert_eq!(plan.target_namespace.as_deref(), Some("shop"));
        assert_eq!(
            (plan.name_prefix.as_deref(), plan.name_suffix.as_deref()),
            (Some("p-"), Some("-s"))
        );
        assert_eq!(
            plan.patches[0].target.as_ref().unwrap().label_selector,
            "app=web"
        );
        assert_eq!(
            (&*plan.images[0].new_tag, &*plan.components[0]),
            ("2", "../c")
        );
        assert_eq!(
            (&*plan.common_labels["a"], &*plan.common_annotations["b"]),
            ("1", "2")
        );
        let substitute = plan.substitute.unwrap();
        assert!(substitute.always && substitute.strict && plan.ignore_missing_components);
        assert_eq!(substitute.vars["v"], "1");
    }

    #[test]
    fn an_object_that_cannot_be_applied_leaves_the_digest_of_what_was_built() {
        let object =
            json!({"metadata": {"name": "app", "namespace": "team"}, "spec": {"path": "./"}});
        let file = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 1234}\n";
        let tree: Tree = [("a.yaml", file)].into_iter().collect();
        let options = Options {
            strict: true,
            limits: crate::Options::default().build_limits,
            custom_stage_kinds: Vec::new(),
            strict_fields: false,
            charts: false,
        };
        let unbuilt = build_with(
            &Kustomization::parse(&object).unwrap(),
            &tree,
            Variables::default(),
            &options,
            options.limits,
        );
        let Err(Unbuilt::Refused {
            failure,
            text_digest,
        }) = unbuilt
        else {
            panic!("a number is no text")
        };
        assert!(failure.message.contains("a.yaml:"), "{}", failure.message);
        assert_eq!(text_digest.len(), 64);
    }
}
