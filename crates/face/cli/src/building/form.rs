//! [`PrintedForm`]: how objects are printed, and where.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::outcome::{Outcome, Shown};

/// How to print objects.
pub(super) enum PrintedForm {
    /// One text on stdout, with comments that name origins if asked for.
    Yaml { origins: bool },
    /// A JSON list on stdout.
    Json,
    /// One text in a file.
    File { path: PathBuf, origins: bool },
    /// One file per object in a folder.
    Folder { path: PathBuf, origins: bool },
}

impl PrintedForm {
    /// Reads `--output`.
    pub(super) fn new(output: Option<&str>, origins: bool) -> Self {
        match output {
            None | Some("yaml") => Self::Yaml { origins },
            Some("json") => Self::Json,
            Some(path) if Path::new(path).is_dir() => Self::Folder {
                path: path.into(),
                origins,
            },
            Some(path) => Self::File {
                path: path.into(),
                origins,
            },
        }
    }

    /// Writes files if asked to, and returns the text for stdout.
    pub(super) fn write(&self, outcomes: &[Outcome]) -> anyhow::Result<String> {
        let objects = || outcomes.iter().flat_map(|outcome| &outcome.objects);
        match self {
            Self::Yaml { origins } => text(objects(), *origins),
            Self::Json => {
                let items = objects().map(Shown::value).collect::<Result<Vec<_>, _>>()?;
                let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
                Ok(serde_json::to_string_pretty(&list).context("write JSON")? + "\n")
            }
            Self::File { path, origins } => {
                let text = text(objects(), *origins)?;
                fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
                Ok(String::new())
            }
            Self::Folder { path, origins } => {
                // All texts are rendered first, so that nothing is written if one of them fails.
                let files = files(&objects().collect::<Vec<_>>(), *origins)?;
                for (name, text) in files {
                    let file = path.join(name);
                    fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
                }
                Ok(String::new())
            }
        }
    }
}

fn text<'o>(objects: impl Iterator<Item = &'o Shown>, origins: bool) -> anyhow::Result<String> {
    let mut text = String::new();
    for (at, object) in objects.enumerate() {
        if at > 0 {
            text.push_str("---\n");
        }
        object.write(&mut text, origins)?;
    }
    Ok(text)
}

/// Returns a file name and a text per object. Names are kustomize's: namespace (if objects have
/// different ones), group, version, kind and name, in lower case.
fn files(objects: &[&Shown], origins: bool) -> anyhow::Result<Vec<(String, String)>> {
    let namespaces: BTreeSet<&str> = objects
        .iter()
        .filter_map(|object| object.namespace())
        .collect();
    let named = |object: &&Shown| {
        let mut text = String::new();
        object.write(&mut text, origins)?;
        let namespace = object.namespace().filter(|_| namespaces.len() > 1);
        Ok((file_name(object, namespace), text))
    };
    objects.iter().map(named).collect()
}

fn file_name(object: &Shown, namespace: Option<&str>) -> String {
    let gvk = &object.gvk;
    let parts = [
        namespace.unwrap_or_default(),
        &gvk.group,
        &gvk.version,
        &gvk.kind,
        &object.name,
    ];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    // A name could contain a path separator.
    format!(
        "{}.yaml",
        parts.join("_").to_lowercase().replace(['/', '\\'], "-")
    )
}
