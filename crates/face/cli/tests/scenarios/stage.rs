//! [`Stage`]: what every scenario runs on, and what must hold after each.
//!
//! A stage consists of a cluster ([`Ground`]), a namespace `e2e-<name>` in it, a Git server with
//! one repository, an operator with its own storage, and a Secret whose value must never be shown.
//! It is cleaned up even if the scenario fails.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use e2e::{GitServer, Operator, Repository, Settings, World};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::block_in_place;

use crate::canary;
use crate::ground::{self, Ground};

/// Longest wait for anything in a scenario.
pub(crate) const LONG: Duration = Duration::from_mins(1);
/// Longest wait for the deletion of a namespace from an earlier run.
const STRUCK: Duration = Duration::from_mins(2);
/// Kinds with a finalizer, in the order that they are deleted in.
const OWNERS: [&str; 3] = ["HelmRelease", "Kustomization", "GitRepository"];
/// Lines of the operator's log printed if a scenario fails.
const LINES_SHOWN: usize = 30;

/// What a scenario runs on.
pub(crate) struct Stage {
    pub(crate) ground: Ground,
    pub(crate) world: World,
    pub(crate) git: GitServer,
    pub(crate) repository: Repository,
    pub(crate) namespace: String,
    /// Must never be shown. The Secret `vault` holds it as `canary`, and within `broken`, which is
    /// not valid YAML.
    pub(crate) canary: String,
    operator: Option<Operator>,
    settings: Settings,
    folder: TempDir,
    namespaces: Vec<String>,
    /// Output of commands, which must not contain the secret either.
    shown: Vec<String>,
}

/// The result of a command.
pub(crate) struct Ran {
    pub(crate) code: i32,
    /// Its output, stdout and stderr.
    pub(crate) text: String,
}

impl Stage {
    /// Plays one scenario and then cleans up, whatever the outcome.
    pub(crate) async fn play(
        name: &str,
        scenario: impl AsyncFnOnce(&mut Self) -> anyhow::Result<()>,
    ) {
        let ground = Ground::enter().await.expect("there is a cluster");
        let since = Instant::now();
        let mut stage = Self::set_up(name, ground)
            .await
            .expect("the stage is set up");
        let mut end = caught(scenario(&mut stage)).await;
        if end.is_ok() {
            end = stage.keeps_its_secret().await;
        }
        let log = stage.log();
        let struck = stage.strike().await;
        println!("{name}: {:.1} s", since.elapsed().as_secs_f64());
        if let Err(error) = end.and(struck) {
            panic!(
                "{name}: {error:?}\n\nthe operator's last words:\n{}",
                last_lines(&log)
            );
        }
    }

    async fn set_up(name: &str, ground: Ground) -> anyhow::Result<Self> {
        let world = ground.world().await?;
        let (git, folder) = (GitServer::start()?, tempfile::tempdir()?);
        let (repository, namespace) = (git.repository("app")?, format!("e2e-{name}"));
        let settings = Settings {
            binary: ground::binary(),
            kubeconfig: Some(ground.kubeconfig().to_owned()),
            storage: folder.path().join("storage"),
            arguments: Vec::new(),
        };
        let canary = "canary-7f3a91c5e2d8-must-not-be-told".to_owned();
        let mut stage = Self {
            ground,
            world,
            git,
            repository,
            namespace,
            canary,
            operator: None,
            settings,
            folder,
            namespaces: Vec::new(),
            shown: Vec::new(),
        };
        stage.add_namespace(&stage.namespace.clone()).await?;
        let vault = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "vault", "namespace": stage.namespace}, "stringData": {
                "canary": stage.canary, "broken": format!("{}: [: '", stage.canary)}});
        stage.world.apply(vault).await?;
        stage.start()?;
        Ok(stage)
    }

    /// Creates another namespace that is deleted with the stage.
    pub(crate) async fn add_namespace(&mut self, name: &str) -> anyhow::Result<()> {
        if self.world.get("Namespace", "", name).await?.is_some() {
            self.clear(name).await?;
        }
        self.world.namespace(name).await?;
        self.namespaces.push(name.to_owned());
        Ok(())
    }

    /// Deletes a namespace and what an interrupted run left in it.
    async fn clear(&self, namespace: &str) -> anyhow::Result<()> {
        for kind in OWNERS {
            for object in self.world.list(kind, namespace, "").await? {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                self.world.delete(kind, namespace, name).await?;
                self.release(kind, namespace, name).await?;
            }
        }
        self.world.delete("Namespace", "", namespace).await?;
        self.world
            .until(("Namespace", "", namespace), STRUCK, |found| {
                found.is_none()
            })
            .await
            .map(drop)
    }

    /// Removes the finalizers of an object, if it still exists.
    async fn release(&self, kind: &str, namespace: &str, name: &str) -> anyhow::Result<()> {
        if self.world.get(kind, namespace, name).await?.is_some() {
            self.world
                .patch(
                    kind,
                    namespace,
                    name,
                    json!({"metadata": {"finalizers": null}}),
                )
                .await?;
        }
        Ok(())
    }

    /// Starts the operator on the stage's storage.
    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        self.operator = Some(block_in_place(|| Operator::start(&self.settings))?);
        Ok(())
    }

    /// Restarts the operator, with further arguments from now on.
    pub(crate) fn restart_with(&mut self, arguments: &[&str]) -> anyhow::Result<()> {
        self.stop()?;
        self.settings
            .arguments
            .extend(arguments.iter().map(ToString::to_string));
        self.start()
    }

    /// Returns the settings of another replica of the operator, with its own storage.
    pub(crate) fn replica(&self, name: &str) -> Settings {
        Settings {
            storage: self.folder.path().join(name),
            ..self.settings.clone()
        }
    }

    /// Makes an operator the stage's own, so that it is checked when the stage is cleaned up.
    pub(crate) fn take_over(&mut self, operator: Operator) {
        self.operator = Some(operator);
    }

    /// Returns the operator's storage folder.
    pub(crate) fn storage(&self) -> &Path {
        &self.settings.storage
    }

    /// Kills the operator with SIGKILL.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.operator.take().context("an operator runs")?.kill()
    }

    /// Stops the operator as Kubernetes would.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        let operator = self.operator.take().context("an operator runs")?;
        block_in_place(|| operator.stop())
    }

    /// Returns the running operator.
    pub(crate) fn operator(&self) -> anyhow::Result<&Operator> {
        self.operator.as_ref().context("an operator runs")
    }

    /// Returns the command of an unmodified client, which an environment variable names, in the
    /// stage's namespace.
    pub(crate) fn client(&self, variable: &str, arguments: &[&str]) -> anyhow::Result<Command> {
        let program =
            env::var_os(variable).with_context(|| format!("{variable} names the client"))?;
        let mut command = Command::new(&program);
        command
            .args(arguments)
            .args(["--namespace", &self.namespace])
            .env("KUBECONFIG", self.ground.kubeconfig());
        // Clients cache discovery in the home folder.
        command
            .env("HOME", self.folder.path())
            .current_dir(self.repository.folder());
        Ok(command)
    }

    /// Returns a folder that is removed with the stage.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the unmodified `flux` client in the stage's namespace.
    pub(crate) fn flux(&self, arguments: &[&str]) -> anyhow::Result<Ran> {
        let mut command = self.client("FLUX_BIN", arguments)?;
        let run = block_in_place(|| command.output()).context("run flux")?;
        let text = [run.stdout, run.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        Ok(Ran {
            code: run.status.code().unwrap_or(-1),
            text,
        })
    }

    /// Runs the `lode` under test in the stage's namespace; its output must not contain the stage's
    /// secret.
    pub(crate) fn lode(&mut self, arguments: &[&str]) -> anyhow::Result<Ran> {
        let mut command = Command::new(&self.settings.binary);
        command
            .args(arguments)
            .args(["--namespace", &self.namespace])
            .env("KUBECONFIG", self.ground.kubeconfig());
        let run = block_in_place(|| command.output()).context("run lode")?;
        let text = [run.stdout, run.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        self.shown.push(text.clone());
        Ok(Ran {
            code: run.status.code().unwrap_or(-1),
            text,
        })
    }

    fn log(&self) -> String {
        let log = self.settings.storage.join("lode.log");
        std::fs::read_to_string(log).unwrap_or_default()
    }

    /// Searches everything the operator writes for the planted secret.
    async fn keeps_its_secret(&self) -> anyhow::Result<()> {
        let mut told = vec![("the log", self.log())];
        if let Some(operator) = &self.operator {
            told.push(("the metrics", operator.metrics()?));
        }
        for namespace in &self.namespaces {
            for kind in OWNERS.into_iter().chain(["HelmChart", "Event"]) {
                for mut object in self.world.list(kind, namespace, "").await? {
                    // The specification was written by the user, not by the operator.
                    object["spec"].take();
                    told.push((kind, object.to_string()));
                }
            }
        }
        told.extend(
            self.shown
                .iter()
                .map(|text| ("what a command showed", text.clone())),
        );
        let leak = told
            .iter()
            .find_map(|(place, text)| Some((place, canary::found_in(&self.canary, text)?)));
        match leak {
            Some((place, form)) => bail!("a secret was told in {place}, as \"{form}\""),
            None => Ok(()),
        }
    }

    /// Removes everything; that Kustomizations and releases are deleted in time is checked in every scenario.
    async fn strike(&mut self) -> anyhow::Result<()> {
        if self.operator.is_none() {
            self.start()?;
        }
        let mut stuck = Vec::new();
        for kind in OWNERS {
            let mut objects = Vec::new();
            for namespace in &self.namespaces {
                for object in self.world.list(kind, namespace, "").await? {
                    let name = object["metadata"]["name"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned();
                    self.world.delete(kind, namespace, &name).await?;
                    objects.push((namespace.clone(), name));
                }
            }
            for (namespace, name) in objects {
                let what = (kind, &*namespace, &*name);
                if self
                    .world
                    .until(what, LONG / 2, |found| found.is_none())
                    .await
                    .is_err()
                {
                    stuck.push(format!("{kind}/{namespace}/{name}"));
                    self.release(kind, &namespace, &name).await?;
                }
            }
        }
        for namespace in &self.namespaces {
            self.world.delete("Namespace", "", namespace).await?;
        }
        ensure!(
            stuck.is_empty(),
            "did not go when deleted: {}",
            stuck.join(", ")
        );
        Ok(())
    }
}

/// Runs a scenario and turns a panic into an error.
async fn caught(run: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut run = std::pin::pin!(run);
    std::future::poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(Err(anyhow!("it panicked, see above"))))
    })
    .await
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}
