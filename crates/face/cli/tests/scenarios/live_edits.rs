//! Changes that somebody makes in the cluster rather than in Git.

use std::time::Duration;

use anyhow::{bail, ensure};
use e2e::condition;
use lode_object::Value;
use serde_json::json;

use crate::flow::holds;
use crate::manifests::{config_map, deployment, noted};
use crate::stage::{LONG, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_field_comes_back_and_it_is_told_who_edited_what() {
    Stage::play("edit", async |stage| {
        let ns = &stage.namespace;
        stage
            .apply_folder(
                "apps",
                &[config_map(ns, "settings", json!({"color": "blue"}))],
            )
            .await?;
        for manager in ["somebody", "kubectl-edit"] {
            let red = json!({"data": {"color": "red"}});
            stage
                .world
                .patch_as(manager, ("ConfigMap", ns, "settings"), red)
                .await?;
            stage
                .sees("ConfigMap", "settings", "/data/color", json!("blue"))
                .await?;
            let parts = [&*format!("ConfigMap/{ns}/settings"), ".data.color", manager];
            stage.told("apps", "DriftCorrected", &parts).await?;
        }
        stage
            .told(
                "apps",
                "Progressing",
                &[&format!("ConfigMap/{ns}/settings configured")],
            )
            .await?;
        let drifts = stage.operator()?.metric("lode_drift_total")?;
        ensure!(
            drifts
                .iter()
                .any(|(labels, n)| labels.contains("corrected") && *n >= 2.0),
            "{drifts:?}"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_object_comes_back() {
    Stage::play("deleted", async |stage| {
        let ns = &stage.namespace;
        stage
            .apply_folder(
                "apps",
                &[config_map(ns, "settings", json!({"color": "blue"}))],
            )
            .await?;
        let before = stage.object("ConfigMap", "settings").await?;
        stage.world.delete("ConfigMap", ns, "settings").await?;
        let uid = before["metadata"]["uid"].clone();
        let back =
            |object: Option<&Value>| object.is_some_and(|object| object["metadata"]["uid"] != uid);
        stage
            .world
            .until(("ConfigMap", ns, "settings"), LONG, back)
            .await?;
        stage
            .told(
                "apps",
                "DriftCorrected",
                &[&format!("ConfigMap/{ns}/settings"), "unknown"],
            )
            .await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_owner_label_comes_back() {
    Stage::play("label", async |stage| {
        let ns = &stage.namespace;
        stage
            .apply_folder(
                "apps",
                &[config_map(ns, "settings", json!({"color": "blue"}))],
            )
            .await?;
        let uid = stage.object("ConfigMap", "settings").await?["metadata"]["uid"].clone();
        let bare = json!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": null}}});
        stage
            .world
            .patch_as("somebody", ("ConfigMap", ns, "settings"), bare)
            .await?;
        let pointer = "/metadata/labels/kustomize.toolkit.fluxcd.io~1name";
        let settings = stage
            .sees("ConfigMap", "settings", pointer, json!("apps"))
            .await?;
        ensure!(
            settings["metadata"]["uid"] == uid,
            "the object was recreated"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_of_somebody_else_stays() {
    Stage::play("foreign", async |stage| {
        let ns = &stage.namespace;
        stage
            .apply_folder(
                "apps",
                &[config_map(ns, "settings", json!({"color": "blue"}))],
            )
            .await?;
        let what = ("ConfigMap", &**ns, "settings");
        stage
            .world
            .patch_as("autoscaler", what, json!({"data": {"size": "7"}}))
            .await?;
        // The edit of our own field comes later: once it is undone, the first edit was seen too.
        stage
            .world
            .patch_as("somebody", what, json!({"data": {"color": "red"}}))
            .await?;
        let settings = stage
            .sees("ConfigMap", "settings", "/data/color", json!("blue"))
            .await?;
        ensure!(settings["data"]["size"] == "7", "{}", settings["data"]);
        stage.reconcile("apps").await?;
        ensure!(stage.object("ConfigMap", "settings").await?["data"]["size"] == "7");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_restart_lasts_until_the_next_reconcile() {
    const RESTARTED: &str =
        "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";
    Stage::play("rollout", async |stage| {
        let ns = &stage.namespace;
        stage
            .apply_folder("apps", &[deployment(ns, "web", 0), deployment(ns, "db", 0)])
            .await?;
        // As `kubectl rollout restart` does.
        let restarted = json!({"kubectl.kubernetes.io/restartedAt": "2025-09-17T00:00:00Z"});
        let restart = json!({"spec": {"template": {"metadata": {"annotations": restarted}}}});
        stage
            .world
            .patch_as("kubectl-rollout", ("Deployment", ns, "web"), restart)
            .await?;
        // The same watch sees both, in order.
        stage
            .world
            .patch_as(
                "somebody",
                ("Deployment", ns, "db"),
                json!({"spec": {"replicas": 1}}),
            )
            .await?;
        stage
            .sees("Deployment", "db", "/spec/replicas", json!(0))
            .await?;
        let web = stage.object("Deployment", "web").await?;
        ensure!(
            web.pointer(RESTARTED).is_some(),
            "the restart was undone at once: {}",
            web["spec"]["template"]
        );
        stage.reconcile("apps").await?;
        let web = stage.object("Deployment", "web").await?;
        ensure!(
            web.pointer(RESTARTED).is_none(),
            "a reconcile cleans up: {}",
            web["spec"]["template"]
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_back_while_suspended() {
    Stage::play("suspended", async |stage| {
        let ns = &stage.namespace;
        stage.write(
            "other/objects.yaml",
            &[config_map(ns, "other", json!({"color": "blue"}))],
        )?;
        stage
            .apply_folder(
                "apps",
                &[config_map(ns, "settings", json!({"color": "blue"}))],
            )
            .await?;
        stage.kustomization("other", json!({})).await?;
        stage
            .world
            .ready(("Kustomization", ns, "other"), "True", "")
            .await?;
        stage
            .world
            .patch(
                "Kustomization",
                ns,
                "apps",
                json!({"spec": {"suspend": true}}),
            )
            .await?;
        // Kustomizations and the objects they own are seen by different watches: wait for the later
        // request.
        stage.reconcile("other").await?;
        let red = json!({"data": {"color": "red"}});
        stage
            .world
            .patch_as("somebody", ("ConfigMap", ns, "settings"), red.clone())
            .await?;
        // The managed object shows that the earlier edit was seen.
        stage
            .world
            .patch_as("somebody", ("ConfigMap", ns, "other"), red)
            .await?;
        stage
            .sees("ConfigMap", "other", "/data/color", json!("blue"))
            .await?;
        ensure!(stage.object("ConfigMap", "settings").await?["data"]["color"] == "red");
        stage
            .world
            .patch(
                "Kustomization",
                ns,
                "apps",
                json!({"spec": {"suspend": false}}),
            )
            .await?;
        stage
            .sees("ConfigMap", "settings", "/data/color", json!("blue"))
            .await
            .map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_warn_an_edit_is_told_and_left_until_it_is_undone_by_hand() {
    Stage::play("warn", async |stage| {
        let ns = stage.namespace.clone();
        let first = stage
            .apply_folder(
                "apps",
                &[config_map(&ns, "settings", json!({"color": "blue"}))],
            )
            .await?;
        ensure!(condition(Some(&first), "Drifted").is_none());
        stage
            .kustomization_with("apps", json!({"lodestone.dev/drift": "warn"}), json!({}))
            .await?;
        stage.reconcile("apps").await?;
        stage
            .world
            .patch(
                "ConfigMap",
                &ns,
                "settings",
                json!({"data": {"color": "red"}}),
            )
            .await?;
        let what = ("Kustomization", &*ns, "apps");
        let drifted = |found: Option<&Value>| {
            condition(found, "Drifted").is_some_and(|drifted| drifted["status"] == "True")
        };
        let found = stage.world.until(what, LONG, drifted).await?;
        let text = condition(found.as_ref(), "Drifted")
            .map(|drifted| drifted["message"].to_string())
            .unwrap_or_default();
        let parts = [
            &*format!("ConfigMap/{ns}/settings"),
            ".data.color",
            "kubectl-edit",
        ];
        holds(&text, &parts)?;
        stage.told("apps", "DriftDetected", &parts).await?;
        stage.reconcile("apps").await?;
        ensure!(
            stage.object("ConfigMap", "settings").await?["data"]["color"] == "red",
            "it was not left"
        );
        stage
            .world
            .patch(
                "ConfigMap",
                &ns,
                "settings",
                json!({"data": {"color": "blue"}}),
            )
            .await?;
        let calm = |found: Option<&Value>| {
            condition(found, "Drifted").is_none_or(|drifted| drifted["status"] != "True")
        };
        stage.world.until(what, LONG / 4, calm).await?;
        stage.write(
            "apps/objects.yaml",
            &[config_map(&ns, "settings", json!({"color": "green"}))],
        )?;
        let commit = stage.deliver("paint it green").await?;
        stage.applied("apps", &commit).await?;
        stage
            .sees("ConfigMap", "settings", "/data/color", json!("green"))
            .await
            .map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_may_ask_for_warnings_alone() {
    Stage::play("warn-one", async |stage| {
        let ns = stage.namespace.clone();
        let quiet = noted(
            config_map(&ns, "settings", json!({"color": "blue"})),
            json!({"lodestone.dev/drift": "warn"}),
        );
        stage
            .apply_folder(
                "apps",
                &[quiet, config_map(&ns, "other", json!({"color": "blue"}))],
            )
            .await?;
        let red = json!({"data": {"color": "red"}});
        stage
            .world
            .patch_as("somebody", ("ConfigMap", &ns, "settings"), red.clone())
            .await?;
        stage
            .world
            .patch_as("somebody", ("ConfigMap", &ns, "other"), red)
            .await?;
        stage
            .sees("ConfigMap", "other", "/data/color", json!("blue"))
            .await?;
        stage
            .told(
                "apps",
                "DriftDetected",
                &[
                    &format!("ConfigMap/{ns}/settings"),
                    ".data.color",
                    "somebody",
                ],
            )
            .await?;
        ensure!(
            stage.object("ConfigMap", "settings").await?["data"]["color"] == "red",
            "it was not left"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fight_backs_off_and_is_called_one() {
    const EDITS: usize = 6;
    Stage::play("fight", async |stage| {
        let ns = &stage.namespace;
        stage
            .apply_folder(
                "apps",
                &[config_map(ns, "settings", json!({"color": "blue"}))],
            )
            .await?;
        let contested = |found: Option<&Value>| {
            condition(found, "Drifted").is_some_and(|drifted| drifted["reason"] == "Contested")
        };
        let what = ("Kustomization", &**ns, "apps");
        for edit in 1.. {
            let red = json!({"data": {"color": format!("red {edit}")}});
            stage
                .world
                .patch_as("somebody", ("ConfigMap", ns, "settings"), red)
                .await?;
            stage
                .sees("ConfigMap", "settings", "/data/color", json!("blue"))
                .await?;
            // The status is written after the revert.
            if stage
                .world
                .until(what, Duration::from_secs(1), contested)
                .await
                .is_ok()
            {
                break;
            }
            if edit == EDITS {
                bail!("{EDITS} edits within a minute are not called a fight");
            }
        }
        let found = stage.object("Kustomization", "apps").await?;
        let text = condition(Some(&found), "Drifted")
            .map(|drifted| drifted["message"].to_string())
            .unwrap_or_default();
        holds(&text, &[&format!("ConfigMap/{ns}/settings")])?;
        let over = |found: Option<&Value>| condition(found, "Drifted").is_none();
        stage.world.until(what, LONG, over).await.map(drop)
    })
    .await;
}
