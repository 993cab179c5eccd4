//! [`WantedKustomization`]: the Kustomization that `-k` names, as the operator would see it, and its variables.
//!
//! Files are read like answers of an API server that serves our definitions: a missing or invalid
//! field is refused with the server's message, an unknown field is dropped with a warning, and
//! defaults are filled in.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_admit::{Status, custom};
use lode_api::{Kind as _, Kustomization, kustomization};
use lode_disk::regular;
use lode_kustomization::Variables;
use lode_object::Value;
use lode_object::json::text;
use lode_stdx::read;
use lode_yaml::{Dialect, Reader};
use serde_json::json;

use crate::output;
use crate::report::Told;
use crate::session::NAMESPACE;

/// Largest file read, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// A Kustomization that the operator would act on.
pub(super) struct WantedKustomization {
    pub(super) object: Kustomization,
    pub(super) variables: Variables,
    /// Whether the cluster may hold more variables. If so, even a build that uses no known variable
    /// substitutes, and fails.
    pub(super) has_unread: bool,
}

impl WantedKustomization {
    /// Reads the Kustomization with a name (or the only one, if no name is given) from a file, and
    /// its variables from files with the `ConfigMap`s and Secrets that `substituteFrom` names.
    pub(super) fn read(file: &Path, name: Option<&str>, from: &[PathBuf]) -> anyhow::Result<Self> {
        let step = || format!("read {}", file.display());
        let mut object = chosen(documents(file)?, name).with_context(step)?;
        admit(&mut object).with_context(step)?;
        let object = Kustomization::parse(&object).with_context(step)?;
        lode_kustomization::check(&object, &lode_kustomization::Options::default())
            .map_err(|failure| anyhow!("{}: {}", failure.reason, failure.message))?;
        let unread = if from.is_empty() {
            unread(&object)
        } else {
            String::new()
        };
        if !unread.is_empty() {
            output::talk(&format!(
                "warning: {unread}: stored in the cluster and not read here, so their variables have no value; \
                 --substitute-from FILE provides them"
            ));
        }

        let variables = variables(&object, from)?;
        Ok(Self {
            object,
            variables,
            has_unread: !unread.is_empty(),
        })
    }
}

/// Returns the objects of a file, with lists split into their items.
fn documents(file: &Path) -> anyhow::Result<Vec<Value>> {
    let step = || format!("read {}", file.display());
    let opened = regular::open_named_by_user(file).with_context(step)?;
    let bytes = read::all(opened, FILE_MAX).with_context(step)?;
    let mut objects = Vec::new();
    for document in Reader::new(&bytes, Dialect::V2) {
        let value = document.with_context(step)?.value;
        match value.get("items").and_then(Value::as_array) {
            Some(items) if text(&value, "/kind").ends_with("List") => {
                objects.extend(items.iter().cloned());
            }
            _ if value.is_null() => {}
            _ => objects.push(value),
        }
    }
    Ok(objects)
}

/// Returns the Kustomization that was asked for.
fn chosen(objects: Vec<Value>, name: Option<&str>) -> anyhow::Result<Value> {
    let names = kustomization::Spec::NAMES;
    let is_ours = |object: &Value| {
        text(object, "/apiVersion") == names.api_version() && text(object, "/kind") == names.kind
    };
    let mut found: Vec<Value> = objects.into_iter().filter(is_ours).collect();
    if found.is_empty() {
        let message = format!("there is no {} of {}", names.kind, names.api_version());
        bail!(Told::new(
            message,
            "-k names a file with a Kustomization of Flux, not a kustomization.yaml"
        ));
    }

    let known: Vec<String> = found.iter().map(full_name).collect();
    if let Some(name) = name {
        let is_meant =
            |object: &Value| full_name(object) == name || text(object, "/metadata/name") == name;
        found.retain(is_meant);
    }
    match <[Value; 1]>::try_from(found) {
        Ok([object]) => Ok(object),
        Err(several) => {
            let message = match (several.len(), name) {
                (0, Some(name)) => format!("there is no Kustomization \"{name}\""),
                (count, _) => format!("there are {count} Kustomizations"),
            };
            let hint = format!("choose one with --name: {}", known.join(", "));
            Err(Told::new(message, hint).into())
        }
    }
}

fn full_name(object: &Value) -> String {
    match text(object, "/metadata/namespace") {
        "" => text(object, "/metadata/name").to_owned(),
        namespace => format!("{namespace}/{}", text(object, "/metadata/name")),
    }
}

/// Does to an object what the API server would do before the operator sees it.
fn admit(object: &mut Value) -> anyhow::Result<()> {
    let names = kustomization::Spec::NAMES;
    let name = text(object, "/metadata/name").to_owned();
    if name.is_empty() {
        bail!("metadata.name is missing");
    }
    if text(object, "/metadata/namespace").is_empty() {
        object["metadata"]["namespace"] = json!(NAMESPACE);
    }

    let definition = lode_api::definition::of::<kustomization::Spec>();
    let definition = custom::Definition::read(&definition).ok();
    let version = definition.and_then(|definition| definition.versions.first().cloned());
    let version = version.context("read the definition of Kustomizations")?;
    for field in custom::prune(&version.ty, object) {
        output::talk(&format!(
            "warning: {}: unknown field \"{field}\"",
            full_name(object)
        ));
    }
    custom::default(&version.ty, object);

    let errors = custom::validate(&version.ty, None, object);
    if errors.is_empty() {
        return Ok(());
    }
    bail!(
        "{}",
        Status::invalid_as(names.kind, names.group, &name, &errors).message
    )
}

/// Returns the variables of the specification and those of the given files.
fn variables(object: &Kustomization, from: &[PathBuf]) -> anyhow::Result<Variables> {
    if from.is_empty() {
        let stated = object
            .spec
            .post_build
            .iter()
            .flat_map(|post_build| &post_build.substitute);
        return Ok(Variables::plain(
            stated.map(|(name, value)| (name.to_string(), value.to_string())),
        ));
    }
    let mut objects = Vec::new();
    for file in from {
        objects.extend(documents(file)?.into_iter().map(with_data));
    }
    let found = lode_kustomization::variables_among(object, &objects);
    found.map_err(|failure| anyhow!("{}: {}", failure.reason, failure.message))
}

/// Returns the names of objects in the cluster that variables come from.
fn unread(object: &Kustomization) -> String {
    let references = object
        .spec
        .post_build
        .iter()
        .flat_map(|post_build| &post_build.substitute_from);
    let names: Vec<String> = references
        .map(|reference| format!("{}/{}", reference.kind, reference.name))
        .collect();
    names.join(", ")
}

/// Moves `stringData` of a Secret into `data`, as the API server does.
pub(super) fn with_data(mut object: Value) -> Value {
    let Some(texts) = object.get_mut("stringData").map(Value::take) else {
        return object;
    };
    for (key, value) in texts.as_object().into_iter().flatten() {
        if let Some(value) = value.as_str() {
            object["data"][key] = json!(STANDARD.encode(value));
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUSTOMIZATION: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
        metadata: {name: NAME, namespace: team}\n\
        spec: {interval: 1m, prune: true, path: ./apps, sourceRef: {kind: GitRepository, name: fleet}}\n";

    fn read(text: &str, name: Option<&str>) -> Result<WantedKustomization, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ks.yaml");
        std::fs::write(&file, text).unwrap();
        WantedKustomization::read(&file, name, &[]).map_err(|error| crate::report::text(&error))
    }

    fn named(name: &str) -> String {
        KUSTOMIZATION.replace("NAME", name)
    }

    #[test]
    fn of_several_kustomizations_one_must_be_chosen() {
        let other = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n";
        let text = format!("---\n{other}{}---\n{}", named("a"), named("b"));
        let error = read(&text, None).err().unwrap();
        assert!(
            error.contains("there are 2") && error.contains("--name: team/a, team/b"),
            "{error}"
        );
        assert_eq!(&*read(&text, Some("b")).unwrap().object.metadata.name, "b");
        assert_eq!(
            &*read(&text, Some("team/a")).unwrap().object.metadata.name,
            "a"
        );
        assert!(
            read(&text, Some("c"))
                .err()
                .unwrap()
                .contains("there is no Kustomization \"c\"")
        );
        assert!(read(&format!("{other}{}", named("a")), None).is_ok());
        assert!(
            read(
                "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\n",
                None
            )
            .is_err()
        );
    }

    #[test]
    fn what_the_api_server_refuses_is_refused() {
        for (from, to, word) in [
            ("interval: 1m, ", "", "spec.interval: Required value"),
            (
                "interval: 1m",
                "interval: soon",
                "spec.interval: Invalid value",
            ),
            (
                "kind: GitRepository",
                "kind: Folder",
                "spec.sourceRef.kind: Unsupported value",
            ),
            ("prune: true", "prune: often", "spec.prune: Invalid value"),
            ("name: NAME, ", "", "metadata.name"),
        ] {
            let error = read(&KUSTOMIZATION.replace(from, to), None).err().unwrap();
            assert!(error.contains(word), "{word}: {error}");
        }
    }

    #[test]
    fn what_the_operator_refuses_is_refused() {
        for (field, word) in [
            (
                "decryption: {provider: sops}",
                "spec.decryption is not supported yet",
            ),
            (
                "kubeConfig: {secretRef: {name: x}}",
                "spec.kubeConfig is not supported yet",
            ),
            (
                "healthCheckExprs: [{apiVersion: v1, kind: X, current: \"1 +\"}]",
                "InvalidCELExpression",
            ),
        ] {
            let error = read(
                &named("a").replace("prune: true", &format!("prune: true, {field}")),
                None,
            )
            .err()
            .unwrap();
            assert!(error.contains(word), "{word}: {error}");
        }
        let bucket = named("a").replace("kind: GitRepository", "kind: Bucket");
        assert!(
            read(&bucket, None)
                .err()
                .unwrap()
                .contains("a source of kind Bucket is not supported yet")
        );
    }
}
