//! The index of a large public repository.

use std::fmt::Write as _;

use serde_json::json;

use super::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_of_almost_fifty_megabytes_is_stored() {
    let stage = Stage::start().await;
    let description = "x".repeat(1500);
    let mut text = "apiVersion: v1\nentries:\n".to_owned();
    for chart in 0..100 {
        writeln!(text, "  chart-{chart}:").unwrap();
        for version in 0..300 {
            writeln!(
                text,
                "  - apiVersion: v2\n    name: chart-{chart}\n    version: 1.{version}.0\n    description: {description}\n    \
                 urls: [chart-{chart}-1.{version}.0.tgz]"
            )
            .unwrap();
        }
    }
    assert!(
        text.len() > 45 << 20 && text.len() < 50 << 20,
        "{}",
        text.len()
    );
    stage.charts.put("/index.yaml", text);
    stage.apply(&json!({})).await;
    let live = stage.played.ran("charts").await;
    let artifact = live.status.artifact.unwrap();
    assert!(artifact.size.unwrap() > 45 << 20);
}
