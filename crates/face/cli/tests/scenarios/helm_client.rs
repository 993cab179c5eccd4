//! The unmodified `helm` beside the operator: what it would render, what it says of a release, and whether both agree.
//!
//! What it renders goes through the real kustomize, which sets the labels that Flux sets on all objects of a release,
//! so that manifests are compared to the byte. Lines that differ between two renders of it are random and not compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use lode_cluster::Discovery;
use lode_object::{Object, Value};
use lode_yaml::Dialect;
use serde_json::json;
use tokio::task::block_in_place;

use crate::stage::Stage;

/// The plugin of helm that does what Flux does behind every render.
const PLUGIN: &str = "name: flux-labels\nversion: 1.0.0\ntype: postrenderer/v1\napiVersion: v1\nruntime: subprocess\n\
    runtimeConfig:\n  platformCommand:\n  - command: ${HELM_PLUGIN_DIR}/render.sh\n";
const RENDER: &str = "#!/bin/sh\nset -e\nfolder=$(mktemp -d)\ntrap 'rm -r \"$folder\"' EXIT\ncat > \"$folder/all.yaml\"\n\
    cat > \"$folder/kustomization.yaml\" <<E\nresources: [all.yaml]\nsortOptions: {order: fifo}\nlabels:\n- pairs: {helm.toolkit.fluxcd.io/name: \
    \"$RELEASE_NAME\", helm.toolkit.fluxcd.io/namespace: \"$RELEASE_NAMESPACE\"}\nE\n\"$KUSTOMIZE_BIN\" build \"$folder\"\n";
/// Characters of a difference that are shown.
const SHOWN_MAX: usize = 160;

/// Text whose random lines are known.
#[derive(Debug, Clone)]
pub(crate) struct Masked(Vec<Option<String>>);

/// What helm renders of a release.
#[derive(Debug, Clone)]
pub(crate) struct HelmRender {
    manifest: Masked,
    hooks: Masked,
}

/// What a release should be.
pub(crate) struct Wanted<'w> {
    pub(crate) name: &'w str,
    pub(crate) values: &'w Value,
    pub(crate) render: Option<&'w HelmRender>,
}

/// What was compared.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) count: usize,
    pub(crate) differences: Vec<String>,
}

impl Masked {
    /// Compares two texts of the same; nothing if even the number of lines is random.
    fn of(one: &str, two: &str) -> Option<Self> {
        let (one, two): (Vec<&str>, Vec<&str>) = (lines(one), lines(two));
        let lines = one.iter().zip(&two);
        (one.len() == two.len()).then(|| {
            Self(
                lines
                    .map(|(a, b)| (a == b).then(|| (*a).to_owned()))
                    .collect(),
            )
        })
    }

    /// Returns the first difference of a text.
    fn differs(&self, found: &str) -> Option<String> {
        let found = lines(found);
        let first = self
            .0
            .iter()
            .zip(&found)
            .enumerate()
            .find(|(_, (known, line))| known.as_ref().is_some_and(|known| known != *line));
        if let Some((number, (known, line))) = first {
            let known = known.as_deref().unwrap_or_default();
            return Some(format!(
                "line {}: helm {} | here {}",
                number + 1,
                short(known),
                short(line)
            ));
        }
        let (helm, here) = (self.0.len(), found.len());
        (helm != here).then(|| format!("{helm} lines by helm, {here} here"))
    }
}

/// Returns the lines of a text without the empty ones around it, which depend on who prints it.
fn lines(text: &str) -> Vec<&str> {
    text.trim().lines().collect()
}

impl Compared {
    /// Notes a difference between what is here and what helm says.
    pub(crate) fn equal(&mut self, what: &str, here: &Value, helm: &Value) {
        self.count += 1;
        if here != helm {
            let (here, helm) = (here.to_string(), helm.to_string());
            let text = format!("{what}: here {}, helm {}", short(&here), short(&helm));
            self.differences.push(text);
        }
    }

    /// Notes a difference unless something holds.
    pub(crate) fn holds(&mut self, is_so: bool, otherwise: impl FnOnce() -> String) {
        self.count += 1;
        if !is_so {
            self.differences.push(otherwise());
        }
    }

    fn same_text(&mut self, what: &str, known: &Masked, found: &str) {
        let difference = known.differs(found);
        self.holds(difference.is_none(), || {
            format!("{what}: {}", difference.unwrap_or_default())
        });
    }
}

impl Stage {
    /// Prepares the plugin that does what Flux does behind a render.
    fn helm_plugins(&self) -> anyhow::Result<PathBuf> {
        let plugins = self.folder().join("plugins");
        let folder = plugins.join("flux-labels");
        if !folder.exists() {
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("plugin.yaml"), PLUGIN)?;
            let script = folder.join("render.sh");
            fs::write(&script, RENDER)?;
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        }
        Ok(plugins)
    }

    /// Runs the unmodified `helm` client in the stage's namespace; returns what it writes to stdout.
    pub(crate) fn helm(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.client("HELM_BIN", arguments)?;
        succeeded(command.env("HELM_PLUGINS", self.helm_plugins()?))
    }

    /// Runs `helm` and reads the JSON that it writes.
    pub(crate) fn helm_json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let text = self.helm(&[arguments, &["--output", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("read helm {}", arguments.join(" ")))
    }

    /// Returns what helm would make of a release now, by `install` or `upgrade`.
    pub(crate) fn helm_would(
        &self,
        action: &str,
        (name, package): (&str, &Path),
        values: &Value,
    ) -> anyhow::Result<Option<HelmRender>> {
        let file = self.folder().join("values.json");
        fs::write(&file, values.to_string())?;
        let (file, package) = (file.to_string_lossy(), package.to_string_lossy());
        let mut renders = Vec::new();
        for _ in 0..2 {
            let arguments = [
                action,
                name,
                &*package,
                "--values",
                &*file,
                "--dry-run=server",
            ];
            let more = ["--post-renderer", "flux-labels", "--output", "json"];
            let mut command = self.client("HELM_BIN", &[&arguments[..], &more].concat())?;
            command.env("HELM_PLUGINS", self.helm_plugins()?);
            let labels = [
                ("RELEASE_NAME", name),
                ("RELEASE_NAMESPACE", &self.namespace),
            ];
            let release: Value = serde_json::from_str(&succeeded(command.envs(labels))?)?;
            let manifest = release["manifest"].as_str().unwrap_or_default().to_owned();
            renders.push((manifest, hooks_of(&release)));
        }
        let [one, two] = &renders[..] else {
            return Ok(None);
        };
        Ok(Masked::of(&one.0, &two.0)
            .zip(Masked::of(&one.1, &two.1))
            .map(|(manifest, hooks)| HelmRender { manifest, hooks }))
    }

    /// Compares what a `HelmRelease` says with what helm says of the same release.
    pub(crate) async fn agrees(
        &self,
        wanted: &Wanted<'_>,
        compared: &mut Compared,
    ) -> anyhow::Result<()> {
        let name = wanted.name;
        let object = self.object("HelmRelease", name).await?;
        let history = object["status"]["history"].as_array();
        let history = history.context("the status has a history")?;
        let latest = history.first().context("the history has a snapshot")?;
        let list = self.helm_json(&["list", "--filter", &format!("^{name}$")])?;
        let version = latest["version"].to_string();
        let listed = json!([{"name": latest["name"], "namespace": latest["namespace"], "revision": version,
            "status": latest["status"], "chart": chart(latest), "app_version": app_version(latest)}]);
        compared.equal("helm list", &listed, &without(list, "updated"));

        let status = self.helm_json(&["status", name])?;
        let told = json!([
            status["name"],
            status["namespace"],
            status["version"],
            status["info"]["status"]
        ]);
        let here = json!([
            latest["name"],
            latest["namespace"],
            latest["version"],
            latest["status"]
        ]);
        compared.equal("helm status", &here, &told);

        let rows = self.helm_json(&["history", name])?;
        let rows: BTreeMap<String, &Value> = rows
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| (row["revision"].to_string(), row))
            .collect();
        for snapshot in history {
            let version = snapshot["version"].to_string();
            let Some(row) = rows.get(&version) else {
                continue;
            };
            let here = json!([snapshot["status"], chart(snapshot), app_version(snapshot)]);
            let helm = json!([row["status"], row["chart"], row["app_version"]]);
            compared.equal(&format!("helm history of {version}"), &here, &helm);
        }
        compared.holds(rows.contains_key(&version), || {
            format!("helm history lacks {version}")
        });

        let values = self.helm_json(&["get", "values", name])?;
        let values = if values.is_null() { json!({}) } else { values };
        compared.equal("helm get values", wanted.values, &values);
        self.agrees_on_objects(wanted, compared).await
    }

    /// Compares manifests and hooks, and looks whether the objects exist and say whose they are.
    async fn agrees_on_objects(
        &self,
        wanted: &Wanted<'_>,
        compared: &mut Compared,
    ) -> anyhow::Result<()> {
        let manifest = self.helm(&["get", "manifest", wanted.name])?;
        if let Some(render) = wanted.render {
            compared.same_text("helm get manifest", &render.manifest, &manifest);
            let hooks = self.helm(&["get", "hooks", wanted.name])?;
            compared.same_text("helm get hooks", &render.hooks, &sorted_documents(&hooks));
        }
        let (live, missing) = self.live(&manifest).await?;
        compared.holds(missing.is_empty(), || {
            format!("missing in the cluster: {}", missing.join(", "))
        });
        for object in &live {
            let metadata = &object["metadata"];
            let told = json!([
                metadata["labels"]["app.kubernetes.io/managed-by"],
                metadata["annotations"]["meta.helm.sh/release-name"],
                metadata["annotations"]["meta.helm.sh/release-namespace"],
                metadata["labels"]["helm.toolkit.fluxcd.io/name"]
            ]);
            let is_owned = told == json!(["Helm", wanted.name, self.namespace, wanted.name]);
            compared.holds(is_owned, || {
                format!("{} {} says {told}", object["kind"], metadata["name"])
            });
        }
        Ok(())
    }

    /// Returns the live objects of a manifest, and the names of those that are missing.
    pub(crate) async fn live(&self, manifest: &str) -> anyhow::Result<(Vec<Value>, Vec<String>)> {
        let client = &self.world.client;
        let discovery = Discovery::new(client.clone());
        let (mut live, mut missing) = (Vec::new(), Vec::new());
        for document in lode_chart::manifest::split(manifest) {
            let value = lode_yaml::parse(document.as_bytes(), Dialect::V2)?;
            if value.is_null() {
                continue;
            }
            let object = Object::parse(value)?;
            let resource = discovery.resolve(&object.gvk()).await?;
            let resource = resource.with_context(|| format!("{} is served", object.gvk().kind))?;
            let namespace = match object.namespace() {
                _ if !resource.namespaced => "",
                "" => &self.namespace,
                own => own,
            };
            match client.get(&resource, namespace, object.name()).await {
                Ok(found) => live.push(found),
                Err(error) if error.is_not_found() => {
                    missing.push(format!("{}/{}", object.gvk().kind, object.name()));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok((live, missing))
    }
}

/// Runs a command to its end and returns what it writes to stdout; fails unless it succeeds.
fn succeeded(command: &mut Command) -> anyhow::Result<String> {
    let run = block_in_place(|| command.output()).context("run a client")?;
    let said = String::from_utf8_lossy(&run.stderr);
    ensure!(run.status.success(), "{command:?}: {}", said.trim());
    Ok(String::from_utf8(run.stdout)?)
}

/// Returns the manifests of a release's hooks, in an order that does not depend on who prints them.
fn hooks_of(release: &Value) -> String {
    let hooks = release["hooks"].as_array().into_iter().flatten();
    let texts = hooks.filter_map(|hook| {
        let (path, manifest) = (hook["path"].as_str()?, hook["manifest"].as_str()?);
        Some(format!("---\n# Source: {path}\n{manifest}\n"))
    });
    sorted_documents(&texts.collect::<String>())
}

fn sorted_documents(text: &str) -> String {
    let mut documents: Vec<&str> = text.split("---\n# Source: ").map(str::trim).collect();
    documents.sort_unstable();
    documents.join("\n")
}

/// Returns the chart of a snapshot as helm names it.
fn chart(snapshot: &Value) -> String {
    let text = |field: &str| snapshot[field].as_str().unwrap_or_default();
    format!("{}-{}", text("chartName"), text("chartVersion"))
}

fn app_version(snapshot: &Value) -> &str {
    snapshot["appVersion"].as_str().unwrap_or_default()
}

fn without(mut rows: Value, field: &str) -> Value {
    for row in rows.as_array_mut().into_iter().flatten() {
        if let Some(row) = row.as_object_mut() {
            row.remove(field);
        }
    }
    rows
}

fn short(text: &str) -> String {
    let cut: String = text.trim().chars().take(SHOWN_MAX).collect();
    format!("\"{cut}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_same_in_two_renders_is_compared() {
        let known = Masked::of("a\nrandom 1\nb\n", "a\nrandom 2\nb\n").unwrap();
        assert_eq!(known.differs("a\nrandom 3\nb\n"), None);
        assert_eq!(
            known.differs("a\nrandom 3\nc\n").unwrap(),
            "line 3: helm \"b\" | here \"c\""
        );
        assert_eq!(
            known.differs("a\nrandom 3\n").unwrap(),
            "3 lines by helm, 2 here"
        );
        assert!(Masked::of("a\n", "a\nb\n").is_none());
    }
}
