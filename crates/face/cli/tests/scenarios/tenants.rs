//! A Kustomization with a service account can do what that account may, and nothing else.

use anyhow::ensure;
use serde_json::json;

use crate::flow::{holds, over};
use crate::manifests::config_map;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_without_rights_is_named_and_with_rights_it_applies() {
    Stage::play("account", async |stage| {
        let ns = &stage.namespace;
        stage.write("apps/a.yaml", &[config_map(ns, "a", json!({}))])?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        account(stage).await?;
        stage
            .kustomization("apps", json!({"serviceAccountName": "tenant"}))
            .await?;
        let text = stage.fails("apps", "ReconciliationFailed").await?;
        println!("without rights: {text}");
        holds(
            &text,
            &[
                &format!("system:serviceaccount:{ns}:tenant"),
                &format!("ConfigMap/{ns}/a"),
            ],
        )?;
        ensure!(stage.world.get("ConfigMap", ns, "a").await?.is_none());
        rights(stage).await?;
        stage.reconcile("apps").await?;
        stage.applied("apps", &commit).await?;
        stage.object("ConfigMap", "a").await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_cannot_write_outside() {
    Stage::play("tenant", async |stage| {
        let other = format!("{}-other", stage.namespace);
        stage.add_namespace(&other).await?;
        let ns = &stage.namespace;
        let theirs = config_map(&other, "theirs", json!({"color": "blue"}));
        stage.world.apply(theirs).await?;
        let over = config_map(&other, "theirs", json!({"color": "red"}));
        stage.write("apps/a.yaml", &[config_map(&other, "new", json!({})), over])?;
        stage.repository.push("begin")?;
        stage.source().await?;
        account(stage).await?;
        rights(stage).await?;
        stage
            .kustomization("apps", json!({"serviceAccountName": "tenant"}))
            .await?;
        let text = stage.fails("apps", "ReconciliationFailed").await?;
        println!("outside: {text}");
        holds(
            &text,
            &[
                &format!("system:serviceaccount:{ns}:tenant"),
                &format!("ConfigMap/{other}/"),
            ],
        )?;
        ensure!(
            stage.world.get("ConfigMap", &other, "new").await?.is_none(),
            "a tenant created an object outside"
        );
        let theirs = stage
            .world
            .get("ConfigMap", &other, "theirs")
            .await?
            .unwrap_or_default();
        ensure!(
            theirs["data"]["color"] == "blue",
            "a tenant changed an object outside: {theirs}"
        );
        // Objects that its inventory claims but that it never owned are not deleted with it.
        stage.world.delete("Kustomization", ns, "apps").await?;
        stage.gone("Kustomization", "apps").await?;
        ensure!(
            stage
                .world
                .get("ConfigMap", &other, "theirs")
                .await?
                .is_some(),
            "a tenant deleted an object outside"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_account_is_the_default_one() {
    Stage::play("empty-account", async |stage| {
        stage.restart_with(&["--default-service-account=tenant"])?;
        let ns = stage.namespace.clone();
        stage.write("apps/a.yaml", &[config_map(&ns, "a", json!({}))])?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        account(stage).await?;
        stage
            .kustomization("apps", json!({"serviceAccountName": ""}))
            .await?;
        let text = stage.fails("apps", "ReconciliationFailed").await?;
        println!("empty: {text}");
        holds(&text, &[&format!("system:serviceaccount:{ns}:tenant")])?;
        ensure!(
            stage.world.get("ConfigMap", &ns, "a").await?.is_none(),
            "applied with the operator's own rights"
        );

        // The right to apply does not include the right to delete: deletion at the end uses the
        // account too.
        rights(stage).await?;
        stage.reconcile("apps").await?;
        stage.applied("apps", &commit).await?;
        stage.world.delete("RoleBinding", &ns, "tenant").await?;
        stage.world.delete("Kustomization", &ns, "apps").await?;
        stage
            .told(
                "apps",
                "PruneFailed",
                &[&format!("system:serviceaccount:{ns}:tenant")],
            )
            .await?;
        stage.object("ConfigMap", "a").await?;
        rights(stage).await?;
        stage.gone("Kustomization", "apps").await?;
        stage.gone("ConfigMap", "a").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_an_account_or_a_reference_is_refused_by_its_field() {
    Stage::play("bad-names", async |stage| {
        stage.write(
            "apps/a.yaml",
            &[config_map(&stage.namespace, "a", json!({}))],
        )?;
        stage.repository.push("begin")?;
        stage.source().await?;
        for (name, spec, part) in [
            (
                "user",
                json!({"serviceAccountName": "a:b"}),
                "not a valid name of a service account",
            ),
            (
                "source",
                json!({"sourceRef": {"kind": "GitRepository", "name": ""}}),
                "spec.sourceRef.name is empty",
            ),
            (
                "depends",
                json!({"dependsOn": [{"name": ""}]}),
                "spec.dependsOn[0].name is empty",
            ),
            (
                "health",
                json!({"healthChecks": [{"apiVersion": "v1", "kind": "Secret", "name": ""}]}),
                "healthChecks[0]",
            ),
            (
                "config",
                json!({"kubeConfig": {"secretRef": {"name": ""}}}),
                "spec.kubeConfig.secretRef.name is empty",
            ),
        ] {
            stage
                .kustomization(name, over(json!({"path": "./apps"}), &spec))
                .await?;
            let text = stage.fails(name, "").await?;
            println!("{name}: {text}");
            holds(&text, &[part])?;
        }
        ensure!(
            stage
                .world
                .get("ConfigMap", &stage.namespace, "a")
                .await?
                .is_none(),
            "something was applied"
        );
        Ok(())
    })
    .await;
}

async fn account(stage: &Stage) -> anyhow::Result<()> {
    let metadata = json!({"name": "tenant", "namespace": stage.namespace});
    stage
        .world
        .apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}))
        .await
        .map(drop)
}

/// Gives the account all rights to `ConfigMaps` of its namespace.
async fn rights(stage: &Stage) -> anyhow::Result<()> {
    let metadata = json!({"name": "tenant", "namespace": stage.namespace});
    let api = "rbac.authorization.k8s.io";
    stage
        .world
        .apply(
            json!({"apiVersion": format!("{api}/v1"), "kind": "Role", "metadata": metadata,
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]}),
        )
        .await?;
    stage
        .world
        .apply(
            json!({"apiVersion": format!("{api}/v1"), "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": api, "kind": "Role", "name": "tenant"},
        "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": stage.namespace}]}),
        )
        .await
        .map(drop)
}
