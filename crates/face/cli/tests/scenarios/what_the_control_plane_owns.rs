//! Fields for which Git only gives an initial value: the control plane changes them, and that is
//! not drift.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::ground;
use crate::manifests::{config_map, deployment, noted};
use crate::stage::{LONG, Stage};

fn role(name: &str, labels: &Value, more: &Value) -> Value {
    let mut role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name, "labels": labels}});
    for (field, value) in more.as_object().into_iter().flatten() {
        role[field] = value.clone();
    }
    role
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_of_an_aggregated_role_are_never_emptied_again() {
    Stage::play("owns-rules", async |stage| {
        let ns = stage.namespace.clone();
        let selects = json!({"clusterRoleSelectors": [{"matchLabels": {"e2e-owns-rules": "yes"}}]});
        let all = role("e2e-owns-all", &json!({}), &json!({"aggregationRule": selects, "rules": []}));
        let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]);
        let part = role("e2e-owns-part", &json!({"e2e-owns-rules": "yes"}), &json!({"rules": rules}));
        let settings = config_map(&ns, "settings", json!({"color": "blue"}));
        stage.apply_folder("apps", &[all.clone(), part.clone(), settings]).await?;
        let filled = |object: Option<&Value>| object.is_some_and(|object| object["rules"] == rules);
        // The sandbox has no such controller, so the test does what the real one does.
        if stage.ground.faults().is_some() {
            let filling = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": {"name": "e2e-owns-all"}, "rules": rules});
            stage.world.apply_as("clusterrole-aggregation-controller", filling).await?;
        }
        let before = stage.world.until(("ClusterRole", "", "e2e-owns-all"), LONG, filled).await?;

        // Neither a later wake-up nor another revision changes the role.
        stage.world.patch_as("somebody", ("ConfigMap", &ns, "settings"), json!({"data": {"color": "red"}})).await?;
        stage.sees("ConfigMap", "settings", "/data/color", json!("blue")).await?;
        stage.reconcile("apps").await?;
        let mut noted = all;
        noted["metadata"]["annotations"] = json!({"revision": "two"});
        stage.write("apps/objects.yaml", &[noted, part])?;
        let commit = stage.deliver("another revision").await?;
        stage.applied("apps", &commit).await?;
        let after = stage.world.get("ClusterRole", "", "e2e-owns-all").await?;
        ensure!(after.as_ref().is_some_and(|role| role["metadata"]["annotations"]["revision"] == "two"));
        ensure!(filled(after.as_ref()) && filled(before.as_ref()), "{after:?}");
        let events = stage.events("apps").await?;
        ensure!(!events.iter().any(|(_, text)| text.contains(".rules")), "{events:#?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_admission_rewrites_is_nobody_s_edit() {
    if !ground::is_real() {
        println!("skipped: the sandbox has no admission of others");
        return;
    }
    Stage::play("owns-admission", async |stage| {
        let ns = stage.namespace.clone();
        let settings = config_map(&ns, "settings", json!({"color": "blue", "image": "team/x"}));
        stage.apply_folder("apps", &[settings]).await?;
        // The policy is created after the object, so no record knows about it, and the next writer
        // seems to have changed the image.
        for object in rewriting(&ns) {
            stage.world.apply(object).await?;
        }
        let rewritten = |object: Option<&Value>| {
            object.is_some_and(|found| found["data"]["image"] == "mirror/x")
        };
        let mut time = 0;
        while !rewritten(
            stage
                .world
                .get("ConfigMap", &ns, "settings")
                .await?
                .as_ref(),
        ) {
            ensure!(time < 300, "the policy does not take hold");
            time += 1;
            let touched = json!({"data": {"touched": time.to_string()}});
            stage
                .world
                .patch_as("somebody", ("ConfigMap", &ns, "settings"), touched)
                .await?;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }

        stage
            .world
            .patch_as(
                "somebody",
                ("ConfigMap", &ns, "settings"),
                json!({"data": {"color": "red"}}),
            )
            .await?;
        stage
            .sees("ConfigMap", "settings", "/data/color", json!("blue"))
            .await?;
        let told = stage
            .told("apps", "DriftCorrected", &[".data.color"])
            .await?;
        stage.reconcile("apps").await?;
        let events = stage.events("apps").await?;
        for object in rewriting(&ns) {
            let kind = object["kind"].as_str().unwrap_or_default().to_owned();
            stage.world.delete(&kind, "", "e2e-owns-admission").await?;
        }
        ensure!(!told.contains(".data.image"), "{told}");
        ensure!(
            !events.iter().any(|(_, text)| text.contains(".data.image")),
            "{events:#?}"
        );
        Ok(())
    })
    .await;
}

/// Returns a policy that rewrites an image in a namespace, and its binding.
fn rewriting(namespace: &str) -> [Value; 2] {
    let metadata = json!({"name": "e2e-owns-admission"});
    let expression = r#"[JSONPatch{op: "replace", path: "/data/image", value: "mirror/x"}]"#;
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy",
        "metadata": metadata, "spec": {"failurePolicy": "Fail", "reinvocationPolicy": "Never",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                "resources": ["configmaps"]}]},
        "matchConditions": [{"name": "settings", "expression": "object.metadata.name == 'settings'"}],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}]}});
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
        "metadata": metadata, "spec": {"policyName": "e2e-owns-admission"}});
    [policy, binding]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_revision_of_an_exported_deployment_is_not_fought_over() {
    Stage::play("owns-revision", async |stage| {
        let ns = stage.namespace.clone();
        let key = "deployment.kubernetes.io/revision";
        let last = "kubectl.kubernetes.io/last-applied-configuration";
        let web = noted(deployment(&ns, "web", 0), json!({key: "7", last: "{}"}));
        let settings = config_map(&ns, "settings", json!({"color": "blue"}));
        stage.apply_folder("apps", &[web, settings]).await?;
        // As the controller does, whatever the one in this cluster makes of a "7".
        let revision = json!({"metadata": {"annotations": {key: "1"}}});
        stage
            .world
            .patch_as(
                "kube-controller-manager",
                ("Deployment", &ns, "web"),
                revision,
            )
            .await?;
        stage
            .world
            .patch_as(
                "somebody",
                ("ConfigMap", &ns, "settings"),
                json!({"data": {"color": "red"}}),
            )
            .await?;
        stage
            .sees("ConfigMap", "settings", "/data/color", json!("blue"))
            .await?;
        stage.reconcile("apps").await?;
        let web = stage.object("Deployment", "web").await?;
        ensure!(
            web["metadata"]["annotations"][key] == "1",
            "{}",
            web["metadata"]["annotations"]
        );
        ensure!(web["metadata"]["annotations"].get(last).is_none());
        let events = stage.events("apps").await?;
        ensure!(
            !events.iter().any(|(_, text)| text.contains(key)),
            "{events:#?}"
        );
        Ok(())
    })
    .await;
}
