//! Many charts are looked up in one index, which is read once.

use futures::future::join_all;
use serde_json::json;

use super::{Stage, packed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_gets_its_own_and_the_index_is_not_fetched_again() {
    let stage = Stage::start().await;
    let names: Vec<_> = (0..20).map(|n| format!("chart-{n}")).collect();
    let mut index = "apiVersion: v1\nentries:\n".to_owned();
    for name in &names {
        stage
            .server
            .put(&format!("/{name}-1.0.0.tgz"), packed(name, "1.0.0", &[]));
        let entry = format!(
            "  {name}:\n  - {{apiVersion: v2, name: {name}, version: 1.0.0, urls: [{name}-1.0.0.tgz]}}\n"
        );
        index.push_str(&entry);
    }
    stage.server.put("/index.yaml", index);
    stage.repository("", &json!({})).await;
    stage.server.take_requests();
    for name in &names {
        let source = json!({"kind": "HelmRepository", "name": "charts"});
        let spec = json!({"interval": "1h", "chart": name, "sourceRef": source});
        stage.charts.apply(name, &spec).await;
    }
    join_all(names.iter().map(|name| stage.charts.run(name))).await;
    for name in &names {
        assert!(stage.charts.bytes(name).await == packed(name, "1.0.0", &[]));
    }
    let asked = stage.server.take_requests();
    assert!(
        asked.iter().all(|it| !it.path.contains("index")),
        "{asked:?}"
    );
    assert_eq!(asked.len(), names.len());
}
