//! Sources with which a tenant tries to take, block or exhaust what belongs to others.

use std::fs;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use lode_cluster::Target;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::flow::holds;
use crate::ground;
use crate::manifests::config_map;
use crate::stage::{LONG, Stage};

fn source(namespace: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec})
}

/// Writes a status, as anyone with the right to write statuses can.
async fn forge(stage: &Stage, namespace: &str, name: &str, status: &Value) -> anyhow::Result<()> {
    let target = Target {
        namespace,
        name,
        manager: "thief",
        dry_run: false,
    };
    let resource = stage.world.resource("GitRepository");
    stage
        .world
        .client
        .merge(&resource, target, "/status", &json!({"status": status}))
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_names_an_artifact_of_somebody_else_opens_and_removes_nothing() {
    Stage::play("artifact", async |stage| {
        let ns = stage.namespace.clone();
        stage.write("a.yaml", &[config_map("default", "stolen", json!({"private": "of another tenant"}))])?;
        stage.repository.push("private")?;
        stage.source().await?;
        let private = stage.world.ready(("GitRepository", &ns, "app"), "True", "Succeeded").await?;
        let file =
            stage.storage().join("artifacts").join(private["status"]["artifact"]["path"].as_str().context("path")?);
        ensure!(file.exists());

        let thief = format!("{ns}-thief");
        stage.add_namespace(&thief).await?;
        let good = stage.git.repository("good")?;
        good.write("b.yaml", "{}\n")?;
        good.push("own")?;
        let spec = json!({"interval": "1h", "suspend": true, "url": good.url, "ref": {"branch": "main"}});
        stage.world.apply(source(&thief, "thief", &spec)).await?;
        let kustomization = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "thief", "namespace": thief}, "spec": {"interval": "1h", "path": "./", "prune": false,
            "targetNamespace": thief, "sourceRef": {"kind": "GitRepository", "name": "thief"}}});
        stage.world.apply(kustomization).await?;
        let is_refused = |found: Option<&Value>| {
            let conditions = found.and_then(|object| object.pointer("/status/conditions"));
            conditions.is_some_and(|found| holds(&found.to_string(), &["cannot be read", "not found"]).is_ok())
        };
        // The operator's own status write may replace the forged one, so it is written again.
        let end = Instant::now() + LONG;
        loop {
            forge(stage, &thief, "thief", &json!({"artifact": private["status"]["artifact"]})).await?;
            let kustomization = ("Kustomization", &*thief, "thief");
            match stage.world.until(kustomization, Duration::from_secs(3), is_refused).await {
                Ok(_) => break,
                Err(error) => ensure!(Instant::now() < end, error),
            }
        }
        ensure!(stage.world.get("ConfigMap", &thief, "stolen").await?.is_none(), "an artifact was stolen");

        // With another digest the artifact looks as if it had been modified on disk, which is a
        // reason to remove it.
        let mut forged = private["status"]["artifact"].clone();
        forged["digest"] = json!(format!("sha256:{}", "0".repeat(64)));
        forge(stage, &thief, "thief", &json!({"artifact": forged})).await?;
        let awake = json!({"spec": {"suspend": false}});
        stage.world.patch("GitRepository", &thief, "thief", awake).await?;
        let own = stage.world.until(("GitRepository", &thief, "thief"), Duration::from_mins(1), |found| {
            let path = found.and_then(|found| found["status"]["artifact"]["path"].as_str());
            path.is_some_and(|path| path.contains("-thief/thief/"))
        });
        own.await?;
        ensure!(file.exists(), "the artifact of another tenant was removed");
        // Another source includes the thief, whose status is forged again: includes follow the same
        // rules.
        forge(stage, &thief, "thief", &json!({"artifact": private["status"]["artifact"]})).await?;
        let including = json!({"interval": "1h", "url": good.url, "ref": {"branch": "main"},
            "include": [{"repository": {"name": "thief"}, "toPath": "theirs"}]});
        stage.world.apply(source(&thief, "including", &including)).await?;
        let refused = stage.world.ready(("GitRepository", &thief, "including"), "False", "").await?;
        holds(&refused["status"]["conditions"].to_string(), &["not found"])
    })
    .await;
}

/// Sources at a server that never answers: more than there are workers.
const SLOW: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_servers_of_one_tenant_stop_nobody_and_deleted_sources_hang_up() {
    Stage::play("slow", async |stage| {
        let deaf = TcpListener::bind("127.0.0.1:0")?;
        let slow = format!("{}-slow", stage.namespace);
        stage.add_namespace(&slow).await?;
        let url = format!("http://{}/slow", deaf.local_addr()?);
        let spec =
            json!({"interval": "10m", "timeout": "100000m", "url": url, "ref": {"branch": "main"}});
        for n in 0..SLOW {
            stage
                .world
                .apply(source(&slow, &format!("slow-{n}"), &spec))
                .await?;
        }
        let (mut first, _) = block_in_place(|| deaf.accept())?;

        stage.write(
            "apps/a.yaml",
            &[config_map(&stage.namespace, "a", json!({}))],
        )?;
        let commit = stage.repository.push("honest")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        stage.applied("apps", &commit).await?;

        for n in 0..SLOW {
            stage
                .world
                .delete("GitRepository", &slow, &format!("slow-{n}"))
                .await?;
        }
        for n in 0..SLOW {
            let what = ("GitRepository", &*slow, &*format!("slow-{n}"));
            stage
                .world
                .until(what, Duration::from_secs(30), |found| found.is_none())
                .await?;
        }
        block_in_place(|| {
            first.set_read_timeout(Some(Duration::from_secs(30)))?;
            std::io::copy(&mut first, &mut std::io::sink())
        })
        .context("the operator hangs up once nobody wants the answer")?;

        stage.world.apply(source(&slow, "last", &spec)).await?;
        stage
            .world
            .until(
                ("GitRepository", &slow, "last"),
                Duration::from_secs(30),
                |found| e2e::condition(found, "Reconciling").is_some(),
            )
            .await?;
        let began = Instant::now();
        stage.stop()?;
        ensure!(
            began.elapsed() < Duration::from_secs(10),
            "it ended after {:?}",
            began.elapsed()
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_name_no_path_can_have_is_left_out_and_told() {
    Stage::play("names", async |stage| {
        for name in [&b"apps/Icon\r"[..], b"caf\xe9.txt", b"odd/caf\xe9.yaml"] {
            let path = stage
                .repository
                .folder()
                .join(std::ffi::OsStr::from_bytes(name));
            fs::create_dir_all(path.parent().context("a folder")?)?;
            fs::write(path, "x")?;
        }
        stage.write(
            "apps/a.yaml",
            &[config_map(&stage.namespace, "a", json!({}))],
        )?;
        let commit = stage.repository.push("from a Mac")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        stage.applied("apps", &commit).await?;
        // A folder without a kustomization file is built from all its manifests, so this one would
        // be read.
        stage.kustomization("odd", json!({})).await?;
        let text = stage.fails("odd", "BuildFailed").await?;
        holds(&text, &[r"odd/caf\xe9.yaml", "not UTF-8", "rename it"])?;
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let events = stage.world.list("Event", &stage.namespace, "").await?;
            if let Some(told) = events
                .iter()
                .find(|event| event["reason"] == "FilesLeftOut")
            {
                return holds(
                    &told["message"].to_string(),
                    &[r"apps/Icon\\r", r"caf\\xe9.txt"],
                );
            }
            ensure!(
                Instant::now() < end,
                "nothing is reported about what was left out"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patterns_without_end_fail_their_source_alone_and_name_the_bound() {
    Stage::play("patterns", async |stage| {
        stage.restart_with(&["--fetch-steps-max", "1000000"])?;
        let bomb = stage.git.repository("bomb")?;
        let pattern = |n: usize| format!("*{}?{n}*\n", "a".repeat(100));
        bomb.write(".sourceignore", &(0..1000).map(pattern).collect::<String>())?;
        for n in 0..200 {
            bomb.write(&format!("{}{n:06}", "a".repeat(200)), "")?;
        }
        bomb.push("bomb")?;
        for n in 0..16 {
            let spec =
                json!({"url": bomb.url, "ref": {"branch": "main"}, "ignore": format!("# {n}")});
            stage.source_of(&format!("bomb-{n}"), spec).await?;
        }
        stage.write(
            "apps/a.yaml",
            &[config_map(&stage.namespace, "a", json!({}))],
        )?;
        let commit = stage.repository.push("honest")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        stage.applied("apps", &commit).await?;
        let text = stage
            .says_no("GitRepository", "bomb-0", "ArchiveOperationFailed")
            .await?;
        println!("patterns: {text}");
        holds(
            &text,
            &[".sourceignore", "1000000 steps", "--fetch-steps-max"],
        )
    })
    .await;
}

/// Number of large files; together they exceed the memory budget.
const LARGE_FILES: u8 = 3;
/// Highest memory that the operator may reach, in MiB.
const PEAK_MIB: f64 = 250.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_repositories_do_not_add_up_in_memory() {
    Stage::play("memory", async |stage| {
        stage.restart_with(&["--memory-budget", "64Mi"])?;
        for n in 0..LARGE_FILES {
            fs::write(stage.repository.folder().join(format!("f{n}.txt")), vec![b'a' + n; 31 << 20])?;
        }
        stage.write("a.yaml", &[config_map(&stage.namespace, "a", json!({}))])?;
        stage.repository.push("large")?;
        let names: Vec<String> = (0..3).map(|n| format!("big-{n}")).collect();
        for (n, name) in names.iter().enumerate() {
            let spec = json!({"url": stage.repository.url, "ref": {"branch": "main"}, "timeout": "10m",
                "ignore": format!("/f{n}.txt")});
            stage.source_of(name, spec).await?;
            let from = json!({"path": "./", "sourceRef": {"kind": "GitRepository", "name": name}});
            stage.kustomization(name, from).await?;
        }
        for name in &names {
            let is_ready =
                |found: Option<&Value>| e2e::condition(found, "Ready").is_some_and(|ready| ready["status"] == "True");
            let what = ("Kustomization", &*stage.namespace, &**name);
            stage.world.until(what, Duration::from_mins(10), is_ready).await?;
        }
        let peak = stage.operator()?.peak_mib()?;
        println!("peak: {peak:.0} MiB for three sources of {} MiB each", (usize::from(LARGE_FILES) - 1) * 31);
        ensure!(peak < PEAK_MIB, "{peak} MiB");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_operator_on_the_same_storage_says_who_uses_it_and_ends() {
    Stage::play("lock", async |stage| {
        let mut second = Command::new(ground::binary());
        second
            .arg("serve")
            .arg("--storage-path")
            .arg(stage.storage())
            .arg("--kubeconfig")
            .arg(stage.ground.kubeconfig());
        for flag in ["--storage-addr", "--metrics-addr", "--health-addr"] {
            second.arg(flag).arg("127.0.0.1:0");
        }
        let ended = block_in_place(|| second.output())?;
        let text = [ended.stdout, ended.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        println!("second: {text}");
        ensure!(!ended.status.success());
        holds(
            &text,
            &["in use by another process (pid ", "--storage-path"],
        )
    })
    .await;
}
