//! Repositories that are locked, empty, rewritten, or lack what the source asks for.

use std::fs::File;

use anyhow::ensure;
use serde_json::json;

use crate::flow::holds;
use crate::manifests::config_map;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_refused_and_right_ones_let_in() {
    Stage::play("locked", async |stage| {
        let ns = &stage.namespace;
        let commit = stage.repository.push("begin")?;
        stage.git.guard("app", "ada", &stage.canary);
        let wrong = format!("{}-wrong", stage.canary);
        for (name, password) in [("wrong", &wrong), ("right", &stage.canary)] {
            let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": ns},
                "stringData": {"username": "ada", "password": password}});
            stage.world.apply(secret).await?;
            stage
                .source_of(
                    name,
                    json!({"url": stage.repository.url, "secretRef": {"name": name}, "ref": {"branch": "main"}}),
                )
                .await?;
        }
        let inside = stage.repository.url.replace("http://", &format!("http://ada:{wrong}@"));
        stage.source_of("none", json!({"url": stage.repository.url})).await?;
        stage.source_of("inside", json!({"url": inside})).await?;
        for name in ["wrong", "none", "inside"] {
            let text = stage.says_no("GitRepository", name, "").await?;
            println!("{name}: {text}");
            holds(&text, &["authentication required", &stage.repository.url])?;
        }
        let right = stage.world.ready(("GitRepository", ns, "right"), "True", "Succeeded").await?;
        ensure!(right["status"]["artifact"]["revision"] == format!("main@sha1:{commit}"));
        Ok(())
    })
    .await;
}

/// Size of a file that is larger than a source accepts.
const LARGE: u64 = 33 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_too_large_is_named_and_may_be_left_out() {
    Stage::play("large", async |stage| {
        stage.write("apps/a.yaml", &[config_map(&stage.namespace, "a", json!({}))])?;
        File::create(stage.repository.folder().join("video.bin"))?.set_len(LARGE)?;
        let commit = stage.repository.push("a film")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        let text = stage.says_no("GitRepository", "app", "ArchiveOperationFailed").await?;
        println!("large file: {text}");
        holds(&text, &["video.bin", "too large"])?;
        let spec = json!({"url": stage.repository.url, "ref": {"branch": "main"}, "ignore": "video.bin\n"});
        stage.source_of("app", spec).await?;
        stage.applied("apps", &commit).await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_repository_says_so_and_is_used_once_it_is_filled() {
    Stage::play("empty", async |stage| {
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        let text = stage
            .says_no("GitRepository", "app", "EmptyGitRepository")
            .await?;
        holds(&text, &["empty"])?;
        stage.fails("apps", "ArtifactFailed").await?;
        stage.write(
            "apps/a.yaml",
            &[config_map(&stage.namespace, "a", json!({}))],
        )?;
        let commit = stage.deliver("begin").await?;
        stage.applied("apps", &commit).await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_is_gone_is_told_and_what_was_applied_stays() {
    Stage::play("branch-gone", async |stage| {
        let ns = &stage.namespace;
        stage.write("apps/a.yaml", &[config_map(ns, "a", json!({}))])?;
        stage.repository.push("begin")?;
        stage.repository.send("main:release")?;
        stage
            .source_of(
                "app",
                json!({"url": stage.repository.url, "ref": {"branch": "release"}}),
            )
            .await?;
        stage.kustomization("apps", json!({})).await?;
        stage
            .world
            .ready(("Kustomization", ns, "apps"), "True", "")
            .await?;
        stage.repository.send(":release")?;
        stage.world.reconcile(("GitRepository", ns, "app")).await?;
        let text = stage
            .says_no("GitRepository", "app", "GitOperationFailed")
            .await?;
        println!("branch gone: {text}");
        holds(&text, &["release", "not found"])?;
        ensure!(
            stage.object("GitRepository", "app").await?["status"]["artifact"].is_object(),
            "the artifact is let go"
        );
        stage.reconcile("apps").await?;
        stage
            .world
            .ready(("Kustomization", ns, "apps"), "True", "")
            .await?;
        stage.object("ConfigMap", "a").await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewritten_branch_is_followed() {
    Stage::play("rewritten", async |stage| {
        let ns = &stage.namespace;
        let one = |name: &str, color: &str| config_map(ns, name, json!({"color": color}));
        stage.apply_folder("apps", &[one("a", "blue")]).await?;
        stage.write("apps/objects.yaml", &[one("a", "red"), one("b", "red")])?;
        let second = stage.deliver("second").await?;
        stage.applied("apps", &second).await?;
        stage
            .repository
            .git(&["checkout", "-q", "--orphan", "fresh"])?;
        stage.write("apps/objects.yaml", &[one("a", "green")])?;
        stage.repository.git(&["add", "-A"])?;
        stage
            .repository
            .git(&["commit", "-q", "-m", "a new history"])?;
        stage.repository.git(&["branch", "-M", "main"])?;
        let third = stage.deliver("on top").await?;
        stage.applied("apps", &third).await?;
        stage
            .sees("ConfigMap", "a", "/data/color", json!("green"))
            .await?;
        stage.gone("ConfigMap", "b").await
    })
    .await;
}
