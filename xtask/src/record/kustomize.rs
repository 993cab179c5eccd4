//! Folders built by kustomize: the text, or why the build fails.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::recording::Recording;
use crate::{client, command};

/// The folder that is built.
const BUILT: &str = "app";

/// Builds each case: its `name`, and its `files` by path.
pub(super) fn record(inputs: &[Value]) -> Result<Recording> {
    let kustomize = client::kustomize()?;
    let version = command::output(Command::new(&kustomize).arg("version"))?;
    let cases = inputs
        .iter()
        .map(|input| built(&kustomize, input).with_context(|| format!("build {}", input["name"])));
    Ok(Recording {
        by: format!("kustomize {}", version.trim()),
        cases: cases.collect::<Result<_>>()?,
    })
}

fn built(kustomize: &Path, input: &Value) -> Result<Value> {
    let folder = tempfile::tempdir().context("make a folder")?;
    for (path, text) in input["files"].as_object().context("find the files")? {
        let path = folder.path().join(path);
        let parent = path.parent().context("find the folder of a file")?;
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
        fs::write(&path, text.as_str().context("read a file's text")?)
            .with_context(|| format!("write {}", path.display()))?;
    }

    let output = Command::new(kustomize)
        .arg("build")
        .arg(folder.path().join(BUILT))
        .output()
        .context("start kustomize")?;
    let mut case = json!({"name": input["name"], "files": input["files"]});
    if output.status.success() {
        case["output"] = String::from_utf8(output.stdout)
            .context("read the build")?
            .into();
    } else {
        // For the reader alone: our words are others.
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.replace(&*folder.path().to_string_lossy(), "");
        case["error"] = said.trim().into();
    }
    Ok(case)
}
