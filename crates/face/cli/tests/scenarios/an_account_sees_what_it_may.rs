//! A Kustomization sees the cluster with the rights of its account: what the account may not read
//! is reported as forbidden, whether it exists or not.

use anyhow::ensure;
use lode_object::Value;
use serde_json::json;

use crate::flow::{holds, over};
use crate::manifests::config_map;
use crate::stage::Stage;

const API: &str = "rbac.authorization.k8s.io";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_checks_and_expressions_tell_nothing_that_the_account_may_not_read() {
    Stage::play("sight-health", async |stage| {
        let other = begin(stage).await?;
        let ns = stage.namespace.clone();
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "exists", "namespace": other},
            "stringData": {"a": "b"}});
        stage.world.apply(secret).await?;
        stage.world.apply(owned(config_map(&other, "exists", json!({})), &other)).await?;

        let yes = json!([{"apiVersion": "v1", "kind": "Secret", "current": "true"}]);
        let bits = json!([{"apiVersion": "v1", "kind": "Secret", "current": "data.a.startsWith('Y')"}]);
        let mut told = Vec::new();
        for (way, kind, exprs) in [
            ("yes", "Secret", yes),
            ("bits", "Secret", bits),
            ("plain", "Secret", json!([])),
            ("map", "ConfigMap", json!([])),
        ] {
            for name in ["exists", "nothing"] {
                let check = json!([{"apiVersion": "v1", "kind": kind, "name": name, "namespace": other}]);
                let spec = json!({"path": "./apps", "healthChecks": check, "healthCheckExprs": exprs});
                let of = format!("{way}-{name}");
                stage.kustomization(&of, over(spec, &json!({"serviceAccountName": "tenant"}))).await?;
                let text = stage.fails(&of, "HealthCheckFailed").await?;
                println!("{of}: {text}");
                let refused = format!("\"{name}\" is forbidden: User \"system:serviceaccount:{ns}:tenant\" cannot get");
                holds(&text, &["can't determine status for", &refused])?;
                told.push(text.replace(name, "NAME"));
            }
        }
        for pair in told.chunks(2) {
            ensure!(pair[0] == pair[1], "the words reveal what exists: {pair:#?}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_exists_elsewhere_is_not_told_by_applying_to_it() {
    Stage::play("sight-apply", async |stage| {
        let other = begin(stage).await?;
        stage
            .world
            .apply(owned(config_map(&other, "exists", json!({})), &other))
            .await?;
        stage
            .world
            .apply(config_map(&other, "plain", json!({})))
            .await?;
        let once = json!({"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"});
        let nowhere = format!("{other}-nowhere");
        let mut told = Vec::new();
        for (of, namespace, name) in [
            ("owned", &other, "exists"),
            ("plain", &other, "plain"),
            ("absent", &other, "nothing"),
            ("nowhere", &nowhere, "nothing"),
        ] {
            let mut map = config_map(namespace, name, json!({}));
            map["metadata"]["annotations"] = once.clone();
            stage.write(
                &format!("{of}/a.yaml"),
                &[map, config_map(&stage.namespace, of, json!({}))],
            )?;
            told.push((of, namespace.clone(), name));
        }
        stage.deliver("to others").await?;
        let mut texts = Vec::new();
        for (of, namespace, name) in told {
            stage
                .kustomization(of, json!({"serviceAccountName": "tenant"}))
                .await?;
            let text = stage.fails(of, "ReconciliationFailed").await?;
            println!("{of}: {text}");
            let text = text
                .lines()
                .find(|line| line.contains("orbidden"))
                .unwrap_or_default();
            texts.push(
                text.replace(&*namespace, "NS")
                    .replace(&format!("({of}/"), "(OF/")
                    .replace(name, "NAME"),
            );
        }
        ensure!(
            texts
                .iter()
                .all(|text| !text.is_empty() && *text == texts[0]),
            "what exists is revealed: {texts:#?}"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expression_on_a_dependency_elsewhere_is_answered_with_the_account() {
    Stage::play("sight-depends", async |stage| {
        let other = begin(stage).await?;
        let theirs = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "exists", "namespace": other}, "spec": {"interval": "1h", "prune": false, "suspend": true,
            "path": "./secret-plan", "sourceRef": {"kind": "GitRepository", "name": "app"}}});
        stage.world.apply(theirs).await?;
        let mut told = Vec::new();
        for name in ["exists", "nothing"] {
            let on = json!([{"name": name, "namespace": other, "readyExpr": "dep.spec.path == './secret-plan'"}]);
            let spec = json!({"path": "./apps", "dependsOn": on, "serviceAccountName": "tenant"});
            stage.kustomization(&format!("on-{name}"), spec).await?;
            let text = stage.fails(&format!("on-{name}"), "AccessDenied").await?;
            println!("{name}: {text}");
            holds(&text, &["is forbidden", &format!("system:serviceaccount:{}:tenant", stage.namespace)])?;
            told.push(text.replace(name, "NAME"));
        }
        ensure!(told[0] == told[1], "{told:#?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_may_read_but_not_watch_is_served_all_the_same() {
    Stage::play("sight-read", async |stage| {
        let rules =
            json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch", "delete"]}]);
        serves(stage, rules).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_may_read_single_objects_by_their_names_is_served_all_the_same() {
    Stage::play("sight-names", async |stage| {
        // No watch covers these objects, so they are polled.
        let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
            {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a", "b", "later"],
            "verbs": ["get", "patch", "delete"]}]);
        serves(stage, rules).await
    })
    .await;
}

/// An account with these rights applies, waits for objects that appear later, prunes and removes.
async fn serves(stage: &mut Stage, rules: Value) -> anyhow::Result<()> {
    begin(stage).await?;
    let ns = stage.namespace.clone();
    let role = json!({"apiVersion": format!("{API}/v1"), "kind": "Role",
        "metadata": {"name": "tenant", "namespace": ns}, "rules": rules});
    stage.world.apply(role).await?;
    let check = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "later"}]);
    let exprs =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "current": "data.ready == 'yes'"}]);
    let spec =
        json!({"serviceAccountName": "tenant", "healthChecks": check, "healthCheckExprs": exprs});
    stage
        .kustomization("apps", over(spec, &json!({"interval": "1m"})))
        .await?;
    stage
        .sees("ConfigMap", "a", "/data/color", json!("blue"))
        .await?;
    stage
        .world
        .apply(config_map(&ns, "later", json!({"ready": "yes"})))
        .await?;
    stage
        .world
        .ready(("Kustomization", &ns, "apps"), "True", "")
        .await?;

    stage.write(
        "apps/a.yaml",
        &[config_map(&ns, "b", json!({"color": "red"}))],
    )?;
    let commit = stage.deliver("another").await?;
    stage.applied("apps", &commit).await?;
    stage.gone("ConfigMap", "a").await?;
    stage.world.delete("Kustomization", &ns, "apps").await?;
    stage.gone("Kustomization", "apps").await?;
    stage.gone("ConfigMap", "b").await
}

/// Creates a source with one `ConfigMap`, an account with all rights to `ConfigMap`s of its
/// namespace, and another namespace, whose name is returned.
async fn begin(stage: &mut Stage) -> anyhow::Result<String> {
    let other = format!("{}-other", stage.namespace);
    stage.add_namespace(&other).await?;
    let ns = stage.namespace.clone();
    stage.write(
        "apps/a.yaml",
        &[config_map(&ns, "a", json!({"color": "blue"}))],
    )?;
    stage.repository.push("begin")?;
    stage.source().await?;
    let metadata = json!({"name": "tenant", "namespace": ns});
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]);
    for object in [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({"apiVersion": format!("{API}/v1"), "kind": "Role", "metadata": metadata, "rules": rules}),
        json!({"apiVersion": format!("{API}/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": API, "kind": "Role", "name": "tenant"},
            "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": ns}]}),
    ] {
        stage.world.apply(object).await?;
    }
    Ok(other)
}

/// Returns an object as if a Kustomization of a namespace had applied it.
fn owned(mut object: Value, namespace: &str) -> Value {
    object["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": "theirs",
        "kustomize.toolkit.fluxcd.io/namespace": namespace});
    object
}
