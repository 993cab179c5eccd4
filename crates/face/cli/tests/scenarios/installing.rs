//! `lode install` takes nothing from a running Flux without a flag, and can install an operator
//! without admin rights.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::{GitServer, Operator, Settings, World};
use lode_object::Value;
use lode_sandbox::{Options, Sandbox};
use serde_json::json;
use tokio::task::block_in_place;

use crate::ground;

const LONG: Duration = Duration::from_mins(1);

fn install(kubeconfig: &Path, flags: &[&str]) -> (bool, String) {
    let mut command = Command::new(ground::binary());
    command
        .arg("install")
        .args(flags)
        .env("KUBECONFIG", kubeconfig);
    let run = block_in_place(|| command.output()).unwrap();
    (
        run.status.success(),
        String::from_utf8([run.stdout, run.stderr].concat()).unwrap(),
    )
}

async fn flux(world: &World, namespace: &str, replicas: u32) {
    world.namespace(namespace).await.unwrap();
    let labels = json!({"app": "source-controller"});
    let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "manager", "image": "x"}]}});
    let spec = json!({"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod});
    let metadata = json!({"name": "source-controller", "namespace": namespace});
    world
        .apply(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}))
        .await
        .unwrap();
    let spec =
        json!({"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]});
    world
        .apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_from_a_flux_that_runs_in_any_namespace() {
    let sandbox = Sandbox::start(Options {
        definitions: false,
        ..Options::default()
    })
    .await
    .unwrap();
    let kubeconfig = sandbox.kubeconfig();
    let world = World::connect(Some(kubeconfig)).await.unwrap();
    let selector = async |namespace: &str| {
        let service = world
            .get("Service", namespace, "source-controller")
            .await
            .unwrap()
            .unwrap_or_default();
        service["spec"]["selector"]["app"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };

    for namespace in ["flux-system", "gitops"] {
        flux(&world, namespace, 1).await;
        for flags in [&[][..], &["--crds-only"], &["--namespace", "lode"]] {
            let (done, said) = install(kubeconfig, flags);
            assert!(
                !done && said.contains("--take-over") && said.contains(namespace),
                "{flags:?}: {said}"
            );
        }
        assert_eq!(selector(namespace).await, "source-controller");
        assert!(
            world
                .list("CustomResourceDefinition", "", "")
                .await
                .unwrap()
                .is_empty()
        );
        flux(&world, namespace, 0).await;
    }

    // A Flux that is scaled down does not count; a running one is replaced only with the flag.
    let (done, said) = install(kubeconfig, &[]);
    assert!(done, "{said}");
    assert_eq!(
        (selector("flux-system").await, selector("gitops").await),
        ("lode".to_owned(), "source-controller".to_owned())
    );
    flux(&world, "gitops", 1).await;
    assert!(!install(kubeconfig, &[]).0);
    let (done, said) = install(kubeconfig, &["--take-over"]);
    assert!(done, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_of_the_operator_are_checked_before_anything_is_applied() {
    let sandbox = Sandbox::start(Options {
        definitions: false,
        ..Options::default()
    })
    .await
    .unwrap();
    let (done, said) = install(sandbox.kubeconfig(), &["--", "--concurrent=none"]);
    assert!(
        !done && said.contains("--concurrent") && said.contains("lode serve --help"),
        "{said}"
    );
    let (done, said) = install(sandbox.kubeconfig(), &["--export", "--", "--concurrent=4"]);
    assert!(done && said.contains("- --concurrent=4\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_of_least_privilege_applies_as_a_tenants_account() {
    let sandbox = Sandbox::start(Options {
        definitions: false,
        ..Options::default()
    })
    .await
    .unwrap();
    let (done, said) = install(sandbox.kubeconfig(), &["--role", "least-privilege"]);
    assert!(
        done && said.contains("NetworkPolicy/flux-system/lode created"),
        "{said}"
    );
    let world = World::connect(Some(sandbox.kubeconfig())).await.unwrap();
    tenant(&world).await;

    let git = GitServer::start().unwrap();
    let repository = git.repository("app").unwrap();
    let web = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n\
        spec:\n  selector: {matchLabels: {app: web}}\n  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: x}]}}\n";
    repository.write("apps/web.yaml", web).unwrap();
    repository.push("begin").unwrap();
    let meta = |name: &str| json!({"name": name, "namespace": "team"});
    let source = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": meta("app"),
        "spec": {"interval": "1m", "url": repository.url, "ref": {"branch": "main"}}});
    world.apply(source).await.unwrap();
    for (name, account) in [("named", json!("deployer")), ("unnamed", Value::Null)] {
        let spec = json!({"interval": "1m", "path": "./apps", "prune": true, "wait": true, "timeout": "30s",
            "namePrefix": format!("{name}-"), "targetNamespace": "team", "serviceAccountName": account,
            "sourceRef": {"kind": "GitRepository", "name": "app"}});
        let kind = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
        world
            .apply(
                json!({"apiVersion": kind.0, "kind": kind.1, "metadata": meta(name), "spec": spec}),
            )
            .await
            .unwrap();
    }

    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        binary: ground::binary(),
        kubeconfig: Some(as_operator(&sandbox, folder.path())),
        storage: folder.path().join("storage"),
        arguments: vec![
            "--default-service-account=default".into(),
            "--no-cross-namespace-refs=true".into(),
            // Its role allows it to hold a Lease.
            "--enable-leader-election".into(),
        ],
    };
    let operator = block_in_place(|| Operator::start(&settings)).unwrap();
    let ready = |object: Option<&Value>, status: &str, words: &str| {
        let conditions =
            object.and_then(|object| object.pointer("/status/conditions")?.as_array().cloned());
        let is = |found: &Value| {
            found["type"] == "Ready"
                && found["status"] == status
                && found["message"].to_string().contains(words)
        };
        conditions.unwrap_or_default().iter().any(is)
    };
    world
        .until(("Kustomization", "team", "named"), LONG, |object| {
            ready(object, "True", "Applied revision")
        })
        .await
        .unwrap();
    assert!(
        world
            .get("Deployment", "team", "named-web")
            .await
            .unwrap()
            .is_some()
    );
    // A Kustomization without an account uses the namespace's default one, which has no rights.
    let refused =
        |object: Option<&Value>| ready(object, "False", "system:serviceaccount:team:default");
    world
        .until(("Kustomization", "team", "unnamed"), LONG, refused)
        .await
        .unwrap();
    block_in_place(|| operator.stop()).unwrap();
}

async fn tenant(world: &World) {
    world.namespace("team").await.unwrap();
    let meta = json!({"name": "deployer", "namespace": "team"});
    world
        .apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}))
        .await
        .unwrap();
    let group = "rbac.authorization.k8s.io";
    let rules = json!([{"apiGroups": ["", "apps"], "resources": ["configmaps", "deployments"], "verbs": ["*"]}]);
    world
        .apply(json!({"apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": meta, "rules": rules}))
        .await
        .unwrap();
    let subjects = json!([{"kind": "ServiceAccount", "name": "deployer", "namespace": "team"}]);
    let role = json!({"apiGroup": group, "kind": "Role", "name": "deployer"});
    let binding = json!({"apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": meta,
        "roleRef": role, "subjects": subjects});
    world.apply(binding).await.unwrap();
}

/// Writes a kubeconfig for the operator's account.
fn as_operator(sandbox: &Sandbox, folder: &Path) -> PathBuf {
    let api = sandbox.api();
    let account = "system:serviceaccount:flux-system:lode";
    let groups = [
        "system:serviceaccounts",
        "system:serviceaccounts:flux-system",
        "system:authenticated",
    ];
    let (certificate, key) = api.client_certificate(account, &groups).unwrap();
    let encoded = |pem: &str| STANDARD.encode(pem);
    let cluster = json!({"server": format!("https://{}", api.address()),
        "certificate-authority-data": encoded(api.certificate())});
    let user =
        json!({"client-certificate-data": encoded(&certificate), "client-key-data": encoded(&key)});
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "lode",
        "clusters": [{"name": "lode", "cluster": cluster}], "users": [{"name": "lode", "user": user}],
        "contexts": [{"name": "lode", "context": {"cluster": "lode", "user": "lode"}}]});
    let file = folder.join("operator.kubeconfig");
    fs::write(&file, config.to_string()).unwrap();
    file
}
