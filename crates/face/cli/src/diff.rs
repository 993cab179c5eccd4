//! `lode diff`: what a reconcile would change in the cluster, field by field.
//!
//! ```text
//! folder → Tree ┐
//! spec → Plan ──┼→ render → Desired objects ┬→ dry-run, compare with live → findings → text
//! variables ────┘                inventory ─┘
//! ```
//!
//! Each object is sent to the API server as a dry-run apply, so that defaults and admission take
//! part. Left out, and shown as unchanged: fields that the clean-up of other field managers would
//! remove, and fields that an ignore rule strips because another manager applies them.

mod compare;
mod findings;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use lode_api::{Kustomization, kinds};
use lode_apply::Set;
use lode_cluster::{Client, Discovery};
use lode_kustomization::{BuildOptions, Variables};
use lode_object::NamespacedName;
use lode_object::json::text;
use lode_stdx::budget::Budget;
use lode_tree::{Tree, ignore};

use crate::diff::compare::Comparison;
use crate::kinds::{Noun, name_of};
use crate::limits::BuildLimits;
use crate::report::Told;
use crate::session::ClusterPlace;
use crate::words::{self, Chosen};
use crate::{folder, output};

/// What to compare.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which kind
    #[arg(value_parser = words::singular(std::slice::from_ref(&kinds::KUSTOMIZATION)))]
    kind: Chosen,
    /// Name of the Kustomization
    name: String,
    /// Root folder of a local checkout of the source
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Fail on fields that an object's kind does not have; without this flag they are reported and
    /// dropped
    #[arg(long)]
    strict_fields: bool,
    /// Build the charts that kustomizations name, as an operator with this flag does
    #[arg(long)]
    enable_helm_charts: bool,
    #[command(flatten)]
    build_limits: BuildLimits,
    #[command(flatten)]
    place: ClusterPlace,
}

/// Prints the differences; the exit code says whether there are any.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Some(path) = args.path else {
        bail!(Told::new(
            "--path is missing",
            "name the root folder of a local checkout of the source"
        ));
    };
    let session = args.place.connect().await?;
    let (noun, name) = args.kind.single(std::slice::from_ref(&args.name))?;
    let name = NamespacedName::new(&session.namespace, name);
    let object = noun.read(&session.client, &name).await?;
    let object = Kustomization::parse(&object)?;
    lode_kustomization::check(&object, &lode_kustomization::Options::default())?;
    let tree = source_tree(&session.client, &object, folder::read(&path)?).await?;
    let variables = lode_kustomization::variables(&session.client, &object).await?;
    let options = BuildOptions {
        strict: true,
        limits: args.build_limits.limits(),
        custom_stage_kinds: Vec::new(),
        strict_fields: args.strict_fields,
        charts: args.enable_helm_charts,
    };
    let set = build(&object, &tree, variables, &options)?;
    output::progress(&format!("◎ comparing {} objects", set.objects().len()));
    let discovery = Discovery::new(session.client.clone());
    let comparison = Comparison::new(&session.client, &discovery, &object, &set)?;
    let (findings, faults) = comparison.run().await;
    output::data(&findings::text(&findings))?;
    if !faults.is_empty() {
        bail!(faults.join("\n"));
    }
    Ok(ExitCode::from(u8::from(!findings.is_empty())))
}

/// Leaves out the files that the source leaves out of its artifact.
async fn source_tree(client: &Client, object: &Kustomization, tree: Tree) -> anyhow::Result<Tree> {
    let reference = &object.spec.source_ref;
    let Some(row) = kinds::source(&reference.kind) else {
        return Ok(ignore::filter(tree, None, &Budget::unlimited())?);
    };
    let namespace = reference
        .namespace
        .as_deref()
        .unwrap_or(&object.metadata.namespace);
    let source = Noun(row)
        .read(client, &NamespacedName::new(namespace, &reference.name))
        .await?;
    if source.pointer("/spec/include").is_some() {
        output::talk(&format!(
            "warning: {} includes other sources, which are not in the checkout",
            name_of(&source)
        ));
    }
    let patterns = Some(text(&source, "/spec/ignore")).filter(|patterns| !patterns.is_empty());
    Ok(ignore::filter(
        tree,
        patterns,
        &Budget::new(lode_git::BUDGET),
    )?)
}

fn build(
    object: &Kustomization,
    tree: &Tree,
    variables: Variables,
    options: &BuildOptions,
) -> anyhow::Result<Set> {
    let built = lode_kustomization::build(object, tree, variables, options);
    let built = built.with_context(|| {
        format!(
            "build Kustomization/{}/{}",
            object.metadata.namespace, object.metadata.name
        )
    })?;
    for dropped in &built.dropped {
        output::talk(&format!("warning: {dropped}: dropped"));
    }
    Ok(built.set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_becomes_objects_with_their_owner() {
        let tree = Tree::from_iter([(
            "app/cm.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: \"${v}\"}\n",
        )]);
        let object = Kustomization::parse(&serde_json::json!({
            "metadata": {"name": "apps", "namespace": "team"},
            "spec": {"path": "./app", "targetNamespace": "shop", "postBuild": {"substitute": {"v": "1"}}},
        }))
        .unwrap();
        let variables = Variables::plain([("v".to_owned(), "1".to_owned())]);
        let options = BuildOptions {
            strict: true,
            limits: lode_render::LIMITS,
            custom_stage_kinds: Vec::new(),
            strict_fields: false,
            charts: false,
        };
        let set = build(&object, &tree, variables, &options).unwrap();
        let value = set.objects()[0].value();
        assert_eq!(set.objects()[0].id.to_string(), "ConfigMap/shop/a");
        assert_eq!(value["data"]["k"], 1);
        assert_eq!(
            value["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/namespace"],
            "team"
        );
    }
}
