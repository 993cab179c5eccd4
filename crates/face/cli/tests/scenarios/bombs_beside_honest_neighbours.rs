//! Small inputs that would cost gigabytes or minutes fail with an error that names them, and others
//! are not affected.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use e2e::bombs;
use serde_json::{Value, json};

use crate::manifests::config_map;
use crate::stage::Stage;

/// Number of honest Kustomizations.
const HONEST: usize = 10;
/// Sources at a server that accepts connections and never answers; more than there are workers.
const SLOW: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_fail_by_name_and_honest_neighbours_converge() {
    Stage::play("bombs", async |stage| {
        // Low bounds, so that each bomb is stopped early in a debug build too.
        stage.restart_with(&[
            "--build-bytes-max=33554432",
            "--build-nodes-max=300000",
            "--build-steps-max=1000000",
        ])?;
        let ns = stage.namespace.clone();
        let bombs = bombs::of_builds();
        for bomb in &bombs {
            bomb.write(&stage.repository)?;
        }
        for number in 0..HONEST {
            let name = format!("honest-{number}");
            stage.write(
                &format!("{name}/a.yaml"),
                &[config_map(&ns, &name, json!({"k": "1"}))],
            )?;
        }
        stage.write("waiting/a.yaml", &[config_map(&ns, "waiting", json!({}))])?;
        let commit = stage.repository.push("bombs")?;

        let silent = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/slow", silent.local_addr()?);
        for number in 0..SLOW {
            stage
                .source_of(
                    &format!("slow-{number}"),
                    json!({"url": url, "timeout": "100000m"}),
                )
                .await?;
        }
        stage.source().await?;
        for bomb in &bombs {
            let mut spec = bomb.spec.clone();
            spec["targetNamespace"] = json!(ns);
            stage.kustomization(bomb.name, spec).await?;
        }
        stage
            .kustomization("waiting", bombs::hundred_health_checks())
            .await?;
        for number in 0..HONEST {
            stage
                .kustomization(&format!("honest-{number}"), json!({}))
                .await?;
        }

        for number in 0..HONEST {
            let name = format!("honest-{number}");
            stage
                .applied(&name, &commit)
                .await
                .with_context(|| format!("{name} beside the bombs"))?;
        }
        for bomb in &bombs {
            let text = stage
                .fails(bomb.name, "BuildFailed")
                .await
                .with_context(|| bomb.name)?;
            println!("{}: {text}", bomb.name);
            ensure!(
                text.contains(bomb.name) || text.contains("limit"),
                "{}: {text}",
                bomb.name
            );
        }

        // The operator has not crashed and still works.
        stage.write(
            "honest-0/a.yaml",
            &[config_map(&ns, "honest-0", json!({"k": "2"}))],
        )?;
        let commit = stage.deliver("more").await?;
        stage.applied("honest-0", &commit).await?;
        stage
            .sees("ConfigMap", "honest-0", "/data/k", json!("2"))
            .await
            .map(drop)
    })
    .await;
}

/// How long the operator may take to end: less than a running reconcile may take.
const END_MAX: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_without_end_does_not_hold_up_the_end_of_the_operator() {
    Stage::play("endless", async |stage| {
        stage.restart_with(&[
            "--build-steps-max=1000000000000",
            "--build-nodes-max=1000000000000",
        ])?;
        let images = bombs::endless();
        images.write(&stage.repository)?;
        stage.repository.push("endless")?;
        stage.source().await?;
        stage
            .kustomization(images.name, json!({"timeout": "10h"}))
            .await?;
        let what = ("Kustomization", &*stage.namespace, images.name);
        let builds = |found: Option<&Value>| {
            e2e::condition(found, "Reconciling").is_some_and(|told| {
                told["message"]
                    .as_str()
                    .is_some_and(|text| text.contains("manifests"))
            })
        };
        stage
            .world
            .until(what, Duration::from_mins(1), builds)
            .await?;

        let began = Instant::now();
        stage.stop()?;
        println!("endless: it ended after {:?}", began.elapsed());
        ensure!(
            began.elapsed() < END_MAX,
            "it ended after {:?}",
            began.elapsed()
        );
        Ok(())
    })
    .await;
}
