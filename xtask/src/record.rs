//! What the real tools make of our own inputs: `cases/inputs` in, `cases/recorded` out.
//!
//! Inputs are YAML documents, a case each, written by hand. A recording has a case a line, with the tool and its version
//! in the first line. What differs from run to run (uids, versions, times) gets stable values, so that recording again
//! changes nothing unless the tool does. The tests of the engines play the recordings everywhere.

mod apiserver;
mod kustomize;
mod libraries;
mod recording;
mod stable;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use lode_yaml::{Dialect, Reader};
use serde_json::Value;

use self::recording::Recording;
use crate::workspace;

/// `cargo xtask record`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Tools whose cases are recorded [default: all]
    tools: Vec<Tool>,
    /// Write nothing; fail if a recording is not what would be written
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Tool {
    /// Builds of small folders
    Kustomize,
    /// Requests to a fresh kube-apiserver
    Apiserver,
    /// Health of objects by kstatus
    Health,
    /// Texts read and written by Go's YAML libraries
    Yaml,
}

/// Gives a tool all inputs.
type Record = fn(&[Value]) -> Result<Recording>;

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let all = [Tool::Kustomize, Tool::Apiserver, Tool::Health, Tool::Yaml];
    let tools = if args.tools.is_empty() {
        &all[..]
    } else {
        &args.tools
    };
    for tool in tools {
        let (name, record): (_, Record) = match tool {
            Tool::Kustomize => ("kustomize", kustomize::record),
            Tool::Apiserver => ("apiserver", apiserver::record),
            Tool::Health => ("health", |inputs| libraries::record("health", inputs)),
            Tool::Yaml => ("yaml", |inputs| libraries::record("yaml", inputs)),
        };
        let recording = record(&inputs(name)?).with_context(|| format!("record {name}"))?;
        keep(name, &recording, args.check)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn inputs(name: &str) -> Result<Vec<Value>> {
    let path = workspace::root().join(format!("cases/inputs/{name}.yaml"));
    let text = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    let documents: Result<Vec<_>, _> = Reader::new(&text, Dialect::V3).collect();
    let documents = documents.with_context(|| format!("read {}", path.display()))?;
    Ok(documents
        .into_iter()
        .map(|document| document.value)
        .filter(|value| !value.is_null())
        .collect())
}

fn keep(name: &str, recording: &Recording, check: bool) -> Result<()> {
    let mut text = format!(
        "# Recorded with {} by `cargo xtask record` from cases/inputs/{name}.yaml.\n",
        recording.by
    );
    for case in &recording.cases {
        text.extend([&case.to_string(), "\n"]);
    }

    let path = workspace::root().join(format!("cases/recorded/{name}.jsonl"));
    if check {
        if fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))? != text {
            bail!(
                "{} is not what {} does; run cargo xtask record",
                path.display(),
                recording.by
            );
        }
    } else {
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    println!(
        "{}: {} lines, {}",
        path.display(),
        recording.cases.len(),
        recording.by
    );
    Ok(())
}
