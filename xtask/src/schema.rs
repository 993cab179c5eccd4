//! The built-in types of Kubernetes, from the published Go module into a small file of our own.
//!
//! The module carries the `OpenAPI` documents of its API server. Kept of them are types, fields, list types and keys,
//! merge keys, defaults, enums and which kind is of which type; descriptions, paths and parameters are not. One type a
//! line, so that a new version shows as the lines it changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::{command, workspace};

/// `cargo xtask schema`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The version of Kubernetes
    #[arg(long, default_value = KUBERNETES_VERSION)]
    version: String,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let module = format!("k8s.io/kubernetes@v{}", args.version);
    let folder = module_folder(&module)?.join("api/openapi-spec/v3");
    let types = read(&folder).with_context(|| format!("read {}", folder.display()))?;
    let target = workspace::root().join(TARGET);
    fs::write(&target, written(&module, &types)).with_context(|| format!("write {}", target.display()))?;
    println!("{}: {} types of {module}", target.display(), types.len());
    Ok(ExitCode::SUCCESS)
}

/// Where Go keeps the module, after fetching it.
fn module_folder(module: &str) -> Result<PathBuf> {
    let home = workspace::cache()?;
    fs::create_dir_all(&home).with_context(|| format!("create {}", home.display()))?;
    let text = command::output(Command::new("go").args(["mod", "download", "-json", module]).current_dir(&home))?;
    let answer: Value = serde_json::from_str(&text).context("read the answer of go mod download")?;
    Ok(answer["Dir"].as_str().context("find the module's folder")?.into())
}

fn read(folder: &Path) -> Result<BTreeMap<String, Value>> {
    let mut types = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let document: Value = serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
        for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
            let kept = kept(schema);
            let kept = match types.get(name) {
                Some(other) if *other != kept => shared(other).filter(|other| shared(&kept).as_ref() == Some(other)),
                _ => Some(kept),
            };
            types.insert(name.clone(), kept.with_context(|| format!("{name} differs between documents"))?);
        }
    }
    Ok(types)
}

/// Returns a helper type without the kinds that each document says it serves.
fn shared(schema: &Value) -> Option<Value> {
    let mut schema = schema.as_object()?.clone();
    schema.remove(KINDS);
    Some(Value::Object(schema))
}

/// Returns what is kept of a schema.
fn kept(schema: &Value) -> Value {
    let mut out = Map::new();
    for key in KEPT {
        if let Some(value) = schema.get(key) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(reference) = schema.get("$ref").or_else(|| schema["allOf"].get(0)?.get("$ref")).and_then(Value::as_str)
    {
        out.insert("$ref".to_owned(), json!(reference.rsplit('/').next()));
    }
    for key in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(key) {
            out.insert(key.to_owned(), if below.is_object() { without_default(kept(below)) } else { below.clone() });
        }
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let properties = properties.iter().map(|(name, below)| (name.clone(), kept(below)));
        out.insert("properties".to_owned(), properties.collect());
    }
    Value::Object(out)
}

/// Items have no default: a list is as long as it is.
fn without_default(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("default");
    }
    schema
}

fn written(module: &str, types: &BTreeMap<String, Value>) -> String {
    let lines: Vec<_> = types.iter().map(|(name, schema)| format!("{}:{schema}", Value::from(name.as_str()))).collect();
    format!("{{\"source\":\"{module} api/openapi-spec/v3\",\"types\":{{\n{}\n}}}}\n", lines.join(",\n"))
}

const KUBERNETES_VERSION: &str = "1.36.4";
const TARGET: &str = "crates/model/schema/data/kubernetes.json";
const KINDS: &str = "x-kubernetes-group-version-kind";
const KEPT: [&str; 14] = [
    "type",
    "format",
    "required",
    "default",
    "enum",
    "x-kubernetes-embedded-resource",
    KINDS,
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-preserve-unknown-fields",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_go_and_references_are_short() {
        let schema = json!({"description": "x", "type": "object", "required": ["a"], "properties": {
            "a": {"description": "y", "default": {}, "allOf": [{"$ref": "#/components/schemas/io.k8s.A"}]},
            "b": {"type": "array", "items": {"default": "", "type": "string"}, "x-kubernetes-list-type": "set"},
        }});
        let expected = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"default": {}, "$ref": "io.k8s.A"},
            "b": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        }});
        assert_eq!(kept(&schema), expected);
    }

    #[test]
    fn a_type_takes_a_line() {
        let types = [("A".to_owned(), json!({"type": "string"})), ("B".to_owned(), json!({}))].into();
        let text = written("m@v1", &types);
        assert_eq!(text.lines().count(), 4);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["types"]["A"]["type"], "string");
    }
}
