//! The API server stops answering for a while, as if its machine were overloaded or its network
//! cut.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use lode_sandbox::Faults;
use serde_json::json;

use crate::ground::{self, Ground};
use crate::manifests::config_map;
use crate::stage::Stage;

/// How long it is away: longer than any backoff of a client.
const AWAY: Duration = Duration::from_mins(1);
/// The same on a sandbox, where many scenarios must finish soon: long enough for a few retries of
/// each kind.
const AWAY_FROM_SANDBOX: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_pushed_meanwhile_is_applied_when_it_is_back() {
    Stage::play("away", async |stage| {
        let ns = stage.namespace.clone();
        let objects = |color: &str| {
            (0..50)
                .map(|n| config_map(&ns, &format!("object-{n}"), json!({"color": color})))
                .collect::<Vec<_>>()
        };
        stage.write("apps/objects.yaml", &objects("blue"))?;
        let commit = stage.repository.push("begin")?;
        let often =
            json!({"url": stage.repository.url, "ref": {"branch": "main"}, "interval": "1s"});
        stage.source_of("app", often).await?;
        stage
            .kustomization("apps", json!({"retryInterval": "1s"}))
            .await?;
        stage.applied("apps", &commit).await?;
        let uids = stage.owned("ConfigMap", "apps").await?;

        let away = Away::begin(&stage.ground)?;
        stage.write("apps/objects.yaml", &objects("green"))?;
        let next = stage.repository.push("paint it green")?;
        // This is the fault itself: nothing can be polled while the server is silent.
        tokio::time::sleep(if ground::is_real() {
            AWAY
        } else {
            AWAY_FROM_SANDBOX
        })
        .await;
        drop(away);

        stage.applied("apps", &next).await?;
        stage
            .sees("ConfigMap", "object-49", "/data/color", json!("green"))
            .await?;
        ensure!(
            stage.owned("ConfigMap", "apps").await? == uids,
            "objects were recreated"
        );
        // The watch works again, or never broke.
        stage
            .world
            .patch_as(
                "somebody",
                ("ConfigMap", &ns, "object-7"),
                json!({"data": {"color": "red"}}),
            )
            .await?;
        stage
            .sees("ConfigMap", "object-7", "/data/color", json!("green"))
            .await
            .map(drop)
    })
    .await;
}

/// An API server that is away until this is dropped.
enum Away<'g> {
    /// The process is stopped: connections stay open and nothing is answered.
    Paused { pid: String },
    /// Connections are cut and new ones are refused.
    CutOff(Faults<'g>),
}

impl<'g> Away<'g> {
    fn begin(ground: &'g Ground) -> anyhow::Result<Self> {
        if let Some(faults) = ground.faults() {
            faults.cut_off();
            return Ok(Self::CutOff(faults));
        }
        let folder = ground
            .kubeconfig()
            .parent()
            .context("a kubeconfig lies in a folder")?;
        let file = folder.join("pid/kube-apiserver");
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        let pid = text
            .split_whitespace()
            .next()
            .context("a pid file holds a pid")?
            .to_owned();
        signal("-STOP", &pid)?;
        Ok(Self::Paused { pid })
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        match self {
            Self::Paused { pid } => {
                signal("-CONT", pid).expect("a process that was stopped goes on");
            }
            Self::CutOff(faults) => faults.lift(),
        }
    }
}

fn signal(signal: &str, pid: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").args([signal, pid]).status()?;
    ensure!(status.success(), "kill {signal} {pid}: {status}");
    Ok(())
}
