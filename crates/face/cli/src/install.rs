//! `lode install`: installs the operator into a cluster, or prints its objects.
//!
//! Everything is applied server-side, so a second run changes only what differs. [`objects`] lists
//! what is installed.

mod flux;
mod objects;

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ArgAction;
use lode_cluster::{Client, Resource, Target};
use lode_object::{NamespacedName, Object, Value};

use crate::report::Told;
use crate::session::{Access, MANAGER, NAMESPACE};
use crate::values::duration;
use crate::{follow, output, serve};

/// How the operator is installed.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub(crate) struct Args {
    /// Print the objects as YAML instead of applying them
    #[arg(long)]
    export: bool,
    /// Install the custom resource definitions only
    #[arg(long)]
    crds_only: bool,
    /// Namespace of the operator
    #[arg(short, long, value_name = "NAME", default_value = NAMESPACE)]
    namespace: String,
    /// Image of the operator
    #[arg(long, value_name = "IMAGE", default_value = objects::IMAGE)]
    image: String,
    /// Permissions of the operator itself
    #[arg(long, value_enum, default_value = "cluster-admin")]
    role: objects::Role,
    /// Restrict traffic from other namespaces to the metrics port
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    network_policy: bool,
    /// Take over definitions and Services that a running Flux uses
    #[arg(long)]
    take_over: bool,
    /// Longest time to wait until the definitions are served
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1m")]
    timeout: Duration,
    #[command(flatten)]
    access: Access,
    /// Flags for the operator's `lode serve`, after `--`
    #[arg(last = true, value_name = "FLAGS")]
    serve: Vec<String>,
}

impl Args {
    fn wishes(&self) -> objects::Wishes<'_> {
        objects::Wishes {
            namespace: &self.namespace,
            image: &self.image,
            role: self.role,
            network_policy: self.network_policy,
            serve: &self.serve,
        }
    }
}

/// Applies or prints the objects of the installation.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    serve::check(&args.serve)?;
    let mut objects = lode_api::kinds::definitions();
    let definitions = objects.len();
    if !args.crds_only {
        objects.extend(objects::all(&args.wishes()));
    }

    if args.export {
        return output::data(&exported(&objects));
    }

    let client = args.access.connect().await?;
    if !args.take_over {
        flux::refuse_running(&client).await?;
    }

    for definition in &objects[..definitions] {
        apply(&client, definition).await?;
    }

    for definition in &objects[..definitions] {
        established(&client, definition, args.timeout).await?;
    }

    for object in &objects[definitions..] {
        apply(&client, object).await?;
    }
    Ok(())
}

fn exported(objects: &[Value]) -> String {
    objects
        .iter()
        .map(lode_yaml::to_string)
        .collect::<Vec<_>>()
        .join("---\n")
}

/// Applies an object and prints the result.
async fn apply(client: &Client, object: &Value) -> anyhow::Result<()> {
    let object = Object::parse(object.clone()).context("read an object of the installation")?;
    let resource = resource(&object).with_context(|| format!("find the kind {}", object.kind()))?;
    let (namespace, name) = (object.namespace(), object.name());
    let step = || format!("apply {}", object.id());
    let before = match client.get(&resource, namespace, name).await {
        Ok(found) => Some(found),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error).with_context(step),
    };
    let target = Target {
        namespace,
        name,
        manager: MANAGER,
        dry_run: false,
    };
    let after = client
        .apply(&resource, target, object.value().to_string().into())
        .await
        .with_context(step)?;
    let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
    let word = match before {
        None => "created",
        Some(before) if version(&before) == version(&after) => "unchanged",
        Some(_) => "configured",
    };
    output::data(&format!("{} {word}\n", object.id()))
}

/// Waits until the server serves the kind of a definition.
async fn established(client: &Client, definition: &Value, timeout: Duration) -> anyhow::Result<()> {
    let name = definition["metadata"]["name"].as_str().unwrap_or_default();
    let subject = (objects::definitions(), &NamespacedName::new("", name));
    let answer = follow::until(client, subject, timeout, |seen| match seen {
        Some(definition) if has(definition, "Established") => Some(Ok(())),
        Some(definition) => refusal(definition).map(Err),
        None => None,
    });

    match answer.await {
        Some(Ok(())) => Ok(()),
        Some(Err(reason)) => {
            bail!(Told::new(
                format!("{name} is refused: {reason}"),
                "another definition may use its names"
            ))
        }
        None => {
            let hint = format!("`kubectl describe crd {name}` shows why");
            bail!(Told::new(format!("{name} is not served yet"), hint))
        }
    }
}

fn has(definition: &Value, condition: &str) -> bool {
    conditions(definition).any(|found| found["type"] == condition && found["status"] == "True")
}

fn refusal(definition: &Value) -> Option<String> {
    let refused = conditions(definition)
        .find(|found| found["type"] == "NamesAccepted" && found["status"] == "False")?;
    Some(
        refused["message"]
            .as_str()
            .unwrap_or("its names are taken")
            .to_owned(),
    )
}

fn conditions(definition: &Value) -> impl Iterator<Item = &Value> {
    definition
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn resource(object: &Object) -> Option<Resource> {
    objects::known(object.kind())
}

#[cfg(test)]
mod tests {
    use lode_yaml::{Dialect, Reader};
    use serde_json::json;

    use super::*;

    fn all() -> Vec<Value> {
        let mut objects = lode_api::kinds::definitions();
        objects.extend(objects::all(&objects::Wishes::example(
            objects::Role::ClusterAdmin,
        )));
        objects
    }

    #[test]
    fn the_export_reads_back_as_the_same_objects() {
        let text = exported(&all());
        let read: Vec<Value> = Reader::new(text.as_bytes(), Dialect::V3)
            .map(|document| document.unwrap().value)
            .collect();
        assert_eq!(read, all());
        println!("{} objects, {} bytes", read.len(), text.len());
    }

    #[test]
    fn every_object_is_of_a_kind_we_can_apply() {
        for object in all() {
            let object = Object::parse(object).unwrap();
            let resource = resource(&object).unwrap();
            assert_eq!(resource.gvk, object.gvk());
            assert_eq!(
                resource.namespaced,
                !object.namespace().is_empty(),
                "{}",
                object.id()
            );
        }
    }

    #[test]
    fn definitions_are_read_for_their_verdict() {
        let with = |kind: &str, status: &str| json!({"status": {"conditions": [{"type": kind, "status": status, "message": "taken"}]}});
        assert!(has(&with("Established", "True"), "Established"));
        assert!(!has(&with("Established", "False"), "Established"));
        assert_eq!(
            refusal(&with("NamesAccepted", "False")).as_deref(),
            Some("taken")
        );
        assert_eq!(refusal(&json!({})), None);
    }
}
