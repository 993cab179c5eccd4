//! Releases: charts that are installed, upgraded, rolled back, tested, kept and uninstalled.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use e2e::condition;
use lode_object::Value;
use lode_sandbox::{Fault, Requests};
use serde_json::json;

use crate::flow::{holds, over};
use crate::ground;
use crate::stage::{LONG, Stage};

/// The chart of most scenarios.
const CHART: [(&str, &str); 3] = [
    (
        "Chart.yaml",
        "apiVersion: v2\nname: app\nversion: 1.0.0\nappVersion: \"7\"\n",
    ),
    ("values.yaml", "color: blue\nreplicas: 0\n"),
    (
        "templates/all.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\"}\ndata:\n  color: \"{{ \
         .Values.color }}\"\n  revision: \"{{ .Release.Revision }}\"\n---\napiVersion: apps/v1\nkind: Deployment\n\
         metadata: {name: \"{{ .Release.Name }}\"}\nspec:\n  replicas: {{ .Values.replicas }}\n  selector: \
         {matchLabels: {app: \"{{ .Release.Name }}\"}}\n  template:\n    metadata: {labels: {app: \"{{ .Release.Name \
         }}\"}}\n    spec: {containers: [{name: app, image: \"registry.example/app:1\"}]}\n",
    ),
];

impl Stage {
    /// Commits files of a chart.
    fn commit_chart(&self, files: &[(&str, &str)]) -> anyhow::Result<()> {
        for (path, text) in files {
            self.repository.write(&format!("chart/{path}"), text)?;
        }
        self.repository.push("chart").map(drop)
    }

    /// Creates or changes a release of the chart in the repository.
    async fn helm_release(&self, name: &str, more: Value) -> anyhow::Result<()> {
        self.helm_release_of("./chart", name, more).await
    }

    /// Creates or changes a release of a chart in a folder of the repository.
    pub(crate) async fn helm_release_of(
        &self,
        folder: &str,
        name: &str,
        more: Value,
    ) -> anyhow::Result<()> {
        let source = json!({"kind": "GitRepository", "name": "app"});
        let chart = json!({"chart": folder, "reconcileStrategy": "Revision", "sourceRef": source});
        let spec = over(json!({"interval": "1h", "chart": {"spec": chart}}), &more);
        let metadata = json!({"name": name, "namespace": self.namespace});
        let object = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": metadata, "spec": spec});
        self.world.apply(object).await.map(drop)
    }

    /// Waits for a condition of a release with a reason; returns its message.
    pub(crate) async fn released(
        &self,
        name: &str,
        of: &str,
        status: &str,
        reason: &str,
    ) -> anyhow::Result<String> {
        let what = ("HelmRelease", &*self.namespace, name);
        let wanted = |found: Option<&Value>| {
            let is_current = found.is_some_and(|found| {
                condition(Some(found), of)
                    .is_some_and(|of| of["observedGeneration"] == found["metadata"]["generation"])
            });
            let condition = condition(found, of);
            is_current
                && condition.is_some_and(|is| is["status"] == status && is["reason"] == reason)
        };
        let found = self.world.until(what, LONG, wanted).await?;
        let found = condition(found.as_ref(), of).context("the condition")?;
        Ok(found["message"].as_str().unwrap_or_default().to_owned())
    }

    /// Returns the states of the revisions in the storage, the oldest first.
    async fn revisions(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let query = format!("?labelSelector=owner%3Dhelm,name%3D{name}");
        let mut found = Vec::new();
        for secret in self.world.list("Secret", &self.namespace, &query).await? {
            let labels = &secret["metadata"]["labels"];
            let version: i64 = labels["version"].as_str().unwrap_or_default().parse()?;
            found.push((
                version,
                labels["status"].as_str().unwrap_or_default().to_owned(),
            ));
        }
        found.sort();
        Ok(found.into_iter().map(|(_, status)| status).collect())
    }
}

/// Returns the versions of the objects and records of the release `web`.
async fn written(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let mut objects = vec![
        stage.object("ConfigMap", "web").await?,
        stage.object("Deployment", "web").await?,
    ];
    let query = "?labelSelector=owner%3Dhelm";
    objects.extend(stage.world.list("Secret", &stage.namespace, query).await?);
    let versions = objects
        .iter()
        .map(|object| object["metadata"]["resourceVersion"].to_string());
    Ok(versions.collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_in_git_is_installed_upgraded_by_a_commit_kept_and_uninstalled() {
    Stage::play("release", async |stage| {
        stage.commit_chart(&CHART)?;
        stage.source().await?;
        let from = json!([{"kind": "Secret", "name": "vault", "valuesKey": "canary", "targetPath": "secret"}]);
        let spec = json!({"driftDetection": {"mode": "enabled"}, "valuesFrom": from});
        stage.helm_release("web", spec.clone()).await?;
        let text = stage.released("web", "Ready", "True", "InstallSucceeded").await?;
        holds(&text, &["Helm install succeeded for release", "web.v1 with chart app@1.0.0+"])?;
        ensure!(stage.revisions("web").await? == ["deployed"]);
        let map = stage.object("ConfigMap", "web").await?;
        let metadata = &map["metadata"];
        ensure!(metadata["labels"]["app.kubernetes.io/managed-by"] == "Helm", "{map}");
        ensure!(metadata["labels"]["helm.toolkit.fluxcd.io/name"] == "web", "{map}");
        ensure!(metadata["annotations"]["meta.helm.sh/release-name"] == "web", "{map}");

        // A live edit is undone as soon as it is seen, without another revision.
        let red = json!({"data": {"color": "red"}});
        let at = ("ConfigMap", &*stage.namespace, "web");
        stage.world.patch_as("somebody", at, red).await?;
        stage.sees("ConfigMap", "web", "/data/color", json!("blue")).await?;
        stage.sees("ConfigMap", "web", "/data/revision", json!("1")).await?;

        stage.commit_chart(&[("values.yaml", "color: green\nreplicas: 0\n")])?;
        let source = ("GitRepository", &*stage.namespace, "app");
        stage.world.reconcile(source).await?;
        stage.sees("ConfigMap", "web", "/data/color", json!("green")).await?;
        stage.released("web", "Ready", "True", "UpgradeSucceeded").await?;
        ensure!(stage.revisions("web").await? == ["superseded", "deployed"]);

        // Nothing changed: neither an object nor a record is written once more.
        let before = written(stage).await?;
        let web = ("HelmRelease", &*stage.namespace, "web");
        stage.world.reconcile(web).await?;
        let after = written(stage).await?;
        ensure!(before == after, "{before:?} {after:?}");

        stage.world.delete("HelmRelease", &stage.namespace, "web").await?;
        stage.gone("HelmRelease", "web").await?;
        stage.gone("ConfigMap", "web").await?;
        stage.gone("Deployment", "web").await?;
        ensure!(stage.revisions("web").await?.is_empty());
        let chart = format!("{}-web", stage.namespace);
        stage.gone("HelmChart", &chart).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_fails_is_rolled_back_and_given_up() {
    Stage::play("rollback", async |stage| {
        stage.commit_chart(&CHART)?;
        stage.source().await?;
        let upgrade = json!({"upgrade": {"remediation": {"retries": 1}}});
        stage.helm_release("web", upgrade.clone()).await?;
        stage
            .released("web", "Ready", "True", "InstallSucceeded")
            .await?;
        let wrong = over(
            upgrade.clone(),
            &json!({"values": {"replicas": -1, "color": "red"}}),
        );
        stage.helm_release("web", wrong).await?;
        let text = stage
            .released("web", "Stalled", "True", "RetriesExceeded")
            .await?;
        ensure!(text == "Failed to upgrade after 2 attempt(s)", "{text}");
        let text = stage
            .released("web", "Released", "False", "UpgradeFailed")
            .await?;
        holds(
            &text,
            &[
                "server-side apply failed for object",
                "spec.replicas: Invalid value: -1",
            ],
        )?;
        let log = [
            "\n\nLast Helm logs:\n\n",
            "performing update: {\"name\":\"web\"}\n",
            ": Patched resource: {\"gvk\":\"/v1, Kind=ConfigMap\"",
            ": Error patching resource: {\"error\":{},\"gvk\":\"apps/v1, Kind=Deployment\"",
        ];
        stage.told("web", "UpgradeFailed", &log).await?;
        stage
            .released("web", "Remediated", "True", "RollbackSucceeded")
            .await?;
        stage
            .sees("ConfigMap", "web", "/data/color", json!("blue"))
            .await?;
        let states = stage.revisions("web").await?;
        ensure!(
            states == ["superseded", "failed", "superseded", "failed", "deployed"],
            "{states:?}"
        );

        // What is wanted is possible again.
        stage
            .helm_release("web", over(upgrade, &json!({"values": {"color": "green"}})))
            .await?;
        stage
            .released("web", "Ready", "True", "UpgradeSucceeded")
            .await?;
        stage
            .sees("ConfigMap", "web", "/data/color", json!("green"))
            .await
            .map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_that_fails_is_removed_if_that_is_said() {
    Stage::play("remediated", async |stage| {
        stage.commit_chart(&CHART)?;
        stage.source().await?;
        let remediation = json!({"retries": 0, "remediateLastFailure": true});
        let spec = json!({"install": {"remediation": remediation}, "values": {"replicas": -1}});
        stage.helm_release("web", spec).await?;
        let text = stage
            .released("web", "Stalled", "True", "RetriesExceeded")
            .await?;
        ensure!(text == "Failed to install after 1 attempt(s)", "{text}");
        stage
            .released("web", "Remediated", "True", "UninstallSucceeded")
            .await?;
        stage.gone("ConfigMap", "web").await?;
        ensure!(stage.revisions("web").await?.is_empty());
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_run_in_their_order_and_go_as_their_policies_say() {
    const HOOKS: [(&str, &str); 3] = [
        (
            "templates/pre.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: pre\n  annotations: {helm.sh/hook: \"pre-install,pre-upgrade\"}\n\
             data: {revision: \"{{ .Release.Revision }}\"}\n",
        ),
        (
            "templates/post.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: post\n  annotations: {helm.sh/hook: post-install, \
             helm.sh/hook-delete-policy: hook-succeeded}\n",
        ),
        // It is created and waited for although it lies in no namespace.
        (
            "templates/role.yaml",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: e2e-hooks\n  annotations: \
             {helm.sh/hook: \"pre-install,pre-upgrade\", helm.sh/hook-delete-policy: \"before-hook-creation,hook-succeeded\"}\n",
        ),
    ];
    Stage::play("hooks", async |stage| {
        stage.commit_chart(&CHART)?;
        stage.commit_chart(&HOOKS)?;
        stage.source().await?;
        stage.helm_release("web", json!({})).await?;
        stage
            .released("web", "Ready", "True", "InstallSucceeded")
            .await?;
        stage
            .sees("ConfigMap", "pre", "/data/revision", json!("1"))
            .await?;
        stage.gone("ConfigMap", "post").await?;
        let role = stage.world.get("ClusterRole", "", "e2e-hooks").await?;
        ensure!(role.is_none(), "{role:?}");
        stage
            .helm_release("web", json!({"values": {"color": "red"}}))
            .await?;
        stage
            .released("web", "Ready", "True", "UpgradeSucceeded")
            .await?;
        stage
            .sees("ConfigMap", "pre", "/data/revision", json!("2"))
            .await?;

        // A hook is nobody's: it outlives the release.
        stage
            .world
            .delete("HelmRelease", &stage.namespace, "web")
            .await?;
        stage.gone("HelmRelease", "web").await?;
        stage.object("ConfigMap", "pre").await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_template_looks_up_is_looked_up_again_when_the_interval_is_over() {
    const LOOKS: (&str, &str) = (
        "templates/looks.yaml",
        "{{ $own := lookup \"v1\" \"Secret\" .Release.Namespace \"own\" }}\napiVersion: v1\nkind: Secret\nmetadata: {name: own}\n\
         data:\n  random: {{ ($own.data).random | default (randAlphaNum 9 | b64enc) }}\n---\n\
         {{ $seen := lookup \"v1\" \"ConfigMap\" .Release.Namespace \"seen\" }}\napiVersion: v1\nkind: ConfigMap\n\
         metadata: {name: looks}\ndata:\n  seen: {{ ($seen.data).color | default \"nothing\" }}\n",
    );
    Stage::play("lookup", async |stage| {
        stage.commit_chart(&CHART)?;
        stage.commit_chart(&[LOOKS])?;
        stage.source().await?;
        stage.helm_release("web", json!({"interval": "1s"})).await?;
        stage
            .released("web", "Ready", "True", "InstallSucceeded")
            .await?;

        // The chart finds its own Secret now: another answer, and the same objects.
        let namespace = stage.namespace.clone();
        let web = ("HelmRelease", &*namespace, "web");
        tokio::time::sleep(Duration::from_secs(2)).await;
        stage.world.reconcile(web).await?;
        let states = stage.revisions("web").await?;
        ensure!(states == ["deployed"], "{states:?}");
        stage
            .sees("ConfigMap", "looks", "/data/seen", json!("nothing"))
            .await?;

        let seen = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "seen", "namespace": stage.namespace}, "data": {"color": "red"}});
        stage.world.apply(seen).await?;
        stage
            .sees("ConfigMap", "looks", "/data/seen", json!("red"))
            .await?;
        stage
            .released("web", "Ready", "True", "UpgradeSucceeded")
            .await?;
        let states = stage.revisions("web").await?;
        ensure!(states == ["superseded", "deployed"], "{states:?}");

        // After a restart the answers of before are not known; those of the first look count.
        stage.restart_with(&[])?;
        stage.world.reconcile(web).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        stage.world.reconcile(web).await?;
        let seen = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "seen", "namespace": stage.namespace}, "data": {"color": "green"}});
        stage.world.apply(seen).await?;
        let green = stage
            .sees("ConfigMap", "looks", "/data/seen", json!("green"))
            .await;
        green.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_and_values_show_no_secret() {
    Stage::play("release-secrets", async |stage| {
        stage.commit_chart(&CHART)?;
        stage.commit_chart(&[("templates/fails.yaml", "{{ fail (printf \"no: %s\" .Values.secret) }}\n")])?;
        stage.source().await?;
        let from = json!([{"kind": "Secret", "name": "vault", "valuesKey": "canary", "targetPath": "secret"}]);
        stage.helm_release("web", json!({"valuesFrom": from})).await?;
        let text = stage.released("web", "Ready", "False", "InstallFailed").await?;
        holds(&text, &["Helm install failed for release", "fails.yaml", "no: ***"])?;
        let broken = json!([{"kind": "Secret", "name": "vault", "valuesKey": "broken"}]);
        stage.helm_release("web", json!({"valuesFrom": broken})).await?;
        let text = stage.released("web", "Ready", "False", "ValuesError").await?;
        holds(&text, &["could not resolve Secret chart values reference", "'broken'"])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_releases_what_it_may_and_nothing_else() {
    Stage::play("release-account", async |stage| {
        stage.commit_chart(&CHART)?;
        stage.source().await?;
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "nobody", "namespace": stage.namespace}});
        stage.world.apply(account).await?;
        stage
            .helm_release("web", json!({"serviceAccountName": "nobody"}))
            .await?;
        let text = stage
            .released("web", "Ready", "False", "StateError")
            .await?;
        let user = format!("system:serviceaccount:{}:nobody", stage.namespace);
        holds(
            &text,
            &["Could not determine release state", &user, "secrets"],
        )?;
        stage.gone("ConfigMap", "web").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_that_wait_keep_no_other_from_being_made() {
    Stage::play("release-waits", async |stage| {
        stage.commit_chart(&CHART)?;
        stage.source().await?;
        stage.helm_release("web", json!({})).await?;
        stage.released("web", "Ready", "True", "InstallSucceeded").await?;

        // More than are acted for at once, and none of them ever becomes ready.
        let chart = json!({"kind": "HelmChart", "name": format!("{}-web", stage.namespace)});
        let never = json!([{"apiVersion": "v1", "kind": "ConfigMap", "current": "false"}]);
        for number in 0..40 {
            let metadata = json!({"name": format!("waits-{number}"), "namespace": stage.namespace});
            let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
                "metadata": metadata, "spec": {"interval": "1h", "chartRef": chart, "healthCheckExprs": never}});
            stage.world.apply(release).await?;
        }
        stage.helm_release("last", json!({})).await?;
        stage.released("last", "Ready", "True", "InstallSucceeded").await?;
        ensure!(stage.revisions("waits-39").await? == ["pending-install"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_release_made_goes_even_if_its_record_went_first() {
    if !ground::has_faults() {
        return;
    }
    Stage::play("record-first", async |stage| {
        stage.commit_chart(&CHART)?;
        stage.source().await?;
        stage.helm_release("web", json!({})).await?;
        stage
            .released("web", "Ready", "True", "InstallSucceeded")
            .await?;

        let faults = stage.ground.faults().context("a sandbox has faults")?;
        let update = Requests {
            verb: "update",
            resource: "secrets",
            name: "sh.helm.release.v1.web.v1",
        };
        faults.strike(1, update, Fault::Silent);
        stage
            .world
            .delete("HelmRelease", &stage.namespace, "web")
            .await?;
        let end = Instant::now() + LONG;
        while faults.struck() == 0 {
            ensure!(Instant::now() < end, "the record is not updated");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // As the end of the namespace takes it at the same time.
        stage
            .world
            .delete("Secret", &stage.namespace, update.name)
            .await?;
        faults.lift();
        stage.gone("HelmRelease", "web").await?;
        stage.gone("ConfigMap", "web").await?;
        stage.gone("Deployment", "web").await
    })
    .await;
}
