//! `force: true` deletes an object and creates it again, but never an object that could not be
//! created again.

use std::time::Duration;

use anyhow::ensure;
use lode_sandbox::{Fault, Requests};
use serde_json::{Value, json};

use crate::flow::holds;
use crate::ground;
use crate::manifests::{deployment, noted, service};
use crate::stage::Stage;

fn claim(namespace: &str, name: &str, size: &str, mode: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": namespace},
        "spec": {"accessModes": [mode], "storageClassName": "none", "resources": {"requests": {"storage": size}}}})
}

impl Stage {
    async fn uid(&self, kind: &str, name: &str) -> anyhow::Result<Value> {
        Ok(self.object(kind, name).await?["metadata"]["uid"].clone())
    }

    /// Creates the Kustomization `apps` with `force`.
    async fn forced(&self) -> anyhow::Result<()> {
        self.kustomization("apps", json!({"force": true})).await
    }

    /// Makes it retry often.
    async fn retry(&self) -> anyhow::Result<()> {
        for _ in 0..3 {
            self.reconcile("apps").await?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_change_deletes_nothing() {
    Stage::play("force-invalid", async |stage| {
        let ns = stage.namespace.clone();
        let mut objects = [
            service(&ns, "web"),
            claim(&ns, "data", "2Gi", "ReadWriteOnce"),
            deployment(&ns, "web", 0),
        ];
        stage.apply_folder("apps", &objects).await?;
        stage.forced().await?;
        let what = [
            ("Service", "web"),
            ("PersistentVolumeClaim", "data"),
            ("Deployment", "web"),
        ];
        let mut before = Vec::new();
        for (kind, name) in what {
            before.push(stage.uid(kind, name).await?);
        }

        objects[0]["spec"]["ports"][0]["port"] = json!(80000);
        objects[1]["spec"]["resources"]["requests"]["storage"] = json!("-1Gi");
        objects[2]["spec"]["template"]["spec"]["containers"][0]["ports"] =
            json!([{"containerPort": 99999}]);
        // A single object is written without a preceding dry-run.
        for alone in [true, false] {
            let written: &[Value] = if alone { &objects[..1] } else { &objects };
            let spec = json!({"force": true, "prune": !alone});
            stage.kustomization("apps", spec).await?;
            stage.write("apps/objects.yaml", written)?;
            let commit = stage.deliver("break it").await?;
            stage.attempted("apps", &commit).await?;
            let text = stage.fails("apps", "ReconciliationFailed").await?;
            println!("invalid: {text}");
            holds(
                &text,
                &[&format!("Service/{ns}/web"), "65535", "apps/objects.yaml:1"],
            )?;
            stage.retry().await?;
            for ((kind, name), uid) in what.into_iter().zip(&before) {
                ensure!(
                    stage.uid(kind, name).await? == *uid,
                    "{kind}/{name} was deleted"
                );
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_immutable_and_invalid_deletes_nothing() {
    Stage::play("force-both", async |stage| {
        let ns = stage.namespace.clone();
        let mut web = deployment(&ns, "web", 0);
        stage.apply_folder("apps", &[web.clone()]).await?;
        stage.forced().await?;
        let uid = stage.uid("Deployment", "web").await?;

        web["spec"]["selector"]["matchLabels"] = json!({"app": "other"});
        web["spec"]["template"]["metadata"]["labels"] = json!({"app": "third"});
        stage.write("apps/objects.yaml", &[web])?;
        stage.deliver("break it").await?;
        let text = stage.fails("apps", "ReconciliationFailed").await?;
        println!("immutable and invalid: {text}");
        holds(
            &text,
            &[&format!("Deployment/{ns}/web"), "apps/objects.yaml:1"],
        )?;
        stage.retry().await?;
        ensure!(
            stage.uid("Deployment", "web").await? == uid,
            "it was deleted"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_changes_its_address_and_keeps_its_port() {
    Stage::play("force-service", async |stage| {
        let ns = stage.namespace.clone();
        let mut web = service(&ns, "web");
        web["spec"]["type"] = json!("NodePort");
        stage.apply_folder("apps", &[web.clone()]).await?;
        stage.forced().await?;
        let live = stage.object("Service", "web").await?;
        let port = live["spec"]["ports"][0]["nodePort"].clone();

        // The port is free only once the Service that holds it is gone.
        web["spec"]["ports"][0]["nodePort"] = port.clone();
        web["spec"]["clusterIP"] = json!(if live["spec"]["clusterIP"] == "10.96.77.7" {
            "10.96.77.8"
        } else {
            "10.96.77.7"
        });
        stage.write("apps/objects.yaml", &[web.clone()])?;
        let commit = stage.deliver("another address").await?;
        stage.applied("apps", &commit).await?;
        let new = stage.object("Service", "web").await?;
        ensure!(new["metadata"]["uid"] != live["metadata"]["uid"]);
        ensure!(
            new["spec"]["ports"][0]["nodePort"] == port
                && new["spec"]["clusterIP"] == web["spec"]["clusterIP"]
        );

        stage.reconcile("apps").await?;
        ensure!(
            stage.uid("Service", "web").await? == new["metadata"]["uid"],
            "it was replaced again"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_goes_only_by_its_own_annotation() {
    Stage::play("force-claim", async |stage| {
        let ns = stage.namespace.clone();
        stage
            .apply_folder("apps", &[claim(&ns, "data", "1Gi", "ReadWriteOnce")])
            .await?;
        stage.forced().await?;
        let uid = stage.uid("PersistentVolumeClaim", "data").await?;

        let shared = claim(&ns, "data", "1Gi", "ReadWriteMany");
        stage.write("apps/objects.yaml", std::slice::from_ref(&shared))?;
        stage.deliver("share it").await?;
        let text = stage.fails("apps", "ReconciliationFailed").await?;
        println!("a claim: {text}");
        let key = "kustomize.toolkit.fluxcd.io/force";
        holds(
            &text,
            &[
                &format!("PersistentVolumeClaim/{ns}/data"),
                key,
                "apps/objects.yaml:1",
            ],
        )?;
        stage.retry().await?;
        ensure!(
            stage.uid("PersistentVolumeClaim", "data").await? == uid,
            "it was deleted"
        );

        // The protection of claims in use is not what this test is about.
        let unprotected = json!({"metadata": {"finalizers": null}});
        stage
            .world
            .patch("PersistentVolumeClaim", &ns, "data", unprotected)
            .await?;
        stage.write(
            "apps/objects.yaml",
            &[noted(shared, json!({key: "enabled"}))],
        )?;
        let commit = stage.deliver("let it go").await?;
        stage.applied("apps", &commit).await?;
        ensure!(
            stage.uid("PersistentVolumeClaim", "data").await? != uid,
            "it is still the old one"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_created_after_all_is_put_back_and_left() {
    if ground::is_real() {
        println!("skipped: faults on demand are the sandbox's");
        return;
    }
    Stage::play("force-put-back", async |stage| {
        let ns = stage.namespace.clone();
        let mut web = service(&ns, "web");
        web["metadata"]["labels"] = json!({"color": "blue"});
        stage.apply_folder("apps", &[web.clone()]).await?;
        let uid = stage.uid("Service", "web").await?;
        let patches = Requests {
            verb: "patch",
            resource: "services",
            name: "web",
        };
        let faults = stage.ground.faults().expect("a sandbox has faults");
        // The change reaches the server and is refused; the creation after the deletion fails.
        faults.strike(1, patches, Fault::Slow(Duration::ZERO));
        faults.strike(1, patches, Fault::Denied);

        web["spec"]["clusterIP"] = json!("None");
        stage.write("apps/objects.yaml", &[web])?;
        stage.forced().await?;
        stage.deliver("headless").await?;
        let text = stage.fails("apps", "ReconciliationFailed").await?;
        println!("put back: {text}");
        holds(
            &text,
            &[
                &format!("Service/{ns}/web"),
                "has been put back as it was",
                "apps/objects.yaml:1",
            ],
        )?;
        let back = stage.object("Service", "web").await?;
        ensure!(back["metadata"]["uid"] != uid && back["metadata"]["labels"]["color"] == "blue");
        ensure!(back["spec"]["clusterIP"] != "None", "{}", back["spec"]);

        stage.reconcile("apps").await?;
        let text = stage.complains("apps", "once for this revision").await?;
        println!("once: {text}");
        stage.retry().await?;
        ensure!(
            stage.uid("Service", "web").await? == back["metadata"]["uid"],
            "it was deleted again"
        );
        Ok(())
    })
    .await;
}
