//! Two operators on one cluster: the one that holds the Lease acts, the other waits and takes over.
//!
//! The Lease is short to keep the test fast; the bounds are those promised for the usual one.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use e2e::{Operator, Settings};
use lode_object::Value;
use lode_sandbox::{Fault, Requests};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::block_in_place;

use crate::ground;
use crate::manifests::config_map;
use crate::stage::{LONG, Stage};

/// How soon another replica acts when the leader is killed, and when it shuts down in order.
const TAKEN_OVER: Duration = Duration::from_secs(20);
const HANDED_OVER: Duration = Duration::from_secs(3);
const LEASE: (&str, &str, &str) = ("Lease", "default", "lode-leader-election");
const SHORT: [&str; 4] = [
    "--enable-leader-election",
    "--leader-election-lease-duration=4s",
    "--leader-election-renew-deadline=3s",
    "--leader-election-retry-period=500ms",
];
const OBJECTS: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_acts_soon_after_the_end_of_the_first() {
    Stage::play("handed-over", async |stage| {
        let other = two(stage).await?;
        deliver(stage, "blue").await?;
        let holder = holder(stage).await?;
        let log = fs::read_to_string(&other.log)?;
        ensure!(
            log.contains("waiting: another replica leads") && log.contains(&holder),
            "the other does not say whom it waits for: {log}"
        );
        ensure!(!other.is_ready(), "who waits is sent no downloads");
        ensure!(
            !other.leads() && stage.operator()?.leads(),
            "both lead, or none"
        );

        stage.stop()?;
        leads(&other, Instant::now(), HANDED_OVER).await?;
        stage.take_over(other);
        deliver(stage, "green").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_acts_when_the_first_is_killed() {
    Stage::play("killed-leader", async |stage| {
        let other = two(stage).await?;
        deliver(stage, "blue").await?;
        stage.kill()?;
        leads(&other, Instant::now(), TAKEN_OVER).await?;
        stage.take_over(other);
        deliver(stage, "green").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_cut_off_ends_and_the_other_acts() {
    Stage::play("cut-off", async |stage| {
        stage.stop()?;
        let (kubeconfig, line) = Line::start(stage.replica("line")).await?;
        forget_lease(stage).await?;
        let mut settings = stage.replica("cut-off");
        settings.kubeconfig = Some(kubeconfig);
        settings.arguments = arguments();
        let mut first = block_in_place(|| Operator::start(&settings))?;
        let other = standby(stage)?;
        deliver(stage, "blue").await?;

        line.cut();
        let since = Instant::now();
        let status = block_in_place(|| first.wait())?;
        leads(&other, since, TAKEN_OVER).await?;
        let log = fs::read_to_string(&first.log)?;
        ensure!(
            !status.success() && log.contains("lost the Lease default/lode-leader-election"),
            "it ended with {status}: {log}"
        );
        stage.take_over(other);
        deliver(stage, "green").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_stopped_writes_nothing_when_it_wakes() {
    Stage::play("stopped-leader", async |stage| {
        stage.stop()?;
        forget_lease(stage).await?;
        let mut settings = stage.replica("stopped");
        settings.arguments = arguments();
        settings.arguments.push("--log-level=trace".to_owned());
        let mut first = block_in_place(|| Operator::start(&settings))?;
        let other = standby(stage)?;
        deliver(stage, "blue").await?;
        let version = lease_version(stage).await?;

        // It is stopped while it works, and finds more work when it resumes.
        write(stage, "red")?;
        let commit = stage.repository.push("paint it red")?;
        ask(stage).await?;
        until_one_is(stage, "red").await?;
        first.signal("STOP")?;
        let since = Instant::now();
        leads(&other, since, TAKEN_OVER).await?;
        stage.applied("apps", &commit).await?;
        let before = versions(stage).await?;
        let woken = lode_ambient::Ambient::default().since_boot();
        first.signal("CONT")?;
        let status = block_in_place(|| first.wait())?;

        let log = fs::read_to_string(&first.log)?;
        ensure!(
            !status.success() && log.contains("lost the Lease"),
            "{status}: {log}"
        );
        let checks = checks(&log);
        let late = checks.iter().filter(|check| **check >= woken).count();
        ensure!(
            late == 0 && checks.len() > OBJECTS,
            "{late} of {} writes",
            checks.len()
        );
        ensure!(
            versions(stage).await? == before,
            "objects changed when it woke"
        );
        ensure!(
            lease_version(stage).await? != version,
            "the Lease is renewed"
        );
        stage.take_over(other);
        deliver(stage, "green").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_renews_slowly_and_against_conflicts_still_leads() {
    if !ground::has_faults() {
        return;
    }
    Stage::play("slow-renewal", async |stage| {
        let other = two(stage).await?;
        deliver(stage, "blue").await?;
        let holder = holder(stage).await?;
        let faults = stage.ground.faults().context("a sandbox has faults")?;
        let renewals = Requests {
            verb: "patch",
            resource: "leases",
            name: "",
        };
        faults.strike(3, renewals, Fault::Conflict);
        faults.strike(usize::MAX, renewals, Fault::Slow(Duration::from_secs(2)));
        // A write between two renewals waits if the time of the last renewal is over.
        for color in ["red", "green"] {
            deliver(stage, color).await?;
        }
        let slow = async {
            while faults.struck() <= 3 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LONG, slow)
            .await
            .context("a renewal was slow")?;
        ensure!(self::holder(stage).await? == holder, "it lost its Lease");
        ensure!(
            !other.leads() && stage.operator()?.leads(),
            "both lead, or none"
        );
        faults.lift();
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_hold_a_lease_says_which_rule_is_missing() {
    if !ground::has_faults() {
        return;
    }
    Stage::play("no-rule", async |stage| {
        let mut settings = stage.replica("no-rule");
        settings.arguments = arguments();
        let faults = stage.ground.faults().context("a sandbox has faults")?;
        let creations = Requests {
            verb: "create",
            resource: "leases",
            name: "",
        };
        faults.strike(usize::MAX, creations, Fault::Denied);
        let mut operator = block_in_place(|| Operator::spawn(&settings))?;
        let struck = async {
            while faults.struck() < 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LONG, struck).await?;
        let log = fs::read_to_string(&operator.log)?;
        let said = log.matches("apiGroups [coordination.k8s.io], resources [leases]");
        ensure!(said.count() == 1, "said once: {log}");
        ensure!(!operator.is_ready(), "it goes on waiting");

        faults.lift();
        leads(&operator, Instant::now(), LONG).await?;
        ensure!(operator.ended()?.is_none(), "it was never restarted");
        block_in_place(|| operator.stop())
    })
    .await;
}

fn arguments() -> Vec<String> {
    SHORT.map(str::to_owned).to_vec()
}

/// Makes the stage's operator the leader and starts another that waits.
async fn two(stage: &mut Stage) -> anyhow::Result<Operator> {
    forget_lease(stage).await?;
    stage.restart_with(&SHORT)?;
    standby(stage)
}

/// Starts another replica and waits until it logs that it is waiting.
fn standby(stage: &Stage) -> anyhow::Result<Operator> {
    let mut settings = stage.replica("other");
    settings.arguments = arguments();
    let other = block_in_place(|| Operator::spawn(&settings))?;
    let until = Instant::now() + LONG;
    while !fs::read_to_string(&other.log)?.contains("waiting: another replica leads") {
        ensure!(
            Instant::now() < until,
            "it does not wait: {}",
            other.log.display()
        );
        block_in_place(|| std::thread::sleep(Duration::from_millis(20)));
    }
    Ok(other)
}

/// Deletes the Lease that an earlier scenario on the same cluster left.
async fn forget_lease(stage: &Stage) -> anyhow::Result<()> {
    stage.world.delete(LEASE.0, LEASE.1, LEASE.2).await
}

async fn leads(operator: &Operator, since: Instant, within: Duration) -> anyhow::Result<()> {
    while !operator.leads() {
        ensure!(since.elapsed() < within, "no replica acts after {within:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("taken over after {:.2} s", since.elapsed().as_secs_f64());
    Ok(())
}

async fn lease(stage: &Stage) -> anyhow::Result<Value> {
    let lease = stage.world.get(LEASE.0, LEASE.1, LEASE.2).await?;
    lease.context("the Lease exists")
}

async fn holder(stage: &Stage) -> anyhow::Result<String> {
    let holder = &lease(stage).await?["spec"]["holderIdentity"];
    Ok(holder.as_str().context("it has a holder")?.to_owned())
}

async fn lease_version(stage: &Stage) -> anyhow::Result<String> {
    Ok(lease(stage).await?["metadata"]["resourceVersion"].to_string())
}

fn write(stage: &Stage, color: &str) -> anyhow::Result<()> {
    let objects: Vec<Value> = (0..OBJECTS)
        .map(|n| {
            config_map(
                &stage.namespace,
                &format!("object-{n}"),
                json!({"color": color}),
            )
        })
        .collect();
    stage.write("apps/objects.yaml", &objects)
}

/// Pushes objects of a color and waits until they are applied.
async fn deliver(stage: &Stage, color: &str) -> anyhow::Result<()> {
    write(stage, color)?;
    let commit = stage.repository.push(&format!("paint it {color}"))?;
    if stage
        .world
        .get("Kustomization", &stage.namespace, "apps")
        .await?
        .is_none()
    {
        stage.source().await?;
        stage
            .kustomization("apps", json!({"retryInterval": "1s"}))
            .await?;
    } else {
        ask(stage).await?;
    }
    stage.applied("apps", &commit).await?;
    stage
        .sees("ConfigMap", "object-7", "/data/color", json!(color))
        .await
        .map(drop)
}

/// Requests a fetch of the source without waiting for it.
async fn ask(stage: &Stage) -> anyhow::Result<()> {
    let asked = jiff::Timestamp::now().to_string();
    let annotations = json!({"reconcile.fluxcd.io/requestedAt": asked});
    let patch = json!({"metadata": {"annotations": annotations}});
    stage
        .world
        .patch("GitRepository", &stage.namespace, "app", patch)
        .await
        .map(drop)
}

async fn until_one_is(stage: &Stage, color: &str) -> anyhow::Result<()> {
    let until = Instant::now() + LONG;
    loop {
        let objects = stage.world.list("ConfigMap", &stage.namespace, "").await?;
        if objects
            .iter()
            .any(|object| object["data"]["color"] == color)
        {
            return Ok(());
        }
        ensure!(Instant::now() < until, "no object is {color}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Returns the resource version of each object.
async fn versions(stage: &Stage) -> anyhow::Result<Vec<(String, String)>> {
    let objects = stage.world.list("ConfigMap", &stage.namespace, "").await?;
    let text = |object: &Value, field: &str| object["metadata"][field].to_string();
    Ok(objects
        .iter()
        .map(|object| (text(object, "name"), text(object, "resourceVersion")))
        .collect())
}

/// Returns from the log when the gate let writes pass.
fn checks(log: &str) -> Vec<Duration> {
    let lines = log.lines().filter(|line| line.contains("write checked"));
    lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["boot_us"].as_u64())
        .map(Duration::from_micros)
        .collect()
}

fn kubeconfig(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read(path)?;
    let mut documents = lode_yaml::Reader::new(&text, lode_yaml::Dialect::V3);
    let first = documents.next().context("the kubeconfig is not empty")?;
    Ok(first.context("read the kubeconfig")?.value)
}

/// A connection from one operator to the API server that can be cut: what is sent afterwards is
/// lost.
struct Line {
    is_cut: Arc<watch::Sender<bool>>,
}

impl Line {
    /// Opens a connection for an operator with these settings; returns the kubeconfig that uses it.
    async fn start(settings: Settings) -> anyhow::Result<(PathBuf, Self)> {
        let path = settings
            .kubeconfig
            .context("a kubeconfig names the cluster")?;
        let mut config = kubeconfig(&path)?;
        let server = config["clusters"][0]["cluster"]["server"]
            .as_str()
            .context("it names a server")?
            .to_owned();
        let (scheme, host) = server.split_once("://").context("the server is a URL")?;
        let server: SocketAddr = host
            .trim_end_matches('/')
            .parse()
            .context("it is an address")?;

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own = listener.local_addr()?;
        config["clusters"][0]["cluster"]["server"] = json!(format!("{scheme}://{own}"));
        fs::create_dir_all(&settings.storage)?;
        let kubeconfig = settings.storage.join("kubeconfig");
        // Certificates are named by paths relative to the original file.
        fs::write(&kubeconfig, absolute(config, &path).to_string())?;

        let is_cut = Arc::new(watch::Sender::new(false));
        let cut = is_cut.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cut = cut.subscribe();
                tokio::spawn(async move {
                    if *cut.borrow() {
                        return std::future::pending().await;
                    }
                    let mut far = TcpStream::connect(server).await?;
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        () = async { drop(cut.wait_for(|cut| *cut).await) } => {
                            drop(far);
                            // The connection stays open, as it does when a cable is pulled.
                            std::future::pending::<()>().await;
                        }
                    }
                    std::io::Result::Ok(())
                });
            }
        });
        Ok((kubeconfig, Self { is_cut }))
    }

    fn cut(&self) {
        self.is_cut.send_replace(true);
    }
}

/// Makes the file names in a kubeconfig absolute.
fn absolute(mut config: Value, path: &Path) -> Value {
    let folder = path.parent().unwrap_or(path);
    for (list, of) in [("clusters", "cluster"), ("users", "user")] {
        let Some(entry) = config[list][0][of].as_object_mut() else {
            continue;
        };
        for field in ["certificate-authority", "client-certificate", "client-key"] {
            if let Some(Value::String(file)) = entry.get_mut(field) {
                *file = folder.join(&*file).display().to_string();
            }
        }
    }
    config
}
