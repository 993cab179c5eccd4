//! Config maps and secrets made from literals, files and environment files, and the digest in their names.

use std::collections::BTreeMap;

use base64::Engine as _;
use lode_object::{Map, Value};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::config::{At, Config, only, texts_by_key, wrong};
use crate::error::{Error, FileCause};
use crate::load::Source;
use crate::resource::Resource;

/// Columns after which encoded bytes go on in the next line.
const BASE64_WIDTH: usize = 70;
/// Characters of the digest that go into a name.
const HASH_LEN: usize = 10;

/// What becomes of an object that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Behavior {
    #[default]
    Create,
    Merge,
    Replace,
}

/// One entry of `configMapGenerator` or `secretGenerator`, generator options merged in.
#[derive(Clone, Default)]
pub(crate) struct Generator {
    kind: &'static str,
    name: String,
    namespace: String,
    pub(crate) behavior: Behavior,
    literals: Vec<String>,
    files: Vec<String>,
    envs: Vec<String>,
    secret_type: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    immutable: bool,
    plain_name: bool,
}

impl Generator {
    pub(crate) fn read(value: &Value, options: &Value, kind: &'static str) -> Result<Self, FileCause> {
        let known =
            ["name", "namespace", "behavior", "literals", "files", "envs", "env", "type", "options", "kvSources"];
        only("generator", value, &known)?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let own = value.get("options").unwrap_or(&Value::Null);
        let flag = |name: &str| [own, options].iter().any(|from| from.get(name).and_then(Value::as_bool) == Some(true));
        let merged = |name: &str| {
            let mut all = texts_by_key(name, options.get(name).unwrap_or(&Value::Null))?;
            all.extend(texts_by_key(name, own.get(name).unwrap_or(&Value::Null))?);
            Ok::<_, FileCause>(all)
        };
        let mut envs = texts("envs", value)?;
        envs.extend(Some(text("env")).filter(|env| !env.is_empty()));
        Ok(Self {
            kind,
            name: Some(text("name")).filter(|name| !name.is_empty()).ok_or_else(|| wrong("generator.name", "text"))?,
            namespace: text("namespace"),
            behavior: behavior(&text("behavior"))?,
            literals: texts("literals", value)?,
            files: texts("files", value)?,
            envs,
            secret_type: text("type"),
            labels: merged("labels")?,
            annotations: merged("annotations")?,
            immutable: flag("immutable"),
            plain_name: flag("disableNameSuffixHash"),
        })
    }
}

/// Makes the object a generator describes.
pub(crate) fn make(source: &mut Source<'_>, config: &Config, entry: &At<Generator>) -> Result<Resource, Error> {
    let generator = &entry.value;
    let origin = config.origin(entry.line);
    let mut data = Data { generator, text: Map::new(), bytes: Map::new() };
    for path in &generator.envs {
        let content = read(source, config, entry, path)?;
        let content = str::from_utf8(content).map_err(|_| fail(config, entry, format!("{path} is not UTF-8")))?;
        for (key, value) in env_lines(content) {
            data.put(key, value.as_bytes()).map_err(|cause| fail(config, entry, cause))?;
        }
    }
    for literal in &generator.literals {
        let (key, value) = literal
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| fail(config, entry, "a literal is not of the form key=value".to_owned()))?;
        data.put(key, unquoted(value).as_bytes()).map_err(|cause| fail(config, entry, cause))?;
    }
    for file in &generator.files {
        let (key, path) = file.split_once('=').unwrap_or((file.rsplit('/').next().unwrap_or_default(), file));
        let content = read(source, config, entry, path)?;
        data.put(key, content).map_err(|cause| fail(config, entry, cause))?;
    }
    let mut resource = Resource::new(data.object(), origin);
    resource.needs_hash = !generator.plain_name;
    resource.is_generated = true;
    Ok(resource)
}

/// Merges a generated object into one that is there, or replaces its content.
pub(crate) fn combine(old: &mut Resource, made: Resource, behavior: Behavior) {
    old.needs_hash &= made.needs_hash;
    if behavior == Behavior::Replace {
        old.origin = made.origin.clone();
    }
    let Value::Object(mut new) = made.value else { return };
    let Some(kept) = old.value.as_object_mut() else { return };
    let new_metadata = new.remove("metadata").unwrap_or_default();
    if behavior == Behavior::Replace {
        kept.retain(|key, _| key == "metadata");
    }
    for (key, value) in new {
        match (kept.get_mut(&key), value) {
            (Some(Value::Object(kept)), Value::Object(value)) if key == "data" || key == "binaryData" => {
                kept.extend(value);
            }
            (_, value) => {
                kept.insert(key, value);
            }
        }
    }
    for field in ["labels", "annotations"] {
        if let Some(Value::Object(values)) = new_metadata.get(field).cloned()
            && let Some(Value::Object(metadata)) = kept.get_mut("metadata")
            && let Some(map) = metadata.entry(field).or_insert_with(|| json!({})).as_object_mut()
        {
            map.extend(values);
        }
    }
}

/// Puts the digest of its content into the name of each generated object.
pub(crate) fn add_hashes(resources: &mut [Resource]) {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash) {
        resource.remember();
        let name = format!("{}-{}", resource.name(), hash(&resource.value));
        resource.set_metadata("name", name.into());
    }
}

/// What a generator collects.
struct Data<'g> {
    generator: &'g Generator,
    text: Map<String, Value>,
    bytes: Map<String, Value>,
}

impl Data<'_> {
    fn put(&mut self, key: &str, content: &[u8]) -> Result<(), String> {
        if self.text.contains_key(key) || self.bytes.contains_key(key) {
            return Err(format!("key \"{key}\" is given twice"));
        }
        match str::from_utf8(content) {
            _ if self.generator.kind == "Secret" => self.text.insert(key.to_owned(), encoded(content).into()),
            Ok(text) => self.text.insert(key.to_owned(), text.into()),
            Err(_) => self.bytes.insert(key.to_owned(), encoded(content).into()),
        };
        Ok(())
    }

    fn object(self) -> Value {
        let Generator { kind, name, namespace, secret_type, labels, annotations, immutable, .. } = self.generator;
        let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        if !namespace.is_empty() {
            object["metadata"]["namespace"] = namespace.as_str().into();
        }
        for (field, map) in [("labels", labels), ("annotations", annotations)] {
            if !map.is_empty() {
                object["metadata"][field] = json!(map);
            }
        }
        if *kind == "Secret" {
            object["type"] = if secret_type.is_empty() { "Opaque".into() } else { secret_type.as_str().into() };
        }
        for (field, map) in [("data", self.text), ("binaryData", self.bytes)] {
            if !map.is_empty() || (*kind == "Secret" && field == "data") {
                object[field] = Value::Object(map);
            }
        }
        if *immutable {
            object["immutable"] = true.into();
        }
        object
    }
}

fn behavior(text: &str) -> Result<Behavior, FileCause> {
    match text {
        "" | "unspecified" | "create" => Ok(Behavior::Create),
        "merge" => Ok(Behavior::Merge),
        "replace" => Ok(Behavior::Replace),
        _ => Err(wrong("generator.behavior", "create, merge or replace")),
    }
}

fn texts(field: &str, value: &Value) -> Result<Vec<String>, FileCause> {
    let items = match value.get(field) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => value.as_array().ok_or_else(|| wrong(field, "a list of texts"))?,
    };
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(field, "a list of texts"))).collect()
}

fn read<'t>(source: &mut Source<'t>, config: &Config, entry: &At<Generator>, path: &str) -> Result<&'t [u8], Error> {
    let inside = config
        .folder
        .join(path)
        .map_err(|source| Error::file(&config.origin(entry.line), FileCause::Path { path: path.to_owned(), source }))?;
    source.read(&inside).map_err(|error| match error {
        Error::Tree(lode_tree::Error::NotFound(_)) => {
            Error::file(&config.origin(entry.line), FileCause::Missing(path.to_owned()))
        }
        error => error,
    })
}

fn fail(config: &Config, entry: &At<Generator>, cause: String) -> Error {
    let cause = FileCause::Generator { name: entry.value.name.clone(), cause };
    Error::file(&config.origin(entry.line), cause)
}

fn env_lines(content: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = content.strip_prefix('\u{feff}').unwrap_or(content).lines();
    let lines = lines.map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once('=').unwrap_or((line, "")))
}

fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// Encodes bytes; what fills a line or more is cut into lines, each ended.
fn encoded(content: &[u8]) -> String {
    let packed = base64::engine::general_purpose::STANDARD.encode(content);
    if packed.len() < BASE64_WIDTH {
        return packed;
    }
    let mut out = String::with_capacity(packed.len() + packed.len() / BASE64_WIDTH + 1);
    for (at, c) in packed.chars().enumerate() {
        if at > 0 && at % BASE64_WIDTH == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    out.push('\n');
    out
}

/// Returns the part of a name that changes with the content: the same as kustomize's, so that names stay.
fn hash(value: &Value) -> String {
    let field = |name: &str| value.get(name).cloned().unwrap_or_else(|| "".into());
    let is_secret = value.get("kind").and_then(Value::as_str) == Some("Secret");
    let mut content = json!({"kind": field("kind"), "name": "", "data": field("data")});
    if is_secret {
        content["type"] = field("type");
    }
    let extra = if is_secret { "stringData" } else { "binaryData" };
    if value.get(extra).is_some() {
        content[extra] = field(extra);
    }
    let digest = Sha256::digest(go_json(&content).as_bytes());
    let hex = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(HASH_LEN);
    hex.map(|nibble| match nibble {
        0 => 'g',
        1 => 'h',
        3 => 'k',
        10 => 'm',
        14 => 't',
        other => char::from_digit(u32::from(other), 16).unwrap_or_default(),
    })
    .collect()
}

/// Go's JSON escapes what could end an HTML script.
fn go_json(value: &Value) -> String {
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}
