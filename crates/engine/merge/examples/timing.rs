//! Measures one observation of a Deployment: `cargo run --release -p lode-merge --example timing`.

use std::{
    io::{self, Write},
    time::Instant,
};

use lode_merge::{diff, observe};
use serde_json::{Map, Value, json};

const ROUNDS: u32 = 20_000;

fn main() -> io::Result<()> {
    let live = deployment();
    let time = |what: &mut dyn FnMut() -> bool| {
        let start = Instant::now();
        let all = (0..ROUNDS).filter(|_| what()).count();
        (
            start.elapsed().as_nanos() as f64 / f64::from(ROUNDS) / 1000.0,
            all,
        )
    };
    let (observed, _) = time(&mut || observe(&live, "lode", &[]).own.is_some());
    let (own, _) = time(&mut || lode_merge::own_digest(&live, "lode").is_some());
    let (content, _) = time(&mut || lode_merge::content_digest(&live) != [0; 16]);
    let (compared, _) = time(&mut || diff::between(&live, &live).is_empty());
    let text = live.to_string();
    let (parsed, _) = time(&mut || serde_json::from_str::<Value>(&text).is_ok());
    let size = text.len();

    writeln!(
        io::stdout(),
        "{size} bytes: observe {observed:.1} µs (own {own:.1}, content {content:.1}), diff {compared:.1} µs (parse {parsed:.1} µs)"
    )
}

fn deployment() -> Value {
    let env = |i: usize| json!({"name": format!("VARIABLE_{i}"), "value": format!("some value number {i}")});
    let container = json!({
        "name": "app", "image": "registry.example.com/team/app@sha256:0123456789abcdef", "imagePullPolicy": "IfNotPresent",
        "env": (0..12).map(env).collect::<Vec<_>>(), "ports": [{"containerPort": 8080, "protocol": "TCP", "name": "http"}],
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 10},
    });
    let owned = |i: usize| {
        (
            format!("k:{{\"name\":\"VARIABLE_{i}\"}}"),
            json!({".": {}, "f:name": {}, "f:value": {}}),
        )
    };
    let env: Map<_, _> = (0..12).map(owned).collect();
    let container_set = json!({
        ".": {}, "f:name": {}, "f:image": {}, "f:env": env,
        "f:ports": {"k:{\"containerPort\":8080,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}, "f:name": {}}},
        "f:resources": {"f:limits": {"f:cpu": {}, "f:memory": {}}, "f:requests": {"f:cpu": {}, "f:memory": {}}},
        "f:readinessProbe": {"f:httpGet": {"f:path": {}, "f:port": {}}, "f:periodSeconds": {}},
    });
    let spec_set = json!({"f:replicas": {}, "f:selector": {}, "f:template": {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {"f:containers": {"k:{\"name\":\"app\"}": container_set}}}});

    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "0b6e1a0c", "resourceVersion": "12345", "generation": 3,
            "labels": {"app": "web", "kustomize.toolkit.fluxcd.io/name": "apps"},
            "managedFields": [
                {"manager": "lode", "operation": "Apply", "apiVersion": "apps/v1", "time": "2026-01-01T00:00:00Z",
                    "fieldsV1": {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": spec_set}},
                {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status",
                    "fieldsV1": {"f:status": {"f:replicas": {}, "f:readyReplicas": {}}}}]},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [container], "restartPolicy": "Always", "terminationGracePeriodSeconds": 30}}},
        "status": {"replicas": 3, "readyReplicas": 3},
    })
}
