//! The API server stops answering for a while, as it does when its machine is starved or its network is cut.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::manifests::config_map;
use crate::stage::Stage;

/// How long it is away.
const AWAY: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_pushed_meanwhile_is_applied_when_it_is_back() {
    Stage::play("away", async |stage| {
        let ns = stage.namespace.clone();
        let objects = |color: &str| {
            (0..50).map(|n| config_map(&ns, &format!("object-{n}"), json!({"color": color}))).collect::<Vec<_>>()
        };
        stage.write("apps/objects.yaml", &objects("blue"))?;
        let commit = stage.repository.push("begin")?;
        let often = json!({"url": stage.repository.url, "ref": {"branch": "main"}, "interval": "1s"});
        stage.source_of("app", often).await?;
        stage.kustomization("apps", json!({"retryInterval": "1s"})).await?;
        stage.applied("apps", &commit).await?;
        let uids = stage.owned("ConfigMap", "apps").await?;

        let away = Paused::api_server()?;
        stage.write("apps/objects.yaml", &objects("green"))?;
        let next = stage.repository.push("paint it green")?;
        // The fault itself: nothing can be waited for while the server is silent.
        tokio::time::sleep(AWAY).await;
        drop(away);

        stage.applied("apps", &next).await?;
        stage.sees("ConfigMap", "object-49", "/data/color", json!("green")).await?;
        ensure!(stage.owned("ConfigMap", "apps").await? == uids, "objects were made anew");
        // The watch is alive again, or was never dead.
        stage.world.patch_as("somebody", ("ConfigMap", &ns, "object-7"), json!({"data": {"color": "red"}})).await?;
        stage.sees("ConfigMap", "object-7", "/data/color", json!("green")).await.map(drop)
    })
    .await;
}

/// A process that is stopped, and goes on when this is dropped.
struct Paused {
    pid: String,
}

impl Paused {
    /// Stops the API server of the cluster that `KUBECONFIG` names.
    fn api_server() -> anyhow::Result<Self> {
        let kubeconfig = PathBuf::from(std::env::var_os("KUBECONFIG").context("KUBECONFIG names the cluster")?);
        let folder = kubeconfig.parent().context("a kubeconfig lies in a folder")?;
        let file = folder.join("pid/kube-apiserver");
        let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        let pid = text.split_whitespace().next().context("a pid file holds a pid")?.to_owned();
        signal("-STOP", &pid)?;
        Ok(Self { pid })
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        signal("-CONT", &self.pid).expect("a process that was stopped goes on");
    }
}

fn signal(signal: &str, pid: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").args([signal, pid]).status()?;
    ensure!(status.success(), "kill {signal} {pid}: {status}");
    Ok(())
}
