//! Generates data files about Kubernetes' built-in types from its published Go module.
//!
//! [`types`] describes objects, [`resources`] where they are served, [`fields`] how Go reads and
//! writes them.

mod document;
mod fields;
mod resources;
mod types;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{command, workspace};

/// `cargo xtask schema`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The version of Kubernetes
    #[arg(long, default_value = KUBERNETES_VERSION)]
    version: String,
    /// Write nothing; fail if a file is not up to date
    #[arg(long)]
    check: bool,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let module = format!("k8s.io/kubernetes@v{}", args.version);
    let folder = module_folder(&module)?;
    let (types, type_count) = types::made(&module, &folder.join("api/openapi-spec/v3"))?;
    let (resources, resource_count) = resources::made(&module, &folder.join("api/discovery"))?;
    let (fields, kind_count) = fields::made(&args.version)?;
    let finish = if args.check { check } else { write };
    finish("kubernetes.json", &types, &format!("{type_count} types"))?;
    finish(
        "resources.json",
        &resources,
        &format!("{resource_count} resources"),
    )?;
    finish(
        "fields.txt",
        &fields,
        &format!("fields of {kind_count} kinds"),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Fetches the module and returns the folder where Go keeps it.
fn module_folder(module: &str) -> Result<PathBuf> {
    let home = workspace::cache()?;
    fs::create_dir_all(&home).with_context(|| format!("create {}", home.display()))?;
    let text = command::output(
        Command::new("go")
            .args(["mod", "download", "-json", module])
            .current_dir(&home),
    )?;
    let answer: Value =
        serde_json::from_str(&text).context("read the answer of go mod download")?;
    Ok(answer["Dir"]
        .as_str()
        .context("find the module's folder")?
        .into())
}

fn write(name: &str, text: &str, what: &str) -> Result<()> {
    let target = workspace::root().join(TARGET).join(name);
    fs::write(&target, text).with_context(|| format!("write {}", target.display()))?;
    println!("{}: {what}", target.display());
    Ok(())
}

fn check(name: &str, text: &str, what: &str) -> Result<()> {
    let target = workspace::root().join(TARGET).join(name);
    if fs::read_to_string(&target).with_context(|| format!("read {}", target.display()))? != text {
        bail!(
            "{} is not what the modules say; run cargo xtask schema",
            target.display()
        );
    }
    println!("{}: {what}, fresh", target.display());
    Ok(())
}

const KUBERNETES_VERSION: &str = "1.36.4";
const TARGET: &str = "crates/model/schema/data";
