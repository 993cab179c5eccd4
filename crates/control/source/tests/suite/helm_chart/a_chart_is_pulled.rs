//! A chart of a repository, by version or range.

use lode_runtime::EventKind;
use serde_json::json;

use super::Stage;
use crate::played::condition;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_version_in_the_range_is_stored_as_it_is() {
    let stage = Stage::start().await;
    stage.publish("", &["1.0.0", "1.2.3", "2.0.0-rc.1"]);
    stage.repository("", &json!({})).await;
    stage
        .chart(("HelmRepository", "charts"), &json!({"version": "1.x"}))
        .await;
    let text = "pulled 'app' chart with version '1.2.3'";
    let ready = (
        "True".to_owned(),
        "ChartPullSucceeded".to_owned(),
        text.to_owned(),
    );
    assert_eq!(stage.ready().await, ready);

    let live = stage.charts.live("app").await.unwrap();
    let artifact = live.status.artifact.as_deref().unwrap();
    assert_eq!(&*artifact.revision, "1.2.3");
    assert_eq!(&*artifact.path, "helmchart/default/app/app-1.2.3.tgz");
    assert_eq!(live.status.observed_chart_name.as_deref(), Some("app"));
    let repository = stage.repositories.live("charts").await.unwrap();
    let revision = repository.status.artifact.unwrap().revision;
    assert_eq!(
        live.status.observed_source_artifact_revision,
        Some(revision)
    );
    let url = "http://store.example/helmchart/default/app/latest.tar.gz";
    assert_eq!(live.status.url.as_deref(), Some(url));
    let published = super::packed(
        "app",
        "1.2.3",
        &[
            ("values.yaml", "color: of-1.2.3\n"),
            ("values-a.yaml", "size: 7\n"),
        ],
    );
    assert!(stage.charts.bytes("app").await == published);
    let told = (
        EventKind::Normal,
        "ChartPullSucceeded".to_owned(),
        text.to_owned(),
    );
    assert_eq!(stage.charts.events("app").await, [told]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_in_the_index_is_a_new_artifact() {
    let stage = Stage::start().await;
    stage.publish("", &["1.0.0"]);
    stage.repository("", &json!({})).await;
    stage.chart(("HelmRepository", "charts"), &json!({})).await;
    let first = stage.charts.ran("app").await;
    let again = stage.charts.ran("app").await;
    assert_eq!(
        first.metadata.resource_version,
        again.metadata.resource_version
    );

    stage.publish("", &["1.0.0", "1.1.0"]);
    stage.fetched("charts").await;
    let second = stage.charts.ran("app").await;
    assert_eq!(
        &*second.status.artifact.as_deref().unwrap().revision,
        "1.1.0"
    );
    assert!(condition(&second, "ArtifactOutdated").is_none());
    stage.publish("", &["1.0.0"]);
    stage.fetched("charts").await;
    let third = stage.charts.ran("app").await;
    assert_eq!(&*third.status.artifact.unwrap().revision, "1.0.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_written_out_counts_before_ranges() {
    let stage = Stage::start().await;
    stage.publish("", &["v1.0.0", "1.0.0+b1", "1.0.0+b2"]);
    stage.repository("", &json!({})).await;
    for version in ["v1.0.0", "1.0.0+b1"] {
        stage
            .chart(("HelmRepository", "charts"), &json!({"version": version}))
            .await;
        let live = stage.charts.ran("app").await;
        assert_eq!(&*live.status.artifact.unwrap().revision, version);
    }
}
