//! A repository of type oci: charts are artifacts of a registry, their versions its tags.

use lode_sandbox::{OciArtifact, REGISTRY_PASSWORD, REGISTRY_USER, Registry, RegistryAccess};
use serde_json::{Value, json};

use super::{Stage, packed};

const LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

fn push(registry: &Registry, version: &str) {
    let artifact = OciArtifact {
        config_type: "application/vnd.cncf.helm.config.v1+json".to_owned(),
        config: b"{}".to_vec(),
        layers: vec![(LAYER.to_owned(), packed("app", version, &[]))],
        annotations: Vec::new(),
    };
    registry.push("charts/app", &version.replace('+', "_"), &artifact);
}

/// Describes the registry and makes the chart.
async fn described(stage: &Stage, registry: &Registry, more: &Value) {
    let mut fields = json!({"type": "oci", "insecure": true});
    for (field, value) in more.as_object().unwrap() {
        fields[field] = value.clone();
    }
    let url = format!("oci://{}/charts", registry.host());
    stage.repository_at("charts", &url, &fields).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_or_range_of_tags_is_pulled() {
    let stage = Stage::start().await;
    let registry = Registry::start(RegistryAccess::Open).await.unwrap();
    for version in ["1.0.0", "1.1.0+b1", "2.0.0-rc.1"] {
        push(&registry, version);
    }
    described(&stage, &registry, &json!({})).await;
    for (range, version) in [("1.0.0", "1.0.0"), ("1.x", "1.1.0+b1"), ("*", "1.1.0+b1")] {
        stage
            .chart(("HelmRepository", "charts"), &json!({"version": range}))
            .await;
        let text = format!("pulled 'app' chart with version '{version}'");
        assert_eq!(stage.ready().await.2, text);
        assert!(stage.charts.bytes("app").await == packed("app", version, &[]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_told_as_helm_tells_it() {
    let stage = Stage::start().await;
    let registry = Registry::start(RegistryAccess::Open).await.unwrap();
    described(&stage, &registry, &json!({})).await;
    stage
        .chart(("HelmRepository", "charts"), &json!({"version": "1.x"}))
        .await;
    let host = registry.host();
    let (_, reason, text) = stage.ready().await;
    assert_eq!(reason, "ChartPullError");
    let expected = format!(
        "chart pull error: failed to get chart version for remote reference: could not get tags for \"app\": could not \
         fetch tags for \"oci://{host}/charts/app\": GET \"http://{host}/v2/charts/app/tags/list\": response status \
         code 404: name unknown: repository name not known to registry"
    );
    assert_eq!(text, expected);

    push(&registry, "1.0.0");
    stage
        .chart(("HelmRepository", "charts"), &json!({"version": "9.9.9"}))
        .await;
    let (_, _, text) = stage.ready().await;
    let expected = format!(
        "chart pull error: failed to download chart for remote reference: failed to get \
         'oci://{host}/charts/app:9.9.9': failed to perform \"FetchReference\" on source: {host}/charts/app:9.9.9: not \
         found"
    );
    assert_eq!(text, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_registry_is_opened_by_a_secret_for_its_host() {
    let stage = Stage::start().await;
    let registry = Registry::start(RegistryAccess::Basic).await.unwrap();
    push(&registry, "1.0.0");
    let host = registry.host();
    let login = json!({"username": REGISTRY_USER, "password": REGISTRY_PASSWORD});
    for (name, auth) in [("right", &*host), ("other", "registry.example")] {
        let auths = json!({"auths": {auth: login}}).to_string();
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": auths}});
        stage.charts.make(&secret).await;
    }
    let plain = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "plain"}, "stringData": login});
    stage.charts.make(&plain).await;

    described(&stage, &registry, &json!({})).await;
    stage.chart(("HelmRepository", "charts"), &json!({})).await;
    let (_, reason, text) = stage.ready().await;
    assert_eq!(reason, "Unknown");
    assert!(text.contains("response status code 401"), "{text}");
    described(&stage, &registry, &json!({"secretRef": {"name": "other"}})).await;
    let (_, _, text) = stage.ready().await;
    assert_eq!(
        text,
        format!(
            "unknown build error: failed to configure OCI registry authentication: no auth config for '{host}' in the \
             docker-registry Secret 'other'"
        )
    );
    for name in ["right", "plain"] {
        described(&stage, &registry, &json!({"secretRef": {"name": name}})).await;
        assert_eq!(stage.ready().await.0, "True", "{name}");
    }
}
