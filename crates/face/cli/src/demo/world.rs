//! [`World`]: a sandbox, the operator running on it, and the fleet in its Git server.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use lode_git::{ObjectId, Watch};
use lode_object::meta;
use lode_sandbox::{Objects, Options, Sandbox};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::demo::fleet;
use crate::egress;
use crate::session::{MANAGER, NAMESPACE};

/// Git, a cluster, and the operator between them.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) operator: JoinHandle<anyhow::Result<()>>,
    hook: JoinHandle<()>,
}

impl World {
    /// Starts all of it, with a first commit; the operator writes into `storage`.
    pub(crate) async fn start(storage: &Path) -> anyhow::Result<Self> {
        let sandbox = Sandbox::start(Options::default())
            .await
            .context("start the cluster")?;
        let files: Vec<_> = fleet::FILES
            .iter()
            .map(|(path, text)| (*path, Some(*text)))
            .collect();
        sandbox.git().commit(fleet::NAME, &files, "a small fleet")?;
        let objects = sandbox.objects();
        for object in fleet::objects(&sandbox.git().url(fleet::NAME)) {
            objects.apply(MANAGER, &object).await?;
        }

        let operator = tokio::spawn(lode_serve::run(options(sandbox.kubeconfig(), storage)?));
        let hook = tokio::spawn(tell(
            sandbox.git().repository(fleet::NAME).watch(),
            objects.clone(),
        ));
        Ok(Self {
            sandbox,
            operator,
            hook,
        })
    }

    /// Returns the commit of the fleet's branch.
    pub(crate) fn head(&self) -> Option<ObjectId> {
        self.sandbox.git().repository(fleet::NAME).find("main")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.operator.abort();
        self.hook.abort();
    }
}

/// Notifies the operator of every push, like the webhook of a Git server; otherwise it would notice
/// within its interval of a minute.
async fn tell(mut watch: Watch, objects: Objects) {
    while watch.changed().await.is_some() {
        let asked = json!({"metadata": {"annotations": {meta::REQUESTED_AT: jiff::Timestamp::now().to_string()}}});
        let source = ("source.toolkit.fluxcd.io/v1", "GitRepository");
        // A missed notification only delays the change until the next interval.
        let _ = objects
            .patch("webhook", source, (NAMESPACE, fleet::NAME), &asked)
            .await;
    }
}

/// Returns options of the operator as `lode serve` runs it, on free ports of the loopback
/// interface.
fn options(kubeconfig: &Path, storage: &Path) -> anyhow::Result<lode_serve::Options> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // Artifact URLs contain the address, so the port must be known before the start.
    let storage_addr = TcpListener::bind(free)
        .and_then(|held| held.local_addr())
        .context("find a free port")?;
    Ok(lode_serve::Options {
        kubeconfig: Some(kubeconfig.to_owned()),
        storage_path: storage.to_owned(),
        storage_addr,
        storage_adv_addr: storage_addr.to_string(),
        requeue_dependency: Duration::from_secs(5),
        retry_delay: (Duration::from_millis(750), Duration::from_mins(1)),
        egress: egress::loopback(),
        ..lode_serve::Options::default()
    })
}
